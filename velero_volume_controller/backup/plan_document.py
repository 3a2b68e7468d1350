"""A plan as JSON values and as lines of text. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from velero_volume_controller.backup.words import amount, span
from velero_volume_controller.backup.work import Input, Plan, PlannedShard, PlannedVolume
from velero_volume_controller.velero.model.lanes import Lane

#: Names of namespaces in one line of text.
_FEW: Final = 8


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


def summary(plan: Plan, given: Input) -> Iterator[str]:
    """What it comes to, and what it was reckoned with."""
    volumes = [each for shard in plan.shards for each in shard.volumes]
    size = amount(sum(each.bytes for each in volumes))
    yield (
        f"{_count(len(plan.shards), 'Backup')} of {_count(len(given.namespaces), 'namespace')}"
        f" with {_count(len(volumes), 'volume')} ({size}) in about {span(plan.predicted)};"
        f" no order could be faster than {span(plan.lower_bound)}. Plan {plan.hash}."
    )
    for lane in given.lanes:
        if lane.problem is None:
            yield (
                f"Velero {lane.version} in {lane.namespace}: {_count(lane.slots, 'Backup')} at a time,"
                f" {_count(lane.item_workers, 'pod')} at a time in each, on a node"
                f" {_count(lane.default_load, 'volume')} at a time."
            )


def shard_lines(plan: Plan) -> Iterator[str]:
    """A line for each shard in the order in which they go, with the names of its namespaces."""
    rows = [
        (
            shard.name,
            shard.lane,
            span(shard.start),
            span(shard.end),
            str(len(shard.volumes)),
            amount(sum(each.bytes for each in shard.volumes)),
            _namespaces(shard),
        )
        for shard in plan.shards
    ]
    headings = ("SHARD", "LANE", "STARTS", "ENDS", "VOLUMES", "SIZE", "NAMESPACES")
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _namespaces(shard: PlannedShard) -> str:
    if shard.cluster:
        return "cluster-scoped resources"
    more = len(shard.namespaces) - _FEW
    names = ", ".join(shard.namespaces[:_FEW])
    return f"{names} and {more} more" if more > 0 else names


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
