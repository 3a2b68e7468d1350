"""What is said of a set while it runs, and when it is looked at again. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from velero_volume_controller.api.backupset import Shard
from velero_volume_controller.api.conditions import find
from velero_volume_controller.backup import conditions, slots, stuck
from velero_volume_controller.backup.attempts import awaited, done, due, hopeless, skipped, under_way
from velero_volume_controller.backup.frozen import changed
from velero_volume_controller.backup.gate import Gate
from velero_volume_controller.backup.left_out import VANISHED, on_purpose
from velero_volume_controller.backup.planned_volumes import NOT_TAKEN
from velero_volume_controller.backup.run import LOOK_AGAIN, Run
from velero_volume_controller.backup.steps import Nudge


def spec_changed(run: Run) -> None:
    """Says so where the spec was edited in what counts as it was planned."""
    edited = changed(run.spec, run.status)
    if edited:
        fields = ", ".join(f"spec.{name}" for name in edited)
        message = f"{fields}: changed after the set was planned, and ignored; make a new BackupSet for it"
        if run.condition(conditions.SPEC_CHANGED, "True", "Ignored", message):
            run.tell("SpecChanged", message, warning=True)
    elif find(run.status.conditions, conditions.SPEC_CHANGED):
        run.condition(conditions.SPEC_CHANGED, "False", "AsPlanned", "the spec is as it was planned")


def degraded(run: Run) -> None:
    """What went wrong and is not over; touches what a touch helps."""
    troubles: list[tuple[str, str]] = []
    for fault in stuck.faults(run.status.shards, run.view, run.spec):
        troubles.append((fault.reason, fault.message))
        if fault.touch:
            fault.attempt.nudged = run.situation.now
            run.actions.append(Nudge(fault.attempt.lane, fault.attempt.backup, fault.attempt.uid))
    troubles.extend(_lanes(run))
    troubles.extend(_failed(run))
    troubles.extend(_lacks(run))
    if troubles:
        reason, message = troubles[0][0], ". ".join(message for _, message in troubles)
        if run.condition(conditions.DEGRADED, "True", reason, message):
            run.tell(reason, message, warning=True)
    elif find(run.status.conditions, conditions.DEGRADED):
        run.condition(conditions.DEGRADED, "False", "AsExpected", "nothing is known to be wrong")


def _lanes(run: Run) -> Iterator[tuple[str, str]]:
    """Veleros that the set needs and that are down or gone."""
    needed = [shard.lane for shard in run.status.shards if not _closed(shard)]
    for name in dict.fromkeys(needed):
        lane = run.view.lanes.get(name)
        if lane is None:
            yield "LaneGone", gone(name)
        elif lane.problem:
            yield "LaneDown", f"Velero in namespace {name} takes no Backups: {lane.problem}"


def _closed(shard: Shard) -> bool:
    """It has a Completed Backup, or nothing of it is there any more."""
    return done(shard) or skipped(shard)


def gone(lane: str) -> str:
    """What is said of a lane that is not there any more."""
    return (
        f"there is no Velero in namespace {lane} any more; its namespaces stay with it, for their earlier"
        " Backups are there; install it again, or delete the BackupSet and make one without this lane"
    )


def _failed(run: Run) -> Iterator[tuple[str, str]]:
    for shard in run.status.shards:
        if _closed(shard) or under_way(shard) or not shard.attempts:
            continue
        last = shard.attempts[-1]
        at = due(shard, run.spec.retry)
        next_ = f"it is tried again at {at}" if at else "it is not tried again"
        if VANISHED in last.left_out.values():
            next_ = "its namespace was deleted, so it is not tried again"
        elif hopeless(last):
            next_ = "that can't get better by itself: correct the template in a new BackupSet"
        yield (
            conditions.SHARD_FAILED,
            f"shard {shard.name}: Backup {last.backup} is {last.phase}: {last.reason}; {next_}",
        )


def _lacks(run: Run) -> Iterator[tuple[str, str]]:
    """At the end: what no Backup tried to take."""
    status = run.status
    if status.phase is None or not status.phase.ended or status.restore_point is None:
        return
    missed = [each for each in status.restore_point.missing if each.reason.startswith(NOT_TAKEN)]
    if missed:
        yield (
            "VolumesNotTaken",
            f"{len(missed)} planned volumes are there and were not taken, see status.restorePoint.missing;"
            f" once their pods run: vvc backup retry {run.situation.identity.name}",
        )
    left = [each.namespace for each in status.restore_point.missing if on_purpose(each)]
    if left:
        yield "LeftOut", f"namespaces were deleted or excluded after the set was planned: {', '.join(left)}"


def progressing(run: Run, opening: Gate, waits: dict[str, str]) -> None:
    """Whether anything goes on, and what it waits for."""
    shards = run.status.shards
    count = Counter(
        "running" if under_way(each) else "done" if _closed(each) else "waiting" for each in shards
    )
    summary = (
        f"of {len(shards)} Backups {count['done']} are done, {count['running']} run, {count['waiting']} wait"
    )
    if opening.closed:
        run.condition(conditions.PROGRESSING, "False", opening.closed, f"{opening.message}; {summary}")
    elif count["running"] or not waits:
        run.condition(conditions.PROGRESSING, "True", "Running", summary)
    else:
        reason, _, message = next(iter(waits.values())).partition(": ")
        if run.condition(conditions.PROGRESSING, "False", reason, f"{message}; {summary}"):
            run.tell(reason, message)


def wakes(run: Run, opening: Gate) -> None:
    """When time alone may change something."""
    run.wakes.append(LOOK_AGAIN)
    if opening.changes is not None:
        run.wakes.append(opening.changes)
    for shard in run.status.shards:
        run.wakes.extend(awaited(shard, run.view))
        at = due(shard, run.spec.retry)
        if at and run.view.age(at) < 0:
            run.wakes.append(-run.view.age(at))
    run.wakes.extend(slots.awaited(run.status.shards, run.view))
    run.wakes.extend(stuck.awaited(run.status.shards, run.view))
