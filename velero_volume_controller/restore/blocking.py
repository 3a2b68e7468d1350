"""What stands against deleting an object that should go. Pure.

A plan in which anything is blocked is refused, so what is in doubt is blocked, and the reason says how to
get out of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.contents import CONTENTS_COMMAND
from velero_volume_controller.restore.ground import Ground, Verdict
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.planned import Action
from velero_volume_controller.velero.model.backup_contents import Key

#: Finalizers of the garbage collector's own.
_OF_THE_COLLECTOR: Final = frozenset({"foregroundDeletion", "orphan"})
_OR_PROTECT: Final = ", or protect this one"


def block(ground: Ground, verdicts: dict[Key, Verdict]) -> None:
    """Turn every deletion that something stands against into a blocked one, and what hangs on it.

    In rounds: each looks at what the one before left, so the outcome hangs on no order. It only ever
    grows, so it ends.
    """
    rules = _Rules(ground, verdicts, frozenset(_deleted(verdicts)))
    waiting = {live.key: live for live in ground.live}
    while waiting:
        blocked = {
            key: why
            for key, live in sorted(waiting.items())
            if verdicts[key].action is Action.DELETE and (why := rules.against(live)) is not None
        }
        for key, why in blocked.items():
            verdicts[key] = replace(verdicts[key], action=Action.BLOCKED, reason=why, by=None)
        waiting = {live.key: live for key in blocked for live in rules.touched(key) if live.key in verdicts}


def operators_finalizer(live: Live, allowed: Collection[str]) -> str | None:
    """A custom resource's finalizer that nobody has allowed for: its operator may delete more."""
    if not kinds.custom(live.key) or kinds.named(live.key) in allowed:
        return None
    return next((each for each in live.finalizers if each not in _OF_THE_COLLECTOR), None)


def _deleted(verdicts: Mapping[Key, Verdict]) -> Iterator[Key]:
    return (key for key, verdict in verdicts.items() if verdict.action is Action.DELETE)


@dataclass(frozen=True, slots=True)
class _Rules:
    """``at_first`` were to be deleted before anything was blocked: with fewer owners that stay, more goes."""

    ground: Ground
    verdicts: Mapping[Key, Verdict]
    at_first: frozenset[Key]
    allowed: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "allowed", frozenset(self.ground.given.wanted.allow_kinds))

    def touched(self, key: Key) -> Iterator[Live]:
        """What may be blocked now that this one is."""
        live = self.ground.find(key)
        assert live is not None, "what is blocked is live"
        relations = self.ground.relations
        yield from relations.dependents.get(live.uid, ())
        yield from relations.owners(live)
        yield from relations.pods_using(live) if kinds.of(key) == kinds.CLAIM else ()
        for _, claim in live.mounts:
            if (mounted := self.ground.find(Key(*kinds.CLAIM, key.namespace, claim))) is not None:
                yield mounted

    def against(self, live: Live) -> str | None:
        """Why it can't be deleted, or None."""
        return (
            self._finalizers(live)
            or self._controller(live)
            or self._dependents(live)
            or (self._claim(live) if kinds.of(live.key) == kinds.CLAIM else None)
            or (overwritten(self.ground, self.verdicts, live.key) if self._restored_pod(live) else None)
        )

    def _restored_pod(self, live: Live) -> bool:
        return kinds.of(live.key) == kinds.POD and live.key in self.ground.selected.held

    def _finalizers(self, live: Live) -> str | None:
        if (finalizer := operators_finalizer(live, self.allowed)) is None:
            return None
        return (
            f"its finalizer {finalizer} is an operator's, which may delete what lies outside the cluster;"
            f" allow it by allowKinds: [{kinds.named(live.key)}], or protect it"
        )

    def _controller(self, live: Live) -> str | None:
        if live.controller is None:
            return None
        owner = self.ground.relations.owner(live)
        if owner is None:
            name = f"{live.controller.kind} {live.controller.name}"
            return (
                f"{name}, which controls it, is not among the objects; give all kinds, or protect it if that"
                " is gone"
            )
        verdict = self.verdicts.get(owner.key)
        if (verdict is not None and verdict.action is Action.DELETE) or owner.ended:
            return None
        return f"{owner.key}, which controls it and would make it again, {_stays(verdict)}{_OR_PROTECT}"

    def _dependents(self, live: Live) -> str | None:
        for each in self.ground.relations.dependents.get(live.uid, ()):
            verdict = self.verdicts.get(each.key)
            if verdict is not None and verdict.action is Action.DELETE:
                continue
            if not each.key.namespace and live.key.namespace:
                continue  # the garbage collector leaves it
            if all(owner.key in self.at_first for owner in self.ground.relations.owners(each)):
                return f"{each.key}, which it owns and which would go with it, {_stays(verdict)}{_OR_PROTECT}"
        return None

    def _claim(self, live: Live) -> str | None:
        for pod in self.ground.relations.pods_using(live):
            verdict = self.verdicts.get(pod.key)
            if pod.scheduled and (verdict is None or verdict.action is not Action.DELETE):
                return f"it would never go: {pod.key}, which mounts it, {_stays(verdict)}{_OR_PROTECT}"
        owner = self.ground.relations.owner(live)
        ephemeral = owner is not None and kinds.of(owner.key) == kinds.POD
        if live.key not in self.ground.selected.held or not live.volume or ephemeral:
            return None
        return self._data(live)

    def _data(self, claim: Live) -> str | None:
        """Whether what is in it comes back."""
        data, where = self.ground.data, (claim.key.namespace, claim.key.name)
        if where not in data.claims:
            if not data.known:
                return (
                    "it can't be told whether the backup has its data: give what"
                    f" {CONTENTS_COMMAND} prints, or protect it to keep it as it is"
                )
            if any(namespace == where[0] for namespace, _ in data.unresolved):
                return (
                    "it can't be told whether the backup has its data: give the PodVolumeBackups of velero.io"
                    " among the objects, or protect it to keep it as it is"
                )
            return _without_data(claim, self.ground.relations.bound(claim))
        if not data.claims[where]:
            return None
        return waits(self.ground, claim.key, claim.volume)


