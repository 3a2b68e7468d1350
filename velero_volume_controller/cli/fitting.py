"""Lines on a screen that is too low for all of them: what matters least goes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from velero_volume_controller.cli.backup_terminal import Pen
from velero_volume_controller.cli.output import counted


@dataclass(frozen=True, slots=True)
class Line:
    """``rank``: the larger, the sooner it is left out."""

    rank: int
    text: str


def fitting(lines: Sequence[Line], rows: int | None, pen: Pen) -> list[str]:
    """Without what matters least, the lowest of it first; the last line says how much that is.

    ``rows`` None: all of them.
    """
    if rows is None or len(lines) <= rows:
        return [line.text for line in lines]
    surplus = len(lines) - max(rows - 1, 1)
    order = sorted(range(len(lines)), key=lambda index: (-lines[index].rank, -index))
    left_out = set(order[:surplus])
    kept = [line.text for index, line in enumerate(lines) if index not in left_out]
    return [*kept, f"{pen.glyphs.dots} {counted(surplus, 'line')} more than fit here"]
