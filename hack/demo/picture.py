"""A picture of the demo's own output, for the README: what a real run printed, as SVG."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 90  # columns
#: Of what a command printed, so many lines are shown; a plan is long.
MOST = 18
TITLE = "make demo"


def save(recorded: Console, path: Path) -> None:
    """Write what `recorded` printed as an SVG that loads nothing from elsewhere.

    Where the output is no terminal each step is announced before it runs; a terminal
    shows a spinner there, which a picture can't, so announcements are left out.
    """
    lines = map(Text.from_ansi, recorded.export_text(clear=False, styles=True).splitlines())
    picture = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    for text in _folded(line for line in lines if not line.plain.startswith("… ")):
        picture.print(text)
    drawn = picture.export_svg(title=TITLE)
    # rich names a web font; the picture falls back to the reader's own monospace one.
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL))


def _folded(lines: Iterable[Text]) -> Iterator[Text]:
    """With the rest of what a command printed, which is indented, left out where it is long."""
    for indented, block in itertools.groupby(lines, key=lambda line: line.plain.startswith("  ")):
        shown = list(block)
        if not indented or len(shown) <= MOST:
            yield from shown
            continue
        yield from shown[: MOST - 1]
        yield Text(f"  … and {len(shown) - MOST + 1} lines more", style="dim")
