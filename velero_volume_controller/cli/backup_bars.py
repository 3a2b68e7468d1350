"""A BackupSet in bars: for ``vvc backup status`` and ``watch``, on 80 columns and on 200."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from velero_volume_controller.api.times import seconds_between
from velero_volume_controller.api.words import amount, part, span
from velero_volume_controller.backup.views import WAITING, SetView, ShardView
from velero_volume_controller.cli.backup_terminal import Pen
from velero_volume_controller.cli.bar_rows import Row
from velero_volume_controller.cli.fitting import Line, fitting
from velero_volume_controller.cli.output import clock, counted, fold, safe, wrap
from velero_volume_controller.velero.model.moving_volumes import VolumeView

#: The shortest bar of the whole set that is drawn beside what is said of it, and the columns that are kept
#: for that: a bar whose length changes with every word beside it looks as if it ran backwards.
_SHORT: Final = 8
_SAID: Final = 60

#: Bytes a second: less is the uploader's first word, and not yet a rate.
_SLOWEST: Final = 1024

#: How much a line matters.
_HEAD, _BUSY, _BAD, _MOVING, _QUIET = range(5)


def bars(view: SetView, pen: Pen, *, everything: bool = False, rows: int | None = None) -> list[str]:
    """The set in lines, and in so many of them (None: as many as it takes).

    ``everything``: also volumes that do not move.
    """
    lines = [*_head(view, pen), *_shards(view, pen, everything=everything), *_troubles(view, pen)]
    return fitting(lines, rows, pen)


def _head(view: SetView, pen: Pen) -> Iterator[Line]:
    name = pen.cut(safe(f"BackupSet {view.namespace}/{view.name}"), pen.columns - len(view.phase) - 2)
    yield Line(_HEAD, f"{name}: {pen.phase(view.phase, view.phase)}")
    yield from (Line(_HEAD, line) for line in wrap(_times(view), pen.columns))
    if view.shards:
        yield from (Line(_HEAD, line) for line in _whole(view, pen))
        yield Line(_QUIET, "")


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
        return f"began {clock(view.started)}, took {took}" + (f" ({planned})" if planned else "")
    said = f"began {clock(view.started)}, {span(seconds_between(view.started, view.now))} ago"
    if view.ends is not None:
        said += f"; ends about {clock(view.ends)}, in {span(seconds_between(view.now, view.ends))}"
    return said + (f" ({planned})" if planned else "")


def _shards(view: SetView, pen: Pen, *, everything: bool) -> Iterator[Line]:
    rows: list[Row] = []
    longest = 0
    for shard in view.shards:
        rank = _BUSY if shard.running else _QUIET
        facts = tuple(_shard_facts(shard))
        rows.append(Row(rank, safe(shard.name), shard.phase, shard.fraction, shard.done, shard.total, facts))
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


def _volume(volume: VolumeView, shard: ShardView) -> Row:
    namespace = "" if shard.namespaces == (volume.namespace,) else f"{volume.namespace}/"
    return Row(
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
            yield f"again at {clock(shard.due)}" if shard.due else "to be tried again"
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


def _troubles(view: SetView, pen: Pen) -> Iterator[Line]:
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
        yield Line(_BAD, "")
    yield from (Line(_BAD, line) for line in told)
