"""The plan of a BackupSet: from what is selected and known to shards, their lanes and their order. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from velero_volume_controller.api.backupset import BackupSetSpec
from velero_volume_controller.backup.choosing_lanes import spread, usable_lanes
from velero_volume_controller.backup.costs import CLUSTER_SECONDS, Costs
from velero_volume_controller.backup.groups import Group, groups
from velero_volume_controller.backup.pieces import Cut, Ground, Piece, job, lower_bound
from velero_volume_controller.backup.shard_names import CLUSTER, shard_names
from velero_volume_controller.backup.shards import best_cut
from velero_volume_controller.backup.simulate import Job, Simulation, Span, Velero, simulate, velero_of
from velero_volume_controller.backup.work import (
    Input,
    Plan,
    PlannedShard,
    PlannedVolume,
    PlanningError,
)
from velero_volume_controller.velero.model.lanes import Lane

#: Shards for each slot, where the spec does not say.
SHARDS_PER_SLOT = 4


def plan(given: Input) -> Plan:
    """The same input, in whatever order, gives the same plan.

    Raises PlanningError: NothingSelected, LaneMissing, LaneUnavailable, LanesShareStorage, Contradiction,
    TooFewShards.
    """
    if not given.namespaces:
        raise PlanningError("NothingSelected", "no namespace is selected; correct spec.selection.namespaces")
    notes = list(given.notes)
    lanes = usable_lanes(given, notes)
    work = _Work(given, lanes)
    cluster = given.spec.selection.cluster_resources
    found = groups(given.namespaces, given.spec, notes)
    home = spread(found, lanes, work.rough, notes)
    pieces = {
        lane.namespace: [work.piece(group, lane) for group in found if home[group.name] == lane.namespace]
        for lane in lanes
    }
    grounds = [work.ground(lane, cluster=cluster and lane is lanes[0]) for lane in lanes]
    cuts = {
        ground.lane: best_cut(pieces[ground.lane], ground, most)
        for ground, most in zip(grounds, _most(given.spec, lanes, pieces), strict=True)
    }
    planned = _planned(cuts, {ground.lane: ground.fixed for ground in grounds})
    planned += [_Shard((), (), other) for ground in grounds for other in ground.others]
    simulated = simulate([each.job for each in planned], work.veleros, work.limit)
    shards = _in_order(planned, simulated)
    bound = max(lower_bound(pieces[ground.lane], ground) for ground in grounds)
    notes += _guesses(shards)
    notes += _without_agent(given, lanes, shards)
    notes = list(dict.fromkeys(notes))
    return Plan(shards, simulated.makespan, bound, plan_hash(shards), tuple(notes), given.absent)


class _Work:
    """What the volumes cost in each lane."""

    def __init__(self, given: Input, lanes: Sequence[Lane]) -> None:
        volumes = [volume for namespace in given.namespaces for volume in namespace.volumes]
        limits = given.spec.concurrency
        per_node = None if limits.per_node == "auto" else limits.per_node
        self.limit = None if limits.max == "auto" else limits.max
        self.costs = Costs(given.history, volumes)
        self.veleros: Mapping[str, Velero] = {
            lane.namespace: velero_of(lane, lane.slots, per_node) for lane in lanes
        }
        self._lanes = lanes

    def rough(self, group: Group) -> float:
        """Seconds of a group's data, wherever it goes; it matters only where there is a choice."""
        if len(self._lanes) == 1:
            return 0.0
        volumes = (volume for each in group.namespaces for volume in each.volumes)
        return 1.0 + fsum(self.costs.volume(volume, self._lanes[0]).seconds for volume in volumes)

    def ground(self, lane: Lane, *, cluster: bool) -> Ground:
        """The lane, with the Backup of the cluster-scoped resources if it is made there."""
        name, velero = lane.namespace, self.veleros[lane.namespace]
        fixed = self.costs.fixed(lane)
        half = (fixed + CLUSTER_SECONDS) / 2
        others = (Job(CLUSTER, name, (), half, half, velero),) if cluster else ()
        return Ground(name, velero, fixed, others)

    def piece(self, group: Group, lane: Lane) -> Piece:
        """The group with what its volumes take in this lane, in the order of a Backup."""
        volumes = sorted(
            (volume for each in group.namespaces for volume in each.volumes),
            key=lambda each: (each.namespace, each.pod, each.volume),
        )
        planned = tuple(self.costs.volume(volume, lane) for volume in volumes)
        return Piece(group, planned, self.veleros[lane.namespace])


@dataclass(frozen=True)
class _Shard:
    namespaces: tuple[str, ...]
    volumes: tuple[PlannedVolume, ...]
    job: Job