def _without_data(claim: Live, bound: Live | None) -> str:
    if bound is not None and bound.stays:
        return (
            f"its data is not in the backup: {bound.key} would keep it, but with no claim to it; protect"
            f" {claim.key} to keep it as it is"
        )
    return "its data is not in the backup and would be lost; protect it to keep it as it is"


def waits(ground: Ground, claim: Key, volume: str) -> str | None:
    """Why a snapshot of a claim would not be restored: Velero waits until the PersistentVolume of that name
    is gone, in vain if that stays (restore.go, shouldRestore). ``volume`` is the one that the claim has now.

    Only for native snapshots: for CSI's a new volume is provisioned.
    """
    if (claim.namespace, claim.name) not in ground.data.native:
        return None
    name = ground.data.native[claim.namespace, claim.name] or volume
    if not name:
        return None
    live = ground.find(Key(*kinds.VOLUME, "", name))
    if live is None and name != volume:
        return None
    if live is None:
        return (
            f"PersistentVolume {name} is not among the objects, and if it is retained, Velero waits for it to"
            " go; give all kinds"
        )
    if live.stays and (live.claim is None or live.claim == (claim.namespace, claim.name)):
        return (
            f"{live.key} is retained, and Velero waits for it to go before it restores a snapshot; set its"
            " persistentVolumeReclaimPolicy to Delete, or delete it by hand if its claim is gone"
        )
    return None


def _stays(verdict: Verdict | None) -> str:
    """What stands against it, and the way out."""
    if verdict is None:
        return "is outside of this plan; delete that by hand"
    if verdict.action is Action.BLOCKED:
        return "is blocked; see there"
    return f"stays ({verdict.reason}); {verdict.out}"


def overwritten(ground: Ground, verdicts: Mapping[Key, Verdict], pod: Key) -> str | None:
    """Why a pod may not come back: Velero would write its data into a claim that is to stay as it is."""
    where = (pod.namespace, pod.name)
    for name in sorted(_claims_of(ground, pod)):
        verdict = verdicts.get(Key(*kinds.CLAIM, pod.namespace, name))
        if verdict is not None and verdict.action is not Action.DELETE:
            return (
                f"Velero would write its data into PersistentVolumeClaim {pod.namespace}/{name}, which"
                f" {_stays(verdict)}{_OR_PROTECT if ground.find(pod) else ''}"
            )
    if where not in ground.data.unresolved:
        return None
    for key in _staying_claims(verdicts, pod.namespace):
        if key in ground.selected.held:
            return (
                f"it can't be told whether Velero would write its data into {key}, which stays; give the"
                " PodVolumeBackups of velero.io among the objects"
            )
    return None


def _claims_of(ground: Ground, pod: Key) -> Iterable[str]:
    """Those into which data comes back with the pod, as far as it is known, or may come."""
    found = ground.data.pods.get((pod.namespace, pod.name), frozenset())
    live = ground.find(pod)
    if ground.data.known or live is None:
        return found
    return found | {claim for _, claim in live.mounts}


def _staying_claims(verdicts: Mapping[Key, Verdict], namespace: str) -> Iterator[Key]:
    for key, verdict in verdicts.items():
        if key.namespace == namespace and kinds.of(key) == kinds.CLAIM and verdict.action is Action.KEEP:
            yield key
