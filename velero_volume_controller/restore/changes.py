"""What has happened between two looks at a CleanRestore, a line for each: for logs and pipes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from velero_volume_controller.api.cleanrestore import RestorePhase
from velero_volume_controller.api.words import amount, counted, span
from velero_volume_controller.restore.views import RestoreView, RunView, StepView
from velero_volume_controller.velero.model.restore_runs import COMPLETED

#: Of what is cleared away not each object has a line: one for each so many hundredths.
_PARTS: Final = 10


def changes(before: RunView | None, after: RunView) -> Iterator[str]:
    """A line for each phase, Restore, volume and problem that is new; ``before`` None: for all.

    That it has ended is the last of them, as a log's reader expects.
    """
    turned = before is None or before.phase != after.phase
    if turned and not after.over:
        yield _phase(after)
    elif before is not None and not after.over and before.waiting != after.waiting and not _counts(after):
        yield after.waiting
    yield from _steps(before, after)
    yield from _gone(before, after)
    yield from _undo(before, after)
    known = {each.name: each for each in before.restores} if before else {}
    for restore in after.restores:
        yield from _restore(known.get(restore.name), restore)
    said = {*before.problems, *before.notes} if before else set()
    yield from (each for each in (*after.problems, *after.notes) if each not in said)
    if turned and after.over:
        yield from (f"differs: {each}" for each in (after.verify.differences if after.verify else ()))
        yield _phase(after)


def _counts(view: RunView) -> bool:
    """What it waits for is a number that has lines of its own."""
    return view.phase in {RestorePhase.CLEARING, RestorePhase.WAITING_GONE, RestorePhase.RESTORING}


def _phase(view: RunView) -> str:
    name = f"CleanRestore {view.namespace}/{view.name}: {view.phase}"
    if view.failure:
        return f"{name}: {view.reason}: {view.failure}"
    if view.over and view.started and view.ended and view.volumes_total:
        volumes = f"{view.volumes_done:,} of {counted(view.volumes_total, 'volume')}"
        return f"{name}, {volumes}, {amount(view.done)}"
    if view.phase == RestorePhase.CLEARING:
        return f"{name}, {counted(view.to_go, 'object')}"
    return f"{name}: {view.waiting}" if view.waiting and not view.over else name


def _steps(before: RunView | None, after: RunView) -> Iterator[str]:
    """How long each took that has ended; at the first look nothing of what was before."""
    if before is None:
        return
    ended = {(each.phase, each.started) for each in before.steps if each.ended is not None}
    for each in after.steps:
        if each.ended is not None and (each.phase, each.started) not in ended:
            yield _took(each)


def _took(step: StepView) -> str:
    return f"{step.phase} took {span(step.seconds)}"


def _gone(before: RunView | None, after: RunView) -> Iterator[str]:
    if not after.to_go or not after.gone:
        return
    reached = _tenths(after)
    if before is None or _tenths(before) != reached:
        yield f"{after.gone:,} of {counted(after.to_go, 'object')} are gone"


def _tenths(view: RunView) -> int:
    return view.gone * _PARTS // view.to_go if view.to_go else 0


def _undo(before: RunView | None, after: RunView) -> Iterator[str]:
    was = before.undo if before else None
    if after.undo is None or not after.undo.phase:
        return
    if was is None or (was.backup, was.phase) != (after.undo.backup, after.undo.phase):
        yield f"undo Backup {after.undo.backup}: {after.undo.phase}"


def _restore(before: RestoreView | None, restore: RestoreView) -> Iterator[str]:
    if not restore.name:
        return
    if before is None or before.phase != restore.phase:
        said = f"Restore {restore.name} of Backup {restore.backup}: {restore.phase}"
        if restore.errors or restore.warnings:
            said += f", {counted(restore.errors, 'error')}, {counted(restore.warnings, 'warning')}"
        yield said + (f": {restore.reason}" if restore.reason else "")
    known = {(each.namespace, each.pod, each.volume): each.phase for each in before.volumes} if before else {}
    for volume in restore.volumes:
        if volume.phase == known.get((volume.namespace, volume.pod, volume.volume)):
            continue
        what = f"volume {volume.volume} of {volume.namespace}/{volume.pod}: {volume.phase}"
        if volume.phase == COMPLETED:
            yield f"{what}, {amount(volume.done)} in {span(volume.seconds)}"
        elif volume.failed:
            yield f"{what}: {volume.message}" if volume.message else what
