"""A picture of the demo's own output, for the README: what a real run printed, as SVG."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 88  # columns
TITLE = "make demo"


def save(recorded: Console, path: Path) -> None:
    """Write what `recorded` printed as an SVG that loads nothing from elsewhere.

    Where the output is no terminal each step is announced before it runs; a terminal
    shows a spinner there, which a picture can't, so announcements are left out.
    """
    lines = recorded.export_text(clear=False, styles=True).splitlines()
    picture = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    for line in lines:
        text = Text.from_ansi(line)
        if not text.plain.startswith("… "):
            picture.print(text)
    drawn = picture.export_svg(title=TITLE)
    # rich names a web font; the picture falls back to the reader's own monospace one.
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL))
