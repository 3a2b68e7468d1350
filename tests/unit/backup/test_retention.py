"""Which of a schedule's ended sets are removed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.unit.backup.setmaker import at
from velero_volume_controller.api.backupset import (
    BackupSetScheduleSpec,
    BackupSetSpec,
    BackupSetStatus,
    Condition,
    Missing,
    PointBackup,
    RestorePoint,
    SetPhase,
)
from velero_volume_controller.backup.objects import BackupSet
from velero_volume_controller.backup.retention import removable

DAY = 24 * 3600.0
NOW = at(10 * DAY)
PHASES = {
    "C": SetPhase.COMPLETED,
    "P": SetPhase.PARTIALLY_FAILED,
    "F": SetPhase.FAILED,
    "R": SetPhase.RUNNING,
    "c": SetPhase.COMPLETED,
}


def make_set(name: str, day: float, **fields: Any) -> BackupSet:
    """By its letter: Completed, PartiallyFailed, Failed, Running; small c: Completed, and no longer whole."""
    point = RestorePoint(
        backups=[PointBackup(name="b", lane="velero", shard="a")] if name[0] in "CPc" else [],
        missing=[Missing("a")] if name[0] in "Pc" else [],
    )
    status = BackupSetStatus(phase=PHASES[name[0]], started=at(day * DAY), restore_point=point)
    return BackupSet(
        **{
            "name": f"{name}-{day}",
            "namespace": "velero",
            "uid": f"{name}-{day}",
            "created": at(day * DAY),
            "spec": BackupSetSpec(),
            "status": status,
            **fields,
        }
    )


#: Sets from the oldest to the newest, the limits, and which go.
KEPT: dict[str, tuple[str, int, int, list[int]]] = {
    "as many completed ones stay as the limit says": ("CCCCC", 3, 1, [0, 1]),
    "as many failed ones, and the newest that something can be restored from": ("CFPF", 3, 1, [1]),
    "the newest whole one stays whatever the limits": ("CCC", 0, 0, [0, 1]),
    "the newest that anything can be restored from stays too": ("CCPF", 0, 0, [0, 3]),
    "one that failed is no restore point": ("FF", 1, 0, [0, 1]),
    "what runs is no history": ("RCR", 0, 0, []),
    "of one that is no longer whole the whole one before it stays": ("CCc", 1, 0, [0]),
    "nothing is there": ("", 1, 1, []),
}


@pytest.mark.parametrize(("sets", "successful", "failed", "gone"), KEPT.values(), ids=KEPT.keys())
def test_history_limits(sets: str, successful: int, failed: int, gone: list[int]) -> None:
    spec = BackupSetScheduleSpec(
        schedule="@daily", successful_history_limit=successful, failed_history_limit=failed
    )
    made = [make_set(name, day) for day, name in enumerate(sets)]

    assert [each.name for each in removable(made, spec, NOW)] == [made[index].name for index in gone]
    assert removable(made[::-1], spec, NOW) == removable(made, spec, NOW), "whatever their order"


def expired(since: float) -> BackupSet:
    condition = Condition("Complete", "False", "Expired", "", at(since))
    status = BackupSetStatus(phase=SetPhase.EXPIRED, expires=at(since), conditions=[condition])
    return msgspec.structs.replace(make_set("C", 1), status=status)


def test_an_expired_set_is_shown_for_a_day() -> None:
    spec = BackupSetScheduleSpec(schedule="@daily")

    assert removable([expired(9.5 * DAY)], spec, NOW) == []
    assert removable([expired(9 * DAY)], spec, NOW) == [expired(9 * DAY)]


def test_a_set_that_is_being_deleted_is_left_alone_and_does_not_count() -> None:
    spec = BackupSetScheduleSpec(schedule="@daily", successful_history_limit=1)
    made = [make_set("C", 0), make_set("C", 1), make_set("C", 2, deleting=True)]

    assert [each.name for each in removable(made, spec, NOW)] == ["C-0"]
