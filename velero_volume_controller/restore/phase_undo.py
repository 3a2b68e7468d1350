"""UndoBackup: what is cleared away is backed up before. Pure.

That the Backup is Completed proves little: volumes of pods that do not run are skipped with a warning. So
every claim that is deleted is looked for among the volumes that it really has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from velero_volume_controller.api.cleanrestore import RestorePhase, Uncovered, Undo, UndoStatus
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.naming import labels, undo_name
from velero_volume_controller.restore.planned import Action
from velero_volume_controller.restore.run import Run, few
from velero_volume_controller.restore.steps import Make
from velero_volume_controller.velero.model.backups import COMPLETED, RESTORABLE

#: Seconds between two looks at a Backup that runs.
_LOOK_AGAIN: Final = 2.0


def back_up(run: Run) -> None:
    """Make it, wait for it, and look what it has."""
    if _begins(run):
        _begin(run)
    undo, seen = run.status.undo, run.observed.undo
    assert undo is not None
    if seen is None or seen.name != undo.backup:
        if undo.uid:
            _lose(run, undo)
            return
        run.actions.append(_make(run, undo))
        run.wakes.append(_LOOK_AGAIN)
        return
    undo.uid, undo.phase, undo.expires = seen.uid, seen.phase, seen.status.expiration
    if not seen.ended:
        run.progressing("True", "UndoBackup", f"Backup {undo.backup} is {seen.phase or 'New'}")
        run.wakes.append(_LOOK_AGAIN)
        return
    undo.uncovered = list(_uncovered(run))
    _judge(run, undo, seen.reason)


def _begins(run: Run) -> bool:
    """A run that was told to go on makes another one: unless something is gone already that this one has."""
    undo = run.status.undo
    return undo is None or (not undo.kept and run.age(undo.created) > run.in_phase())


def _begin(run: Run) -> None:
    before = run.status.undo
    attempt = before.attempt + 1 if before is not None else 1
    run.status.undo = UndoStatus(
        backup=undo_name(run.situation.identity, attempt),
        namespace=run.situation.identity.namespace,
        attempt=attempt,
        created=run.now,
    )


def _make(run: Run, undo: UndoStatus) -> Make:
    spec: dict[str, Any] = {
        "includedNamespaces": sorted(set(run.plan.targets.values())),
        "defaultVolumesToFsBackup": True,
    }
    return Make("Backup", undo.namespace, undo.backup, labels(run.situation.identity), spec)


def _lose(run: Run, undo: UndoStatus) -> None:
    undo.phase = "Lost"
    message = (
        f"nothing was touched: Backup {undo.namespace}/{undo.backup}, from which this run could be undone, is"
        " gone; see who deleted it, and go on with vvc restore apply"
    )
    run.fail("UndoBackupLost", message, RestorePhase.UNDO_BACKUP)


def _uncovered(run: Run) -> Iterator[Uncovered]:
    """Claims that go, hold data, and are not in it."""
    whole = {
        (taken.pod_namespace, taken.claim) for taken in run.observed.taken if taken.phase == COMPLETED
    } | run.observed.snapshots
    told = {
        (taken.pod_namespace, taken.claim): taken.message or f"its PodVolumeBackup is {taken.phase}"
        for taken in run.observed.taken
        if taken.phase != COMPLETED
    }
    for each in run.plan.objects:
        if each.action is not Action.DELETE or kinds.of(each.key) != kinds.CLAIM:
            continue
        where = (each.key.namespace, each.key.name)
        live = run.observed.live.get(each.key)
        # A claim that was never bound holds nothing.
        if where in whole or live is None or not live.volume:
            continue
        reason = told.get(where, "no pod that runs mounts it, so Velero could not read it")
        yield Uncovered(namespace=where[0], claim=where[1], reason=reason)


def _judge(run: Run, undo: UndoStatus, reason: str) -> None:
    lacking = [f"{each.namespace}/{each.claim} ({each.reason})" for each in undo.uncovered]
    if run.spec.undo is Undo.REQUIRED:
        if undo.phase != COMPLETED:
            _fail(run, undo, f"is {undo.phase}: {reason or 'see velero backup logs'}")
            return
        if lacking:
            _fail(run, undo, f"does not have the data of {len(lacking)} claims that would go: {few(lacking)}")
            return
    elif undo.phase not in RESTORABLE:
        run.tell("NoUndo", f"Backup {undo.backup} is {undo.phase}, so this run can't be undone", warning=True)
    elif lacking:
        run.tell("UndoIncomplete", f"what can't be undone: {few(lacking)}", warning=True)
    run.enter(RestorePhase.QUIESCING)


def _fail(run: Run, undo: UndoStatus, what: str) -> None:
    message = (
        f"nothing was touched: Backup {undo.backup}, from which this run could be undone, {what}; let pods"
        " run that mount them, protect them, or make a CleanRestore with undo: bestEffort"
    )
    run.fail("UndoIncomplete", message, RestorePhase.UNDO_BACKUP)
