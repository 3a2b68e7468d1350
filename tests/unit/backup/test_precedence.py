from __future__ import annotations

from typing import Any

import pytest

from tests.unit.backup.setmaker import make_spec
from velero_volume_controller.api.backupset import Attempt, BackupSetStatus, Condition, SetPhase, Shard
from velero_volume_controller.api.objects import Object
from velero_volume_controller.backup.objects import BackupSet
from velero_volume_controller.backup.precedence import held_by, held_by_older

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


def shard(name: str, *phases: str) -> Shard:
    attempts = [Attempt(backup=f"{name}-{number}", phase=phase) for number, phase in enumerate(phases)]
    for each in attempts:
        each.created = each.ended = EARLY
    return Shard(name=name, namespaces=[name], attempts=attempts)


def a_set(
    name: str, *shards: Shard, created: str = EARLY, phase: SetPhase = SetPhase.RUNNING, **more: Any
) -> BackupSet:
    spec = make_spec(retry={"limit": 1}, paused=more.pop("paused", False))
    status = BackupSetStatus(phase=phase, shards=list(shards), started=more.pop("started", created))
    return Object(
        name=name, namespace="velero", uid=f"uid-{name}", created=created, spec=spec, status=status, **more
    )


def test_a_set_holds_what_it_has_still_to_back_up() -> None:
    found = a_set(
        "a",
        shard("waits"),
        shard("runs", "InProgress"),
        shard("done", "Completed"),
        shard("once-more", "Failed"),
        shard("given-up", "Failed", "Failed"),
    )
    assert held_by(found) == ["waits", "runs", "once-more"]


def test_a_paused_set_holds_only_what_its_backups_are_at() -> None:
    assert held_by(a_set("a", shard("waits"), shard("runs", "InProgress"), paused=True)) == ["runs"]


@pytest.mark.parametrize("reason", ["OutsideWindow", "LaneGone", "LaneDown"])
def test_a_set_that_can_start_nothing_for_long_keeps_no_other_waiting(reason: str) -> None:
    older, younger = a_set("a", shard("shop"), shard("runs", "InProgress")), a_set("b", created=LATE)
    assert set(held_by_older(younger, [older, younger])) == {"shop", "runs"}
    older.status.conditions.append(Condition("Progressing", "False", reason, "it waits", LATE))
    assert held_by_older(younger, [older, younger]) == {"runs": "velero/a"}


def test_a_set_that_has_ended_or_goes_holds_nothing() -> None:
    assert held_by(a_set("a", shard("waits"), phase=SetPhase.FAILED)) == []
    assert held_by(a_set("a", shard("waits"), deleting=True)) == []


def test_the_younger_waits_and_the_older_does_not() -> None:
    older, younger = a_set("a", shard("shop")), a_set("b", shard("shop"), created=LATE)
    assert held_by_older(younger, [older, younger]) == {"shop": "velero/a"}
    assert held_by_older(older, [older, younger]) == {}


def test_of_two_made_in_one_second_the_one_that_began_first_goes_first() -> None:
    first, second = a_set("z", shard("shop")), a_set("a", shard("shop"), started=LATE)
    assert held_by_older(second, [first, second]) == {"shop": "velero/z"}
    assert held_by_older(first, [first, second]) == {}


def test_the_oldest_of_several_is_named() -> None:
    sets = [
        a_set(name, shard("shop"), created=f"2026-01-0{day}T00:00:00Z") for day, name in ((2, "b"), (1, "a"))
    ]
    youngest = a_set("c", shard("shop"), created="2026-01-03T00:00:00Z")
    assert held_by_older(youngest, [youngest, *sets]) == {"shop": "velero/a"}
