"""A plan as one HTML page: no script, nothing loaded from elsewhere, light and dark. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from velero_volume_controller.restore.groups import ORDER, Group, by_namespace, counts
from velero_volume_controller.restore.planned import Action, Plan

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2733; --paper: #fff; --faint: #5f6c7a; --line: #d9e0e7;
  --delete: #b3362f; --keep: #2f7d4f; --create: #2f6fb3; --blocked: #a15c00; --alarm: #fff4e0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dfe6ee; --paper: #12181f; --faint: #93a0ae; --line: #2c3844;
    --delete: #ef827b; --keep: #6fc493; --create: #7db2ec; --blocked: #f0b35a; --alarm: #2b2313; } }
body { margin: 1.5rem auto; padding: 0 1rem; max-width: 70rem; font: 15px/1.45 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
.hash { color: var(--faint); overflow-wrap: anywhere; font: 12px ui-monospace, monospace; }
.counts { display: flex; flex-wrap: wrap; gap: .6rem; padding: 0; list-style: none; }
.counts li { flex: 1 1 7rem; padding: .5rem .8rem; border: 1px solid var(--line); border-radius: 6px; }
.counts b { display: block; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
.alarm { padding: .2rem 1rem .8rem; border-left: 4px solid var(--blocked); background: var(--alarm); }
.delete { color: var(--delete); } .keep { color: var(--keep); } .create { color: var(--create); }
.blocked { color: var(--blocked); }
details { border-top: 1px solid var(--line); padding: .35rem 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary span { color: var(--faint); }
.group { margin: .5rem 0 .5rem 1rem; overflow-wrap: anywhere; }
.group .what { font-weight: 600; } .group .why { color: var(--faint); }
.group .names { font: 13px/1.5 ui-monospace, monospace; }
li { margin: .2rem 0; }
"""
_WORDS: Final = {
    Action.DELETE: "deleted",
    Action.KEEP: "kept",
    Action.CREATE: "created",
    Action.BLOCKED: "blocked",
}
#: A section with more objects is folded. So are long lists of names.
_OPEN: Final = 60
_NAMES: Final = 30


def page(plan: Plan, title: str) -> str:
    """The whole page. Whatever the names hold, they are text in it."""
    told = counts(plan)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="hash">{escape(plan.hash)}</p>',
        '<ul class="counts">',
        *(
            f'<li><b class="{action.value}">{told[action.value]:,}</b>{_WORDS[action]}</li>'
            for action in ORDER
            if told[action.value] or action is not Action.BLOCKED
        ),
        "</ul>",
        *_alarm(plan),
        "<h2>Every object</h2>",
        *_sections(plan),
    ]
    if plan.clear and not plan.refused:
        parts += ["<h2>In this order</h2>", *_order(plan)]
    if plan.notes:
        parts += ["<h2>Notes</h2><ul>", *(f"<li>{escape(note)}</li>" for note in plan.notes), "</ul>"]
    return "\n".join([*parts, "</body></html>", ""])


def _alarm(plan: Plan) -> Iterator[str]:
    if not plan.refused:
        return
    yield '<section class="alarm"><h2 class="blocked">Refused: these are in the way</h2>'
    for namespace, groups in by_namespace(plan):
        for group in groups:
            if group.action is Action.BLOCKED:
                yield _group(group, f"{namespace}/" if namespace else "")
    yield "</section>"


def _sections(plan: Plan) -> Iterator[str]:
    for namespace, groups in by_namespace(plan):
        size = sum(len(group.names) for group in groups)
        told = ", ".join(
            f"{sum(len(group.names) for group in groups if group.action is action):,} {_WORDS[action]}"
            for action in ORDER
            if any(group.action is action for group in groups)
        )
        opened = " open" if size <= _OPEN else ""
        name = escape(namespace) or "cluster-scoped"
        yield f"<details{opened}><summary><b>{name}</b> <span>{told}</span></summary>"
        yield from (_group(group) for group in groups)
        yield "</details>"


def _group(group: Group, prefix: str = "") -> str:
    action = group.action.value
    count = f"{len(group.names):,} × " if len(group.names) > 1 else ""
    names, why = _names(group.names, prefix), escape(group.reason)
    return (
        f'<div class="group"><span class="what"><span class="{action}">{action}</span> {count}'
        f'{escape(group.kind)}</span> {names} <span class="why">{why}</span></div>'
    )


def _names(names: Iterable[str], prefix: str) -> str:
    listed = [escape(f"{prefix}{name}") for name in names]
    shown = f'<span class="names">{", ".join(listed[:_NAMES])}</span>'
    if len(listed) <= _NAMES:
        return shown
    more = f"<details><summary>{len(listed) - _NAMES:,} more</summary>"
    return f'{shown} {more}<span class="names">{", ".join(listed[_NAMES:])}</span></details>'


def _order(plan: Plan) -> Iterator[str]:
    still = [f"{each.key} ({each.how})" for each in plan.quiesce]
    clear = [str(each.key) for each in plan.clear]
    for title, listed in (("Stands still first", still), ("Is then deleted by itself", clear)):
        if listed:
            opened = " open" if len(listed) <= _NAMES else ""
            yield f"<details{opened}><summary><b>{title}</b> <span>{len(listed):,}</span></summary><ol>"
            yield from (f"<li>{escape(each)}</li>" for each in listed)
            yield "</ol></details>"
