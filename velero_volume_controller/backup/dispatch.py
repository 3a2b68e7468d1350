"""Which shards are started now: one policy, for the simulation and for the running set alike. Pure.

A node-agent takes only so many volumes at a time, however many Backups ask it: two
Backups that read one node at the same time gain nothing. So a free slot goes to the
shard that keeps the most pressing node busy, and to one whose nodes others already
fill only where no other waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """A shard as the dispatcher sees it.

    ``nodes``: seconds of volume data by node, one volume at a time. ``seconds``: how long the shard
    takes when nothing else runs. Of a running shard both are what remains, or both are the whole.
    """

    shard: str
    lane: str
    nodes: Mapping[str, float]
    seconds: float
    first: bool = False

    def demand(self) -> dict[str, float]:
        """Volumes that it keeps under way on each node, on average."""
        if self.seconds <= 0:
            return {}
        return {node: work / self.seconds for node, work in self.nodes.items() if work > 0}


def choose(
    waiting: Sequence[Load],
    running: Sequence[Load],
    free: Mapping[str, int],
    capacity: Callable[[str, str], int],
) -> list[str]:
    """The shards to start now, in this order.

    ``free`` are the slots left in each lane, ``capacity(lane, node)`` the volumes that the lane's agent on
    that node takes at the same time. No slot stays empty while a shard of its lane waits.
    """
    left = dict(free)
    busy = _demands(running)
    pressure = _pressure((*waiting, *running), capacity)
    candidates = sorted(waiting, key=lambda load: load.shard)
    chosen: list[str] = []
    while ready := [load for load in candidates if left.get(load.lane, 0) > 0]:
        best = min(ready, key=lambda load: _rank(load, busy, pressure, capacity))
        candidates.remove(best)
        left[best.lane] -= 1
        for node, demand in best.demand().items():
            key = (best.lane, node)
            busy[key] = busy.get(key, 0.0) + demand
        chosen.append(best.shard)
    return chosen


def _rank(
    load: Load,
    busy: Mapping[tuple[str, str], float],
    pressure: Mapping[tuple[str, str], float],
    capacity: Callable[[str, str], int],
) -> tuple[bool, bool, float, float]:
    """The smallest is started."""
    demand = load.demand()
    total = sum(demand.values())
    crowded = sum(
        min(wanted, max(0.0, busy.get((load.lane, node), 0.0) + wanted - capacity(load.lane, node)))
        for node, wanted in demand.items()
    )
    pressing = max((pressure[load.lane, node] for node in demand), default=0.0)
    return (not load.first, crowded > total / 2, -max(pressing, load.seconds), -load.seconds)


def _demands(loads: Iterable[Load]) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for load in loads:
        for node, demand in load.demand().items():
            found[load.lane, node] = found.get((load.lane, node), 0.0) + demand
    return found


def _pressure(loads: Iterable[Load], capacity: Callable[[str, str], int]) -> dict[tuple[str, str], float]:
    """Seconds of work that remain for each node of a lane, at its capacity."""
    found: dict[tuple[str, str], float] = {}
    for load in loads:
        for node, work in load.nodes.items():
            key = (load.lane, node)
            found[key] = found.get(key, 0.0) + work / capacity(load.lane, node)
    return found
