"""How a BackupSet ends, and what becomes of it afterwards. Pure."""

from __future__ import annotations

from typing import Final

from velero_volume_controller.api.backupset import (
    ClusterRevision,
    Missing,
    RestorePoint,
    SetPhase,
)
from velero_volume_controller.api.conditions import find
from velero_volume_controller.backup import conditions, results
from velero_volume_controller.backup.attempts import LOST, awaited, fold
from velero_volume_controller.backup.planned_volumes import NOT_TAKEN
from velero_volume_controller.backup.reporting import degraded
from velero_volume_controller.backup.run import LOOK_AGAIN, Run
from velero_volume_controller.backup.steps import Cluster

#: Seconds between two looks at whether an ended set's Backups are still there.
_LOOK_AT_ENDED: Final = 3600.0
#: Seconds within which PodVolumeBackups are seen of a Backup that was seen to have ended.
_SEEN_WITHIN: Final = 10.0
#: Why a namespace is missing that the selection names.
ABSENT: Final = "there was no such namespace when the set began; correct spec.selection in a new BackupSet"
#: Why a shard has no Backup when its set ends.
_UNSTARTED: Final = "no Backup was started before the deadline"


def ended(run: Run) -> bool:
    """Ends the set of which nothing is left to run or to try again. False if it is too soon to say how."""
    status = run.status
    before = status.restore_point if status.retried_at else None
    point = _restore_point(run, before, run.situation.cluster)
    if any(each.reason.startswith(NOT_TAKEN) for each in point.missing) and (wait := _too_soon(run)) > 0:
        run.wakes.append(wait)
        return False
    status.restore_point = point
    status.phase = results.phase(status.shards, point)
    status.ended = run.situation.now
    status.expires = results.expires(point, run.view, status.expires)
    start = status.cluster_revision.start if status.cluster_revision else ""
    status.cluster_revision = ClusterRevision(start=start, end=run.situation.observed.revision)
    _conclude(run)
    run.condition(conditions.PROGRESSING, "False", status.phase.value, "the set has ended")
    degraded(run)
    run.wakes.append(LOOK_AGAIN)
    return True


def _too_soon(run: Run) -> float:
    """For how many seconds PodVolumeBackups may still be unseen: they and their Backups are watched apart."""
    stand = (results.best(shard) for shard in run.status.shards)
    seen = [run.view.age(each.since) for each in stand if each is not None and each.since]
    return _SEEN_WITHIN - min(seen, default=_SEEN_WITHIN)


def _restore_point(run: Run, before: RestorePoint | None, cluster: Cluster | None = None) -> RestorePoint:
    point = results.restore_point(run.status.shards, run.view, before, _UNSTARTED, cluster)
    absent = run.status.plan.absent if run.status.plan else []
    point.missing[:0] = [Missing(namespace=name, reason=ABSENT) for name in absent]
    return point


def _conclude(run: Run) -> None:
    """Says how the set has ended."""
    phase, point = run.status.phase or SetPhase.FAILED, run.status.restore_point or RestorePoint()
    message = f"{len(point.backups)} Backups"
    if point.missing:
        first = ": ".join(filter(None, (point.missing[0].namespace, point.missing[0].reason)))
        message += f"; {len(point.missing)} missing, the first: {first}"
    complete = phase is SetPhase.COMPLETED
    run.condition(conditions.COMPLETE, "True" if complete else "False", phase.value, message)
    run.tell(phase.value, message, warning=not complete or bool(point.missing))


def look_after(run: Run) -> None:
    """An ended set: what was seen late is put right, and what is gone is gone from the restore point."""
    status = run.status
    before = status.restore_point or RestorePoint()
    for shard in status.shards:
        fold(shard, run.view)
    status.progress = results.progress(status.shards, run.view)
    status.restore_point = _restore_point(run, before)
    status.expires = results.expires(status.restore_point, run.view, status.expires)
    phase = results.phase(status.shards, status.restore_point)
    held = status.phase in {SetPhase.COMPLETED, SetPhase.PARTIALLY_FAILED}
    if held and not status.restore_point.backups:
        status.phase = SetPhase.EXPIRED
        message = "none of its Backups is left: they expired, or were deleted"
        run.condition(conditions.COMPLETE, "False", "Expired", message)
        run.tell("Expired", message)
    elif status.restore_point.backups and _better(phase, status.phase):
        # One ended late; or they came back: Velero's sync brings them when its CRDs are there again.
        status.phase = phase
        _conclude(run)
        if phase is SetPhase.COMPLETED:
            degraded(run)
    _gone_since(run)
    run.wakes.append(_LOOK_AT_ENDED)
    for shard in status.shards:
        run.wakes.extend(awaited(shard, run.view))


def _better(phase: SetPhase, before: SetPhase | None) -> bool:
    order = (SetPhase.EXPIRED, SetPhase.FAILED, SetPhase.PARTIALLY_FAILED, SetPhase.COMPLETED)
    return before in order and order.index(phase) > order.index(before)


def _gone_since(run: Run) -> None:
    """Whether a set that was complete has lost Backups since."""
    status = run.status
    lost = [attempt.backup for shard in status.shards for attempt in shard.attempts if attempt.phase == LOST]
    if status.phase is not SetPhase.COMPLETED or status.restore_point is None:
        return
    if lost and status.restore_point.missing:
        message = f"the restore point is no longer whole; gone: {', '.join(lost)}"
        run.condition(conditions.DEGRADED, "True", "BackupsGone", message)
        return
    known = find(status.conditions, conditions.DEGRADED)
    if known is not None and known.reason == "BackupsGone":
        run.condition(conditions.DEGRADED, "False", "AsExpected", "nothing is known to be wrong")
