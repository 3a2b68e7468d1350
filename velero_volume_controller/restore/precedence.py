"""Which CleanRestores are at work in which namespaces, and who goes first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from velero_volume_controller.api.cleanrestore import RestorePhase
from velero_volume_controller.restore.objects import CleanRestore

_AT_WORK: Final = frozenset(
    {
        RestorePhase.VALIDATING,
        RestorePhase.UNDO_BACKUP,
        RestorePhase.QUIESCING,
        RestorePhase.CLEARING,
        RestorePhase.WAITING_GONE,
        RestorePhase.RESTORING,
        RestorePhase.VERIFYING,
    }
)


def held_by_others(found: CleanRestore, runs: Iterable[CleanRestore]) -> dict[str, str]:
    """The namespaces of this run's plan in which another is at work, and its name.

    Of two that are both about to begin the older goes first.
    """
    mine = _namespaces(found)
    held: dict[str, str] = {}
    for other in _ahead(found, runs):
        for namespace in mine & _namespaces(other):
            held.setdefault(namespace, other.name)
    return held


def _ahead(found: CleanRestore, runs: Iterable[CleanRestore]) -> Iterator[CleanRestore]:
    for other in runs:
        if other.uid == found.uid or other.namespace != found.namespace:
            continue
        phase = other.status.phase
        if phase not in _AT_WORK:
            continue
        if phase is not RestorePhase.VALIDATING or _age(other) < _age(found):
            yield other


def _age(found: CleanRestore) -> tuple[str, str]:
    return found.created, found.uid


def _namespaces(found: CleanRestore) -> frozenset[str]:
    return frozenset(found.status.plan.namespaces) if found.status.plan else frozenset()
