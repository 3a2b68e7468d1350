"""A CleanRestore in bars: for ``vvc restore status`` and ``watch``, on 40 columns and on 200."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os.path import commonprefix
from typing import Final

from velero_volume_controller.api.cleanrestore import RehearsalStatus, RestorePhase, Verified
from velero_volume_controller.api.times import seconds_between
from velero_volume_controller.api.words import amount, span
from velero_volume_controller.cli.backup_terminal import Pen
from velero_volume_controller.cli.bar_rows import Row
from velero_volume_controller.cli.fitting import Line, fitting
from velero_volume_controller.cli.output import clock, counted, safe, wrap
from velero_volume_controller.restore.views import RestoreView, RunView, StepView
from velero_volume_controller.velero.model.moving_volumes import VolumeView

#: Bytes a second: less is the uploader's first word, and not yet a rate.
_SLOWEST: Final = 1024
#: Names that are told on one line; the other forms tell all.
_FEW: Final = 8

#: How much a line matters.
_HEAD, _BUSY, _BAD, _NEXT, _MOVING, _QUIET = range(6)


def bars(view: RunView, pen: Pen, *, everything: bool = False, rows: int | None = None) -> list[str]:
    """The run in lines, and in so many of them (None: as many as it takes).

    ``everything``: also volumes that do not move.
    """
    lines = [
        *_head(view, pen),
        *_steps(view, pen),
        *_facts(view, pen),
        *_bars(view, pen, everything=everything),
        *_troubles(view, pen),
        *_next(view, pen),
    ]
    return fitting(lines, rows, pen)


def _told(rank: int, text: str, pen: Pen, first: str = "", colour: str = "") -> Iterator[Line]:
    """Prose, in as many lines as it takes."""
    for line in wrap(safe(text), pen.columns, first):
        yield Line(rank, pen.paint(line, colour))


def _head(view: RunView, pen: Pen) -> Iterator[Line]:
    name = pen.cut(safe(f"CleanRestore {view.namespace}/{view.name}"), pen.columns - len(view.phase) - 2)
    yield Line(_HEAD, f"{name}: {pen.phase(view.phase, view.phase)}")
    yield from _told(_HEAD, _times(view), pen)
    if view.waiting:
        yield from _told(_BUSY, view.waiting, pen)


def _times(view: RunView) -> str:
    if view.started is None:
        ended = f"; ended {clock(view.ended)}" if view.ended else ""
        return f"made {clock(view.created)}, not begun{ended}" if view.created else f"not begun{ended}"
    if view.ended is not None:
        took = span(seconds_between(view.started, view.ended))
        return f"began {clock(view.started)}, took {took}"
    said = f"began {clock(view.started)}, {span(seconds_between(view.started, view.now))} ago"
    return said if view.left is None else f"{said}; all data is written in about {span(view.left)}"


def _steps(view: RunView, pen: Pen) -> Iterator[Line]:
    """What it went through, on as many lines as it takes; what was gone through twice is told twice."""
    if not view.steps:
        return
    told = [_step(each, view) for each in view.steps]
    line = ""
    for each in told:
        longer = f"{line} {pen.glyphs.arrow} {each}" if line else each
        if len(longer) > pen.columns and line:
            yield Line(_QUIET, line)
            longer = f"{pen.glyphs.arrow} {each}"
        line = longer
    yield Line(_QUIET, line)


def _step(step: StepView, view: RunView) -> str:
    return f"{step.phase} {span(step.seconds)}" + ("" if step.ended or view.over else " so far")


def _facts(view: RunView, pen: Pen) -> Iterator[Line]:
    yield Line(_QUIET, "")
    into = ""
    if view.plan is not None and view.plan.namespaces:
        into = f" into {_few(view.plan.namespaces)}"
    what = f"{view.source}{into}"
    if view.undo_of:
        what += f", which undoes {view.undo_of}"
    yield from _told(_QUIET, what, pen, "restores  ")
    if view.plan is not None:
        plan = view.plan
        said = f"{plan.delete:,} deleted, {plan.keep:,} kept, {plan.create:,} created"
        if plan.blocked:
            said += f", {plan.blocked:,} blocked"
        approved = "approved" if view.approved else "not approved"
        if view.rehearsal is not None:
            approved = "a rehearsal, which touches nothing that exists"
        yield from _told(_QUIET, f"{said}; {approved}", pen, "plan      ")
        # Never broken: it is copied.
        yield Line(_QUIET, f"  {plan.hash}")
    if view.undo is not None:
        yield from _told(_QUIET, _undo(view), pen, "undo      ")
    if view.verify is not None:
        yield from _told(_HEAD, _verified(view.verify), pen, "verified  ")
    if view.rehearsal is not None and view.rehearsal.data_seconds is not None:
        yield from _told(_HEAD, measured(view.rehearsal), pen, "measured  ")


def _undo(view: RunView) -> str:
    undo = view.undo
    assert undo is not None
    said = f"Backup {undo.backup}: {undo.phase or 'New'}"
    if undo.expires is not None:
        left = seconds_between(view.now, undo.expires)
        said += f", expires in {span(left)}" if left > 0 else f", expired {span(-left)} ago"
    if undo.uncovered:
        lacking = [f"{each.namespace}/{each.claim}" for each in undo.uncovered]
        said += f"; lacks the data of {_few(lacking)}"
    return said


def _verified(found: Verified) -> str:
    told = [f"{found.objects - found.missing:,} of {counted(found.objects, 'object')}"]
    if found.claims:
        told.append(f"{found.claims_bound:,} of {counted(found.claims, 'claim')} bound")
    if found.volumes:
        told.append(
            f"{found.volumes_done:,} of {counted(found.volumes, 'volume')} written ({amount(found.bytes)})"
        )
    if found.pods:
        told.append(f"{found.pods_ready:,} of {counted(found.pods, 'pod')} ready")
    return ", ".join(told)


def measured(found: RehearsalStatus) -> str:
    """What the restore took; once it is over."""
    ready = (
        f"all pods ready after {span(found.ready_seconds)} (RTO)"
        if found.ready_seconds is not None
        else "not all pods became ready, so the RTO is not known"
    )
    volumes = f"{counted(found.volumes, 'volume')}, {amount(found.bytes)}"
    return f"{volumes}: in place after {span(found.data_seconds or 0.0)}, {ready}"


def _few(names: Sequence[str]) -> str:
    rest = len(names) - _FEW
    told = ", ".join(names[:_FEW])
    return f"{told} and {rest:,} more" if rest > 0 else told


def _bars(view: RunView, pen: Pen, *, everything: bool) -> Iterator[Line]:
    rows: list[Row] = []
    if view.to_go and view.clears:
        rows.append(_clearing(view))
    if view.phase == RestorePhase.RESTORING or any(each.name for each in view.restores):
        if view.total:
            rows.append(_data(view))
        alike = _alike([restore.backup for restore in view.restores])
        for restore in view.restores:
            rows.append(_restore(restore, restore.backup[alike:]))
            rows += [
                _volume(volume)
                for volume in restore.volumes
                if everything or volume.failed or (volume.running and restore.running)
            ]
    if not rows:
        return
    yield Line(_QUIET, "")
    # Of volumes that are not shown, too: else the bars would jump whenever one begins or ends.
    longest = max(
        *(len(row.name + row.tail) for row in rows),
        *(_length(volume) for restore in view.restores for volume in restore.volumes),
        0,
    )
    names = min(longest, max(pen.columns // 4, 14))
    yield from (row.line(names, pen) for row in rows)


def _clearing(view: RunView) -> Row:
    whole = view.gone >= view.to_go
    phase = "Completed" if whole else "InProgress"
    if view.over and not whole:
        phase = "Failed"
    facts = (f"{view.gone:,}/{view.to_go:,} gone",)
    return Row(_BUSY, "clearing", phase, view.gone / view.to_go, 0, 0, facts)


def _data(view: RunView) -> Row:
    volumes = f"{view.volumes_done:,}/{counted(view.volumes_total, 'volume')}"
    # Velero finds the volumes one by one: before the end there may be more.
    facts = [volumes if view.over or view.phase == RestorePhase.VERIFYING else f"{volumes} so far"]
    if view.rate >= _SLOWEST:
        facts.append(f"{amount(view.rate)}/s")
    fraction = min(view.done / view.total, 1.0)
    whole = view.volumes_done == view.volumes_total and fraction == 1
    return Row(
        _BUSY, "data", "Completed" if whole else "InProgress", fraction, view.done, view.total, tuple(facts)
    )


def _alike(names: Sequence[str]) -> int:
    """How many signs all of several names begin with, up to a hyphen: those of a set's Backups."""
    return commonprefix(names).rfind("-") + 1 if len(names) > 1 else 0  # noqa: RUF071 (they are no paths)


