"""Preparing and CleaningUp: the namespaces that a rehearsal restores into are made, and removed. Pure.

Nothing that exists is touched. What is made is written down before it is, and bears the run's uid; what bears
another is never deleted, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from velero_volume_controller.api.cleanrestore import (
    CleanRestoreStatus,
    RehearsalStatus,
    RestorePhase,
    ScratchNamespace,
    Unwinding,
    Verified,
)
from velero_volume_controller.api.times import parse_duration, seconds_between
from velero_volume_controller.api.words import counted
from velero_volume_controller.restore.phase_restore import follow
from velero_volume_controller.restore.planned import Action
from velero_volume_controller.restore.prediction import data_seconds
from velero_volume_controller.restore.run import LOST, LOST_AFTER, Run, few
from velero_volume_controller.restore.scratch_objects import config_map_name
from velero_volume_controller.restore.steps import (
    Checked,
    MakeLedger,
    MakeScratch,
    RemoveLedger,
    RemoveScratch,
    Scratch,
)
from velero_volume_controller.velero.model.restore_runs import ENDED

_LOOK_AGAIN: Final = 2.0
_SOON: Final = 0.5
#: After Velero has failed a Restore, its old server may still be making objects. Seconds.
_QUIET: Final = 10.0
_OVER: Final = ENDED | {LOST}


def prepare(run: Run) -> None:
    """Go on once every namespace is there, is this run's, and is closed."""
    known, observed = _begun(run), run.observed
    if run.plan.count(Action.DELETE):
        run.fail("NamespaceTaken", "the namespaces that it would make hold something already", _PLANNING)
        return
    places = _places(run, known)
    if observed.ledgers < places:
        run.actions.append(MakeLedger(tuple(sorted(places)), known, _storage_class(run)))
        run.wakes.append(_SOON)
        return
    ready = True
    for each in known.namespaces:
        seen = run.scratch.get(each.name)
        why = _unusable(each, seen)
        if why is not None:
            run.fail("NamespaceTaken", why, _PLANNING)
            return
        if seen is not None:
            each.uid = seen.uid
        if seen is None or not seen.closed:
            ready = False
            run.actions.append(MakeScratch(each.name, each.source))
    if ready:
        run.enter(RestorePhase.RESTORING, f"restored into {few([each.name for each in known.namespaces])}")
    else:
        what = counted(len(known.namespaces), "namespace")
        run.progressing("True", "Preparing", f"it makes {what}, closed to all traffic")
        run.wakes.append(_SOON)


#: Where a rehearsal would be begun again; it is not resumed, but made anew.
_PLANNING: Final = RestorePhase.PLANNING


def _begun(run: Run) -> RehearsalStatus:
    """What it makes, by names that are decided: written into the status before any of it is made."""
    known = run.status.rehearsal = run.status.rehearsal or RehearsalStatus()
    if not known.namespaces:
        targets = sorted(run.plan.targets.items())
        known.namespaces = [ScratchNamespace(name=target, source=source) for source, target in targets]
        assert run.status.plan is not None, "what is prepared was planned"
        known.lanes = sorted({each.namespace for each in run.status.plan.backups})
        known.config_map = config_map_name(run.situation.identity)
    return known


def _places(run: Run, known: RehearsalStatus) -> frozenset[str]:
    return frozenset({*known.lanes, run.situation.identity.namespace})


def _storage_class(run: Run) -> str | None:
    return run.spec.rehearsal.storage_class if run.spec.rehearsal is not None else None


def _unusable(each: ScratchNamespace, seen: Scratch | None) -> str | None:
    if seen is None:
        return f"namespace {each.name}, which it made, is gone: somebody deleted it" if each.uid else None
    if not seen.ours:
        return f"there is a namespace {each.name} that this run has not made, and that it leaves alone"
    if seen.terminating:
        return f"namespace {each.name}, which it made, is being deleted by somebody"
    return None


def conclude(run: Run, checked: Checked, said: list[str]) -> None:
    """What was measured, and what it comes to. A rehearsal whose data did not come back has failed."""
    found, known = checked.summary, run.status.rehearsal
    assert known is not None, "what is verified was prepared"
    known.data_seconds, known.ready_seconds = measured(run.status, found, run.now, waiting=checked.waiting)
    known.volumes, known.bytes, known.retained = found.volumes_done, found.bytes, list(checked.retained)
    told = f"{found.volumes_done} of {found.volumes} volumes and {found.objects - found.missing} of"
    told += f" {found.objects} objects came back"
    if known.data_seconds is not None:
        told += f", the data in {known.data_seconds:.0f} s"
    if known.ready_seconds is not None:
        told += f", all pods ready after {known.ready_seconds:.0f} s (RTO)"
    said += _because(run, checked)
    differs = f"; what differs: {few(said)}; see vvc restore report {run.situation.identity.name}"
    if found.volumes_done < found.volumes:
        run.end(RestorePhase.FAILED, "DataIncomplete", told + differs)
    elif said:
        run.end(RestorePhase.COMPLETED_WITH_WARNINGS, "Differences", told + differs)
    else:
        run.end(RestorePhase.COMPLETED, "Completed", told)


