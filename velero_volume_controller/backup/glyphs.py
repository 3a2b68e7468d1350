"""The characters that bars and pictures are drawn with. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Glyphs:
    """``levels`` are how full a cell is, from nothing to all; ``dots`` stand for what is cut away."""

    full: str
    empty: str
    left: str
    right: str
    line: str
    sliver: str
    levels: str
    dots: str
    arrow: str

    @property
    def all(self) -> str:
        """Every one of them."""
        named = (self.full, self.empty, self.left, self.right, self.line, self.sliver)
        return "".join((*named, self.levels, self.dots, self.arrow))

    def cut(self, text: str, columns: int) -> str:
        """The text, or as much of it as fits in so many columns."""
        return text if len(text) <= columns else text[: max(columns - len(self.dots), 0)] + self.dots


BLOCKS: Final = Glyphs("█", "░", "┣", "┫", "━", "┃", " ▁▂▃▄▅▆▇█", "…", "→")
#: Where a terminal, or its encoding, has no others.
ASCII: Final = Glyphs("#", ".", "[", "]", "=", "|", " .:-=+*#@", "..", "->")
