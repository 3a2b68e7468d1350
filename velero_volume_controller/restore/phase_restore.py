"""Restoring: one Restore of Velero's for each Backup of the restore point, one after the other. Pure.

A Restore that is cut off in the middle can't be repeated as it is: Velero leaves alone what is there, and a
pod that is there gets no data. So what it has made is cleared away before the next one.
"""

from __future__ import annotations

from typing import Final

from velero_volume_controller.api.cleanrestore import RestorePhase, RunRestore, SourceBackup
from velero_volume_controller.api.times import parse_duration
from velero_volume_controller.restore.naming import labels, ours, restore_name
from velero_volume_controller.restore.run import LOST, LOST_AFTER, Run
from velero_volume_controller.restore.scratch_objects import restore_spec
from velero_volume_controller.restore.steps import Make
from velero_volume_controller.velero.model.restore_runs import (
    COMPLETED,
    ENDED,
    PARTIALLY_FAILED,
    VOLUME_ENDED,
    Restore,
)
from velero_volume_controller.velero.model.restores import NOT_PASSED_ON

_LOOK_AGAIN: Final = 2.0
#: How often Restores that Velero failed are made again before a person is asked.
_RETRIES: Final = 3
_INVALID: Final = "FailedValidation"
_DONE: Final = frozenset({COMPLETED, PARTIALLY_FAILED})
_OVER: Final = ENDED | {LOST}


def restore(run: Run) -> None:
    """Make the next Restore once the one before has ended."""
    follow(run)
    _measure(run)
    assert run.status.plan is not None, "what is restored was planned"
    for index, source in enumerate(run.status.plan.backups, 1):
        made = made_of(run, source)
        last = made[-1] if made and not made[-1].superseded else None
        if last is not None and last.phase in _DONE:
            continue
        if last is None or last.cleared or (last.phase == _INVALID and _told_to_go_on(run, last)):
            last = RunRestore(
                name=_new_name(run, index, len(made) + 1),
                namespace=source.namespace,
                backup=source.name,
                attempt=len(made) + 1,
                created=run.now,
            )
            run.status.restores.append(last)
        _wait_for(run, last)
        return
    run.enter(RestorePhase.VERIFYING, "all Restores have ended")


def _new_name(run: Run, index: int, attempt: int) -> str:
    """One that no Restore of this run has: at this place, an earlier plan may have had another Backup."""
    taken = {each.name for each in run.status.restores}
    while (name := restore_name(run.situation.identity, index, attempt)) in taken:
        attempt += 1
    return name


def _told_to_go_on(run: Run, last: RunRestore) -> bool:
    return run.age(last.created) > run.in_phase()


def made_of(run: Run, source: SourceBackup) -> list[RunRestore]:
    """The attempts at this Backup, those of an earlier plan too, in their order."""
    return [
        each
        for each in run.status.restores
        if (each.backup, each.namespace) == (source.name, source.namespace)
    ]


def follow(run: Run) -> None:
    """What Velero says of all of them now. What was seen to have ended stays ended."""
    for known in run.status.restores:
        if known.phase in _OVER:
            continue
        seen = run.restores.get(known.name)
        # One that somebody else made under its name is none: making ours is then refused, and tells.
        if seen is not None and ours(seen.labels, run.situation.identity):
            _take(known, seen)
        elif known.uid:
            _miss(run, known)


def at_work(run: Run) -> str | None:
    """A Restore of an earlier plan that Velero has not ended: it would go on making what this one deletes."""
    follow(run)
    return next((each.name for each in run.status.restores if each.uid and each.phase not in _OVER), None)


def _miss(run: Run, known: RunRestore) -> None:
    known.gone = known.gone or run.now
    if run.age(known.gone) < LOST_AFTER:
        run.wakes.append(_LOOK_AGAIN)
        return
    known.phase, known.reason, known.ended = LOST, "it was deleted while Velero was at work", run.now


def _take(known: RunRestore, seen: Restore) -> None:
    known.uid, known.phase, known.reason, known.gone = seen.uid, seen.phase, seen.reason, None
    known.started, known.ended = seen.started, seen.completed
    known.errors, known.warnings = seen.errors, seen.warnings


def _measure(run: Run) -> None:
    names = {each.name for each in run.status.restores if each.phase not in {"Failed", LOST}}
    volumes = [each for each in run.observed.restored if each.restore in names]
    progress = run.progress
    progress.volumes_total = len(volumes)
    progress.volumes_done = sum(1 for each in volumes if each.phase in VOLUME_ENDED)
    progress.bytes_done = sum(each.bytes_done for each in volumes)
    progress.bytes_total = sum(each.bytes_total for each in volumes)


def _wait_for(run: Run, last: RunRestore) -> None:
    name = f"Restore {last.namespace}/{last.name}"
    if last.phase in {"Failed", LOST}:
        _again(run, last, name)
    elif last.phase == _INVALID:
        message = f"Velero refuses {name}: {last.reason}; mend that, and go on with {run.go_on}{run.way_back}"
        run.fail("RestoreRefused", message, RestorePhase.RESTORING)
    elif run.in_phase() > parse_duration(run.spec.timeouts.restore).total_seconds():
        message = (
            f"{name} has not ended within {run.spec.timeouts.restore} and is {last.phase or 'New'}; see what"
            f" Velero does (velero restore describe), and go on with {run.go_on}"
        )
        run.fail("RestoreTakesTooLong", message, RestorePhase.RESTORING)
    else:
        if not last.uid:
            run.actions.append(_make(run, last))
        run.progressing("True", "Restoring", f"{name} is {last.phase or 'New'}")
        run.wakes.append(_LOOK_AGAIN)


def _again(run: Run, last: RunRestore, name: str) -> None:
    """Velero failed it half-way: what it made goes, and it is made again."""
    if run.status.retries >= _RETRIES or run.rehearses:
        message = (
            f"{name} failed at attempt {last.attempt}: {last.reason or last.phase}; see velero restore logs,"
            f" and go on with {run.go_on}{run.way_back}"
        )
        run.fail("RestoreFailed", message, RestorePhase.RESTORING)
        return
    run.status.retries += 1
    run.tell("RestoreFailed", f"{name} failed: {last.reason or last.phase}; it is made again", warning=True)
    run.status.clear_again = [last.name]
    run.enter(RestorePhase.CLEARING, f"what {name} has made is cleared away")


def _make(run: Run, last: RunRestore) -> Make:
    plan = run.plan
    spec = {key: value for key, value in run.spec.restore_template.items() if key not in NOT_PASSED_ON}
    spec["backupName"] = last.backup
    spec["includedNamespaces"] = sorted(plan.targets)
    mapping = {source: target for source, target in sorted(plan.targets.items()) if source != target}
    if mapping:
        spec["namespaceMapping"] = mapping
    if run.rehearses:
        assert run.status.rehearsal is not None, "what is rehearsed was prepared"
        spec |= restore_spec(run.status.rehearsal)
    elif plan.everything:
        # With namespaces named, Velero leaves cluster-scoped objects out unless told (restore.go 1.18, 2589).
        spec["includeClusterResources"] = True
    return Make("Restore", last.namespace, last.name, labels(run.situation.identity), spec)
