"""Groups of namespaces with their predicted costs: what shards are put together from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from velero_volume_controller.backup.costs import LISTING_SECONDS, REPOSITORY_SECONDS
from velero_volume_controller.backup.groups import Group
from velero_volume_controller.backup.simulate import Job, Pod, Velero, by_node, least, make_pod
from velero_volume_controller.backup.work import PlannedVolume

#: A group lives on a node if so much of its data is there.
_AT_HOME: Final = 0.6


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
        """Seconds that Velero takes to list its namespaces, and to make the repositories of new ones."""
        known = {each.volume.namespace for each in self.volumes if each.known}
        new = {each.volume.namespace for each in self.volumes} - known
        return LISTING_SECONDS * len(self.group.namespaces) + REPOSITORY_SECONDS * len(new)

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
    pieces = sorted(shard, key=lambda piece: piece.group.name)
    if any(len(piece.group.namespaces) > 1 for piece in pieces):
        volumes = sorted(
            (each for piece in pieces for each in piece.volumes),
            key=lambda each: (each.volume.namespace, each.volume.pod),
        )
        pods = pods_of(volumes, velero)
    else:
        pods = tuple(pod for piece in pieces for pod in piece.pods)
    # Listing the first namespace is part of the fixed time.
    before = fixed / 2 + sum(piece.listing for piece in shard) - LISTING_SECONDS
    return Job(name, lane, pods, before, fixed / 2, velero, any(piece.group.first for piece in shard))


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
    found = max(ground.fixed + longest, ground.fixed + busiest, shared, *others)
    if ground.velero.workers == 1:
        crowd = _crowded([piece.work for piece in pieces], slots) - LISTING_SECONDS
        found = max(found, ground.fixed + crowd)
    return found


def _crowded(works: Sequence[float], slots: int) -> float:
    """Of more groups than slots some slot gets two, one after another as there is one worker; and so on."""
    longest = sorted(works, reverse=True)
    rounds = range(1, (len(longest) - 1) // slots + 1)
    return max((sum(longest[each * slots - each : each * slots + 1]) for each in rounds), default=0.0)
