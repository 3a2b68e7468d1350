"""Groups, names, cuts and the bound that no cut falls below."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.backup.clusters import volume
from velero_volume_controller.api.backupset import BackupSetSpec
from velero_volume_controller.backup.costs import LISTING_SECONDS, REPOSITORY_SECONDS
from velero_volume_controller.backup.groups import Group, groups
from velero_volume_controller.backup.pieces import Ground, Piece, job, lower_bound
from velero_volume_controller.backup.shard_names import LONGEST, shard_names
from velero_volume_controller.backup.shards import best_cut
from velero_volume_controller.backup.simulate import Job, Velero
from velero_volume_controller.backup.trials import attempt, improved, restoring
from velero_volume_controller.backup.work import Namespace, PlannedVolume

FIXED = 4.0


def velero(slots: int = 2, workers: int = 1, capacity: int = 1) -> Velero:
    return Velero(slots, workers, lambda node: capacity, 0.0)


def piece(name: str, of: Velero, *volumes: tuple[str, float], **more: Any) -> Piece:
    """One pod for each (node, seconds)."""
    planned = tuple(
        PlannedVolume(volume(name, f"p{number}", node=node), seconds, 0, known=more.get("known", True))
        for number, (node, seconds) in enumerate(volumes)
    )
    group = Group((Namespace(name, failures=more.get("failures", 0)),))
    return Piece(group, planned, of)


def grouped(*namespaces: Namespace, **spec: Any) -> list[tuple[str, ...]]:
    found = groups(namespaces, BackupSetSpec(**spec), [])
    return [tuple(each.name for each in group.namespaces) for group in found]


def names_of(cut: tuple[tuple[Piece, ...], ...]) -> list[list[str]]:
    return sorted(sorted(each.group.name for each in shard) for shard in cut)


def test_together_joins_also_over_several_groups() -> None:
    there = [Namespace(name) for name in "edcba"]
    assert grouped(*there, together=[["a", "c"], ["c", "e"]]) == [("a", "c", "e"), ("b",), ("d",)]


def test_storage_that_several_mount_joins_them() -> None:
    there = [
        Namespace(name, 1, (volume(name, shared=shared),)) for name, shared in zip("abc", "xyx", strict=True)
    ]
    assert grouped(*there) == [("a", "c"), ("b",)]


def test_a_group_is_first_and_alone_if_one_of_it_is() -> None:
    there = [Namespace("a", failures=2), Namespace("b")]
    (found,) = groups(there, BackupSetSpec(together=[["a", "b"]], first=["b"]), [])
    assert (found.first, found.alone, found.failures) == (True, False, 2)


@pytest.mark.parametrize(
    ("shards", "names"),
    [
        ([["shop"], ["b", "a", "c"]], ["shop", "a-and-2"]),
        ([["cluster"]], ["cluster-2"]),
        ([["a-and-1"], ["a", "b"]], ["a-and-1", "a-and-1-2"]),
    ],
)
def test_shards_are_named_after_their_first_namespace(shards: list[list[str]], names: list[str]) -> None:
    assert shard_names(shards) == names


def test_long_names_are_cut_and_stay_apart() -> None:
    long = ["x" * 63, "x" * 62 + "y"]
    found = shard_names([[long[0]], [long[1], "z"]])
    assert len(set(found)) == 2
    assert all(len(name) <= LONGEST for name in found)
    assert found[1].endswith("-and-1")
    assert shard_names([[long[0]]]) == found[:1]


def test_few_shards_where_more_gain_nothing() -> None:
    of = velero(slots=4)
    pieces = [piece(f"s{number:02}", of, ("n1", 60.0)) for number in range(12)]
    cut = best_cut(pieces, Ground("velero", of, FIXED), 16)
    assert len(cut) == 1, "one node, one volume at a time: a second Backup would only wait"


def test_a_cut_by_nodes_where_nodes_are_what_is_scarce() -> None:
    of = velero(slots=2)
    pieces = [piece(f"{node}{number}", of, (node, 30.0)) for node in "ab" for number in range(3)]
    cut = best_cut(pieces, Ground("velero", of, FIXED), 8)
    assert names_of(cut) == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]


def test_a_cut_across_nodes_where_workers_reach_several_for_its_restore_is_shorter() -> None:
    """Velero runs Restores one after another: one of a single node would leave the others idle."""
    of = velero(slots=3, workers=3)
    pieces = [piece(f"{node}{number}", of, (node, 10.0 + number)) for node in "abc" for number in range(3)]
    ground = Ground("velero", of, FIXED)
    cut = best_cut(pieces, ground, 12)
    assert attempt(cut, 0, ground).end <= lower_bound(pieces, ground) * 1.03
    assert [{each.home for each in shard} for shard in cut] == [{"a", "b", "c"}] * len(cut)
    by_node = tuple(tuple(each for each in pieces if each.home == node) for node in "abc")
    assert restoring(cut, ground) < restoring(by_node, ground) / 2


def test_a_namespace_that_fails_stands_alone_and_so_do_as_many_as_there_are_slots() -> None:
    of = velero(slots=2)
    pieces = [piece(f"s{number}", of, ("n1", 10.0), failures=number) for number in range(5)]
    cut = best_cut(pieces, Ground("velero", of, FIXED), 8)
    alone = [names for names in names_of(cut) if len(names) == 1]
    assert ["s4"] in alone
    assert ["s3"] in alone
    assert ["s2"] not in alone


def test_the_bound_is_the_longest_group() -> None:
    of = velero(slots=4)
    pieces = [piece("a", of, ("n1", 100.0), ("n2", 50.0)), piece("b", of, ("n3", 10.0))]
    assert lower_bound(pieces, Ground("velero", of, FIXED)) == pytest.approx(154.0)


def test_the_bound_is_the_busiest_node() -> None:
    of = velero(slots=4, capacity=2)
    pieces = [piece(name, of, ("n1", 60.0)) for name in "abcd"]
    assert lower_bound(pieces, Ground("velero", of, FIXED)) == pytest.approx(124.0)


def test_the_bound_is_the_work_over_the_slots_and_a_fixed_time_for_each_backup() -> None:
    of = velero(slots=2)
    pieces = [piece(name, of, (f"n{name}", 60.0)) for name in "abcd"]
    more = Job("cluster", "velero", (), 20.0, 20.0, of)
    listing = 4 * LISTING_SECONDS
    assert lower_bound(pieces, Ground("velero", of, FIXED)) == pytest.approx(
        120 + FIXED + listing / 2 - LISTING_SECONDS
    )
    with_cluster = (240 + listing + 2 * (FIXED - LISTING_SECONDS) + 40) / 2
    assert lower_bound(pieces, Ground("velero", of, FIXED, (more,))) == pytest.approx(with_cluster)


def test_a_namespace_without_history_needs_a_repository_first() -> None:
    of = velero()
    old, new = piece("a", of, ("n1", 10.0)), piece("b", of, ("n1", 10.0), known=False)
    assert new.work - old.work == REPOSITORY_SECONDS
    assert job("x", "velero", (old, new), FIXED).before == FIXED / 2 + LISTING_SECONDS + REPOSITORY_SECONDS


def test_more_groups_than_slots_are_one_after_another_only_where_one_pod_is_taken_at_a_time() -> None:
    for workers, bound in ((1, 120.0), (2, 60.0)):
        of = velero(slots=1, workers=workers)
        ground = Ground("velero", of, FIXED)
        pieces = [piece(name, of, (f"n{name}", 60.0)) for name in "ab"]
        assert lower_bound(pieces, ground) == pytest.approx(bound + FIXED + LISTING_SECONDS)
        assert attempt((tuple(pieces),), 0, ground).end == pytest.approx(bound + FIXED + LISTING_SECONDS)


def test_no_more_shards_than_allowed_even_if_all_have_failed() -> None:
    of = velero(slots=4)
    pieces = [piece(f"s{number}", of, ("n1", 10.0), failures=1) for number in range(6)]
    assert [len(best_cut(pieces, Ground("velero", of, FIXED), most)) for most in (1, 2, 3)] == [1, 2, 3]


def test_the_bound_of_nothing_is_the_cluster_alone() -> None:
    of = velero()
    ground = Ground("velero", of, FIXED, (Job("cluster", "velero", (), 3.0, 4.0, of),))
    assert lower_bound([], ground) == 7.0


def test_a_bad_cut_is_bettered_by_moving_groups() -> None:
    of = velero(slots=2)
    ground = Ground("velero", of, FIXED)
    pieces = [piece(name, of, (f"n{name}", 30.0)) for name in "abcdef"]
    bad = attempt((tuple(pieces[:5]), tuple(pieces[5:])), 0, ground)
    better = improved(bad, ground, lower_bound(pieces, ground) * 1.02, 40)
    assert better.end < 0.7 * bad.end
    assert sorted(each.group.name for shard in better.cut for each in shard) == list("abcdef")


def test_what_stands_alone_is_not_moved() -> None:
    of = velero(slots=2)
    ground = Ground("velero", of, FIXED)
    pieces = [piece(name, of, (f"n{name}", 30.0)) for name in "abcd"]
    trial = attempt(((pieces[0],), tuple(pieces[1:])), 1, ground)
    assert improved(trial, ground, 0.0, 40).cut == trial.cut
