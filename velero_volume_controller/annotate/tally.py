"""How many pods were decided which way, exact at any time."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from velero_volume_controller.annotate.plan import Plan, PlanAction
from velero_volume_controller.kube.watches import Key
from velero_volume_controller.policy import PodDecision


class Decided(StrEnum):
    """The label ``decision`` of the metric ``vvc_pods``; the first that holds counts."""

    #: The annotation could not be written, and is tried again.
    FAILED = "failed"
    #: Somebody else's annotation, which says something other than the rules.
    FOREIGN = "foreign"
    #: Some volume is backed up of which it could not be seen whether Velero would take it.
    UNCHECKED = "unchecked"
    #: Some volume is backed up.
    BACKUP = "backup"
    SKIP = "skip"
    #: Not decided by this process: it does not lead, or has not come to it yet.
    UNDECIDED = "undecided"


def decided(decision: PodDecision, planned: Plan) -> Decided:
    """Which way a pod was decided."""
    if planned.action is PlanAction.FOREIGN:
        return Decided.FOREIGN
    result = Decided.SKIP
    for volume in decision.volumes:
        if volume.backup:
            if volume.unchecked is not None:
                return Decided.UNCHECKED
            result = Decided.BACKUP
    return result


class Tally:
    """Counts as decisions are made, and forgets pods as they go."""

    def __init__(self) -> None:
        self._ways: dict[Key, Decided] = {}
        self._counts: Counter[Decided] = Counter()

    def note(self, key: Key, way: Decided) -> None:
        """The pod was decided, for the first time or again."""
        before = self._ways.get(key)
        if before is way:
            return
        if before is not None:
            self._counts[before] -= 1
        self._ways[key] = way
        self._counts[way] += 1

    def forget(self, key: Key) -> None:
        """The pod is gone."""
        before = self._ways.pop(key, None)
        if before is not None:
            self._counts[before] -= 1

    def clear(self) -> None:
        """This process no longer decides."""
        self._ways.clear()
        self._counts.clear()

    def count(self, way: Decided) -> int:
        """How many pods were last decided this way."""
        return self._counts[way]

    @property
    def total(self) -> int:
        """How many pods were decided."""
        return len(self._ways)
