"""Cutting namespaces into shards: as few as reach the shortest end. Pure.

Each Backup costs seconds of its own, and its Restore waits for all the others'. So a cut
begins with few shards, and more are taken only where the simulation gains by them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from velero_volume_controller.backup.costs import LISTING_SECONDS
from velero_volume_controller.backup.groups import Group
from velero_volume_controller.backup.simulate import Job, Pod, Velero, by_node, least, make_pod, makespan
from velero_volume_controller.backup.work import PlannedVolume

#: Fewer shards are taken if they take no longer than this much more.
WORTH: Final = 1.02
#: A group lives on a node if so much of its data is there.
_AT_HOME: Final = 0.6
#: How many volumes may be simulated over all cuts that are tried: about a quarter of a second.
_BUDGET: Final = 30_000


@dataclass(frozen=True)
class Piece:
    """A group of namespaces with its predicted volumes, in the order in which a Backup takes them."""

    group: Group
    volumes: tuple[PlannedVolume, ...]
    velero: Velero

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        """Its pods that have volumes."""
        return pods_of(self.volumes, self.velero)

    @cached_property
    def listing(self) -> float:
        """Seconds that Velero takes to list its namespaces."""
        return LISTING_SECONDS * len(self.group.namespaces)

    @cached_property
    def work(self) -> float:
        """Seconds that it makes a Backup longer, at least."""
        return self.listing + least(self.pods, self.nodes, self.velero)

    @cached_property
    def workers(self) -> float:
        """Seconds of all of a Backup's item workers together, and the listing."""
        return self.listing + sum(pod.least for pod in self.pods) / self.velero.workers

    @cached_property
    def nodes(self) -> dict[str, float]:
        """Seconds of volume data by node."""
        return by_node(self.pods)

    @cached_property
    def home(self) -> str:
        """The node where most of its data is; empty if it has none, or is spread."""
        total = sum(self.nodes.values())
        node = min(self.nodes, key=lambda name: (-self.nodes[name], name), default="")
        return node if total and self.nodes[node] >= _AT_HOME * total else ""


