"""Clearing and WaitingGone: what is planned to go is told to go, rank by rank, until it is gone. Pure.

Each object is deleted in the version that was looked at, so that one which changes in between is not. What is
read by others goes after them: an operator may need its Secret to the last. Finalizers are never taken off.
"""

from __future__ import annotations

from typing import Final

from velero_volume_controller.api.cleanrestore import RestorePhase
from velero_volume_controller.api.times import parse_duration
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.clearing import Ground, held_by, in_the_way, look_over, still_there
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.run import Run, few
from velero_volume_controller.restore.steps import Delete

_LOOK_AGAIN: Final = 1.0


def clear(run: Run) -> None:
    """Delete what is due; go on once nothing is left that was not told to go."""
    ground = look_over(run)
    _count(run)
    if _in_trouble(run, ground):
        return
    run.actions += [Delete(each.key, each.uid, each.version) for each in ground.due]
    if not ground.due and not ground.later:
        run.enter(RestorePhase.WAITING_GONE, "all has been told to go")
        return
    if _too_long(run):
        _fail_stuck(run, ground.going or ground.due)
        return
    run.progressing("True", "Clearing", f"{run.progress.gone} of {run.progress.to_go} objects are gone")
    run.wakes.append(0.2 if ground.due else _LOOK_AGAIN)


def _count(run: Run) -> None:
    if not run.status.clear_again:
        run.progress.gone = run.progress.to_go - len(still_there(run))


def _in_trouble(run: Run, ground: Ground) -> bool:
    done = f"{run.progress.gone} of {run.progress.to_go} objects are gone"
    name = run.situation.identity.name
    back = f"or bring back what was there with vvc restore undo {name}"
    if ground.remade:
        message = (
            f"{few(ground.remade)} was deleted and somebody has made it again ({done}); stop who makes it,"
            f" then plan again with vvc restore apply {name}, {back}"
        )
        run.fail("MadeAgain", message, RestorePhase.PLANNING)
    elif ground.stale:
        message = (
            f"the plan is stale: {few(ground.stale)} changed since it was made ({done}); plan again with"
            f" vvc restore apply {name}" + ("" if ground.untouched else f", {back}")
        )
        run.fail("PlanIsStale", message, RestorePhase.PLANNING, untouched=ground.untouched)
    return bool(ground.remade or ground.stale)


def wait_gone(run: Run) -> None:
    """Go on once nothing that is to come back is there."""
    ground = look_over(run)
    _count(run)
    if _in_trouble(run, ground):
        return
    if ground.due or ground.later:
        # Seen late, or made by Velero while its Restore was failing.
        run.enter(RestorePhase.CLEARING, "something is there that was not told to go")
        return
    left = still_there(run)
    attached = [] if run.status.clear_again else _attached(run)
    if left or attached:
        if _too_long(run):
            _fail_stuck(run, left, attached)
            return
        message = f"{run.progress.gone} of {run.progress.to_go} objects are gone"
        run.progressing("True", "WaitingGone", message)
        run.wakes.append(_LOOK_AGAIN)
        return
    made = in_the_way(run)
    if made:
        name = run.situation.identity.name
        message = (
            f"{few(made)} has been made since the plan and is in the way; stop who makes it, then plan again"
            f" with vvc restore apply {name}, or bring back what was there with vvc restore undo {name}"
        )
        run.fail("MadeAgain", message, RestorePhase.PLANNING)
        return
    for each in run.status.restores:
        each.cleared = each.cleared or each.name in run.status.clear_again
    run.status.clear_again = []
    run.enter(RestorePhase.RESTORING, "all that was to go is gone")


def _attached(run: Run) -> list[str]:
    """PersistentVolumes that go and are still attached to a node."""
    gone = [
        each.key.name
        for each in run.plan.objects
        if kinds.of(each.key) == kinds.VOLUME and each.action.value == "delete"
    ]
    return [
        f"PersistentVolume {name} is still attached to node {run.observed.attachments[name]}"
        for name in gone
        if name in run.observed.attachments
    ]


def _too_long(run: Run) -> bool:
    """One time for telling and waiting; a run that was told to go on gets it anew."""
    last, before = run.status.steps[-1], run.status.steps[-2:-1]
    counted = before[0] if before and before[0].phase is RestorePhase.CLEARING else last
    return run.age(counted.started) > parse_duration(run.spec.timeouts.clear).total_seconds()


def _fail_stuck(run: Run, left: list[Live], attached: list[str] | None = None) -> None:
    told = [held_by(each) for each in left]
    if attached:
        told += [
            f"{each} (a node that is dead keeps a volume for 6 minutes before it is taken off it)"
            for each in attached
        ]
    message = (
        f"not gone after {run.spec.timeouts.clear}: {few(told)}; no finalizer is ever removed by this"
        " program: see to it that its holder works, then go on with vvc restore apply"
        f" {run.situation.identity.name}"
    )
    run.fail("NotGone", message, RestorePhase.WAITING_GONE)
