"""Of two BackupSets over the same namespaces the older goes first. Pure.

Velero would run their Backups one after another anyway, in the order of their making:
interleaved, each set would take as long as both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from velero_volume_controller.api.conditions import find
from velero_volume_controller.backup import conditions
from velero_volume_controller.backup.attempts import due, under_way
from velero_volume_controller.backup.objects import BackupSet

#: Reasons for which a set waits that are not soon over.
_STARTS_NOTHING: Final = frozenset({"OutsideWindow", "DeadlinePassed", "LaneGone", "LaneDown"})


def held_by(found: BackupSet) -> list[str]:
    """The namespaces that this set still has to back up.

    One that can start nothing holds only what its Backups are at: it may stay paused for days, or its Velero
    away for ever.
    """
    phase = found.status.phase
    if found.spec is None or found.deleting or (phase is not None and phase.ended):
        return []
    retry, starts = found.spec.retry, not (found.spec.paused or _held_up(found))
    open_shards = (
        shard
        for shard in found.status.shards
        if under_way(shard) is not None or (starts and due(shard, retry) is not None)
    )
    return [namespace for shard in open_shards for namespace in shard.namespaces]


def _held_up(found: BackupSet) -> bool:
    known = find(found.status.conditions, conditions.PROGRESSING)
    return known is not None and known.status == "False" and known.reason in _STARTS_NOTHING


def held_by_older(found: BackupSet, others: Iterable[BackupSet]) -> dict[str, str]:
    """Namespaces that older sets hold, each with the name of such a set (namespace/name)."""
    held: dict[str, str] = {}
    for other in sorted(others, key=_age):
        if other.uid != found.uid and _age(other) < _age(found):
            for namespace in held_by(other):
                held.setdefault(namespace, f"{other.namespace}/{other.name}")
    return held


def _age(found: BackupSet) -> tuple[str, str, str]:
    """Sorts the oldest first; of those made in one second, the one that began first."""
    return found.created, found.status.started or "~", found.uid