def _most(spec: BackupSetSpec, lanes: Sequence[Lane], pieces: Mapping[str, Sequence[Piece]]) -> list[int]:
    """Shards at most in each lane. Raises PlanningError if the spec allows fewer than it asks for."""
    needed = [_needed(pieces[lane.namespace]) for lane in lanes]
    if spec.max_shards is None:
        return [SHARDS_PER_SLOT * lane.slots + count for lane, count in zip(lanes, needed, strict=True)]
    spare = spec.max_shards - sum(needed)
    if spare < 0:
        raise PlanningError(
            "TooFewShards",
            f"spec.maxShards is {spec.max_shards}, and {sum(needed)} are needed: one for each Velero that is"
            " used, and one for each namespace of spec.isolate; raise it, or leave it out",
        )
    # Each gets its share of what is left, by its slots.
    slots = sum(lane.slots for lane in lanes)
    shares = []
    for lane, count in zip(lanes, needed, strict=True):
        share = spare * lane.slots // slots
        shares.append(count + share)
        spare, slots = spare - share, slots - lane.slots
    return shares


def _needed(pieces: Sequence[Piece]) -> int:
    isolated = sum(piece.group.alone for piece in pieces)
    return isolated + (isolated < len(pieces))


def _planned(cuts: Mapping[str, Cut], fixed: Mapping[str, float]) -> list[_Shard]:
    """Shards with their names, sorted by them, so that nothing hangs on the order of the input."""
    members = sorted(
        (sorted(each.name for piece in shard for each in piece.group.namespaces), lane, shard)
        for lane, cut in cuts.items()
        for shard in cut
    )
    planned = []
    for name, (namespaces, lane, shard) in zip(
        shard_names(names for names, _, _ in members), members, strict=True
    ):
        volumes = tuple(
            sorted(
                (each for piece in shard for each in piece.volumes),
                key=lambda each: (each.volume.namespace, each.volume.pod, each.volume.volume),
            )
        )
        planned.append(_Shard(tuple(namespaces), volumes, job(name, lane, shard, fixed[lane])))
    return planned


def _in_order(planned: Sequence[_Shard], simulated: Simulation) -> tuple[PlannedShard, ...]:
    """As they start in the simulation."""
    shards = [
        PlannedShard(
            each.job.shard,
            each.namespaces,
            each.job.lane,
            _timed(each, simulated.volumes[each.job.shard]),
            cluster=not each.namespaces,
            alone=each.job.alone,
            start=simulated.shards[each.job.shard].start,
            end=simulated.shards[each.job.shard].end,
            first=each.job.first,
        )
        for each in planned
    ]
    return tuple(sorted(shards, key=lambda each: (each.start, not each.first, -each.alone, each.name)))


def _timed(shard: _Shard, spans: Sequence[Span]) -> tuple[PlannedVolume, ...]:
    return tuple(
        PlannedVolume(each.volume, each.seconds, each.bytes, each.known, span.start, span.end)
        for each, span in zip(shard.volumes, spans, strict=True)
    )


def plan_hash(shards: Sequence[PlannedShard]) -> str:
    """Sixteen hex digits of what was decided: who is with whom, where, and in which order; not the times."""
    decided = [[each.name, each.lane, each.cluster, list(each.namespaces)] for each in shards]
    return hashlib.sha256(json.dumps(decided, separators=(",", ":")).encode()).hexdigest()[:16]


def _guesses(shards: Sequence[PlannedShard]) -> list[str]:
    volumes = [volume for shard in shards for volume in shard.volumes]
    guessed = sum(not volume.known for volume in volumes)
    if not guessed:
        return []
    return [
        f"{guessed} of {_volumes(len(volumes))} {'has' if guessed == 1 else 'have'} no history: the time is"
        " guessed from the size, and the second run will know better."
    ]


def _volumes(count: int) -> str:
    return f"{count} volume" if count == 1 else f"{count} volumes"


def _without_agent(given: Input, lanes: Sequence[Lane], shards: Sequence[PlannedShard]) -> list[str]:
    """Volumes that Velero could not read: their Backups end PartiallyFailed."""
    agents = {lane.namespace: lane.nodes for lane in lanes}
    lacking: dict[tuple[str, str], int] = {}
    for shard in shards:
        nodes = agents[shard.lane]
        for volume in shard.volumes:
            if nodes is not None and volume.volume.node not in nodes:
                key = (shard.lane, volume.volume.node)
                lacking[key] = lacking.get(key, 0) + 1
    return [
        f"No node-agent of Velero in {lane} runs on node {node}: {_volumes(count)} there can't be taken."
        for (lane, node), count in sorted(lacking.items())
    ]
