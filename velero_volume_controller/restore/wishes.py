"""What would be deleted if nothing stood against it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from velero_volume_controller.api.cleanrestore import Extras, Scope
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.ground import Ground, Verdict
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.planned import Action
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.restore_runs import RESTORE_LABEL

#: Ways out, for what must not stay: the rest of a sentence that says what to do.
_LIFT: Final = "lift that protection"
_TAKE_EXTRAS: Final = "set extras: delete, or delete that by hand"
_WIDEN: Final = "set scope: resources"
_BY_HAND: Final = "delete that by hand"
_BY_HAND_OR_PROTECT: Final = "delete it by hand, or protect it to keep it as it is"
_SOMEBODY: Final = "somebody else made it, not the run that is undone"


def wishes(ground: Ground) -> dict[Key, Verdict]:
    """Of every live object in the plan's namespaces."""
    if ground.given.made_by is not None:
        return _undo(ground, ground.given.made_by)
    chosen = _about_volumes(ground) if ground.given.wanted.scope is Scope.VOLUMES else {}
    verdicts = {live.key: _wish(ground, live, chosen) for live in ground.live}
    _protect_what_is_made(ground, verdicts)
    _take_dependents(ground, verdicts)
    return verdicts


def _undo(ground: Ground, made_by: frozenset[str]) -> dict[Key, Verdict]:
    """What a run restored goes, with what goes along, and nothing else, whatever scope and extras say.

    What else stands where the Backup has something would stay as it is: that is a person's to decide.
    """
    verdicts = {live.key: _made(ground, live, made_by) for live in ground.live}
    _protect_what_is_made(ground, verdicts)
    _take_dependents(ground, verdicts)
    for live in ground.live:
        verdict = verdicts[live.key]
        if verdict.action is not Action.KEEP or verdict.firm or live.key not in ground.selected.held:
            continue
        if _ended(ground, live) is None:
            verdicts[live.key] = Verdict(Action.BLOCKED, f"{_SOMEBODY}; {_BY_HAND_OR_PROTECT}")
    return verdicts


def _made(ground: Ground, live: Live, made_by: frozenset[str]) -> Verdict:
    if (why := ground.protection.object(live)) is not None:
        return Verdict(Action.KEEP, f"protected: {why}", firm=True, out=_LIFT)
    if live.uid in ground.given.found:
        return Verdict(Action.KEEP, "the run that is undone left it", firm=True, out=_BY_HAND)
    if live.labels.get(RESTORE_LABEL) in made_by:
        return Verdict(Action.DELETE, "the run that is undone restored it")
    return Verdict(Action.KEEP, _SOMEBODY, out=_BY_HAND)


def _wish(ground: Ground, live: Live, chosen: dict[Key, str]) -> Verdict:
    wanted, held = ground.given.wanted, live.key in ground.selected.held
    if (why := ground.protection.object(live)) is not None:
        return Verdict(Action.KEEP, f"protected: {why}", firm=True, out=_LIFT)
    if wanted.scope is Scope.VOLUMES:
        if live.key not in chosen:
            return Verdict(Action.KEEP, "no data comes back into it, and scope is volumes", out=_WIDEN)
        if held:
            return Verdict(Action.DELETE, chosen[live.key])
        return Verdict(Action.KEEP, "the backup does not hold it", out=_BY_HAND)
    if wanted.scope is Scope.NAMESPACE:
        holds = "holds it" if held else "does not hold it, and scope is namespace"
        return Verdict(Action.DELETE, f"the backup {holds}")
    if held:
        return _ended(ground, live) or Verdict(Action.DELETE, "the backup holds it")
    if wanted.extras is Extras.DELETE:
        return Verdict(Action.DELETE, "the backup does not hold it, and extras are deleted")
    return Verdict(Action.KEEP, "the backup does not hold it", out=_TAKE_EXTRAS)


