"""The CleanRestore that takes another one back. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from velero_volume_controller.api.backupset import MAX_NAME
from velero_volume_controller.api.cleanrestore import (
    Approval,
    CleanRestoreSpec,
    Extras,
    RestoredNamespaces,
    Scope,
    Source,
    Undo,
)
from velero_volume_controller.api.times import seconds_between
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.contents import Contents
from velero_volume_controller.restore.objects import CleanRestore
from velero_volume_controller.restore.written import WrittenRestore
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.backups import COMPLETED, RESTORABLE

_SUFFIX: Final = "-undo"


def why_not(run: CleanRestore, now: str) -> str | None:
    """Why this run can't be undone: the rest of a sentence about it, with what to do; None if it can."""
    status, undo = run.status, run.status.undo
    if run.spec is None:
        return f"can't be read: {run.problem}"
    if status.phase is None or not status.phase.ended:
        return (
            f"has not ended ({status.phase or 'New'}); wait for its end: vvc restore watch {run.name}"
            f" -n {run.namespace}"
        )
    if run.spec.undo_of is not None:
        return f"has itself undone {run.spec.undo_of}; restore from a Backup instead"
    if undo is None or not undo.kept:
        if any(each.phase.touches and each.phase.value != "Quiescing" for each in status.steps):
            why = "was made with undo: none" if run.spec.undo is Undo.NONE else "had nothing to delete"
            return f"{why}, so there is no Backup of what was there before; restore from another Backup"
        return "has deleted nothing, so there is nothing to bring back"
    where = f"Backup {undo.namespace}/{undo.backup}, from which it could be undone,"
    if undo.phase in RESTORABLE and undo.phase != COMPLETED:
        return f"can't be undone as a whole: {where} is {undo.phase}; {by_hand(undo.backup)}"
    if undo.phase != COMPLETED:
        return f"can't be undone: {where} is {undo.phase or 'New'}; restore from another Backup"
    if undo.expires is not None and seconds_between(undo.expires, now) >= 0:
        return f"can't be undone any more: {where} has expired at {undo.expires}; restore from another Backup"
    return None


def by_hand(backup: str) -> str:
    """What is left where a run can't be undone, for its undo backup failed in part."""
    return f"restore what is in it with vvc restore apply NEW-NAME --from-backup {backup} --allow-partial"


def undo_of(run: CleanRestore) -> WrittenRestore:
    """What undoes it, to be asked for only if nothing speaks against it.

    It acts where that one acted: under the names that the namespaces have now.
    """
    assert run.spec is not None
    undo, plan = run.status.undo, run.status.plan
    assert undo is not None
    assert plan is not None
    spec = CleanRestoreSpec(
        source=Source(backup=undo.backup),
        namespaces=RestoredNamespaces(include=list(plan.namespaces)),
        scope=Scope.RESOURCES,
        extras=Extras.KEEP,
        undo=Undo.NONE,
        approval=Approval.MANUAL,
        undo_of=run.name,
        allow_kinds=list(run.spec.allow_kinds),
        protect=run.spec.protect,
        restore_template=dict(run.spec.restore_template),
        timeouts=run.spec.timeouts,
        verify=run.spec.verify,
    )
    return WrittenRestore(spec, undo_name(run.name), run.namespace)


def acted_in(contents: Contents, namespaces: Iterable[str]) -> Contents:
    """The undo backup with every namespace in which the run acted: it holds those alone in which something
    was deleted, and in the others, too, what was restored is to go."""
    there = {Key(*kinds.NAMESPACE, "", name) for name in namespaces}
    return replace(contents, items=contents.items | there)


def undo_name(name: str) -> str:
    """``<name>-undo``, cut where it would be longer than a name may be."""
    return name[: MAX_NAME - len(_SUFFIX)].rstrip("-.") + _SUFFIX


def differs(there: CleanRestore, written: WrittenRestore) -> bool:
    """Whether what has the name is another CleanRestore than this one."""
    mine = written.spec
    return there.spec is None or (there.spec.undo_of, there.spec.source) != (mine.undo_of, mine.source)
