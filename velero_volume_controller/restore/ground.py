"""What the steps of a plan share: the question, and the live objects that it is about. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.data import Data, coming_back
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.owners import Relations, relations
from velero_volume_controller.restore.planned import Action, Input
from velero_volume_controller.restore.protection import Protection, protection
from velero_volume_controller.restore.selection import Selected, select
from velero_volume_controller.velero.model.backup_contents import Key

#: How many signs end the name of a pod that a ReplicaSet makes, and how many of its own name are left in it
#: (apiserver, pkg/storage/names/generate.go).
_RANDOM: Final = 5
_LONGEST_BASE: Final = 58


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a live object so far.

    ``firm``: somebody protects it, so nothing takes it along. ``by``: it goes when this one goes. ``out`` is
    what can be done about it that it is kept.
    """

    action: Action
    reason: str
    firm: bool = False
    by: Key | None = None
    out: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """``live`` are the objects in the namespaces that are restored, in the order of their keys.

    ``makers`` are workloads that adopt pods, by their namespace and what their pods' names begin with.
    """

    given: Input
    protection: Protection
    selected: Selected
    relations: Relations
    data: Data
    live: tuple[Live, ...]
    makers: Mapping[tuple[str, str], tuple[Live, ...]]

    def find(self, key: Key) -> Live | None:
        """The live object, wherever it is."""
        return self.given.cluster.objects.get(key)

    def adopters(self, pod: Key) -> Iterator[Live]:
        """Live workloads that would take a pod of this name for one of theirs, if nobody controls it.

        Velero takes the ownerReferences off what it restores; a workload then adopts what its selector fits,
        and deletes what is too many. That it is the one is told by the name, for controllers name pods after
        themselves: web-5d8f96-x7k2p, db-0.
        """
        numbered = pod.name.rpartition("-")[0] + "-"
        for base in sorted({numbered, pod.name[:-_RANDOM]}):
            yield from self.makers.get((pod.namespace, base), ())


def survey(given: Input) -> Ground:
    """Look the question over. Raises PlanRefused."""
    guard = protection(given.wanted.protect, given.velero, given.cluster)
    selected = select(given.wanted, given.contents, guard)
    targets = frozenset(selected.targets.values())
    live = [each for each in given.cluster.objects.values() if each.key.namespace in targets]
    makers: dict[tuple[str, str], list[Live]] = {}
    for each in live:
        if kinds.of(each.key) in kinds.ADOPTING:
            base = f"{each.key.name}-"
            if kinds.of(each.key) != kinds.STATEFUL_SET:
                base = base[:_LONGEST_BASE]
            makers.setdefault((each.key.namespace, base), []).append(each)
    return Ground(
        given,
        guard,
        selected,
        relations(given.cluster.objects),
        coming_back(given.contents, selected.targets, given.cluster),
        tuple(sorted(live, key=lambda each: each.key)),
        {base: tuple(sorted(found, key=lambda each: each.key)) for base, found in makers.items()},
    )