def _restore(restore: RestoreView, name: str) -> Row:
    rank = _BUSY if restore.running else _QUIET
    facts = []
    if not restore.name:
        facts.append(restore.phase.lower())
    elif restore.running:
        facts.append(f"{restore.phase} {span(restore.seconds)}")
    else:
        facts.append(f"{restore.phase} in {span(restore.seconds)}")
    if restore.errors:
        facts.append(counted(restore.errors, "error"))
    if restore.warnings:
        facts.append(counted(restore.warnings, "warning"))
    if restore.items_total:
        facts.append(f"{restore.items:,} of {counted(restore.items_total, 'object')}")
    if restore.attempt > 1:
        facts.append(f"attempt {restore.attempt}")
    if restore.name:
        facts.append(f"Restore {restore.name}")
    return Row(
        rank,
        safe(name),
        restore.phase,
        restore.fraction,
        restore.done,
        restore.total,
        tuple(facts),
    )


def _volume(volume: VolumeView) -> Row:
    facts = [f"{amount(volume.rate)}/s" if volume.rate >= _SLOWEST else volume.phase]
    if volume.message:
        facts.append(volume.message)
    if volume.node:
        facts.append(f"on {volume.node}")
    if volume.seconds:
        facts.append(span(volume.seconds))
    return Row(
        rank=_MOVING if volume.running else _QUIET,
        name=safe(f"  {volume.namespace}/{volume.pod}"),
        phase=volume.phase,
        fraction=volume.fraction,
        done=volume.done,
        total=volume.total,
        facts=tuple(facts),
        tail=safe(f" {volume.volume}"),
    )


