"""Cutting namespaces into shards: as few as reach the shortest end. Pure.

Each Backup costs seconds of its own, and its Restore waits for all the others'. So the
cuts that are tried begin with few shards, and more are taken only where the simulation
gains by them; of cuts that take equally long, the one is taken that is restored soonest.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from velero_volume_controller.backup.pieces import Cut, Ground, Piece, lower_bound
from velero_volume_controller.backup.simulate import Velero
from velero_volume_controller.backup.trials import Trial, attempt, improved, restoring

#: A cut that is restored sooner is taken if it takes no longer than this much more.
WORTH: Final = 1.02
#: How many of the cuts tried are improved by moving groups.
_IMPROVED: Final = 3
#: How many volumes may be simulated over all cuts that are tried: about a quarter of a second.
_BUDGET: Final = 30_000
#: How many cuts are tried however large, and however small, the cluster is.
_FEWEST: Final = 2
_MOST: Final = 120


def best_cut(pieces: Sequence[Piece], ground: Ground, most: int) -> Cut:
    """The cut of one lane's namespaces with the shortest simulated end, and few shards."""
    forced, free = _forced(pieces, ground.velero.slots, most)
    volumes = sum(len(piece.volumes) for piece in pieces)
    tries = min(max(_FEWEST, _BUDGET // max(1, volumes)), _MOST)
    target = lower_bound(pieces, ground) * WORTH
    tried: list[Trial] = []
    for cut in _cuts(free, max(1, most - len(forced)), ground.velero, tries):
        tried.append(attempt((*forced, *cut), len(forced), ground))
        if tried[-1].end <= target:
            break
    best = sorted(tried, key=lambda trial: trial.end)[:_IMPROVED]
    spare = max(0, tries - len(tried)) // len(best)
    tried += [improved(trial, ground, target, spare) for trial in best]
    shortest = min(trial.end for trial in tried)
    worth = [trial for trial in tried if trial.end <= shortest * WORTH]
    return min(worth, key=lambda trial: (restoring(trial.cut, ground), len(trial.cut), trial.end)).cut


def _forced(pieces: Sequence[Piece], slots: int, most: int) -> tuple[list[tuple[Piece, ...]], list[Piece]]:
    """Shards of their own: what is to be alone, and the worst of what has failed, as many as there are slots.

    One shard is left for the others, and for what is to go first another.
    """
    first = any(piece.group.first for piece in pieces if not piece.group.alone)
    room = most - sum(piece.group.alone for piece in pieces) - 1 - first
    failed = sorted(
        (piece for piece in pieces if piece.group.failures and not piece.group.alone),
        key=lambda piece: (-piece.group.failures, piece.group.name),
    )[: max(0, min(slots, room))]
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
    ways = (_by_node, _by_time) if tries < 8 else (_across_nodes, _by_node, _by_time, _by_both)
    seen: set[frozenset[frozenset[str]]] = set()
    for number in _numbers(len(pieces), most, velero, pieces, tries // len(ways)):
        for way in ways:
            parts = _shares(number, most, first, rest)
            cut = tuple(tuple(shard) for part, share in parts for shard in way(part, share, velero) if shard)
            names = frozenset(frozenset(piece.group.name for piece in shard) for shard in cut)
            if names not in seen:
                seen.add(names)
                yield cut


def _shares(
    number: int, most: int, first: Sequence[Piece], rest: Sequence[Piece]
) -> list[tuple[Sequence[Piece], int]]:
    """How many shards go to those that are first, and how many to the others; one to each if it may be."""
    if not first or not rest or most == 1:
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


def _across_nodes(pieces: Sequence[Piece], number: int, velero: Velero) -> list[list[Piece]]:
    """Each with something of every node, like with like: workers that reach several nodes keep them busy,
    and so does its Restore, which takes as long as its longest node."""
    homes: dict[str, list[Piece]] = {}
    for piece in pieces:
        homes.setdefault(piece.home, []).append(piece)
    shards: list[list[Piece]] = [[] for _ in range(number)]
    for node in sorted(homes):
        for shard, more in zip(shards, _longest_first(homes[node], number), strict=True):
            shard.extend(more)
    return shards


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
