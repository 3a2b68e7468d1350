"""A BackupSet in bars: for ``vvc backup status`` and ``watch``, on 80 columns and on 200."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from velero_volume_controller.backup.times import parse_time, seconds_between
from velero_volume_controller.backup.views import NEW, WAITING, SetView, ShardView, VolumeView
from velero_volume_controller.backup.words import amount, part, span
from velero_volume_controller.cli.output import Paint, counted, safe, wrap

_COLOURS: Final = {
    "Completed": "green",
    "PartiallyFailed": "yellow",
    "Paused": "yellow",
    "Failed": "red",
    "FailedValidation": "red",
    "Expired": "red",
    "Canceled": "red",
    "Lost": "red",
    "Refused": "red",
    NEW: "",
    WAITING: "",
}
_RUNNING: Final = "cyan"

#: Characters of ``512.0 of 999 GiB``.
_AMOUNTS: Final = 17

#: What is left out first where a screen is too low: the largest number.
_HEAD, _BUSY, _BAD, _MOVING, _QUIET = range(5)


@dataclass(frozen=True, slots=True)
class _Line:
    rank: int
    text: str


def bars(
    view: SetView, columns: int, paint: Paint, *, everything: bool = False, rows: int | None = None
) -> list[str]:
    """The set in lines of at most so many columns, and in so many rows (None: as many as it takes).

    ``everything``: also volumes that do not move.
    """
    lines = [
        *_head(view, columns, paint),
        *_shards(view, columns, paint, everything=everything),
        *_troubles(view, columns, paint),
    ]
    return [line.text for line in _fitting(lines, rows)]


def _fitting(lines: Sequence[_Line], rows: int | None) -> Sequence[_Line]:
    """Without what matters least, the lowest of it first; the last line says how much that is."""
    if rows is None or len(lines) <= rows:
        return lines
    surplus = len(lines) - max(rows - 1, 1)
    order = sorted(range(len(lines)), key=lambda index: (-lines[index].rank, -index))
    left_out = set(order[:surplus])
    kept = [line for index, line in enumerate(lines) if index not in left_out]
    return [*kept, _Line(_HEAD, f"… {counted(surplus, 'line')} more than fit here")]


def _head(view: SetView, columns: int, paint: Paint) -> Iterator[_Line]:
    name = safe(f"{view.namespace}/{view.name}")
    yield _Line(_HEAD, f"BackupSet {name}: {paint(view.phase, _colour(view.phase))}"[: columns + 20])
    yield from (_Line(_HEAD, line) for line in wrap(_times(view), columns))
    if view.shards:
        facts = [f"{100 * view.fraction:.0f} %", part(view.done, view.total)]
        facts.append(f"{view.volumes_done:,} of {counted(view.volumes_total, 'volume')}")
        if view.rate:
            facts.append(f"{amount(view.rate)}/s")
        said = "  ".join(facts)
        width = max(min(columns - len(said) - 2, 60), 8)
        yield _Line(_HEAD, f"{_bar(view.fraction, width, paint, view.phase)}  {said}")
    if view.shards:
        yield _Line(_QUIET, "")


def _times(view: SetView) -> str:
    if view.started is None:
        return "not begun yet"
    planned = f"planned {span(view.predicted)}, at least {span(view.lower_bound)}" if view.predicted else ""
    if view.over:
        took = span(seconds_between(view.started, view.ended or view.now))
        return f"began {_clock(view.started)}, took {took}" + (f" ({planned})" if planned else "")
    said = f"began {_clock(view.started)}, {span(seconds_between(view.started, view.now))} ago"
    if view.ends is not None:
        said += f"; ends about {_clock(view.ends)}, in {span(seconds_between(view.now, view.ends))}"
    return said + (f" ({planned})" if planned else "")


def _clock(time: str) -> str:
    """In the zone of whoever looks; with its day where that is another."""
    then = parse_time(time).astimezone()
    day = "" if then.date() == datetime.now().astimezone().date() else then.strftime("%Y-%m-%d ")
    return day + then.strftime("%H:%M:%S")


@dataclass(frozen=True, slots=True)
class _Row:
    """A shard or a volume. Of ``facts`` the first are the most important: what does not fit is left out."""

    rank: int
    name: str
    phase: str
    fraction: float
    done: int
    total: int
    facts: tuple[str, ...]

    def line(self, names: int, columns: int, paint: Paint) -> _Line:
        """``names``: columns for the names."""
        width = min(max(columns // 8, 8), 30)
        rest = max(columns - names - width - 6 - _AMOUNTS - 6, 0)
        said = ""
        for fact in map(safe, self.facts):
            longer = f"{said}, {fact}" if said else _cut(fact, rest)
            if len(longer) <= rest:
                said = longer
        sizes = part(self.done, self.total) if self.total else ""
        drawn = _bar(self.fraction, width, paint, self.phase)
        start = f"{_cut(self.name, names):<{names}}  {drawn} {100 * self.fraction:3.0f} %"
        text = f"{start}  {sizes:<{_AMOUNTS}}  {paint(said, _colour(self.phase)) if said else ''}"
        return _Line(self.rank, text.rstrip())


def _shards(view: SetView, columns: int, paint: Paint, *, everything: bool) -> Iterator[_Line]:
    rows: list[_Row] = []
    for shard in view.shards:
        rank = _BUSY if shard.running else _QUIET
        facts = tuple(_shard_facts(shard))
        rows.append(_Row(rank, safe(shard.name), shard.phase, shard.fraction, shard.done, shard.total, facts))
        rows += [
            _volume(volume, shard)
            for volume in shard.volumes
            if everything or (volume.running and shard.running)
        ]
    names = min(max((len(row.name) for row in rows), default=0), max(columns // 4, 16))
    yield from (row.line(names, columns, paint) for row in rows)


def _volume(volume: VolumeView, shard: ShardView) -> _Row:
    rank = _MOVING if volume.running else _QUIET
    facts = tuple(_volume_facts(volume))
    return _Row(rank, _label(volume, shard), volume.phase, volume.fraction, volume.done, volume.total, facts)


def _label(volume: VolumeView, shard: ShardView) -> str:
    namespace = "" if shard.namespaces == (volume.namespace,) else f"{volume.namespace}/"
    return safe(f"  {namespace}{volume.pod} {volume.volume}")


def _shard_facts(shard: ShardView) -> Iterator[str]:
    """The most important first: what does not fit is left out."""
    if not shard.attempt:
        yield WAITING.lower()
    elif shard.running:
        yield f"{shard.phase} {span(shard.seconds)}"
        yield f"about {span(shard.left)} left"
    elif shard.phase == "Completed":
        yield f"{shard.phase} in {span(shard.seconds)}"
    else:
        yield shard.phase
        if shard.due is not None:
            yield f"again at {_clock(shard.due)}" if shard.due else "to be tried again"
    if shard.attempt > 1:
        yield f"attempt {shard.attempt}"
    if shard.volumes:
        complete = sum(volume.phase == "Completed" for volume in shard.volumes)
        yield f"{complete} of {counted(len(shard.volumes), 'volume')}"
    if shard.backup:
        yield f"{shard.lane}/{shard.backup}"


def _volume_facts(volume: VolumeView) -> Iterator[str]:
    yield f"{amount(volume.rate)}/s" if volume.rate else volume.phase
    if volume.node:
        yield f"on {volume.node}"
    if volume.seconds:
        yield span(volume.seconds)


def _colour(phase: str) -> str:
    return _COLOURS.get(phase, _RUNNING)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def _bar(fraction: float, width: int, paint: Paint, phase: str) -> str:
    full, empty = ("█", "░") if _shows("█░") else ("#", ".")
    filled = int(fraction * width)
    return paint(full * filled, _colour(phase)) + empty * (width - filled)


def _shows(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _troubles(view: SetView, columns: int, paint: Paint) -> Iterator[_Line]:
    told = []
    for each in view.failures:
        colour = "" if each.mended else "red"
        told += [
            paint(line, colour)
            for line in wrap(safe(f"{each.what}: {each.phase}: {each.reason}"), columns, "! ")
        ]
        told += wrap(safe(each.advice), columns, "  → ")
    for missing in view.missing:
        told += [paint(line, "yellow") for line in wrap(safe(f"missing: {missing}"), columns, "- ")]
    for note in view.notes:
        told += wrap(safe(note), columns, "* ")
    if view.over and view.point:
        named = f"named by vvc backup status {view.name} -o json"
        told += wrap(safe(f"restore point: {counted(len(view.point), 'Backup')}, {named}"), columns)
    if told:
        yield _Line(_BAD, "")
    yield from (_Line(_BAD, line) for line in told)
