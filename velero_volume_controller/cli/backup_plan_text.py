"""A plan for a person's terminal: what it comes to, its picture, its shards, what there is to know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from velero_volume_controller.api.words import amount, span
from velero_volume_controller.backup import gantt
from velero_volume_controller.backup.glyphs import Glyphs
from velero_volume_controller.backup.work import Input, Plan, PlannedShard
from velero_volume_controller.cli.backup_faster import faster
from velero_volume_controller.cli.output import counted, safe, wrap

#: Namespaces of a shard that are named; the other forms name all.
_FEW: Final = 12
#: How wide the picture is where nothing limits it, as in a file.
_PICTURE: Final = 100
_WIDEST_PICTURE: Final = 200

#: Columns for names of namespaces; where there are fewer they stand on lines of their own.
_NAMES: Final = 20

_HEADINGS: Final = ("SHARD", "LANE", "STARTS", "ENDS", "VOLUMES", "SIZE", "NAMESPACES")

#: Columns that are left out, one after the other, where the window is too narrow for all.
_SPARED: Final = ("VOLUMES", "LANE", "SIZE")


def lines(plan: Plan, given: Input, columns: int, glyphs: Glyphs) -> Iterator[str]:
    """All of it, in lines of at most so many columns where the names allow."""
    for line in _summary(plan, given):
        yield from wrap(safe(line), columns)
    yield ""
    yield from gantt.text(plan, columns if columns <= _WIDEST_PICTURE else _PICTURE, glyphs).splitlines()
    yield ""
    yield from _table(plan, columns)
    for sentence in faster(plan, given):
        yield ""
        yield from wrap(safe(sentence), columns)
    for note in plan.notes:
        yield ""
        yield from wrap(safe(note), columns, "Note: ", "")


def _summary(plan: Plan, given: Input) -> Iterator[str]:
    volumes = [each for shard in plan.shards for each in shard.volumes]
    size = amount(sum(each.bytes for each in volumes))
    yield (
        f"{counted(len(plan.shards), 'Backup')} of {counted(len(given.namespaces), 'namespace')}"
        f" with {counted(len(volumes), 'volume')} ({size}) in about {span(plan.predicted)};"
        f" no order could be faster than {span(plan.lower_bound)}."
    )
    for lane in given.lanes:
        if lane.problem is None:
            yield (
                f"Velero {lane.version} in {lane.namespace}: {counted(lane.slots, 'Backup')} at a time,"
                f" {counted(lane.item_workers, 'pod')} at a time in each, on a node"
                f" {counted(lane.default_load, 'volume')} at a time."
            )


def _table(plan: Plan, columns: int) -> Iterator[str]:
    """A line for each shard in the order in which they go; its namespaces go on below where they must."""
    rows = [_HEADINGS, *(_row(shard) for shard in plan.shards)]
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    shown = list(range(len(widths)))
    for heading in _SPARED:
        if sum(widths[column] for column in shown) + 2 * (len(shown) - 1) > columns:
            shown.remove(_HEADINGS.index(heading))
    below = columns - sum(widths[column] for column in shown) - 2 * len(shown) < _NAMES
    for row in rows:
        cells = [safe(row[column]).ljust(widths[column]) for column in shown]
        if below:
            yield "  ".join(cells).rstrip()
            yield from wrap(safe(row[-1]), columns, "    ", "    ")
        else:
            yield from wrap(safe(row[-1]), columns, "  ".join([*cells, ""]))


def _row(shard: PlannedShard) -> tuple[str, ...]:
    return (
        shard.name,
        shard.lane,
        span(shard.start),
        span(shard.end),
        str(len(shard.volumes)),
        amount(sum(each.bytes for each in shard.volumes)),
        _namespaces(shard),
    )


def _namespaces(shard: PlannedShard) -> str:
    if shard.cluster:
        return "cluster-scoped resources"
    more = len(shard.namespaces) - _FEW
    names = ", ".join(shard.namespaces[:_FEW])
    return f"{names} and {more} more" if more > 0 else names
