"""What the terminal can show of what ``vvc backup`` and ``vvc restore`` draw: width, colours, characters."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.backup.glyphs import ASCII, BLOCKS, Glyphs
from velero_volume_controller.cli.output import Paint, painter, width

_COLOURS: Final = {
    "Completed": "green",
    "PartiallyFailed": "yellow",
    "CompletedWithWarnings": "yellow",
    "AwaitingApproval": "yellow",
    "Cancelled": "yellow",
    "Paused": "yellow",
    "Failed": "red",
    "FailedValidation": "red",
    "Expired": "red",
    "Canceled": "red",
    "Lost": "red",
    "Refused": "red",
    "New": "",
    "Waiting": "",
}
_RUNNING: Final = "cyan"


def glyphs() -> Glyphs:
    """Those that the encoding of standard output has."""
    try:
        BLOCKS.all.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return ASCII
    return BLOCKS


@dataclass(frozen=True, slots=True)
class Pen:
    """How wide a line may be, how it is coloured, and what it is drawn with."""

    columns: int
    paint: Paint
    glyphs: Glyphs

    @classmethod
    def of_terminal(cls) -> Pen:
        """For standard output as it is now; its window may be made wider at any time."""
        return cls(width(), painter(), glyphs())

    def cut(self, text: str, columns: int) -> str:
        """As ``Glyphs.cut``."""
        return self.glyphs.cut(text, columns)

    def phase(self, phase: str, text: str) -> str:
        """The text in the colour of a phase of Velero's, of a set's or of a CleanRestore's."""
        return self.paint(text, _COLOURS.get(phase, _RUNNING))

    def bar(self, fraction: float, columns: int, phase: str) -> str:
        """So much of so many columns, in the colour of the phase."""
        filled = int(fraction * columns)
        return self.phase(phase, self.glyphs.full * filled) + self.glyphs.empty * (columns - filled)
