"""The plan of a CleanRestore: every object, what becomes of it, and why. Pure.

``Input -> Plan``: nothing else is asked, so the same input gives the same plan, whatever order it comes in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from velero_volume_controller.api.cleanrestore import Scope
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.blocking import block, overwritten, waits
from velero_volume_controller.restore.contents import CONTENTS_COMMAND
from velero_volume_controller.restore.ground import Ground, Verdict, survey
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.order import clearing, quiescing
from velero_volume_controller.restore.plan_hash import plan_hash
from velero_volume_controller.restore.planned import Action, Input, Plan, Planned, PlanRefused
from velero_volume_controller.restore.wishes import wishes
from velero_volume_controller.velero.model.backup_contents import Key

_NEVER: Final = "cluster-scoped objects are never deleted, and Velero leaves alone what is there"
_GOING: Final = "its claim is gone, and it is about to go, too"
_THERE_NOT: Final = "the backup holds it, and it is not there"


def make_plan(given: Input) -> Plan:
    """Decide about every object. Raises PlanRefused if what is asked for contradicts backup or cluster."""
    ground = survey(given)
    if given.wanted.scope is Scope.VOLUMES and not ground.data.known and not ground.data.claims:
        raise PlanRefused(
            "spec.scope is volumes, and the contents do not say of which volumes the backup has data; give"
            f" what {CONTENTS_COMMAND} prints"
        )
    verdicts = wishes(ground)
    block(ground, verdicts)
    objects = [_settled(ground, verdicts, live) for live in ground.live]
    objects += _created(ground, verdicts)
    objects += _cluster(ground, verdicts)
    objects.sort(key=lambda each: each.key)
    deleted = [each for each in objects if each.action is Action.DELETE]
    return Plan(
        given.wanted,
        given.contents.backups,
        tuple(objects),
        quiescing(ground, deleted),
        clearing(deleted),
        plan_hash(given, objects),
        (*given.contents.notes, *given.cluster.notes, *ground.selected.notes, *_notes(ground)),
        ground.selected.targets,
        ground.selected.everything,
    )


def _settled(ground: Ground, verdicts: Mapping[Key, Verdict], live: Live) -> Planned:
    """A pod that nobody controls now comes back with the labels that it had, and may be adopted then."""
    verdict, pod = verdicts[live.key], kinds.of(live.key) == kinds.POD
    comes_back = verdict.action is Action.DELETE and live.key in ground.selected.held
    if pod and comes_back and live.controller is None and (why := _adopted(ground, verdicts, live.key)):
        verdict = Verdict(Action.BLOCKED, why)
    return _live(live, verdict)


def _live(live: Live, verdict: Verdict) -> Planned:
    root = live.controller is None
    return Planned(live.key, verdict.action, verdict.reason, live.uid, live.mark, root, verdict.by)


def _created(ground: Ground, verdicts: Mapping[Key, Verdict]) -> Iterator[Planned]:
    """The namespaced objects that the backup holds and the cluster does not."""
    for key in ground.selected.held:
        if ground.find(key) is not None:
            continue
        why = None
        if kinds.of(key) == kinds.POD:
            why = _adopted(ground, verdicts, key) or overwritten(ground, verdicts, key)
        elif kinds.of(key) == kinds.CLAIM:
            why = waits(ground, key, "")
        if why is None:
            yield Planned(key, Action.CREATE, _THERE_NOT)
        else:
            yield Planned(key, Action.BLOCKED, why)


def _adopted(ground: Ground, verdicts: Mapping[Key, Verdict], pod: Key) -> str | None:
    """Why data would not come back with a pod. Without data, it is no loss that the workload has others."""
    if ground.data.known and (pod.namespace, pod.name) not in ground.data.pods:
        return None
    for workload in ground.adopters(pod):
        verdict = verdicts[workload.key]
        if verdict.action is not Action.DELETE and not workload.ended:
            way_out = "see there" if verdict.action is Action.BLOCKED else verdict.out
            return (
                f"{workload.key} stays ({verdict.reason}), and would adopt or delete this pod, into which"
                f" data comes back; {way_out}"
            )
    return None


def _cluster(ground: Ground, verdicts: Mapping[Key, Verdict]) -> Iterator[Planned]:
    yield from _namespaces(ground)
    volumes = {each.key: each for each in _volumes(ground, verdicts)}
    yield from volumes.values()
    for key in ground.selected.cluster - volumes.keys():
        live = ground.find(key)
        if live is not None and _going(ground, live):
            # Not a root: that it is gone a moment later makes no plan stale.
            yield replace(_live(live, Verdict(Action.KEEP, _GOING)), root=False)
        elif live is not None:
            yield _live(live, Verdict(Action.KEEP, _NEVER))
        elif kinds.of(key) == kinds.VOLUME:
            yield Planned(
                key, Action.CREATE, "Velero restores it, or has another one provisioned in its place"
            )
        else:
            yield Planned(key, Action.CREATE, _THERE_NOT)


def _going(ground: Ground, live: Live) -> bool:
    """Whether it is a PersistentVolume of a claim that has been deleted, and not retained."""
    if kinds.of(live.key) != kinds.VOLUME or live.stays or live.claim is None:
        return False
    # Claims of other namespaces are not looked at.
    seen = kinds.CLAIM in ground.given.cluster.kinds and live.claim[0] in ground.selected.targets.values()
    return seen and ground.find(Key(*kinds.CLAIM, *live.claim)) is None


def _namespaces(ground: Ground) -> Iterator[Planned]:
    occupied = {live.key.namespace for live in ground.live}
    for name in ground.selected.targets.values():
        key = Key(*kinds.NAMESPACE, "", name)
        live = ground.find(key)
        if live is not None and live.terminating:
            why = "it is being deleted, and nothing can be made in it; wait until it is gone"
            yield _live(live, Verdict(Action.BLOCKED, why))
        elif live is not None:
            why = "a Namespace is never deleted, only what it holds"
            yield _live(live, Verdict(Action.KEEP, why))
        elif name not in occupied:
            yield Planned(key, Action.CREATE, "the restore needs it, and it is not there")


def _volumes(ground: Ground, verdicts: Mapping[Key, Verdict]) -> Iterator[Planned]:
    """The PersistentVolumes of the claims that go, and of those that would."""
    for claim in ground.live:
        verdict = verdicts[claim.key]
        bound = ground.relations.bound(claim) if kinds.of(claim.key) == kinds.CLAIM else None
        if bound is None or bound.claim != (claim.key.namespace, claim.key.name):
            continue
        if verdict.action is Action.DELETE and bound.stays:
            why = f"it stays Released, with its data, when {claim.key} goes: it is retained"
            yield _live(bound, Verdict(Action.KEEP, why))
        elif verdict.action is Action.DELETE:
            why = f"it goes with {claim.key}, and so does the data in it"
            yield _live(bound, Verdict(Action.DELETE, why, by=claim.key))
        elif verdict.action is Action.BLOCKED:
            yield _live(bound, Verdict(Action.KEEP, f"{claim.key}, which is bound to it, is blocked"))


def _notes(ground: Ground) -> Iterator[str]:
    """What can't be known, of these objects."""
    known = ground.given.cluster.kinds
    held = ground.selected.held | ground.selected.cluster
    unseen = sorted({kinds.of(key) for key in held} - known)
    if unseen:
        few = ", ".join(kind for _, kind in unseen[:8]) + (
            f" and {len(unseen) - 8} more" if unseen[8:] else ""
        )
        yield (
            f"The objects hold none of these kinds, of which the backup holds some: {few}. If there are any"
            " in the cluster after all, they are not cleared away, and Velero leaves them as they are."
        )
    if kinds.NAMESPACE not in known:
        yield "The objects hold no Namespaces: whether one of them is protected by a label can't be seen."
    if kinds.POD not in known and any(kinds.of(live.key) == kinds.CLAIM for live in ground.live):
        yield "The objects hold no Pods: whether one uses a claim that is to go can't be seen."
