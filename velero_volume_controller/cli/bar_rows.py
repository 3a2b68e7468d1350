"""A line with a bar in it: a name, how far it is, and what there is room to say beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from velero_volume_controller.api.words import part
from velero_volume_controller.cli.backup_terminal import Pen
from velero_volume_controller.cli.fitting import Line
from velero_volume_controller.cli.output import safe

#: Characters of ``512.0 of 999 GiB``, and of the longest phase.
_AMOUNTS: Final = 17
_PHASE: Final = 15


@dataclass(frozen=True, slots=True)
class Row:
    """Of ``facts`` the first are the most important: what does not fit is left out.

    ``tail`` ends the name, and stays where the name has to be cut.
    """

    rank: int
    name: str
    phase: str
    fraction: float
    done: int
    total: int
    facts: tuple[str, ...]
    tail: str = ""

    def line(self, names: int, pen: Pen) -> Line:
        """``names``: columns for the names."""
        width = min(max(pen.columns // 8, 6), 30)
        start = f"{self.called(names, pen):<{names}}  {pen.bar(self.fraction, width, self.phase)}"
        start += f" {100 * self.fraction:3.0f} %"
        room = max(pen.columns - names - width - 10, 0)
        if room >= _AMOUNTS + 2 + _PHASE:
            start += f"  {part(self.done, self.total) if self.total else '':<{_AMOUNTS}}"
            room -= _AMOUNTS + 2
        said = ""
        for fact in map(safe, self.facts):
            alone = fact if len(fact) <= room else pen.cut(fact.partition(" ")[0], room)
            longer = f"{said}, {fact}" if said else alone
            if len(longer) <= room:
                said = longer
        return Line(self.rank, f"{start}  {pen.phase(self.phase, said) if said else ''}".rstrip())

    def called(self, columns: int, pen: Pen) -> str:
        """The name in so many columns."""
        if len(self.name + self.tail) <= columns or len(self.tail) > columns // 2:
            return pen.cut(self.name + self.tail, columns)
        return pen.cut(self.name, columns - len(self.tail)) + self.tail