Cut = tuple[tuple[Piece, ...], ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a lane's shards will run. ``fixed``: seconds of a Backup beyond its pods; ``others``: Backups
    that are made besides the shards."""

    lane: str
    velero: Velero
    fixed: float
    others: tuple[Job, ...] = ()


def pods_of(volumes: Iterable[PlannedVolume], velero: Velero) -> tuple[Pod, ...]:
    """Neighbours of one pod, joined."""
    found: dict[tuple[str, str], tuple[str, list[float]]] = {}
    for each in volumes:
        volume = each.volume
        found.setdefault((volume.namespace, volume.pod), (volume.node, []))[1].append(each.seconds)
    return tuple(make_pod(node, tuple(seconds), velero) for node, seconds in found.values())


def job(name: str, lane: str, shard: Sequence[Piece], fixed: float) -> Job:
    """The Backup of a shard, as simulated. ``fixed`` is what a Backup of this lane takes beyond its pods."""
    velero = shard[0].velero
    namespaces = sum(len(piece.group.namespaces) for piece in shard)
    pieces = sorted(shard, key=lambda piece: piece.group.name)
    if any(len(piece.group.namespaces) > 1 for piece in pieces):
        volumes = sorted(
            (each for piece in pieces for each in piece.volumes),
            key=lambda each: (each.volume.namespace, each.volume.pod),
        )
        pods = pods_of(volumes, velero)
    else:
        pods = tuple(pod for piece in pieces for pod in piece.pods)
    before = fixed / 2 + LISTING_SECONDS * max(0, namespaces - 1)
    return Job(name, lane, pods, before, fixed / 2, velero, any(piece.group.first for piece in shard))


def best_cut(pieces: Sequence[Piece], ground: Ground, most: int) -> Cut:
    """The cut of one lane's namespaces with the shortest simulated end, and few shards."""
    lane, velero, fixed = ground.lane, ground.velero, ground.fixed
    forced, free = _forced(pieces, velero.slots)
    volumes = max(1, sum(len(piece.volumes) for piece in pieces))
    tries = max(2, _BUDGET // volumes)
    target = lower_bound(pieces, ground) * WORTH
    tried: list[tuple[float, int, Cut]] = []
    for cut in _cuts(free, max(1, most - len(forced)), velero, tries):
        whole = (*forced, *cut)
        jobs = [job(str(number), lane, shard, fixed) for number, shard in enumerate(whole)]
        end = makespan([*jobs, *ground.others], {lane: velero})
        tried.append((end, len(tried), whole))
        if end <= target:
            break
    shortest = min(end for end, _, _ in tried)
    return min(
        (each for each in tried if each[0] <= shortest * WORTH), key=lambda each: (len(each[2]), each[:2])
    )[2]


def lower_bound(pieces: Sequence[Piece], ground: Ground) -> float:
    """Seconds that no cut and no order can fall below.

    The longest group, as it can't be cut; each node's data at its capacity; and, for the best number of
    shards, all work in as many slots as there are shards, and all Backups' fixed times over all slots.
    """
    others = [other.alone for other in ground.others]
    if not pieces:
        return max(others, default=0.0)
    nodes: dict[str, float] = {}
    for piece in pieces:
        for node, seconds in piece.nodes.items():
            nodes[node] = nodes.get(node, 0.0) + seconds
    busiest = max((seconds / ground.velero.capacity(node) for node, seconds in nodes.items()), default=0.0)
    longest = max(piece.work for piece in pieces) - LISTING_SECONDS
    # A Backup's first namespace is listed in its fixed time.
    work = sum(piece.workers for piece in pieces)
    slots = ground.velero.slots
    shared = min(
        max(
            work / min(shards, slots) - LISTING_SECONDS + ground.fixed,
            (work + shards * (ground.fixed - LISTING_SECONDS) + sum(others)) / slots,
        )
        for shards in range(1, min(slots, len(pieces)) + 1)
    )
    return max(ground.fixed + longest, ground.fixed + busiest, shared, *others)


def _forced(pieces: Sequence[Piece], slots: int) -> tuple[list[tuple[Piece, ...]], list[Piece]]:
    """Shards of their own: what is to be alone, and what has failed, the worst as far as there are slots."""
    failed = sorted(
        (piece for piece in pieces if piece.group.failures and not piece.group.alone),
        key=lambda piece: (-piece.group.failures, piece.group.name),
    )[:slots]
    apart = {piece.group.name for piece in failed}
    forced: list[tuple[Piece, ...]] = [
        (piece,) for piece in pieces if piece.group.alone or piece.group.name in apart
    ]
    free = [piece for piece in pieces if not piece.group.alone and piece.group.name not in apart]
    return forced, free


def _cuts(pieces: Sequence[Piece], most: int, velero: Velero, tries: int) -> Iterator[Cut]:
    """Cuts to try, those of few shards first."""
    if not pieces:
        yield ()
        return
    first = [piece for piece in pieces if piece.group.first]
    rest = [piece for piece in pieces if not piece.group.first]
    ways = (_by_node, _by_time) if tries < 8 else (_by_node, _by_time, _by_both)
    seen: set[frozenset[frozenset[str]]] = set()
    for number in _numbers(len(pieces), most, velero, pieces, tries // len(ways)):
        for way in ways:
            parts = _shares(number, first, rest)
            cut = tuple(tuple(shard) for part, share in parts for shard in way(part, share, velero) if shard)
            names = frozenset(frozenset(piece.group.name for piece in shard) for shard in cut)
            if names not in seen:
                seen.add(names)
                yield cut


def _shares(number: int, first: Sequence[Piece], rest: Sequence[Piece]) -> list[tuple[Sequence[Piece], int]]:
    """How many shards go to those that are first, and how many to the others."""
    if not first or not rest or number == 1:
        return [([*first, *rest], number)]
    work = sum(piece.work for piece in first)
    share = round(number * work / (work + sum(piece.work for piece in rest)))
    ahead = min(max(1, share), max(1, number - 1))
    return [(first, ahead), (rest, max(1, number - ahead))]


def _numbers(groups: int, most: int, velero: Velero, pieces: Sequence[Piece], tries: int) -> list[int]:
    """Numbers of shards to try, ascending; with few tries those that matter most."""
    nodes = len({piece.home for piece in pieces})
    limit = min(groups, most)
    by_weight = [velero.slots, 2 * velero.slots, nodes, 4 * velero.slots, 3 * velero.slots, 2 * nodes]
    by_weight += range(1, limit + 1)
    found = dict.fromkeys(min(max(1, number), limit) for number in by_weight)
    return sorted(list(found)[: max(1, tries)])


def _by_time(pieces: Sequence[Piece], number: int, velero: Velero) -> list[list[Piece]]:
    """Longest first, each into the shard with the least work."""
    return _longest_first(pieces, number)


def _longest_first(pieces: Iterable[Piece], number: int) -> list[list[Piece]]:
    shards: list[list[Piece]] = [[] for _ in range(number)]
    heap = [(0.0, place) for place in range(number)]
    for piece in sorted(pieces, key=lambda piece: (-piece.work, piece.group.name)):
        work, place = heap[0]
        shards[place].append(piece)
        heapq.heapreplace(heap, (work + piece.work, place))
    return shards


def _by_node(pieces: Sequence[Piece], number: int, velero: Velero) -> list[list[Piece]]:
    """Those that live on one node together, in as many shards as its work deserves."""
    homes: dict[str, list[Piece]] = {}
    for piece in pieces:
        homes.setdefault(piece.home, []).append(piece)
    work = {node: sum(piece.work for piece in there) for node, there in homes.items()}
    if number < len(homes):
        return _join_nodes(homes, work, number)
    shares = dict.fromkeys(sorted(homes), 1)
    heap = [(-work[node], node) for node in shares]
    heapq.heapify(heap)
    for _ in range(number - len(homes)):
        _, node = heap[0]
        shares[node] += 1
        heapq.heapreplace(heap, (-work[node] / shares[node], node))
    return [shard for node, share in shares.items() for shard in _longest_first(homes[node], share)]


def _join_nodes(
    homes: Mapping[str, list[Piece]], work: Mapping[str, float], number: int
) -> list[list[Piece]]:
    shards: list[list[Piece]] = [[] for _ in range(number)]
    heap = [(0.0, place) for place in range(number)]
    for node in sorted(homes, key=lambda node: (-work[node], node)):
        load, place = heap[0]
        shards[place].extend(homes[node])
        heapq.heapreplace(heap, (load + work[node], place))
    return shards


def _by_both(pieces: Sequence[Piece], number: int, velero: Velero) -> list[list[Piece]]:
    """Longest first, each where work and the node that it loads most grow least."""
    shards: list[list[Piece]] = [[] for _ in range(number)]
    work = [0.0] * number
    loads: list[dict[str, float]] = [{} for _ in range(number)]
    for piece in sorted(pieces, key=lambda piece: (-piece.work, piece.group.name)):

        def grown(place: int, piece: Piece = piece) -> tuple[float, float, int]:
            load = loads[place]
            busiest = max(
                ((load.get(node, 0.0) + more) / velero.capacity(node) for node, more in piece.nodes.items()),
                default=0.0,
            )
            known = sum(more for node, more in piece.nodes.items() if node in load)
            return max(work[place] + piece.work, busiest), -known, place

        place = min(range(number), key=grown)
        shards[place].append(piece)
        work[place] += piece.work
        for node, more in piece.nodes.items():
            loads[place][node] = loads[place].get(node, 0.0) + more
    return shards
