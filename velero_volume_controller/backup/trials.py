"""Trying a cut, and bettering it by moving groups out of the shard that ends last. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.backup.pieces import Cut, Ground, Piece, job
from velero_volume_controller.backup.simulate import ends

#: How many groups of the last shard, and how many other shards, are looked at for a move.
_GROUPS: Final = 4
_PLACES: Final = 3
#: Seconds that a Restore takes beyond its volumes; measured: nine took 26 s longer than one.
_RESTORE_SECONDS: Final = 3.3
#: A move must gain at least this share of the whole time.
_GAIN: Final = 0.002


@dataclass(frozen=True, slots=True)
class Trial:
    """A cut as simulated: when each of its shards ends, and all. The first ``fixed`` shards stay."""

    cut: Cut
    fixed: int
    ends: tuple[float, ...]
    end: float


def attempt(cut: Cut, fixed: int, ground: Ground) -> Trial:
    """Simulate it."""
    jobs = [job(str(number), ground.lane, shard, ground.fixed) for number, shard in enumerate(cut)]
    found = ends([*jobs, *ground.others], {ground.lane: ground.velero})
    return Trial(cut, fixed, tuple(found[each.shard] for each in jobs), max(found.values(), default=0.0))


def restoring(cut: Cut, ground: Ground) -> float:
    """Seconds, if a volume is restored as fast as it is backed up.

    Velero runs one Restore at a time (restore_controller.go, 1.18), and each hands all its volumes to their
    nodes at once.
    """
    seconds = 0.0
    for shard in cut:
        nodes: dict[str, float] = {}
        for piece in shard:
            for node, work in piece.nodes.items():
                nodes[node] = nodes.get(node, 0.0) + work / ground.velero.capacity(node)
        seconds += _RESTORE_SECONDS + max(nodes.values(), default=0.0)
    return seconds


def improved(trial: Trial, ground: Ground, target: float, tries: int) -> Trial:
    """Steps downhill, for so many tries, or until the target is reached or no move helps."""
    while tries > 0 and trial.end > target:
        for cut in _moves(trial):
            tries -= 1
            better = attempt(cut, trial.fixed, ground)
            if better.end < trial.end * (1 - _GAIN):
                trial = better
                break
            if tries <= 0:
                return trial
        else:
            return trial
    return trial


def _moves(trial: Trial) -> Iterator[Cut]:
    """A group of the last shard goes to one that ends early, alone or for a smaller one of there."""
    places = range(trial.fixed, len(trial.cut))
    last = max(places, key=lambda place: trial.ends[place], default=None)
    if last is None:
        return
    early = sorted((place for place in places if place != last), key=lambda place: trial.ends[place])
    for place in early[:_PLACES]:
        room = (trial.ends[last] - trial.ends[place]) / 2
        for piece in _nearest(trial.cut[last], room):
            if len(trial.cut[last]) > 1 and _alike(piece, trial.cut[place]):
                yield _moved(trial.cut, last, place, piece, None)
        for piece in _nearest(trial.cut[last], room + _mean(trial.cut[place])):
            for other in _nearest(trial.cut[place], piece.work - room)[:1]:
                if piece.work > other.work and piece.group.first == other.group.first:
                    yield _moved(trial.cut, last, place, piece, other)


def _nearest(shard: tuple[Piece, ...], seconds: float) -> list[Piece]:
    """The groups that take about so long."""
    return sorted(shard, key=lambda piece: (abs(piece.work - seconds), piece.group.name))[:_GROUPS]


def _mean(shard: tuple[Piece, ...]) -> float:
    return sum(piece.work for piece in shard) / len(shard)


def _alike(piece: Piece, shard: tuple[Piece, ...]) -> bool:
    """What is to go first stays with its like."""
    return all(piece.group.first == other.group.first for other in shard)


def _moved(cut: Cut, source: int, target: int, piece: Piece, back: Piece | None) -> Cut:
    shards = list(cut)
    shards[source] = (*(each for each in cut[source] if each is not piece), *((back,) if back else ()))
    shards[target] = (*(each for each in cut[target] if each is not back), piece)
    return tuple(shards)
