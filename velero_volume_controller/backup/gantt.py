"""A plan as a picture: which Backup runs when in which slot, and what each node has to do meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from velero_volume_controller.api.words import span
from velero_volume_controller.backup.glyphs import BLOCKS, Glyphs
from velero_volume_controller.backup.work import Plan

#: The narrowest text that is still drawn; below, it is as wide as this.
NARROWEST: Final = 40
_LABEL: Final = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """What is drawn from ``start`` to ``end``, in seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Row:
    """A slot of a lane with the Backups that run in it, one after another."""

    lane: str
    slot: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node, as one lane's agent reads it: the volumes under way, in steps (from when, how many)."""

    lane: str
    node: str
    steps: tuple[tuple[float, int], ...]
    busiest: int


def slot_rows(plan: Plan) -> list[Row]:
    """Each shard, in the plan's order, in the first slot of its lane that is free when it starts."""
    rows: dict[str, list[list[Bar]]] = {}
    for shard in plan.shards:
        bar = Bar(shard.name, shard.start, shard.end)
        slots = rows.setdefault(shard.lane, [])
        for slot in slots:
            if slot[-1].end <= bar.start + 1e-6:
                slot.append(bar)
                break
        else:
            slots.append([bar])
    return [
        Row(lane, number, tuple(bars))
        for lane, slots in sorted(rows.items())
        for number, bars in enumerate(slots, 1)
    ]


def node_rows(plan: Plan) -> list[NodeRow]:
    """Every node that has data, by name."""
    changes: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for shard in plan.shards:
        for volume in shard.volumes:
            marks = changes.setdefault((shard.lane, volume.volume.node), [])
            marks += [(volume.start, 1), (volume.end, -1)]
    rows = []
    for (lane, node), marks in sorted(changes.items(), key=lambda each: (each[0][0], each[0][1])):
        steps: list[tuple[float, int]] = []
        now = 0
        for at, change in sorted(marks):
            now += change
            if steps and steps[-1][0] == at:
                steps[-1] = (at, now)
            else:
                steps.append((at, now))
        rows.append(NodeRow(lane, node, tuple(steps), max((count for _, count in steps), default=0)))
    return rows


def text(plan: Plan, width: int = 100, glyphs: Glyphs = BLOCKS) -> str:
    """The picture in so many columns, with neither colours nor a newline at the end."""
    width = max(width, NARROWEST)
    slots, nodes = slot_rows(plan), node_rows(plan)
    several = len({row.lane for row in slots}) > 1
    labels = [_slot_label(row, several) for row in slots] + [_node_label(row, several) for row in nodes]
    margin = min(max((len(label) for label in labels), default=0), _LABEL, width // 3)
    columns = width - margin - 2
    scale = plan.predicted or 1.0
    lines = [" " * (margin + 2) + _axis(plan.predicted, columns)]
    for label, row in zip(labels, slots, strict=False):
        lines.append(f"{glyphs.cut(label, margin):<{margin}}  {_bars(row.bars, columns, scale, glyphs)}")
    for label, node in zip(labels[len(slots) :], nodes, strict=True):
        lines.append(f"{glyphs.cut(label, margin):<{margin}}  {_steps(node, columns, scale, glyphs)}")
    return "\n".join(line.rstrip() for line in lines)


def _slot_label(row: Row, several: bool) -> str:
    return f"{row.lane} slot {row.slot}" if several else f"slot {row.slot}"


def _node_label(row: NodeRow, several: bool) -> str:
    return f"{row.lane} {row.node}" if several else row.node


def _axis(seconds: float, columns: int) -> str:
    """Times at each quarter, as far as there is room."""
    line = [" "] * columns
    for quarter in range(5):
        mark = span(seconds * quarter / 4)
        place = min(round(columns * quarter / 4), columns - len(mark))
        before = line[max(0, place - 1) : place + len(mark) + 1]
        if all(each == " " for each in before):
            line[place : place + len(mark)] = mark
    return "".join(line)


def _bars(bars: Iterable[Bar], columns: int, scale: float, glyphs: Glyphs) -> str:
    """``┣ shop ━━━━┫``: a name that finds no room is cut or left out; a bar has at least one cell."""
    line = [" "] * columns
    for bar in bars:
        begin = min(round(bar.start / scale * columns), columns - 1)
        end = min(max(round(bar.end / scale * columns), begin + 1), columns)
        line[begin:end] = _bar(bar.name, end - begin, glyphs)
    return "".join(line)


def _bar(name: str, room: int, glyphs: Glyphs) -> str:
    if room < 2:
        return glyphs.sliver
    inner = room - 2
    shown = f" {glyphs.cut(name, inner - 2)} " if inner > 4 or len(name) + 2 <= inner else ""
    return f"{glyphs.left}{shown}{glyphs.line * (inner - len(shown))}{glyphs.right}"


def _steps(row: NodeRow, columns: int, scale: float, glyphs: Glyphs) -> str:
    """How many of the places that are ever used are in use, on average over each cell."""
    line = []
    highest = len(glyphs.levels) - 1
    for share in shares(row, columns, scale):
        level = 0 if share <= 0 else max(1, round(share * highest))
        line.append(glyphs.levels[min(level, highest)])
    return "".join(line)


def shares(row: NodeRow, columns: int, scale: float) -> list[float]:
    """For each of so many equal parts of the time, its mean load as a share of the busiest moment's."""
    cells = [0.0] * columns
    cell = scale / columns
    for (begin, count), (end, _) in pairwise(row.steps):
        if not count:
            continue
        for column in range(min(int(begin / cell), columns - 1), min(int(end / cell), columns - 1) + 1):
            overlap = min(end, (column + 1) * cell) - max(begin, column * cell)
            cells[column] += count * max(0.0, overlap)
    return [each / cell / (row.busiest or 1) for each in cells]
