"""Quiescing: what writes stands still before its data is replaced; and how that is taken back. Pure.

HorizontalPodAutoscalers leave a target at 0 alone (Kubernetes 1.34, horizontal.go: scaling is disabled). An
operator does not: its workload starts again within seconds, which is found and told, and not fought.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from velero_volume_controller.api.cleanrestore import RestorePhase
from velero_volume_controller.api.times import parse_duration
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.quiet import (
    is_still,
    note_of,
    put_back,
    running_pods,
    still,
    to_still,
    unchanged,
)
from velero_volume_controller.restore.run import Run, few

#: How long everything has to stand still, so that an operator would have started it again. Seconds.
SETTLE: Final = 5.0
_LOOK_AGAIN: Final = 1.0


def quiesce(run: Run) -> None:
    """Still all that is to be stilled, wait until its pods are gone, and look whether it stays so."""
    live = run.observed.live
    changed = [key for key, _ in _changed(run)]
    if changed:
        message = (
            f"nothing was deleted: the plan is stale, for {few(changed)} changed since it was made; plan"
            f" again with vvc restore apply {run.situation.identity.name}"
        )
        run.fail("PlanIsStale", message, RestorePhase.PLANNING, untouched=True)
        return
    started = [each for each in to_still(run.plan, live) if note_of(each, run.uid) and not is_still(each)]
    if started:
        run.fail("StartedAgain", _who_started(started), RestorePhase.PLANNING, untouched=True)
        return
    due = [each for each in to_still(run.plan, live) if not is_still(each)]
    pods = list(running_pods(run.plan, live))
    run.actions += [still(each, run.uid) for each in due]
    run.wakes.append(_LOOK_AGAIN)
    if due or pods:
        run.status.quiet_since = None
        _wait(run, len(due), pods)
        return
    if run.status.quiet_since is None:
        run.status.quiet_since = run.now
    if not run.plan.quiesce or run.age(run.status.quiet_since) >= SETTLE:
        _enter_clearing(run)


def _enter_clearing(run: Run) -> None:
    if run.status.undo is not None:
        run.status.undo.kept = True
    run.progress.to_go = sum(1 for each in run.plan.objects if each.action.value == "delete")
    run.enter(RestorePhase.CLEARING, "what writes stands still")


def _changed(run: Run) -> Iterator[tuple[object, Live]]:
    planned = {each.key: each for each in run.plan.objects}
    for each in run.plan.quiesce:
        found, before = run.observed.live.get(each.key), planned[each.key]
        if found is None or found.uid != before.uid:
            if found is not None:
                yield each.key, found
        elif before.root and not note_of(found, run.uid) and not unchanged(before, found, run.uid):
            yield each.key, found


def _who_started(started: list[Live]) -> str:
    first = started[0]
    owner = first.controller
    who = f"{owner.kind} {owner.name}, which controls it, or its operator" if owner else "an operator"
    names = few([each.key for each in started])
    return (
        f"nothing was deleted: {names} was stilled and runs again: {who} starts it; stop that operator, or"
        " set what it watches to none, and plan again with vvc restore apply"
    )


def _wait(run: Run, due: int, pods: list[Live]) -> None:
    if run.in_phase() > parse_duration(run.spec.timeouts.clear).total_seconds():
        held = few([f"{each.key} on its node" if each.scheduled else each.key for each in pods])
        message = (
            f"nothing was deleted: what runs did not stop within {run.spec.timeouts.clear}: {held}; see why"
            " its pods do not end, and plan again with vvc restore apply"
        )
        run.fail("DoesNotStop", message, RestorePhase.PLANNING, untouched=True)
        return
    message = f"{due} workloads are to be stilled, {len(pods)} pods are still there"
    run.progressing("True", "Quiescing", message)


def unwind(run: Run) -> None:
    """Put back what was stilled; then end as it was decided."""
    unwinding = run.status.unwinding
    assert unwinding is not None
    noted = [(each, note) for each in run.observed.live.values() if (note := note_of(each, run.uid))]
    due = [put_back(each, note) for each, note in noted if not each.terminating]
    if due:
        run.actions += due
        run.wakes.append(_LOOK_AGAIN)
        return
    run.status.unwinding = None
    run.leave(unwinding.phase, unwinding.reason, unwinding.message, unwinding.resume_from)
