"""Who owns whom, and what the garbage collector takes along. Pure.

Kubernetes 1.34, pkg/controller/garbagecollector: a dependent is deleted when none of its owners is left
that is not itself being deleted; until then only the references to the others are taken off it
(attemptToDeleteItem). A cluster-scoped one with a namespaced owner is never deleted
(namespacedOwnerOfClusterScopedObjectErr), and an owner in another namespace is none (isDangling).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.live import Live
from velero_volume_controller.velero.model.backup_contents import Key


@dataclass(frozen=True, slots=True)
class Relations:
    """Live objects by what ties them together; each list is in the order of the keys."""

    by_uid: Mapping[str, Live]
    dependents: Mapping[str, tuple[Live, ...]]
    users: Mapping[tuple[str, str], tuple[Live, ...]]
    volumes: Mapping[str, Live]

    def owner(self, live: Live) -> Live | None:
        """Its controller, where it is known."""
        return self._find(live.controller.uid, live) if live.controller else None

    def owners(self, live: Live) -> Iterator[Live]:
        """All of its owners that are known."""
        for reference in live.owners:
            if (owner := self._find(reference.uid, live)) is not None:
                yield owner

    def _find(self, uid: str, dependent: Live) -> Live | None:
        owner = self.by_uid.get(uid)
        reachable = owner is not None and owner.key.namespace in {"", dependent.key.namespace}
        return owner if reachable else None

    def knows_owners(self, live: Live) -> bool:
        """Whether every owner that it names is among the objects."""
        return all(reference.uid in self.by_uid for reference in live.owners)

    def pods_using(self, claim: Live) -> tuple[Live, ...]:
        """The pods that mount a claim."""
        return self.users.get((claim.key.namespace, claim.key.name), ())

    def bound(self, claim: Live) -> Live | None:
        """The PersistentVolume that a claim is bound to, where it is known."""
        return self.volumes.get(claim.volume) if claim.volume else None


def relations(objects: Mapping[Key, Live]) -> Relations:
    """Of all live objects, those outside of the plan's namespaces too: these must not go along unseen."""
    dependents: dict[str, list[Live]] = {}
    users: dict[tuple[str, str], list[Live]] = {}
    volumes: dict[str, Live] = {}
    for live in sorted(objects.values(), key=lambda each: each.key):
        for owner in live.owners:
            dependents.setdefault(owner.uid, []).append(live)
        for _, claim in live.mounts:
            users.setdefault((live.key.namespace, claim), []).append(live)
        if kinds.of(live.key) == kinds.VOLUME:
            volumes[live.key.name] = live
    return Relations(
        {live.uid: live for live in objects.values()},
        {uid: tuple(found) for uid, found in dependents.items()},
        {claim: tuple(found) for claim, found in users.items()},
        volumes,
    )
