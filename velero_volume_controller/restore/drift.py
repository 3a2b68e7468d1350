"""What has come about since a plan was made, so that it may not be carried out any more. Pure.

Looked for at every step until all is told to go: between the last comparison of the whole plan and the first
deletion lies an undo backup, which may take hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from velero_volume_controller.api.cleanrestore import Protect, RestorePhase
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.blocking import operators_finalizer
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.planned import Action, Planned
from velero_volume_controller.restore.protection import Protection
from velero_volume_controller.restore.quiet import is_still, note_of, unchanged
from velero_volume_controller.restore.run import Run, few
from velero_volume_controller.velero.model.backup_contents import Key


@dataclass(frozen=True, slots=True)
class Drift:
    """``what`` goes on after the object's name. ``started``: it was stilled, and somebody starts it again."""

    key: Key
    what: str
    started: Live | None = None

    def __str__(self) -> str:
        return f"{self.key} {self.what}"


def drift(run: Run) -> list[Drift]:
    """What is there, is to go, and is not as it was; and what would go along that nobody has seen."""
    found = [each for planned in run.plan.objects if (each := _of(run, planned)) is not None]
    found += _namespaces(run)
    found += _volumes(run)
    found += _new_dependents(run)
    return found


def protected(run: Run, live: Live) -> str | None:
    """Why this object is never deleted, or None: as it is now."""
    protect: Protect = run.spec.protect
    return Protection(protect, run.situation.identity.namespace, {}, frozenset()).object(live)


def _of(run: Run, planned: Planned) -> Drift | None:
    live = run.live.get(planned.key) if planned.action is Action.DELETE else None
    if live is None or live.uid != planned.uid or live.terminating:
        return None
    if note_of(live, run.uid) is not None and not is_still(live):
        return Drift(live.key, "was stilled and runs again", live)
    # A label makes no generation new.
    if (why := protected(run, live)) is not None:
        return Drift(live.key, f"is protected now ({why})")
    if (finalizer := operators_finalizer(live, run.spec.allow_kinds)) is not None:
        return Drift(live.key, f"has an operator's finalizer now ({finalizer})")
    if planned.root and not unchanged(planned, live, run.uid):
        return Drift(live.key, "changed")
    return None


def _namespaces(run: Run) -> Iterator[Drift]:
    for name in sorted(run.plan.targets.values()):
        live = run.live.get(Key(*kinds.NAMESPACE, "", name))
        if live is not None and live.protected:
            yield Drift(live.key, "is protected now")
        elif live is not None and live.terminating:
            yield Drift(live.key, "is being deleted")


def _volumes(run: Run) -> Iterator[Drift]:
    """Reclaim policies that have changed: the plan said what becomes of the data when a claim goes. Once the
    claim goes, nothing can be held up any more, and who gives a Released volume up means it."""
    going = {each.key: each.uid for each in run.plan.objects if each.action is Action.DELETE}
    for planned in run.plan.objects:
        live = run.live.get(planned.key) if kinds.of(planned.key) == kinds.VOLUME else None
        if live is None or live.uid != planned.uid or live.claim is None:
            continue
        claim = run.live.get(Key(*kinds.CLAIM, *live.claim))
        if claim is None or claim.terminating or going.get(claim.key) != claim.uid:
            continue
        changed = "(its reclaim policy has changed)"
        if planned.action is Action.KEEP and not live.stays:
            yield Drift(live.key, f"would go now with its claim, and its data with it {changed}")
        elif planned.action is Action.DELETE and live.stays:
            yield Drift(live.key, f"would stay now when its claim goes {changed}")


def _new_dependents(run: Run) -> Iterator[Drift]:
    """What is in no plan, and the garbage collector would take: claims hold data, and of what is protected
    somebody has said that it stays. The rest is made anew by what made it."""
    planned = {each.uid for each in run.plan.objects if each.uid}
    going = {each.uid for each in run.plan.objects if each.action is Action.DELETE}
    uids = {live.uid for live in run.live.values()}
    waiting = [live for live in run.live.values() if live.owners and live.uid not in planned]
    while True:
        taken = [
            live
            for live in waiting
            if any(owner.uid in going for owner in live.owners)
            and all(owner.uid in going or owner.uid not in uids for owner in live.owners)
        ]
        if not taken:
            return
        going |= {live.uid for live in taken}
        waiting = [live for live in waiting if live.uid not in going]
        for live in taken:
            of_a_pod = live.controller is not None and live.controller.kind == "Pod"
            if live.terminating:
                continue
            if kinds.of(live.key) == kinds.CLAIM and not of_a_pod:
                yield Drift(live.key, "was made since, and would go with what owns it")
            elif (why := protected(run, live)) is not None:
                yield Drift(live.key, f"was made since, and is protected ({why})")


def stop(run: Run, found: list[Drift]) -> None:
    """End the run: the plan is stale, or what it stilled is started again, which no new plan would mend."""
    name = run.situation.identity.name
    started = [each.started for each in found if each.started is not None]
    if started:
        message = f"{run.so_far}: {_who_started(started)} vvc restore apply {name}{run.way_back}"
        run.fail("StartedAgain", message, RestorePhase.PLANNING)
        return
    message = (
        f"{run.so_far}: the plan is stale, for since it was made {few(found)}; plan again with vvc restore"
        f" apply {name}{run.way_back}"
    )
    run.fail("PlanIsStale", message, RestorePhase.PLANNING)


def _who_started(started: list[Live]) -> str:
    owner = started[0].controller
    who = f"{owner.kind} {owner.name}, which controls it, or its operator" if owner else "an operator"
    return (
        f"{few([each.key for each in started])} was stilled and runs again: {who} starts it; stop that"
        " operator, or set what it watches to none, and plan again with"
    )
