"""A table that fits a terminal: columns that matter less are left out where it is too narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from velero_volume_controller.cli.output import safe

#: What a cell says, and the same in its column's width: what is printed.
Cell = Callable[[str, str], str]


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    spared: Sequence[str],
    columns: int,
    cells: Mapping[str, Cell],
) -> Iterator[str]:
    """``spared`` are headings in the order in which they are left out; ``cells`` colour, by heading."""
    lines = [headings, *rows]
    widths = [max(len(safe(line[column])) for line in lines) for column in range(len(headings))]
    shown = list(range(len(headings)))
    for heading in spared:
        if sum(widths[column] for column in shown) + 2 * (len(shown) - 1) > columns:
            shown.remove(headings.index(heading))
    for line in lines:
        told = []
        for column in shown:
            text = safe(line[column]).ljust(widths[column])
            paint = cells.get(headings[column]) if line is not headings else None
            told.append(paint(line[column], text) if paint else text)
        yield "  ".join(told).rstrip()
