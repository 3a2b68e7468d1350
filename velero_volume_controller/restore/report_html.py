"""A report as one HTML page: what differs comes first, long lists are folded. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from velero_volume_controller.api.words import counted
from velero_volume_controller.restore.html_page import counts, document, folded, items, table
from velero_volume_controller.restore.report import Because, Report
from velero_volume_controller.restore.report_words import (
    RESTORE_NUMBERS,
    RESTORES,
    VOLUME_NUMBERS,
    VOLUMES,
    figures,
    groups,
    left_off,
    restore_rows,
    source,
    times,
    title,
    verdict,
    volume_row,
    way_back,
)

#: A section with more entries is folded.
_OPEN: Final = 30


def page(report: Report) -> str:
    """The whole page. Whatever names and messages hold, they are text in it."""
    return document(title(report), _body(report))


def _body(report: Report) -> Iterator[str]:
    yield f'<p class="faint">{escape(source(report))}</p>'
    if report.whole:
        yield f'<section class="calm"><h2 class="good">{escape(verdict(report))}</h2></section>'
    else:
        yield f'<section class="alarm"><h2 class="warn">{escape(verdict(report))}</h2>'
        yield items(f"{each}." for each in report.differences) + "</section>"
    yield counts((figure, what, "good" if whole else "bad") for figure, what, whole in figures(report))
    yield "<h2>How long it took</h2>"
    yield table(("phase", "time"), times(report), frozenset({1}))
    yield "<h2>Velero's Restores</h2>"
    yield table(RESTORES, restore_rows(report), RESTORE_NUMBERS)
    if report.volumes:
        aside = f"{report.summary.volumes_done:,} of {report.summary.volumes:,} came back"
        rows = table(VOLUMES, map(volume_row, report.volumes), VOLUME_NUMBERS)
        yield folded("Volumes", aside, rows, opened=len(report.volumes) <= _OPEN)
    for name, told, number in groups(report):
        inner = "".join(_group(each) for each in told)
        yield folded(name, counted(number, "object"), inner, opened=number <= _OPEN)
    yield "<h2>The way back</h2>" + items(way_back(report))
    notes = (*report.notes, *left_off(report))
    if notes:
        yield folded("Notes", f"{len(notes):,}", items(notes), opened=len(notes) <= _OPEN)
    if report.warnings:
        warned = ((each.restore, each.where, each.text) for each in report.warnings)
        told_by = table(("Restore", "namespace", "warning"), warned)
        yield folded("What Velero warned of", f"{len(report.warnings):,}", told_by, opened=False)
    yield f'<p class="hash">plan {escape(report.plan_hash)}<br>made {escape(report.made)}'
    for what, version in report.versions.items():
        yield f"<br>{escape(what)} {escape(version)}"
    yield "</p>"


def _group(group: Because) -> str:
    named = escape(", ".join(group.objects))
    more = f" and {group.more:,} more" if group.more else ""
    why = f'{escape(group.reason)} <span class="faint">({group.count:,})</span>'
    return f'<p>{why}<br><span class="names">{named}{more}</span></p>'