def _ended(ground: Ground, live: Live) -> Verdict | None:
    """What has ended, and may have when it was backed up: then Velero does not restore it (restore.go,
    isCompleted), and nothing would come in its place."""
    if not live.ended or (live.key.namespace, live.key.name) in ground.data.pods:
        return None
    for _, name in live.mounts:
        claim = ground.find(Key(*kinds.CLAIM, live.key.namespace, name))
        if claim is None or claim.key not in ground.selected.held or not live.scheduled:
            continue
        if ground.protection.object(claim) is None:
            # Even a pod that has ended keeps its claim from going (Kubernetes 1.34, podUsesPVC).
            why = f"it has ended, and {claim.key}, which it mounts, can't go before it"
            return Verdict(Action.DELETE, why)
    return Verdict(Action.KEEP, "it has ended, and what has ended does not come back", out=_BY_HAND)


def _protect_what_is_made(ground: Ground, verdicts: dict[Key, Verdict]) -> None:
    """Whoever protects a Deployment wants its pods left alone: they would be made again at once."""
    waiting = [live for live in ground.live if verdicts[live.key].firm]
    while waiting:
        maker = waiting.pop()
        for live in ground.relations.dependents.get(maker.uid, ()):
            verdict = verdicts.get(live.key)
            if verdict is None or verdict.firm or ground.relations.owner(live) is not maker:
                continue
            if verdicts[maker.key].out == _LIFT:
                why = f"protected: {maker.key}, which controls it, is protected"
            else:
                why = f"{maker.key}, which controls it, stays"
            verdicts[live.key] = Verdict(Action.KEEP, why, firm=True, out=verdicts[maker.key].out)
            waiting.append(live)


def _about_volumes(ground: Ground) -> dict[Key, str]:
    """What scope volumes is about, and why: claims and pods with data, and whatever makes those pods."""
    chosen: dict[Key, str] = {}
    pods: list[Live] = []
    for namespace, name in ground.data.claims:
        claim = ground.find(Key(*kinds.CLAIM, namespace, name))
        if claim is not None:
            chosen[claim.key] = "its data comes back"
            pods += ground.relations.pods_using(claim)
    makers: list[Live] = []
    for namespace, name in ground.data.pods:
        pod = ground.find(key := Key(*kinds.POD, namespace, name))
        if pod is not None:
            pods.append(pod)
        else:
            makers += ground.adopters(key)
    for pod in pods:
        chosen[pod.key] = "data comes back into its volumes"
    for live in (*pods, *makers):
        for maker in _upwards(ground, live):
            chosen.setdefault(maker.key, "it would make, or adopt, pods into which data comes back")
    return chosen


def _upwards(ground: Ground, live: Live) -> Iterator[Live]:
    """The object and its controllers; owners that go round in a circle are seen once."""
    seen: set[str] = set()
    at: Live | None = live
    while at is not None and at.uid not in seen:
        seen.add(at.uid)
        yield at
        at = ground.relations.owner(at)


def _take_dependents(ground: Ground, verdicts: dict[Key, Verdict]) -> None:
    """What its controller made goes with it, and so does what that made. Claims do not: they hold data."""
    relations = ground.relations
    waiting = [live for live in ground.live if verdicts[live.key].action is Action.DELETE]
    while waiting:
        owner = waiting.pop()
        for live in relations.dependents.get(owner.uid, ()):
            verdict = verdicts.get(live.key)
            if verdict is None or verdict.action is not Action.KEEP or verdict.firm:
                continue
            controller = relations.owner(live)
            if controller is not None and _goes_along(ground, verdicts, live, controller):
                verdicts[live.key] = Verdict(Action.DELETE, f"it goes with {controller.key}")
                waiting.append(live)
    for live in ground.live:
        controller = relations.owner(live)
        verdict = verdicts[live.key]
        if controller is None or verdict.action is not Action.DELETE:
            continue
        # An owner that is not known may exist: the garbage collector would then leave it.
        if relations.knows_owners(live) and _all_deleted(ground, verdicts, live):
            verdicts[live.key] = replace(verdict, by=controller.key)


def _goes_along(ground: Ground, verdicts: dict[Key, Verdict], live: Live, controller: Live) -> bool:
    if kinds.of(live.key) == kinds.CLAIM and kinds.of(controller.key) != kinds.POD:
        return False
    return _all_deleted(ground, verdicts, live)


def _all_deleted(ground: Ground, verdicts: dict[Key, Verdict], live: Live) -> bool:
    """Whether none of its owners stays, so that the garbage collector takes it."""
    return all(
        (found := verdicts.get(owner.key)) is not None and found.action is Action.DELETE
        for owner in ground.relations.owners(live)
    )