def _length(volume: VolumeView) -> int:
    return len(safe(f"  {volume.namespace}/{volume.pod} {volume.volume}"))


def _troubles(view: RunView, pen: Pen) -> Iterator[Line]:
    told: list[Line] = []
    if view.failure:
        colour = "red" if view.phase == RestorePhase.FAILED else "yellow"
        told += _told(_BAD, f"{view.reason}: {view.failure}", pen, "! ", colour)
    for problem in view.problems:
        told += _told(_BAD, problem, pen, "! ", "red")
    for restore in view.restores:
        if restore.reason:
            told += _told(
                _BAD, f"Restore {restore.name}: {restore.phase}: {restore.reason}", pen, "! ", "red"
            )
    for difference in view.verify.differences if view.verify else ():
        told += _told(_BAD, f"differs: {difference}", pen, "- ", "yellow")
    for note in view.notes:
        told += _told(_QUIET, note, pen, "* ")
    if told:
        yield Line(_QUIET, "")
    yield from told


def _next(view: RunView, pen: Pen) -> Iterator[Line]:
    """A command stands alone on its line where it must not be broken."""
    if view.next:
        yield Line(_NEXT, "")
    widest = max((len(each.command) for each in view.next), default=0)
    for each in view.next:
        beside = f"{safe(each.command):<{widest}}  {safe(each.what)}"
        if len(beside) <= pen.columns:
            yield Line(_NEXT, beside)
        else:
            yield from _told(_NEXT, each.what, pen)
            yield Line(_NEXT, f"  {safe(each.command)}")
