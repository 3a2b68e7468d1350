"""Quiescing: what writes stands still before its data is replaced; and how that is taken back. Pure.

HorizontalPodAutoscalers leave a target at 0 alone (Kubernetes 1.34, horizontal.go: scaling is disabled). An
operator does not: its workload starts again within seconds, which is found and told, and not fought.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from velero_volume_controller.api.cleanrestore import QUIESCED, RestorePhase
from velero_volume_controller.api.times import parse_duration
from velero_volume_controller.restore.drift import Drift, drift, stop
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.planned import Action
from velero_volume_controller.restore.quiet import (
    copies,
    is_still,
    note_of,
    put_back,
    running_pods,
    still,
    to_still,
    was,
)
from velero_volume_controller.restore.run import Run, few

#: How long everything has to stand still, so that an operator would have started it again. Seconds.
SETTLE: Final = 5.0
_LOOK_AGAIN: Final = 1.0
#: Seconds between two attempts at what could not be put back for long.
_SELDOM: Final = 30.0


def quiesce(run: Run) -> None:
    """Still all that is to be stilled, wait until its pods are gone, and look whether it stays so."""
    live = run.live
    if found := [*drift(run), *_others(run)]:
        stop(run, found)
        return
    due = [each for each in to_still(run.plan, live) if not is_still(each)]
    pods = list(running_pods(run.plan, live))
    run.actions += [still(each, run.uid) for each in due]
    run.wakes.append(_LOOK_AGAIN)
    if due or pods:
        run.status.quiet_since = None
        _wait(run, due, pods)
        return
    if run.status.quiet_since is None:
        run.status.quiet_since = run.now
    if not run.plan.quiesce or run.age(run.status.quiet_since) >= SETTLE:
        _enter_clearing(run)


def _others(run: Run) -> Iterator[Drift]:
    """What has the name of what is to be stilled, and Jobs that were stilled and run again."""
    planned = {each.key: each.uid for each in run.plan.objects}
    for each in run.plan.quiesce:
        found = run.live.get(each.key)
        if found is not None and found.uid != planned[each.key]:
            yield Drift(each.key, "was made again")
    for found in to_still(run.plan, run.live):
        if found.key not in planned and note_of(found, run.uid) and not is_still(found):
            yield Drift(found.key, "was stilled and runs again", found)


def _enter_clearing(run: Run) -> None:
    """What an earlier plan has left half done is this one's to clear and to restore again."""
    run.status.clear_again = []
    for each in run.status.restores:
        each.superseded = True
    run.progress.to_go = run.plan.count(Action.DELETE)
    run.enter(RestorePhase.CLEARING, "what writes stands still")


def _wait(run: Run, due: list[Live], pods: list[Live]) -> None:
    if run.in_phase() > parse_duration(run.spec.timeouts.clear).total_seconds():
        held = few([f"{each.key} on its node" if each.scheduled else each.key for each in pods or due])
        message = (
            f"{run.so_far}: what runs did not stop within {run.spec.timeouts.clear}: {held}; see why"
            f" its pods do not end, and plan again with vvc restore apply{run.way_back}"
        )
        run.fail("DoesNotStop", message, RestorePhase.PLANNING)
        return
    message = f"{len(due)} workloads are to be stilled, {len(pods)} pods are still there"
    run.progressing("True", "Quiescing", message)


def unwind(run: Run) -> None:
    """Put back what was stilled; then end as it was decided. It is not given up: nobody else would do it."""
    unwinding = run.status.unwinding
    assert unwinding is not None
    noted = [(each, note) for each in run.live.values() if (note := note_of(each, run.uid))]
    due = [(each, note) for each, note in noted if not each.terminating]
    copied = list(copies(run.live.values(), run.uid))
    run.actions += copied
    if not due and copied:
        run.wakes.append(_LOOK_AGAIN)
        return
    if not due:
        run.status.unwinding = None
        run.leave(unwinding.phase, unwinding.reason, unwinding.message, unwinding.resume_from)
        return
    run.actions += [put_back(each, note) for each, note in due]
    names = few([f"{each.key} ({was(note)})" for each, note in due])
    if run.age(unwinding.since) > parse_duration(run.spec.timeouts.clear).total_seconds():
        message = (
            f"{unwinding.message}; it ends when this is what it was again: {names}; see in the Events why it"
            f" can't be put back, or do it by hand and take the annotation {QUIESCED} off"
        )
        run.progressing("False", "NotPutBack", message)
        run.wakes.append(_SELDOM)
        return
    run.progressing("True", "PuttingBack", f"{unwinding.message}; put back before it ends: {names}")
    run.wakes.append(_LOOK_AGAIN)