def measured(
    status: CleanRestoreStatus, found: Verified, now: str, *, waiting: bool
) -> tuple[float | None, float | None]:
    """Seconds from the first Restore to the end of the last; and until all was ready, if it is now."""
    data = data_seconds(status)
    if data is None:
        return None, None
    ready = not waiting and found.pods_ready >= found.pods and found.claims_bound >= found.claims
    return data, max(data, seconds_between(status.restores[0].created or now, now)) if ready else None


def _because(run: Run, checked: Checked) -> Iterator[str]:
    found = checked.summary
    if found.pods_ready < found.pods:
        yield (
            "pods in a rehearsal reach nothing and have no rights in the cluster, so what needs either does"
            " not become ready"
        )
    if checked.retained:
        yield (
            f"PersistentVolumes stay, for their StorageClass retains them: {few(checked.retained)}; delete"
            " them with what they stand for, and set spec.rehearsal.storageClass to one that does not"
        )


def clean_up(run: Run) -> None:
    """Remove what was made, once Velero makes no more of it; then end as was decided before."""
    follow(run)
    known, left = run.status.rehearsal, run.status.unwinding
    assert known is not None and left is not None, "what is cleaned up was made, and ended"  # noqa: PT018
    if (why := _velero_at_work(run, left)) is not None:
        # It makes a namespace that is missing, and knows nothing of what keeps it closed.
        run.progressing("True", "CleaningUp", f"it waits for that: {why}")
        run.wakes.append(_LOOK_AGAIN)
        return
    strangers = [each.name for each in known.namespaces if not _ours(run, each)]
    going = list(_going(run, known))
    told = not any(isinstance(each, RemoveScratch) for each in run.actions)
    over = run.in_phase() > parse_duration(run.spec.timeouts.clear).total_seconds()
    if going and not (told and over):
        run.progressing("True", "CleaningUp", f"namespaces that it made are going: {few(going)}")
        run.wakes.append(_LOOK_AGAIN)
        return
    if run.observed.ledgers:
        run.actions.append(RemoveLedger(tuple(sorted(run.observed.ledgers)), known.config_map))
        run.wakes.append(_SOON)
        return
    known.removed, run.status.unwinding = run.now, None
    notes = []
    if going:
        notes.append(f"not gone after {run.spec.timeouts.clear}, though told to go: {few(going)}")
    if strangers:
        notes.append(f"namespaces that this run has not made stay: {few(strangers)}; see whose they are")
    phase = left.phase
    if notes and phase is RestorePhase.COMPLETED:
        phase = RestorePhase.COMPLETED_WITH_WARNINGS
    run.end(phase, left.reason, "; ".join([left.message, *notes]))


def _ours(run: Run, each: ScratchNamespace) -> bool:
    """Whether what has the name, if anything has, is what this run made."""
    seen = run.scratch.get(each.name)
    return seen is None or (seen.ours and each.uid in {"", seen.uid})


def _going(run: Run, known: RehearsalStatus) -> Iterator[str]:
    """What is there still, and what it waits for. What was not told to go is told."""
    for each in known.namespaces:
        seen = run.scratch.get(each.name)
        if seen is None or not _ours(run, each):
            continue
        each.uid = seen.uid
        if not seen.terminating:
            run.actions.append(RemoveScratch(each.name, each.uid))
        yield f"{each.name} ({seen.remaining})" if seen.remaining else each.name


def _velero_at_work(run: Run, left: Unwinding) -> str | None:
    for each in run.status.restores:
        which = f"Restore {each.namespace}/{each.name}"
        if each.phase in _OVER:
            if each.phase in {"Failed", LOST} and run.age(each.ended or left.since) < _QUIET:
                return f"{which} was cut off just now"
        elif each.uid:
            return f"{which} is {each.phase or 'New'}"
        elif run.age(each.created) < LOST_AFTER:
            return f"{which} was handed over just now"
    return None
