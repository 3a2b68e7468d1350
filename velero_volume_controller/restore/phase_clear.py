"""Clearing and WaitingGone: what is planned to go is told to go, rank by rank, until it is gone. Pure.

Each object is deleted in the version that was looked at, so that one which changes in between is not. What is
read by others goes after them: an operator may need its Secret to the last. Finalizers are never taken off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from velero_volume_controller.api.cleanrestore import RestorePhase
from velero_volume_controller.api.times import parse_duration
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.clearing import (
    held_by,
    in_the_way,
    look_over,
    still_there,
    strangers_going,
)
from velero_volume_controller.restore.drift import drift, stop
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.quiet import copies, note_of, put_back
from velero_volume_controller.restore.run import Run, few
from velero_volume_controller.restore.steps import Delete, PutBack

_LOOK_AGAIN: Final = 1.0
#: How long a Velero that failed a Restore must have made nothing more: a new server fails what the old one
#: may still be at (server.go, markInProgressRestoresFailed). Seconds.
_CALM: Final = 10.0
_CLEARING: Final = frozenset({RestorePhase.CLEARING, RestorePhase.WAITING_GONE})


def clear(run: Run) -> None:
    """Delete what is due; go on once nothing is left that was not told to go."""
    nothing_went(run)
    if _in_trouble(run):
        return
    ground = look_over(run)
    if not ground.due and not ground.later:
        run.enter(RestorePhase.WAITING_GONE, "all has been told to go")
        return
    if _too_long(run):
        _fail_stuck(run, ground.going or ground.due)
        return
    if ground.due:
        _begin_to_delete(run)
        below = _below(run.live.values())
        run.actions += [_delete(each, below) for each in ground.due]
    run.progressing("True", "Clearing", f"{run.progress.gone} of {run.progress.to_go} objects are gone")
    run.wakes.append(0.2 if ground.due else _LOOK_AGAIN)


def nothing_went(run: Run) -> None:
    """That it deletes was written before the first deletion was sent. Where that was refused, or came too
    late, all is still there: then nothing has begun, and a run that ends here puts back what it stilled.

    Only of the first clearing of a run: what a later one finds, an earlier one may have left.
    """
    status, there = run.status, run.observed.live
    first = sum(each.phase is RestorePhase.CLEARING for each in status.steps) == 1 and not status.restores
    if status.phase is not RestorePhase.CLEARING or not (status.deleted and first) or there is None:
        return
    if not any(
        (live := there.get(each.key)) is None or live.terminating or live.uid != each.uid
        for each in run.plan.clear
    ):
        status.deleted = False
        if status.undo is not None:
            status.undo.kept = False


def _begin_to_delete(run: Run) -> None:
    """It is written before anything is deleted: a crash in between must not make it forgotten."""
    run.status.deleted = True
    if run.status.undo is not None:
        run.status.undo.kept = True


def _below(objects: Iterable[Live]) -> Mapping[str, list[Live]]:
    """What belongs to each, by its uid."""
    found: dict[str, list[Live]] = {}
    for each in objects:
        for owner in each.owners:
            found.setdefault(owner.uid, []).append(each)
    return found


def _delete(live: Live, below: Mapping[str, list[Live]]) -> Delete:
    """The last door: whatever a plan says, this is not for anything to go through.

    In the foreground, the garbage collector asks three times for each object before it lets it go, and may
    ask 40 times a second (kube-controller-manager 1.34, --kube-api-qps): 13 objects a second. What owns
    nothing, by its kind and as far as can be seen, needs none of that, nor does what stands still.
    """
    assert live.key.namespace, f"{live.key} is cluster-scoped"
    assert not kinds.veleros(live.key), f"{live.key} is Velero's"
    assert not kinds.ours(live.key), f"{live.key} is this project's own"
    alone = kinds.owns_nothing(live.key) and live.uid not in below
    foreground = not (alone or _stands_still(live, below))
    return Delete(live.key, live.uid, live.version, foreground=foreground)


def _stands_still(live: Live, below: Mapping[str, list[Live]]) -> bool:
    """Whether it is a Deployment at none, above ReplicaSets at none that own nothing. That one was seen says
    that all of them were: they go after it, and are waited for."""
    middle = below.get(live.uid, [])
    return (
        kinds.of(live.key) == kinds.DEPLOYMENT
        and live.replicas == 0
        and bool(middle)
        and all(
            kinds.of(each.key) == kinds.REPLICA_SET and each.replicas == 0 and each.uid not in below
            for each in middle
        )
    )


def _in_trouble(run: Run) -> bool:
    """Whether it has ended, for the plan can't be carried out."""
    again = bool(run.status.clear_again)
    if not again:
        run.progress.gone = run.progress.to_go - len(still_there(run))
    if not again and (found := drift(run)):
        stop(run, found)
        return True
    if made := in_the_way(run):
        name = run.situation.identity.name
        message = (
            f"{run.so_far}, but {few(made)}; stop who makes it, then plan again with vvc restore apply"
            f" {name}{run.way_back}"
        )
        run.fail("MadeAgain", message, RestorePhase.PLANNING)
        return True
    return False


def wait_gone(run: Run) -> None:
    """Go on once nothing that is to come back is there."""
    if _in_trouble(run):
        return
    ground = look_over(run)
    if ground.due or ground.later:
        # Seen late, or made by Velero while its Restore was failing.
        run.enter(RestorePhase.CLEARING, "something is there that was not told to go")
        return
    left = [*still_there(run), *strangers_going(run)]
    attached = [] if run.status.clear_again else _attached(run)
    if left or attached:
        if _too_long(run):
            _fail_stuck(run, left, attached)
            return
        message = f"{run.progress.gone} of {run.progress.to_go} objects are gone"
        run.progressing("True", "WaitingGone", message)
        run.wakes.append(_LOOK_AGAIN)
        return
    if stilled := _left_stilled(run):
        run.actions += stilled
        run.wakes.append(_LOOK_AGAIN)
        return
    if run.status.clear_again and run.age(_cleared_since(run)) < _CALM:
        run.wakes.append(_LOOK_AGAIN)
        return
    for each in run.status.restores:
        each.cleared = each.cleared or each.name in run.status.clear_again
    run.status.clear_again = []
    run.enter(RestorePhase.RESTORING, "all that was to go is gone")


def _left_stilled(run: Run) -> list[PutBack]:
    """What the run that is undone had stilled, and did not come to delete: nobody else would start it."""
    undoes = run.status.plan.undoes if run.status.plan is not None else ""
    if not undoes:
        return []
    noted = [(each, note) for each in run.live.values() if (note := note_of(each, undoes))]
    due = [put_back(each, note) for each, note in noted if not each.terminating]
    return [*due, *copies(run.live.values(), undoes)]


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
    return run.age(_cleared_since(run)) > parse_duration(run.spec.timeouts.clear).total_seconds()


def _cleared_since(run: Run) -> str:
    """One time for telling and waiting, however often they take turns; a run that was told to go on gets it
    anew: there is a time between its steps then."""
    steps = run.status.steps
    since = steps[-1].started
    for each in reversed(steps[:-1]):
        if each.phase not in _CLEARING or each.ended != since:
            break
        since = each.started
    return since


def _fail_stuck(run: Run, left: list[Live], attached: list[str] | None = None) -> None:
    told = [held_by(each, run.live) for each in left]
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
