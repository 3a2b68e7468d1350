"""Backups that hang: how each known fault is told, and what is done."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.backup.setmaker import (
    at,
    creates,
    foreign,
    make_backup,
    make_lane,
    make_plan,
    make_situation,
    make_volume,
    nudges,
    said,
)
from velero_volume_controller.backup.machine import step
from velero_volume_controller.backup.steps import Nudge, Step
from velero_volume_controller.velero.model.versions import Version


def waiting(phase: str, now: float, lane: Any = None, others: tuple[Any, ...] = ()) -> tuple[Step, str]:
    """A set of one shard whose Backup is in that phase since it was made, seen at 2 s and then at ``now``."""
    lanes = (lane or make_lane(),)
    first = step(make_situation(planned=make_plan({"a": ["a"]}), lanes=lanes))
    backup = make_backup(creates(first)[0], phase)
    seen = step(make_situation(first.status, now=2, backups=(backup, *others), lanes=lanes))
    return step(make_situation(seen.status, now=now, backups=(backup, *others), lanes=lanes)), backup.name


@pytest.mark.parametrize("phase", ["", "New", "ReadyToStart"])
def test_one_that_does_not_start_although_a_slot_is_free_is_touched(phase: str) -> None:
    found, name = waiting(phase, 20)

    assert nudges(found) == [Nudge("velero", name, f"uid-{name}")]
    status, reason, message = said(found.status, "Degraded")
    assert (status, reason) == ("True", "NotStarted")
    assert f"velero/{name}" in message
    assert "logs deployment/velero" in message


@pytest.mark.parametrize("phase", ["", "New", "ReadyToStart"])
def test_one_that_was_just_handed_over_is_left_alone(phase: str) -> None:
    found, _ = waiting(phase, 10)

    assert not nudges(found)
    assert said(found.status, "Degraded") == ("", "", "")
    assert found.again is not None
    assert found.again <= 7


def test_one_that_is_gone_is_not_touched() -> None:
    first = step(make_situation(planned=make_plan({"a": ["a"]})))
    backup = make_backup(creates(first)[0], "ReadyToStart")
    seen = step(make_situation(first.status, now=2, backups=(backup,)))

    assert not nudges(step(make_situation(seen.status, now=30)))


def test_one_is_touched_again_only_after_a_while() -> None:
    found, name = waiting("ReadyToStart", 20)
    backups = tuple(
        make_backup(each, "ReadyToStart")
        for each in creates(step(make_situation(planned=make_plan({"a": ["a"]}))))
    )
    soon = step(make_situation(found.status, now=40, backups=backups))
    later = step(make_situation(soon.status, now=51, backups=backups))

    assert backups[0].name == name
    assert not nudges(soon)
    assert said(soon.status, "Degraded")[1] == "NotStarted", "it hangs as before"
    assert len(nudges(later)) == 1


def test_a_new_one_that_waits_for_a_slot_is_left_alone() -> None:
    found, _ = waiting("New", 60, make_lane(slots=1))
    busy, _ = waiting(
        "New", 60, make_lane(slots=2), (foreign("InProgress", name="f1"), foreign("InProgress", name="f2"))
    )

    assert len(nudges(found)) == 1
    assert not nudges(busy)


def test_a_queued_one_is_not_touched_for_velero_would_not_look_at_it() -> None:
    early, _ = waiting("Queued", 100)
    late, name = waiting("Queued", 200)

    assert not nudges(early)
    assert said(early.status, "Degraded") == ("", "", ""), "Velero looks at it every 60 s by itself"
    assert not nudges(late)
    assert said(late.status, "Degraded")[:2] == ("True", "QueueStuck")
    assert "rollout restart deployment/velero" in said(late.status, "Degraded")[2]
    assert name in said(late.status, "Degraded")[2]


def test_a_queued_one_that_waits_for_a_slot_is_no_fault() -> None:
    others = (foreign("InProgress", name="f1"), foreign("InProgress", name="f2"))
    found, _ = waiting("Queued", 2000, make_lane(slots=2), others)

    assert said(found.status, "Degraded") == ("", "", "")


def test_the_known_loss_of_a_slot_is_named_for_the_versions_that_have_it() -> None:
    broken, _ = waiting("Queued", 200, make_lane(version=Version(1, 18, 1)))
    mended, _ = waiting("Queued", 200, make_lane(version=Version(1, 18, 3)))

    assert "10519" in said(broken.status, "Degraded")[2]
    assert "10519" not in said(mended.status, "Degraded")[2]


def test_nothing_is_touched_while_velero_is_down() -> None:
    found, _ = waiting("ReadyToStart", 60)
    assert nudges(found)

    first = step(make_situation(planned=make_plan({"a": ["a"]})))
    backup = make_backup(creates(first)[0], "ReadyToStart")
    down = (make_lane(problem="its Deployment has no ready replica"),)
    seen = step(make_situation(first.status, now=2, backups=(backup,), lanes=down))
    later = step(make_situation(seen.status, now=60, backups=(backup,), lanes=down))

    assert not nudges(later)
    assert said(later.status, "Degraded")[1] == "LaneDown"


def running(now: float, volume: dict[str, Any], **lane: Any) -> tuple[str, str, str]:
    """What is said of a set whose Backup runs and has such a volume."""
    lanes = (make_lane(**lane),)
    first = step(make_situation(planned=make_plan({"a": ["a"]}), lanes=lanes))
    backup = make_backup(creates(first)[0], "InProgress")
    found = step(
        make_situation(
            first.status, now=now, backups=(backup,), volumes=(make_volume(backup, **volume),), lanes=lanes
        )
    )
    assert not nudges(found)
    assert not creates(found), "it still holds its slot"
    return said(found.status, "Degraded")


CANCELED = {"phase": "Canceled", "completed": at(100)}


@pytest.mark.parametrize(
    ("version", "now", "stuck"),
    [
        (Version(1, 16, 2), 400, False),
        (Version(1, 17), 400, True),
        (Version(1, 18, 2), 400, True),
        (Version(1, 18, 2), 150, False),
        (Version(1, 18, 3), 400, False),
    ],
)
def test_a_canceled_volume_that_keeps_its_backup_is_named(version: Version, now: float, stuck: bool) -> None:
    status, reason, message = running(now, CANCELED, version=version)

    assert (status == "True") is stuck
    if stuck:
        assert reason == "VolumeStuck"
        assert "is Canceled" in message
        assert "fs-backup-timeout" in message
        assert "pod a/pod, volume data" in message


def test_a_volume_on_a_node_that_is_lost_is_named() -> None:
    message = running(60, {"phase": "InProgress", "node": "node-9"}, nodes=frozenset({"node-1"}))[2]

    assert "node node-9, where no node-agent is ready" in message
    assert running(60, {"phase": "InProgress", "node": "node-1"}, nodes=frozenset({"node-1"})) == ("", "", "")


@pytest.mark.parametrize("phase", ["Accepted", "Prepared"])
def test_a_volume_that_no_mover_takes_up_is_named_after_minutes(phase: str) -> None:
    assert f"still {phase} on node node-1" in running(400, {"phase": phase})[2]
    assert running(200, {"phase": phase}) == ("", "", "")


def test_a_volume_that_waits_for_its_turn_is_no_fault() -> None:
    assert running(4000, {"phase": "New"}) == ("", "", "")
    assert running(4000, {"phase": ""}) == ("", "", "")


def test_what_is_said_of_one_that_hangs_does_not_change_with_the_time() -> None:
    """Each write of the status asks for a step: a message with an age in it would be written for ever."""
    assert running(400, {"phase": "Accepted"}) == running(500, {"phase": "Accepted"})
    assert said(waiting("Queued", 200)[0].status, "Degraded") == said(
        waiting("Queued", 300)[0].status, "Degraded"
    )
