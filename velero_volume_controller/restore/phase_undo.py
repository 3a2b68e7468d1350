"""UndoBackup: what is cleared away is backed up before. Pure.

That the Backup is Completed proves little: volumes of pods that do not run are skipped with a warning, and
kinds that were defined in the last minutes without one (1.18, server.go: discovery is refreshed every five).
So every claim that is deleted is looked for among the volumes that it really has, and every other object in
its resource list.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from velero_volume_controller.api.cleanrestore import RestorePhase, Uncovered, Undo, UndoStatus
from velero_volume_controller.api.owned_names import label_value
from velero_volume_controller.api.times import parse_duration
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.naming import labels, ours, undo_name
from velero_volume_controller.restore.planned import Action
from velero_volume_controller.restore.run import LOST, LOST_AFTER, Run, few, most
from velero_volume_controller.restore.steps import Make
from velero_volume_controller.velero.model.backups import COMPLETED, RESTORABLE, Backup
from velero_volume_controller.velero.model.restore_runs import RESTORE_LABEL

#: Seconds between two looks at a Backup that runs.
_LOOK_AGAIN: Final = 2.0
#: Velero's label on what no Backup takes (pkg/apis/velero/v1/labels_annotations.go, ExcludeFromBackupLabel).
EXCLUDED: Final = "velero.io/exclude-from-backup"
_KEPT_OUT: Final = f"its label {EXCLUDED} keeps it out of every Backup"


def back_up(run: Run) -> None:
    """Make it, wait for it, and look what it has."""
    if _begins(run):
        _begin(run)
    undo, seen = run.status.undo, run.observed.undo
    assert undo is not None
    # One that somebody else made under its name is no undo: making ours is then refused, and tells.
    if seen is None or seen.name != undo.backup or not ours(seen.labels, run.situation.identity):
        _miss(run, undo)
        return
    undo.uid, undo.phase, undo.expires, undo.gone = seen.uid, seen.phase, seen.status.expiration, None
    if not seen.ended:
        _wait(run, undo, waiting=seen.waiting)
        return
    undo.uncovered = list(_uncovered(run))
    _judge(run, undo, seen.reason)
    if undo.kept and run.status.phase is RestorePhase.QUIESCING:
        _tell_of_its_age(run, seen)


def _tell_of_its_age(run: Run, taken: Backup) -> None:
    """Where it is the one of an earlier plan of this run: nothing better can be had any more."""
    made = list(_made_since(run, taken))
    what = f", nor these, which were made since and go: {few(made)}" if made else ""
    said = f"Backup {taken.name} of {taken.created} stays the way back: what was changed since is not in it"
    run.tell("UndoBackupKept", said + what, warning=True)
    run.status.remarks = most([*run.status.remarks, said + what])


def _begins(run: Run) -> bool:
    """A run that was told to go on makes another one: unless something is gone already that this one has."""
    undo = run.status.undo
    if undo is None:
        return True
    useless = not undo.kept or undo.phase == LOST
    return useless and run.age(undo.created) > run.in_phase()


def _begin(run: Run) -> None:
    before = run.status.undo
    attempt = before.attempt + 1 if before is not None else 1
    # A plan in between may have made the status forget one (phase_plan.validate). Each time in this phase
    # makes at most one: one that is older than this time is never taken for the one of now.
    attempt = max(attempt, sum(each.phase is RestorePhase.UNDO_BACKUP for each in run.status.steps))
    run.status.undo = UndoStatus(
        backup=undo_name(run.situation.identity, attempt),
        namespace=run.situation.identity.namespace,
        attempt=attempt,
        created=run.now,
    )


def _make(run: Run, undo: UndoStatus) -> Make:
    """Only of namespaces in which something goes: Velero counts one that is not there as an error
    (item_collector.go 1.18), and the Backup would be PartiallyFailed."""
    going = {each.key.namespace for each in run.plan.objects if each.action is Action.DELETE}
    spec: dict[str, Any] = {
        "includedNamespaces": sorted(going - {""}),
        "defaultVolumesToFsBackup": True,
    }
    return Make("Backup", undo.namespace, undo.backup, labels(run.situation.identity), spec)


def _miss(run: Run, undo: UndoStatus) -> None:
    """It was not made yet, or is seen late, or is gone."""
    run.wakes.append(_LOOK_AGAIN)
    if not undo.uid:
        run.actions.append(_make(run, undo))
        _wait(run, undo, waiting=True)
        return
    undo.gone = undo.gone or run.now
    if run.age(undo.gone) >= LOST_AFTER:
        _lose(run, undo)


def _wait(run: Run, undo: UndoStatus, *, waiting: bool) -> None:
    """Velero itself ends a Backup that it has begun (fs-backup-timeout, itemOperationTimeout); one that it
    never begins, nobody does."""
    if waiting and run.in_phase() > parse_duration(run.spec.timeouts.restore).total_seconds():
        message = (
            f"{run.so_far}: Velero has not begun Backup {undo.namespace}/{undo.backup}, from which this run"
            f" could be undone, within {run.spec.timeouts.restore}: it is {undo.phase or 'New'}; see whether"
            " Velero runs and what it is busy with, and go on with vvc restore apply"
        )
        run.fail("UndoBackupWaits", message, RestorePhase.UNDO_BACKUP)
        return
    run.progressing("True", "UndoBackup", f"Backup {undo.backup} is {undo.phase or 'New'}")
    run.wakes.append(_LOOK_AGAIN)


def _lose(run: Run, undo: UndoStatus) -> None:
    undo.phase = LOST
    message = (
        f"{run.so_far}: Backup {undo.namespace}/{undo.backup}, from which this run could be undone, is"
        " gone; see who deleted it, and go on with vvc restore apply"
    )
    run.fail("UndoBackupLost", message, RestorePhase.UNDO_BACKUP)


def _uncovered(run: Run) -> Iterator[Uncovered]:
    """Claims that go, hold data, and are not in it."""
    undo = run.status.undo
    assert undo is not None
    of_this = [each for each in run.observed.taken if each.backup == undo.backup]
    whole = {(each.pod_namespace, each.claim, each.claim_uid) for each in of_this if each.phase == COMPLETED}
    told = {
        (each.pod_namespace, each.claim): each.message or f"its PodVolumeBackup is {each.phase or 'New'}"
        for each in of_this
        if each.phase != COMPLETED
    }
    snapshots = run.observed.snapshots
    for each in run.plan.objects:
        if each.action is not Action.DELETE or kinds.of(each.key) != kinds.CLAIM:
            continue
        where = (each.key.namespace, each.key.name)
        live = run.live.get(each.key)
        # A claim that was never bound holds nothing.
        if live is None or not live.volume:
            continue
        excluded = _excluded(live)
        # A claim of the same name that was made later is another one.
        read = (*where, live.uid) in whole or (*where, "") in whole
        read = read or (*where, live.volume) in snapshots or (*where, "") in snapshots
        if read and not excluded:
            continue
        if excluded:
            reason = _KEPT_OUT
        elif any(taken[:2] == where for taken in (*whole, *snapshots)):
            reason = "it was made after that Backup"
        else:
            reason = told.get(where, "Velero read it from no pod that runs")
        yield Uncovered(namespace=where[0], claim=where[1], reason=reason)


def _left_out(run: Run) -> Iterator[str]:
    """What goes, holds no data, and is not in it: why. What a controller makes anew is not missed, nor what
    an earlier plan of this run has restored, for it was not there before."""
    made = _restored(run)
    for each in run.plan.objects:
        live = run.live.get(each.key)
        if each.action is not Action.DELETE or not each.root or not each.key.namespace:
            continue
        if live is None or live.uid != each.uid or live.terminating or live.volume:
            continue
        if _excluded(live):
            yield f"{each.key} ({_KEPT_OUT})"
        elif each.key not in run.observed.backed_up and live.labels.get(RESTORE_LABEL) not in made:
            yield f"{each.key} (Velero did not take it)"


def _made_since(run: Run, taken: Backup) -> Iterator[str]:
    """What goes and is newer than that Backup: it may hold one of the same name, which is gone."""
    made = _restored(run)
    for each in run.plan.objects:
        live = run.live.get(each.key)
        if each.action is not Action.DELETE or not each.root or live is None or live.uid != each.uid:
            continue
        if live.created > taken.created and live.labels.get(RESTORE_LABEL) not in made:
            yield str(each.key)


def _restored(run: Run) -> set[str]:
    """By these labels what earlier plans of this run have restored is known."""
    return {label_value(each.name) for each in run.status.restores}


def _excluded(live: Live) -> bool:
    return live.labels.get(EXCLUDED) == "true"


def _judge(run: Run, undo: UndoStatus, reason: str) -> None:
    lacking = [f"{each.namespace}/{each.claim} ({each.reason})" for each in undo.uncovered]
    left_out = list(_left_out(run))
    if run.spec.undo is Undo.REQUIRED:
        if undo.phase != COMPLETED:
            _fail(run, undo, f"is {undo.phase}: {reason or 'see velero backup logs'}")
            return
        if lacking:
            _fail(run, undo, f"does not have the data of {len(lacking)} claims that would go: {few(lacking)}")
            return
        if left_out:
            _fail(run, undo, f"does not hold {len(left_out)} objects that would go: {few(left_out)}")
            return
    elif undo.phase not in RESTORABLE:
        run.tell("NoUndo", f"Backup {undo.backup} is {undo.phase}, so this run can't be undone", warning=True)
    elif lacking or left_out:
        told = few([*lacking, *left_out])
        run.tell("UndoIncomplete", f"what can't be undone: {told}", warning=True)
    run.enter(RestorePhase.QUIESCING)


def _fail(run: Run, undo: UndoStatus, what: str) -> None:
    way_out = (
        "make another CleanRestore, which backs up what is there now"
        if undo.kept
        else "let pods run that mount those claims, take such labels off, wait until Velero knows kinds that"
        " are new (five minutes), protect them, or make a CleanRestore with undo: bestEffort"
    )
    message = (
        f"{run.so_far}: Backup {undo.backup}, from which this run could be undone, {what}; {way_out}"
        f"{run.way_back}"
    )
    run.fail("UndoIncomplete", message, RestorePhase.UNDO_BACKUP)
