"""A BackupSet in bars: for ``vvc backup status`` and ``watch``, on 80 columns and on 200."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from velero_volume_controller.api.times import parse_time, seconds_between
from velero_volume_controller.backup.views import WAITING, SetView, ShardView, VolumeView
from velero_volume_controller.backup.words import amount, part, span
from velero_volume_controller.cli.backup_terminal import Pen
from velero_volume_controller.cli.output import counted, fold, safe, wrap

#: Characters of ``512.0 of 999 GiB``, and of the longest phase.
_AMOUNTS: Final = 17
_PHASE: Final = 15

#: The shortest bar of the whole set that is drawn beside what is said of it, and the columns that are kept
#: for that: a bar whose length changes with every word beside it looks as if it ran backwards.
_SHORT: Final = 8
_SAID: Final = 60

#: Bytes a second: less is the uploader's first word, and not yet a rate.
_SLOWEST: Final = 1024

#: What is left out first where a screen is too low: the largest number.
_HEAD, _BUSY, _BAD, _MOVING, _QUIET = range(5)


@dataclass(frozen=True, slots=True)
class _Line:
    rank: int
    text: str


def bars(view: SetView, pen: Pen, *, everything: bool = False, rows: int | None = None) -> list[str]:
    """The set in lines, and in so many of them (None: as many as it takes).

    ``everything``: also volumes that do not move.
    """
    lines = [*_head(view, pen), *_shards(view, pen, everything=everything), *_troubles(view, pen)]
    return [line.text for line in _fitting(lines, rows, pen)]


def _fitting(lines: Sequence[_Line], rows: int | None, pen: Pen) -> Sequence[_Line]:
    """Without what matters least, the lowest of it first; the last line says how much that is."""
    if rows is None or len(lines) <= rows:
        return lines
    surplus = len(lines) - max(rows - 1, 1)
    order = sorted(range(len(lines)), key=lambda index: (-lines[index].rank, -index))
    left_out = set(order[:surplus])
    kept = [line for index, line in enumerate(lines) if index not in left_out]
    return [*kept, _Line(_HEAD, f"{pen.glyphs.dots} {counted(surplus, 'line')} more than fit here")]


def _head(view: SetView, pen: Pen) -> Iterator[_Line]:
    name = pen.cut(safe(f"BackupSet {view.namespace}/{view.name}"), pen.columns - len(view.phase) - 2)
    yield _Line(_HEAD, f"{name}: {pen.phase(view.phase, view.phase)}")
    yield from (_Line(_HEAD, line) for line in wrap(_times(view), pen.columns))
    if view.shards:
        yield from (_Line(_HEAD, line) for line in _whole(view, pen))
        yield _Line(_QUIET, "")


def _whole(view: SetView, pen: Pen) -> Iterator[str]:
    """The bar of the whole set. Velero finds the volumes one by one: before the end there may be more."""
    percent = f"{100 * view.fraction:3.0f} %"
    volumes = f"{view.volumes_done:,} of {counted(view.volumes_total, 'volume')}"
    facts = [part(view.done, view.total), volumes if view.over else f"{volumes} so far"]
    if view.rate >= _SLOWEST:
        facts.append(f"{amount(view.rate)}/s")
    beside = "  ".join((percent, *facts))
    said = beside if max(len(beside), _SAID) + 1 + _SHORT <= pen.columns else percent
    kept = len(percent) if said == percent else max(len(beside), _SAID)
    drawn = pen.bar(view.fraction, min(pen.columns - kept - 1, 60), view.phase)
    yield f"{drawn} {said}"
    if said != beside:
        yield from (line.strip() for line in fold(", ".join(facts), pen.columns))


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
    """A shard or a volume. Of ``facts`` the first are the most important: what does not fit is left out.

    ``tail`` ends the name, and stays where the name has to be cut.
    """

    rank: int
    name: str
    phase: str
    fraction: float
    done: int
    total: int
    facts: tuple[str, ...]
    tail: str = ""

    def line(self, names: int, pen: Pen) -> _Line:
        """``names``: columns for the names."""
        width = min(max(pen.columns // 8, 6), 30)
        start = f"{self.called(names, pen):<{names}}  {pen.bar(self.fraction, width, self.phase)}"
        start += f" {100 * self.fraction:3.0f} %"
        room = max(pen.columns - names - width - 10, 0)
        if room >= _AMOUNTS + 2 + _PHASE:
            start += f"  {part(self.done, self.total) if self.total else '':<{_AMOUNTS}}"
            room -= _AMOUNTS + 2
        said = ""
        for fact in map(safe, self.facts):
            alone = fact if len(fact) <= room else pen.cut(fact.partition(" ")[0], room)
            longer = f"{said}, {fact}" if said else alone
            if len(longer) <= room:
                said = longer
        return _Line(self.rank, f"{start}  {pen.phase(self.phase, said) if said else ''}".rstrip())

    def called(self, columns: int, pen: Pen) -> str:
        """The name in so many columns."""
        if len(self.name + self.tail) <= columns or len(self.tail) > columns // 2:
            return pen.cut(self.name + self.tail, columns)
        return pen.cut(self.name, columns - len(self.tail)) + self.tail


def _shards(view: SetView, pen: Pen, *, everything: bool) -> Iterator[_Line]:
    rows: list[_Row] = []
    longest = 0
    for shard in view.shards:
        rank = _BUSY if shard.running else _QUIET
        facts = tuple(_shard_facts(shard))
        rows.append(_Row(rank, safe(shard.name), shard.phase, shard.fraction, shard.done, shard.total, facts))
        volumes = [_volume(volume, shard) for volume in shard.volumes]
        # Of those that are not shown, too: else the bars would jump whenever one begins or ends.
        longest = max(longest, *(len(row.name + row.tail) for row in (rows[-1], *volumes)))
        rows += [
            row
            for row, volume in zip(volumes, shard.volumes, strict=True)
            if everything or (volume.running and shard.running)
        ]
    names = min(longest, max(pen.columns // 4, 14))
    yield from (row.line(names, pen) for row in rows)


def _volume(volume: VolumeView, shard: ShardView) -> _Row:
    namespace = "" if shard.namespaces == (volume.namespace,) else f"{volume.namespace}/"
    return _Row(
        rank=_MOVING if volume.running else _QUIET,
        name=safe(f"  {namespace}{volume.pod}"),
        phase=volume.phase,
        fraction=volume.fraction,
        done=volume.done,
        total=volume.total,
        facts=tuple(_volume_facts(volume)),
        tail=safe(f" {volume.volume}"),
    )


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
    yield f"{amount(volume.rate)}/s" if volume.rate >= _SLOWEST else volume.phase
    if volume.node:
        yield f"on {volume.node}"
    if volume.seconds:
        yield span(volume.seconds)


def _troubles(view: SetView, pen: Pen) -> Iterator[_Line]:
    told = []
    for each in view.failures:
        colour = "" if each.mended else "red"
        told += [
            pen.paint(line, colour)
            for line in wrap(safe(f"{each.what}: {each.phase}: {each.reason}"), pen.columns, "! ")
        ]
        told += wrap(safe(each.advice), pen.columns, f"  {pen.glyphs.arrow} ")
    for missing in view.missing:
        told += [pen.paint(line, "yellow") for line in wrap(safe(f"missing: {missing}"), pen.columns, "- ")]
    for note in view.notes:
        told += wrap(safe(note), pen.columns, "* ")
    if view.over and view.point:
        command = f"vvc backup status {view.name} -n {view.namespace} -o json"
        told += wrap(
            safe(f"restore point: {counted(len(view.point), 'Backup')}, named by {command}"), pen.columns
        )
    if told:
        yield _Line(_BAD, "")
    yield from (_Line(_BAD, line) for line in told)
