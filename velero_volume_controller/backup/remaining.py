"""How much longer a set takes: what was planned, corrected by how long it has taken so far. Pure.

The plan knows nodes and volumes; the status does not. So the shards that are left are
put one after another into as many places as were seen in use, at the pace of those
that have ended; where none has, at the pace at which the plan's own end comes out.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

#: What is still needed of a Backup that should have ended by now, in seconds: it is checked and stored.
LEAST: Final = 5.0
#: A pace beyond these says that the prediction was none, and not how fast it goes.
_SLOWEST, _FASTEST = 20.0, 0.05


@dataclass(frozen=True, slots=True)
class Work:
    """A shard, in seconds. ``predicted`` is how long its Backup takes, as planned.

    ``taken`` is how long the Backup took that completed, None if none has. ``running``: how long the present
    one has run, None if there is none. ``data_left``: what its volumes still need at their rate.
    ``wait``: how long it must not begin, None if it is not to be begun at all.
    """

    lane: str
    predicted: float
    taken: float | None = None
    running: float | None = None
    data_left: float = 0.0
    wait: float | None = 0.0

    @property
    def waits(self) -> bool:
        """A Backup of it is still to be begun."""
        return self.taken is None and self.running is None and self.wait is not None


def pace(works: Sequence[Work], makespan: float, places: dict[str, int]) -> float:
    """Seconds that a predicted second takes. ``makespan`` is the plan's for all of them; 0 if not known."""
    total = sum(_predicted(work) for work in works)
    if not works:
        return 1.0
    alone = _schedule(((work.lane, _predicted(work), 0.0) for work in works), (), places)
    crowded = max(1.0, makespan / alone)
    spent = sum(_predicted(work) * crowded if work.taken is None else work.taken for work in works)
    return min(max(spent / total, _FASTEST), _SLOWEST)


def left(work: Work, speed: float) -> float:
    """Seconds that the running Backup of this shard still needs."""
    if work.running is None:
        return 0.0
    return max(_predicted(work) * speed - work.running, work.data_left, LEAST)


def finish(works: Iterable[Work], places: dict[str, int], speed: float) -> float:
    """Seconds until all have ended: what runs first, then the longest that wait."""
    found = list(works)
    busy = [(work.lane, left(work, speed)) for work in found if work.running is not None]
    waiting = [(work.lane, _predicted(work) * speed, work.wait or 0.0) for work in found if work.waits]
    return _schedule(waiting, busy, places)


def share(work: Work, speed: float) -> float:
    """How much of the running Backup's time is over, from 0 to 1."""
    if work.running is None:
        return 0.0
    return work.running / (work.running + left(work, speed))


def places(intervals: Iterable[tuple[str, float, float]]) -> dict[str, int]:
    """By lane, how many Backups have run at the same time; each is (lane, begun, ended)."""
    marks: dict[str, list[tuple[float, int]]] = {}
    for lane, begun, ended in intervals:
        marks.setdefault(lane, []).extend(((begun, 1), (ended, -1)))
    found: dict[str, int] = {}
    for lane, changes in marks.items():
        now = most = 0
        # At the same moment what ends makes place for what begins.
        for _, change in sorted(changes):
            now += change
            most = max(most, now)
        found[lane] = most
    return found


def _predicted(work: Work) -> float:
    return max(work.predicted, 1.0)


def _schedule(
    waiting: Iterable[tuple[str, float, float]], busy: Iterable[tuple[str, float]], places: dict[str, int]
) -> float:
    """When the last has ended; each that waits is (lane, seconds, not before)."""
    ends: dict[str, list[float]] = {}
    for lane, until in busy:
        heapq.heappush(ends.setdefault(lane, []), until)
    last = max((until for heap in ends.values() for until in heap), default=0.0)
    for lane, seconds, before in sorted(waiting, key=lambda each: (each[2], -each[1])):
        heap = ends.setdefault(lane, [])
        free = heapq.heappop(heap) if len(heap) >= max(places.get(lane, 1), 1) else 0.0
        until = max(free, before) + seconds
        heapq.heappush(heap, until)
        last = max(last, until)
    return last
