"""A plan as JSON values. Pure."""

from __future__ import annotations

from typing import Any

from velero_volume_controller.backup.work import Input, Plan, PlannedShard, PlannedVolume
from velero_volume_controller.velero.model.lanes import Lane


def document(plan: Plan, given: Input) -> dict[str, Any]:
    """Everything that was decided and why; times are seconds after the set's begin, as simulated."""
    return {
        "hash": plan.hash,
        "predictedSeconds": round(plan.predicted, 1),
        "lowerBoundSeconds": round(plan.lower_bound, 1),
        "lanes": [_lane(lane) for lane in given.lanes],
        "shards": [_shard(number, shard) for number, shard in enumerate(plan.shards, 1)],
        "notes": list(plan.notes),
    }


def _lane(lane: Lane) -> dict[str, Any]:
    return {
        "namespace": lane.namespace,
        "velero": str(lane.version),
        "slots": lane.slots,
        "itemWorkers": lane.item_workers,
        "volumesPerNode": {"default": lane.default_load, **dict(sorted(lane.load.items()))},
        "problem": lane.problem,
    }


def _shard(number: int, shard: PlannedShard) -> dict[str, Any]:
    return {
        "name": shard.name,
        "order": number,
        "lane": shard.lane,
        "cluster": shard.cluster,
        "namespaces": list(shard.namespaces),
        "start": round(shard.start, 1),
        "end": round(shard.end, 1),
        "aloneSeconds": round(shard.alone, 1),
        "volumes": [_volume(each) for each in shard.volumes],
    }


def _volume(planned: PlannedVolume) -> dict[str, Any]:
    volume = planned.volume
    return {
        "namespace": volume.namespace,
        "pod": volume.pod,
        "volume": volume.volume,
        "claim": volume.claim or None,
        "node": volume.node,
        "predictedSeconds": round(planned.seconds, 1),
        "bytes": planned.bytes,
        "learnt": planned.known,
        "start": round(planned.start, 1),
        "end": round(planned.end, 1),
    }
