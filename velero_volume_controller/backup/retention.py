"""Which of a schedule's ended BackupSets are removed. Pure.

Removing a set removes nothing of Velero's: its Backups live as long as their ttl. The newest
set that something can be restored from always stays, whatever the limits say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from velero_volume_controller.api.backupset import BackupSetScheduleSpec, SetPhase
from velero_volume_controller.api.conditions import find
from velero_volume_controller.api.times import seconds_between
from velero_volume_controller.backup import conditions
from velero_volume_controller.backup.objects import BackupSet

#: For so long a set whose Backups are all gone is still shown, as Expired. Seconds.
SHOWN_EXPIRED: Final = 24 * 3600.0


def removable(sets: Sequence[BackupSet], spec: BackupSetScheduleSpec, now: str) -> list[BackupSet]:
    """Of a schedule's own sets (``schedule.mine``) those to be deleted, the oldest first."""
    ended = sorted((each for each in sets if not each.deleting and _ended(each)), key=_age, reverse=True)
    kept = {each.uid for each in _last_hopes(ended)}
    completed = [each for each in ended if each.status.phase is SetPhase.COMPLETED]
    failed = [each for each in ended if each.status.phase in {SetPhase.FAILED, SetPhase.PARTIALLY_FAILED}]
    expired = [each for each in ended if each.status.phase is SetPhase.EXPIRED and _shown_enough(each, now)]
    found = [
        *_beyond(completed, spec.successful_history_limit, kept),
        *_beyond(failed, spec.failed_history_limit, kept),
        *expired,
    ]
    return sorted(found, key=_age)


def _beyond(newest_first: Iterable[BackupSet], limit: int, kept: set[str]) -> list[BackupSet]:
    """Those after the first ``limit``. One that is kept anyway counts among them."""
    return [each for index, each in enumerate(newest_first) if index >= limit and each.uid not in kept]


def _last_hopes(newest_first: Sequence[BackupSet]) -> list[BackupSet]:
    """The newest that something can be restored from, and the newest that is whole."""
    restorable = [
        each for each in newest_first if each.status.restore_point and each.status.restore_point.backups
    ]
    whole = [each for each in restorable if each.status.phase is SetPhase.COMPLETED and not _lacks(each)]
    return [*restorable[:1], *whole[:1]]


def _lacks(found: BackupSet) -> bool:
    return bool(found.status.restore_point and found.status.restore_point.missing)


def _ended(found: BackupSet) -> bool:
    return found.status.phase is not None and found.status.phase.ended


def _age(found: BackupSet) -> tuple[str, str]:
    return (found.status.started or found.created, found.name)


def _shown_enough(found: BackupSet, now: str) -> bool:
    complete = find(found.status.conditions, conditions.COMPLETE)
    times = (found.status.expires, complete.last_transition_time if complete else None)
    since = max(filter(None, times), default=None)
    return since is None or seconds_between(since, now) >= SHOWN_EXPIRED
