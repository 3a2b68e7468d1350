"""A plan as one HTML page: no script, nothing loaded from elsewhere, light and dark. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from velero_volume_controller.restore.groups import ORDER, Group, by_namespace, counts
from velero_volume_controller.restore.html_page import counts as figures
from velero_volume_controller.restore.html_page import document, items
from velero_volume_controller.restore.planned import Action, Plan

_STYLE: Final = """
.delete { color: var(--bad); } .keep { color: var(--good); } .create { color: var(--new); }
.blocked { color: var(--warn); }
.group { margin: .5rem 0 .5rem 1rem; overflow-wrap: anywhere; }
.group .what { font-weight: 600; } .group .why { color: var(--faint); }
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
        f'<p class="hash">{escape(plan.hash)}</p>',
        figures(
            (f"{told[action.value]:,}", _WORDS[action], action.value)
            for action in ORDER
            if told[action.value] or action is not Action.BLOCKED
        ),
        *_alarm(plan),
        "<h2>Every object</h2>",
        *_sections(plan),
    ]
    if plan.clear and not plan.refused:
        parts += ["<h2>In this order</h2>", *_order(plan)]
    if plan.notes:
        parts += ["<h2>Notes</h2>", items(plan.notes)]
    return document(title, parts, _STYLE)


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
