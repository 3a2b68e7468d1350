"""What the steps of a plan share: the question, and the live objects that it is about. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.data import Data, coming_back
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.owners import Relations, relations
from velero_volume_controller.restore.planned import Action, Input
from velero_volume_controller.restore.protection import Protection, protection
from velero_volume_controller.restore.selection import Selected, select
from velero_volume_controller.velero.model.backup_contents import Key


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a live object so far.

    ``firm``: somebody protects it, so nothing takes it along. ``by``: it goes when this one goes.
    """

    action: Action
    reason: str
    firm: bool = False
    by: Key | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """``live`` are the objects in the namespaces that are restored, in the order of their keys."""

    given: Input
    protection: Protection
    selected: Selected
    relations: Relations
    data: Data
    live: tuple[Live, ...]

    def find(self, key: Key) -> Live | None:
        """The live object, wherever it is."""
        return self.given.cluster.objects.get(key)

    def adopters(self, pod: Key) -> Iterator[Live]:
        """Live workloads that would take a pod of this name for one of theirs, if nobody controls it.

        Velero takes the ownerReferences off what it restores; a workload then adopts what its selector fits,
        and deletes what is too many. That it is the one is told by the name, for controllers name pods after
        themselves: web-5d8f96-x7k2p, db-0.
        """
        name, dash, _ = pod.name.rpartition("-")
        for kind in sorted(kinds.ADOPTING) if dash else ():
            if (found := self.find(Key(*kind, pod.namespace, name))) is not None:
                yield found


def survey(given: Input) -> Ground:
    """Look the question over. Raises PlanRefused."""
    guard = protection(given.wanted.protect, given.velero, given.cluster)
    selected = select(given.wanted, given.contents, guard)
    targets = frozenset(selected.targets.values())
    live = (each for each in given.cluster.objects.values() if each.key.namespace in targets)
    return Ground(
        given,
        guard,
        selected,
        relations(given.cluster.objects),
        coming_back(given.contents, selected.targets, given.cluster),
        tuple(sorted(live, key=lambda each: each.key)),
    )
