"""The shell of an HTML page: no script, nothing loaded from elsewhere, light and dark, any width. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2733; --paper: #fff; --faint: #5f6c7a; --line: #d9e0e7;
  --bad: #b3362f; --good: #2f7d4f; --new: #2f6fb3; --warn: #a15c00; --alarm: #fff4e0; --calm: #eef7f1; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dfe6ee; --paper: #12181f; --faint: #93a0ae; --line: #2c3844;
    --bad: #ef827b; --good: #6fc493; --new: #7db2ec; --warn: #f0b35a; --alarm: #2b2313; --calm: #14251b; } }
body { margin: 1.5rem auto; padding: 0 1rem; max-width: 70rem; font: 15px/1.45 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
code, .hash, .names { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.hash, .faint { color: var(--faint); }
.counts { display: flex; flex-wrap: wrap; gap: .6rem; padding: 0; list-style: none; }
.counts li { flex: 1 1 8rem; margin: 0; padding: .5rem .8rem; border: 1px solid var(--line);
  border-radius: 6px; }
.counts b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.alarm, .calm { padding: .2rem 1rem .6rem; border-left: 4px solid var(--warn); background: var(--alarm); }
.calm { border-color: var(--good); background: var(--calm); }
.good { color: var(--good); } .bad { color: var(--bad); }
.new { color: var(--new); } .warn { color: var(--warn); }
details { border-top: 1px solid var(--line); padding: .35rem 0; }
summary { cursor: pointer; overflow-wrap: anywhere; } summary span { color: var(--faint); }
.wide { overflow-x: auto; margin-bottom: 1rem; }
table { border-collapse: collapse; } li { margin: .25rem 0; overflow-wrap: anywhere; }
th, td { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
"""


def document(title: str, body: Iterable[str], style: str = "") -> str:
    """The whole page. ``body`` is HTML, ``title`` is text; ``style`` is added to what all pages have."""
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            *body,
            "</body></html>",
            "",
        ]
    )


def counts(figures: Iterable[tuple[str, str, str]]) -> str:
    """A row of boxes: figure, what it counts, and the class of its colour."""
    boxes = (
        f'<li><b class="{colour}">{escape(figure)}</b>{escape(what)}</li>' for figure, what, colour in figures
    )
    return f'<ul class="counts">{"".join(boxes)}</ul>'


def items(sentences: Iterable[str]) -> str:
    """A list of sentences."""
    return f"<ul>{''.join(f'<li>{escape(each)}</li>' for each in sentences)}</ul>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: frozenset[int] = frozenset()) -> str:
    """A table that scrolls by itself on a narrow screen; ``numbers`` are the columns to be set right."""

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=number' if at in numbers else ''}>{escape(cell)}</{tag}>"
            for at, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{cells(head, "th")}</tr>{body}</table></div>'


def folded(title: str, aside: str, inner: str, *, opened: bool) -> str:
    """A section that can be folded. ``inner`` is HTML."""
    start = "<details open>" if opened else "<details>"
    return f"{start}<summary><b>{escape(title)}</b> <span>{escape(aside)}</span></summary>{inner}</details>"
