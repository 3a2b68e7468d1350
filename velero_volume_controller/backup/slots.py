"""Where a Backup can be handed over: free slots, and other people's Backups in the way. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Final

from velero_volume_controller.api.backupset import Attempt, BackupSetSpec, Shard
from velero_volume_controller.backup.attempts import View, under_way
from velero_volume_controller.velero.model.backups import POST_PROCESSING, WAITING, Backup
from velero_volume_controller.velero.model.lanes import Lane

#: Seconds between two Backups that are handed to one Velero, unless the first has begun before. Of several
#: that come within milliseconds 1.18.3 left some Queued beside free slots until another ended: its queue
#: counts those that are about to start, and is not asked again (measured on the lab; one by one, each begins
#: within 0.2 s).
PACE: Final = 2.0

#: Seconds after which another's Backup that waits, in a Velero that runs none, holds no slot any more: 1.18
#: forgets a ReadyToStart one at a restart, and does not count it.
_FORGOTTEN: Final = 600.0


def limit(lane: Lane, spec: BackupSetSpec) -> int:
    """Backups that this lane takes at the same time: what the spec says, else what its Velero runs."""
    for choice in spec.lanes:
        if choice.namespace == lane.namespace and choice.slots is not None:
            return choice.slots
    return lane.slots


def free(shards: Sequence[Shard], view: View, spec: BackupSetSpec) -> dict[str, int]:
    """Slots left in each lane, other people's Backups counted."""
    held: dict[str, set[str]] = {lane: set() for lane in view.lanes}
    known: set[tuple[str, str]] = set()
    for shard in shards:
        known.update((attempt.lane, attempt.backup) for attempt in shard.attempts)
        attempt = under_way(shard)
        if attempt is not None and attempt.phase not in POST_PROCESSING:
            held.setdefault(attempt.lane, set()).add(attempt.backup)
    for key, backup in view.backups.items():
        if key not in known and backup.occupies and not _forgotten(backup, view):
            held.setdefault(backup.namespace, set()).add(backup.name)
    return {name: max(0, limit(lane, spec) - len(held[name])) for name, lane in view.lanes.items()}


def paced(left: Mapping[str, int], shards: Sequence[Shard], view: View) -> dict[str, int]:
    """Of the slots left in each lane those that are filled now: one at a time, and none too soon."""
    fresh = {attempt.lane for attempt in _fresh(shards, view)}
    return {lane: 0 if lane in fresh else min(1, count) for lane, count in left.items()}


def awaited(shards: Sequence[Shard], view: View) -> Iterator[float]:
    """In how many seconds the next may be handed over, where one was handed over just now."""
    for attempt in _fresh(shards, view):
        yield PACE - view.age(attempt.created)


def _fresh(shards: Sequence[Shard], view: View) -> Iterator[Attempt]:
    for shard in shards:
        attempt = under_way(shard)
        if attempt is not None and attempt.phase in WAITING and view.age(attempt.created) < PACE:
            yield attempt


def running(lane: str, view: View) -> int:
    """Backups that this lane's Velero is working on."""
    return sum(
        backup.namespace == lane and backup.occupies and not backup.waiting
        for backup in view.backups.values()
    )


def _forgotten(backup: Backup, view: View) -> bool:
    old = bool(backup.created) and view.age(backup.created) > _FORGOTTEN
    return backup.waiting and old and running(backup.namespace, view) == 0


def in_the_way(shard: Shard, view: View) -> Backup | None:
    """A Backup that has not ended and takes one of the namespaces of a shard that is not under way.

    Velero 1.18 makes the later of the two wait; in two lanes nothing does, and both would read the same
    volumes.
    """
    for backup in view.backups.values():
        if backup.occupies and overlaps(backup, shard.namespaces):
            return backup
    return None


def overlaps(backup: Backup, namespaces: Iterable[str]) -> bool:
    """Whether the Backup takes one of these namespaces: as Velero reads its two lists."""
    included = _any(backup.included_namespaces or ("*",))
    excluded = _any(backup.excluded_namespaces)
    return any(included(name) and not excluded(name) for name in namespaces)


@lru_cache(maxsize=256)
def _any(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether one of them fits a name. Fast, for there may be thousands of namespaces.

    Velero's patterns have ``*``, ``?`` and ``[abc]`` (pkg/util/wildcard), as fnmatch's.
    """
    names = frozenset(pattern for pattern in patterns if not set("*?[") & set(pattern))
    wild = [translate(pattern) for pattern in patterns if pattern not in names]
    if not wild:
        return names.__contains__
    fits = re.compile("|".join(wild)).match
    return lambda name: name in names or fits(name) is not None


def held_by_set(shard: Shard, blocked: Mapping[str, str]) -> tuple[str, str] | None:
    """A namespace of the shard that another running set holds, and that set."""
    return next(((name, blocked[name]) for name in shard.namespaces if name in blocked), None)
