"""A report as text that fits a terminal: what differs comes first. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

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

#: Objects of one reason that are named before it says how many more there are.
_FEW: Final = 8
_INDENT: Final = "  "


def lines(report: Report, columns: int = 100) -> list[str]:
    """All of it, in lines of at most so many columns, but for single words that are longer."""
    return [_safe(line) for line in _lines(report, columns)]


def _lines(report: Report, columns: int) -> Iterator[str]:
    yield from _wrap(f"{title(report)}: {verdict(report)}", columns)
    yield from _wrap(source(report), columns)
    if report.differences:
        yield from ("", "Differences")
        for each in report.differences:
            yield from _wrap(f"{each}.", columns, "  - ", "    ")
    yield from ("", "Found")
    found = ((figure, what if whole else f"{what} !") for figure, what, whole in figures(report))
    yield from _pairs(found, columns)
    yield from ("", "Times")
    yield from _pairs(((took, what) for what, took in times(report)), columns)
    yield from ("", "Velero's Restores")
    yield from _table(RESTORES, list(restore_rows(report)), RESTORE_NUMBERS, columns)
    if report.volumes:
        yield from ("", "Volumes")
        yield from _table(VOLUMES, [volume_row(each) for each in report.volumes], VOLUME_NUMBERS, columns)
    for name, told, number in groups(report):
        yield from ("", f"{name}: {number:,}")
        for group in told:
            yield from _group(group, columns)
    yield from ("", "Undo")
    for each in way_back(report):
        yield from _wrap(each, columns, _INDENT)
    yield from _sentences("Notes", (*report.notes, *left_off(report)), columns)
    warnings = (
        f"{each.restore}{f', namespace {each.where}' if each.where else ''}: {each.text}"
        for each in report.warnings
    )
    yield from _sentences("Velero warned", tuple(warnings), columns)
    yield ""
    yield from _wrap(f"plan {report.plan_hash}", columns)
    if report.versions:
        yield from _wrap(", ".join(f"{what} {version}" for what, version in report.versions.items()), columns)
    yield from _wrap(f"made {report.made}", columns)


def _sentences(head: str, told: Sequence[str], columns: int) -> Iterator[str]:
    if told:
        yield from ("", head)
        for each in told:
            yield from _wrap(each, columns, "  - ", "    ")


def _group(group: Because, columns: int) -> Iterator[str]:
    named = ", ".join(group.objects[:_FEW])
    more = group.count - min(len(group.objects), _FEW)
    rest = f" and {more:,} more" if more else ""
    yield from _wrap(f"{group.reason}: {named}{rest}", columns, _INDENT, "    ")


def _pairs(told: Iterable[tuple[str, str]], columns: int) -> Iterator[str]:
    rows = list(told)
    wide = max((len(first) for first, _ in rows), default=0)
    for first, second in rows:
        yield from _wrap(f"{first:>{wide}}  {second}", columns, _INDENT)


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], numbers: frozenset[int], columns: int
) -> Iterator[str]:
    """In columns where that fits, else a paragraph for each row."""
    if not rows:
        return
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    if len(_INDENT) + sum(widths) + 2 * (len(widths) - 1) <= columns:
        for row in (head, *rows):
            cells = (
                cell.rjust(widths[at]) if at in numbers else cell.ljust(widths[at])
                for at, cell in enumerate(row)
            )
            yield (_INDENT + "  ".join(cells)).rstrip()
        return
    for row in rows:
        told = [f"{name} {cell}" for name, cell in zip(head[1:], row[1:], strict=True) if cell]
        yield from _wrap(f"{row[0]}: {', '.join(told)}", columns, _INDENT, "    ")


def _wrap(text: str, columns: int, first: str = "", rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        columns,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_on_hyphens=False,
        break_long_words=False,
    ) or [first.rstrip()]


def _safe(text: str) -> str:
    """What a terminal might obey is written as an escape."""
    return text if text.isprintable() else repr(text)[1:-1]
