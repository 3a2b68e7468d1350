"""A plan as one HTML page: no script, nothing loaded from elsewhere, light and dark. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from velero_volume_controller.api.words import span
from velero_volume_controller.backup.gantt import Bar, NodeRow, Row, node_rows, slot_rows
from velero_volume_controller.backup.work import Plan, PlannedShard

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2733; --paper: #fff; --faint: #8a97a5; --line: #d9e0e7;
  --bar: #2f6fb3; --bar-ink: #fff; --cluster: #7a5ab5; --node: #3c8f62; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dfe6ee; --paper: #12181f; --faint: #7e8b99; --line: #2c3844;
    --bar: #5a9be0; --bar-ink: #0c1218; --cluster: #a98be0; --node: #62b98a; } }
body { margin: 2rem; font: 14px/1.4 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.3rem; } h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
.row { display: flex; align-items: center; margin: 2px 0; }
.label { flex: 0 0 14rem; padding-right: .6rem; text-align: right; overflow: hidden; white-space: nowrap;
  text-overflow: ellipsis; color: var(--faint); }
.track { position: relative; flex: 1; height: 24px; border-left: 1px solid var(--line);
  border-right: 1px solid var(--line); }
.bar { position: absolute; top: 2px; bottom: 2px; min-width: 2px; box-sizing: border-box; padding: 0 5px;
  border-radius: 3px; border-right: 1px solid var(--paper); overflow: hidden; white-space: nowrap;
  text-overflow: ellipsis; background: var(--bar); color: var(--bar-ink); line-height: 20px; }
.bar.cluster { background: var(--cluster); }
.load { position: absolute; bottom: 0; background: var(--node); }
.axis .track { height: 16px; border-color: transparent; color: var(--faint); font-size: 12px; }
.axis span { position: absolute; transform: translateX(-50%); }
.axis span:first-child { transform: none; } .axis span:last-child { transform: translateX(-100%); }
table { border-collapse: collapse; margin-top: .4rem; }
th, td { text-align: left; vertical-align: top; padding: .2rem .9rem .2rem 0;
  border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
li { margin: .2rem 0; }
"""


def page(plan: Plan, title: str) -> str:
    """The whole page. Whatever the names hold, they are text in it."""
    slots, nodes = slot_rows(plan), node_rows(plan)
    scale = plan.predicted or 1.0
    several = len({row.lane for row in slots}) > 1
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f"<p>{len(plan.shards)} Backups, predicted {span(plan.predicted)}; no plan can take less than"
        f" {span(plan.lower_bound)}. Plan {escape(plan.hash)}.</p>",
        "<h2>Backups</h2>",
        _axis(scale),
        *(_slot(row, plan, scale, several=several) for row in slots),
    ]
    if nodes:
        parts += ["<h2>Volumes under way on each node</h2>", _axis(scale)]
        parts += (_node(row, scale, several=several) for row in nodes)
    parts += ["<h2>What is in each Backup</h2>", _table(plan.shards)]
    if plan.notes:
        parts += ["<h2>Notes</h2><ul>", *(f"<li>{escape(note)}</li>" for note in plan.notes), "</ul>"]
    return "\n".join([*parts, "</body></html>", ""])


def _axis(scale: float) -> str:
    marks = "".join(
        f'<span style="left:{quarter * 25}%">{span(scale * quarter / 4)}</span>' for quarter in range(5)
    )
    return f'<div class="row axis"><div class="label"></div><div class="track">{marks}</div></div>'


def _row(label: str, inner: Iterable[str]) -> str:
    named = escape(label)
    return (
        f'<div class="row"><div class="label" title="{named}">{named}</div>'
        f'<div class="track">{"".join(inner)}</div></div>'
    )


def _slot(row: Row, plan: Plan, scale: float, *, several: bool) -> str:
    clusters = {shard.name for shard in plan.shards if shard.cluster}
    label = f"{row.lane} slot {row.slot}" if several else f"slot {row.slot}"
    return _row(
        label, (_bar(bar, scale, "bar cluster" if bar.name in clusters else "bar") for bar in row.bars)
    )


def _bar(bar: Bar, scale: float, kind: str) -> str:
    name = escape(bar.name)
    return (
        f'<div class="{kind}" style="{_place(bar.start, bar.end, scale)}"'
        f' title="{name}: {span(bar.start)} to {span(bar.end)}">{name}</div>'
    )


def _node(row: NodeRow, scale: float, *, several: bool) -> str:
    label = f"{row.lane} {row.node}" if several else row.node
    spans = (
        (begin, row.steps[place + 1][0], count)
        for place, (begin, count) in enumerate(row.steps[:-1])
        if count
    )
    return _row(
        label,
        (
            f'<div class="load" style="{_place(begin, end, scale)};height:{100 * count / row.busiest:.0f}%"'
            f' title="{count} at a time"></div>'
            for begin, end, count in spans
        ),
    )


def _place(begin: float, end: float, scale: float) -> str:
    return f"left:{100 * begin / scale:.2f}%;width:{100 * (end - begin) / scale:.2f}%"


def _table(shards: Iterable[PlannedShard]) -> str:
    head = (
        '<tr><th>Backup</th><th>Velero</th><th class="number">starts</th><th class="number">ends</th>'
        '<th class="number">volumes</th><th>namespaces</th></tr>'
    )
    rows = (
        f"<tr><td>{escape(shard.name)}</td><td>{escape(shard.lane)}</td>"
        f'<td class="number">{span(shard.start)}</td><td class="number">{span(shard.end)}</td>'
        f'<td class="number">{len(shard.volumes)}</td>'
        f"<td>{escape(', '.join(shard.namespaces)) or 'cluster-scoped resources'}</td></tr>"
        for shard in shards
    )
    return f"<table>{head}{''.join(rows)}</table>"
