"""Plans: what every one of them keeps, and what single clusters come to."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.backup.clusters import choices, inputs, lanes, one_volume_each, sample, volume
from velero_volume_controller.api.backupset import (
    BackupSetSpec,
    Concurrency,
    LaneChoice,
    Selection,
)
from velero_volume_controller.backup.plan import plan
from velero_volume_controller.backup.work import (
    History,
    Input,
    Namespace,
    Plan,
    PlannedShard,
    PlanningError,
)
from velero_volume_controller.velero.model.lanes import Lane, StorageLocation

NEAR = 1e-6
LANE = Lane(namespace="velero", slots=3)
NO_CLUSTER = Selection(cluster_resources=False)


def most_at_once(spans: Sequence[tuple[float, float]]) -> int:
    """How many overlap; what ends in the instant in which another begins does not."""
    marks = sorted(
        [(start, 1) for start, _ in spans] + [(end - NEAR, -1) for start, end in spans if end > start]
    )
    now = most = 0
    for _, change in marks:
        now += change
        most = max(most, now)
    return most


def shard_of(made: Plan, namespace: str) -> PlannedShard:
    (found,) = [shard for shard in made.shards if namespace in shard.namespaces]
    return found


@given(inputs())
@settings(max_examples=60, deadline=None)
def test_every_plan_keeps_what_a_plan_promises(told: Input) -> None:
    made = plan(told)
    members = [name for shard in made.shards for name in shard.namespaces]
    assert sorted(members) == sorted(each.name for each in told.namespaces), "disjoint and complete"
    assert sum(shard.cluster for shard in made.shards) == told.spec.selection.cluster_resources
    assert len({shard.name for shard in made.shards}) == len(made.shards)
    taken = [(each.volume.key, each.volume.volume) for shard in made.shards for each in shard.volumes]
    there = [(each.key, each.volume) for namespace in told.namespaces for each in namespace.volumes]
    assert sorted(map(repr, taken)) == sorted(map(repr, there)), "every volume once"
    for group in told.spec.together:
        assert len({shard_of(made, name).name for name in group if name in members}) <= 1, "together"
    users: dict[str, set[str]] = {}
    for shard in made.shards:
        for each in shard.volumes:
            if each.volume.shared:
                users.setdefault(each.volume.shared, set()).add(shard.name)
    assert all(len(shards) == 1 for shards in users.values()), "shared storage"
    assert made.predicted >= made.lower_bound - NEAR
    if told.spec.max_shards is not None:
        assert sum(not shard.cluster for shard in made.shards) <= told.spec.max_shards


@given(inputs())
@settings(max_examples=60, deadline=None)
def test_slots_and_nodes_are_never_overfull(told: Input) -> None:
    made = plan(told)
    by_name = {lane.namespace: lane for lane in told.lanes}
    limits = told.spec.concurrency
    for name, lane in by_name.items():
        shards = [shard for shard in made.shards if shard.lane == name]
        assert most_at_once([(shard.start, shard.end) for shard in shards]) <= lane.slots
        nodes: dict[str, list[tuple[float, float]]] = {}
        for shard in shards:
            for each in shard.volumes:
                assert shard.start <= each.start <= each.end <= shard.end
                assert each.end - each.start == pytest.approx(each.seconds)
                nodes.setdefault(each.volume.node, []).append((each.start, each.end))
        for node, spans in nodes.items():
            capacity = lane.capacity(node)
            if limits.per_node != "auto":
                capacity = min(capacity, limits.per_node)
            assert most_at_once(spans) <= capacity
    if limits.max != "auto":
        assert most_at_once([(shard.start, shard.end) for shard in made.shards]) <= limits.max


@given(inputs(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_input_decides_nothing(told: Input, order: random.Random) -> None:
    def mixed(values: Sequence[Any]) -> tuple[Any, ...]:
        found = list(values)
        order.shuffle(found)
        return tuple(found)

    spec = msgspec.structs.replace(
        told.spec,
        together=[list(mixed(group)) for group in mixed(told.spec.together)],
        first=list(mixed(told.spec.first)),
        isolate=list(mixed(told.spec.isolate)),
    )
    namespaces = [
        Namespace(each.name, each.pods, mixed(each.volumes), each.failures, each.lane)
        for each in mixed(told.namespaces)
    ]
    history = History(mixed(told.history.samples), mixed(told.history.overheads))
    assert plan(Input(spec, tuple(namespaces), mixed(told.lanes), history)) == plan(told)


@given(inputs(), lanes())
@settings(max_examples=60, deadline=None)
def test_a_slot_more_is_never_worse_than_list_scheduling_can_be(told: Input, lane: Lane) -> None:
    """Graham's anomaly: with m slots a list schedule ends within 2 − 1/m of the best one, and the best one
    for more slots is no worse; so is what fewer slots reach. Two per cent more are given for fewer shards.
    """
    spec = msgspec.structs.replace(told.spec, concurrency=Concurrency())
    less = Input(spec, told.namespaces, (lane,), told.history)
    more = Input(spec, told.namespaces, (msgspec.structs.replace(lane, slots=lane.slots + 1),), told.history)
    assert plan(more).predicted <= plan(less).predicted * (2 - 1 / (lane.slots + 1)) * 1.02


def test_namespaces_of_one_node_share_a_backup_and_nodes_run_side_by_side() -> None:
    seconds = {f"{node}-{number}": (node, 60.0) for node in ("n1", "n2", "n3") for number in range(3)}
    made = plan(one_volume_each(seconds, LANE, selection=NO_CLUSTER))
    assert sorted(shard.namespaces for shard in made.shards) == [
        ("n1-0", "n1-1", "n1-2"),
        ("n2-0", "n2-1", "n2-2"),
        ("n3-0", "n3-1", "n3-2"),
    ]
    assert made.predicted <= 1.05 * made.lower_bound


def test_what_is_large_stands_alone_and_goes_first() -> None:
    seconds = {f"small-{number}": (f"n{number % 3}", 20.0) for number in range(6)}
    made = plan(one_volume_each({**seconds, "large": ("n9", 600.0)}, LANE, selection=NO_CLUSTER))
    assert made.shards[0].namespaces == ("large",)
    assert made.shards[0].start == 0.0
    assert len(made.shards) <= 3


def test_tiny_namespaces_do_not_get_a_backup_each() -> None:
    seconds = {f"tiny-{number:02}": ("n1", 0.5) for number in range(40)}
    lane = msgspec.structs.replace(LANE, default_load=8)
    made = plan(one_volume_each(seconds, lane, selection=NO_CLUSTER))
    assert len(made.shards) <= 12


def test_isolated_and_failing_namespaces_stand_alone() -> None:
    told = one_volume_each(dict.fromkeys("abcdef", ("n1", 10.0)), LANE, isolate=["c"])
    failing = tuple(
        Namespace(each.name, 1, each.volumes, failures=2 if each.name == "e" else 0)
        for each in told.namespaces
    )
    made = plan(Input(told.spec, failing, told.lanes, told.history))
    assert shard_of(made, "c").namespaces == ("c",)
    assert shard_of(made, "e").namespaces == ("e",)
    assert len(shard_of(made, "a").namespaces) > 1


def test_what_is_to_be_first_starts_before_all_others() -> None:
    seconds = dict.fromkeys("abcd", ("n1", 100.0)) | {"billing": ("n2", 1.0)}
    lane = msgspec.structs.replace(LANE, slots=1)
    made = plan(one_volume_each(seconds, lane, first=["billing"], max_shards=3))
    assert made.shards[0].namespaces == ("billing",)
    assert made.shards[0].first


@pytest.mark.parametrize("most", [1, 2, 3])
def test_there_are_no_more_shards_than_allowed_beside_the_cluster(most: int) -> None:
    seconds = {f"{name}-{node}": (node, 50.0) for name in "abcd" for node in ("n1", "n2")}
    made = plan(one_volume_each(seconds, LANE, max_shards=most, first=["a-n1"]))
    assert sum(not shard.cluster for shard in made.shards) <= most


def test_a_namespace_stays_in_its_lane_while_that_is_healthy() -> None:
    both = (LANE, Lane(namespace="velero-b"))
    namespaces = tuple(
        Namespace(name, 1, (volume(name),), lane=lane)
        for name, lane in (("a", "velero-b"), ("b", "velero-b"), ("c", "velero"), ("d", None))
    )
    made = plan(Input(BackupSetSpec(), namespaces, both))
    assert [shard_of(made, name).lane for name in "abcd"] == ["velero-b", "velero-b", "velero", "velero"]
    down = (LANE, Lane(namespace="velero-b", problem="Velero in velero-b has no Pod that is ready"))
    moved = plan(Input(BackupSetSpec(), namespaces, down))
    assert {shard.lane for shard in moved.shards} == {"velero"}
    assert any(note.startswith("a from velero-b to velero and 1 more changes") for note in moved.notes)
    assert any("Nothing is given to Velero in velero-b" in note for note in moved.notes)


def test_unbound_namespaces_are_spread_by_their_work() -> None:
    lanes_ = (Lane(namespace="velero"), Lane(namespace="velero-b"))
    told = one_volume_each({"a": ("n1", 90.0), "b": ("n2", 50.0), "c": ("n3", 45.0)}, lanes_[0])
    made = plan(Input(told.spec, told.namespaces, lanes_, told.history))
    assert shard_of(made, "b").lane == shard_of(made, "c").lane != shard_of(made, "a").lane


def test_a_lane_that_has_nothing_yet_gets_its_share_of_what_is_at_home_elsewhere() -> None:
    """Else a Velero that was added for speed would stand idle for ever."""
    both = (Lane(namespace="velero"), Lane(namespace="velero-b"))
    told = one_volume_each(dict.fromkeys("abcd", ("n1", 50.0)), LANE)
    settled = tuple(replace(each, lane="velero") for each in told.namespaces)
    made = plan(Input(told.spec, settled, both, told.history))
    lanes = [shard_of(made, name).lane for name in "abcd"]
    assert sorted(lanes) == ["velero", "velero", "velero-b", "velero-b"]
    assert any("and 1 more changes its Velero" in note for note in made.notes)
    (lonely,) = one_volume_each({"a": ("n1", 50.0)}, LANE).namespaces
    alone = plan(Input(told.spec, (replace(lonely, lane="velero"),), both))
    assert shard_of(alone, "a").lane == "velero", "moving it would gain nothing"


@pytest.mark.parametrize("home", [None, "velero"], ids=["nothing has a lane yet", "the second lane is new"])
def test_lanes_keep_to_nodes_of_their_own_as_far_as_the_shares_allow(home: str | None) -> None:
    """They would read from one node at the same time, each with half of its network."""
    both = (Lane(namespace="velero"), Lane(namespace="velero-b"))
    seconds = {
        f"{node}{number}": (node, 10.0 * number) for node in ("n1", "n2", "n3", "n4") for number in (1, 2, 3)
    }
    told = one_volume_each(seconds, LANE)
    namespaces = tuple(replace(each, lane=home) for each in told.namespaces)
    made = plan(Input(told.spec, namespaces, both, told.history))
    lanes = {
        node: {shard_of(made, name).lane for name in seconds if name[:2] == node} for node in ("n1", "n4")
    }
    assert lanes == {"n1": {"velero-b"}, "n4": {"velero"}}
    work = {lane.namespace: 0.0 for lane in both}
    for name, (_, took) in seconds.items():
        work[shard_of(made, name).lane] += took
    assert max(work.values()) - min(work.values()) <= 30, "no more than one namespace apart"


def location(prefix: str, **more: Any) -> StorageLocation:
    return StorageLocation(name="default", provider="aws", bucket="b", prefix=prefix, **more)


REFUSED: dict[str, tuple[str, str, dict[str, Any], tuple[Lane, ...]]] = {
    "a lane whose Velero is missing": (
        "LaneMissing",
        "no Velero runs in namespace velero-c (spec.lanes names it); Velero was found in velero",
        {"lanes": choices("velero-c")},
        (LANE,),
    ),
    "no Velero at all": ("LaneMissing", "no Velero was found", {}, ()),
    "every lane down": (
        "LaneUnavailable",
        "no Velero takes Backups now: it is down",
        {},
        (Lane(namespace="velero", problem="it is down"),),
    ),
    "a read-only location": (
        "LaneUnavailable",
        "BackupStorageLocation velero/default is read-only",
        {},
        (Lane(namespace="velero", locations=(location("p", read_only=True),)),),
    ),
    "a location that is not there": (
        "LaneUnavailable",
        "has no BackupStorageLocation far (there are: default)",
        {"template": {"storageLocation": "far"}},
        (Lane(namespace="velero", locations=(location("p"),)),),
    ),
    "two lanes on one prefix": (
        "LanesShareStorage",
        "Velero in velero and in velero-b both store in bucket b and prefix p",
        {},
        (
            Lane(namespace="velero", locations=(location("p"),)),
            Lane(namespace="velero-b", locations=(location("p"),)),
        ),
    ),
    "isolate against together": (
        "Contradiction",
        "spec.isolate wants a alone, and spec.together wants a and b in one Backup",
        {"isolate": ["a"], "together": [["a", "b"]]},
        (LANE,),
    ),
    "fewer shards than isolate needs": (
        "TooFewShards",
        "spec.maxShards is 1, and 2 are needed",
        {"isolate": ["a"], "max_shards": 1},
        (LANE,),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_not_be_planned_is_said_in_one_sentence(case: str) -> None:
    reason, said, spec, lanes_ = REFUSED[case]
    namespaces = tuple(Namespace(name, 1, (volume(name),)) for name in "ab")
    with pytest.raises(PlanningError) as caught:
        plan(Input(BackupSetSpec(**spec), namespaces, lanes_))
    assert caught.value.reason == reason
    assert said in str(caught.value)
    assert not str(caught.value).endswith("."), "whoever prints it ends the sentence"


def test_a_set_uses_the_velero_beside_it_unless_it_names_others() -> None:
    namespaces = (Namespace("a", 1, (volume("a"),)),)
    both = (Lane(namespace="velero"), Lane(namespace="velero-b"))
    assert plan(Input(BackupSetSpec(), namespaces, both, namespace="velero-b")).shards[0].lane == "velero-b"
    with pytest.raises(PlanningError, match="where this set is"):
        plan(Input(BackupSetSpec(), namespaces, both, namespace="elsewhere"))
    named = BackupSetSpec(lanes=[LaneChoice(namespace="velero", slots=4)])
    made = plan(Input(named, namespaces, both, namespace="velero-b"))
    assert made.shards[0].lane == "velero"
    assert any("gives velero 4 slots, and Velero 1.18.3 runs 1 at a time" in note for note in made.notes)


def test_guesses_strangers_and_missing_agents_are_said() -> None:
    lane = Lane(namespace="velero", nodes=frozenset({"n1"}))
    known, guessed = volume("a", node="n1"), volume("b", node="n2")
    namespaces = (Namespace("a", 1, (known,)), Namespace("b", 1, (guessed,)))
    spec = BackupSetSpec(first=["x"], together=[["a", "y"]])
    notes = plan(Input(spec, namespaces, (lane,), History((sample(known, 5.0),)))).notes
    assert any(note.startswith("1 of 2 volumes has no history") for note in notes)
    assert "spec.first names x, which is not selected." in notes
    assert "spec.together names y, which is not selected." in notes
    assert any("No node-agent of Velero in velero runs on node n2: 1 volume there" in note for note in notes)


def test_isolation_does_not_part_what_mounts_one_storage() -> None:
    namespaces = tuple(Namespace(name, 1, (volume(name, shared="nfs:/x"),)) for name in "ab")
    made = plan(Input(BackupSetSpec(isolate=["a"]), namespaces, (LANE,)))
    assert shard_of(made, "a").namespaces == ("a", "b")
    assert any("a and b mount the same storage (nfs:/x)" in note for note in made.notes)


def test_the_hash_is_of_what_was_decided() -> None:
    told = one_volume_each({"a": ("n1", 60.0), "b": ("n2", 50.0)}, LANE)
    slower = one_volume_each({"a": ("n1", 71.0), "b": ("n2", 50.0)}, LANE)
    alone = one_volume_each({"a": ("n1", 60.0), "b": ("n2", 50.0)}, LANE, together=[["a", "b"]])
    assert plan(told).hash == plan(slower).hash != plan(alone).hash
