"""The next step of a CleanRestore: what its status becomes, and what is done. Pure.

``step`` is asked whenever anything changed or the time it named has come. It may be asked twice, with an old
view of the cluster, and after a crash at any point: all it knows is in the status, in the plan and on what
was made. What is done again is done by the same name, or to the same version of the same object.

================ =====================================================================================
Planning         → AwaitingApproval with a plan in which nothing is blocked
AwaitingApproval → Validating when the plan that there is has been approved
Validating       → UndoBackup if nothing stands against it, and the plan of now is still the same
UndoBackup       → Quiescing once every claim that goes has its data in it
Quiescing        → Clearing once nothing runs that is to be replaced
Clearing         → WaitingGone once all that the plan deletes has been told to go, rank by rank
WaitingGone      → Restoring once it is gone, and nobody has made it again
Restoring        → Verifying once Velero has ended; → Clearing if Velero failed half-way, of what it made
Verifying        → Completed, CompletedWithWarnings
(a rehearsal)    Validating → Preparing → Restoring → Verifying → CleaningUp, and from there to any end:
                 nothing is approved, backed up or cleared away, for nothing that exists is touched
any              → Failed, with where it can go on; → Cancelled, until Clearing begins
================ =====================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from velero_volume_controller.api.cleanrestore import CleanRestoreSpec, CleanRestoreStatus, RestorePhase
from velero_volume_controller.restore.phase_clear import clear, nothing_went, wait_gone
from velero_volume_controller.restore.phase_plan import await_approval, plan, validate
from velero_volume_controller.restore.phase_quiesce import quiesce, unwind
from velero_volume_controller.restore.phase_rehearse import clean_up, prepare
from velero_volume_controller.restore.phase_restore import restore
from velero_volume_controller.restore.phase_undo import back_up
from velero_volume_controller.restore.phase_verify import verify
from velero_volume_controller.restore.run import CANCELLED, COMPLETE, Run
from velero_volume_controller.restore.steps import Look, Situation, Step
from velero_volume_controller.velero.model.backups import COMPLETED

_P = RestorePhase

_PHASES: Final[Mapping[RestorePhase, Callable[[Run], None]]] = {
    _P.PLANNING: plan,
    _P.AWAITING_APPROVAL: await_approval,
    _P.VALIDATING: validate,
    _P.PREPARING: prepare,
    _P.UNDO_BACKUP: back_up,
    _P.QUIESCING: quiesce,
    _P.CLEARING: clear,
    _P.WAITING_GONE: wait_gone,
    _P.RESTORING: restore,
    _P.VERIFYING: verify,
    _P.CLEANING_UP: clean_up,
}
_LOOKS: Final[Mapping[RestorePhase, frozenset[Look]]] = {
    _P.PLANNING: frozenset({Look.PLAN}),
    _P.VALIDATING: frozenset({Look.PLAN, Look.VALIDATION, Look.RESTORES}),
    _P.PREPARING: frozenset({Look.SCRATCH}),
    _P.UNDO_BACKUP: frozenset({Look.UNDO, Look.LIVE}),
    _P.QUIESCING: frozenset({Look.LIVE}),
    _P.CLEARING: frozenset({Look.LIVE}),
    _P.WAITING_GONE: frozenset({Look.LIVE}),
    _P.RESTORING: frozenset({Look.RESTORES}),
    _P.VERIFYING: frozenset({Look.RESTORES, Look.CHECK}),
    _P.CLEANING_UP: frozenset({Look.SCRATCH, Look.RESTORES}),
}
#: These work without the stored plan.
_BEFORE: Final = frozenset({_P.PLANNING, _P.AWAITING_APPROVAL})
#: Until something is deleted.
_CANCELLABLE: Final = frozenset(
    {_P.PLANNING, _P.AWAITING_APPROVAL, _P.VALIDATING, _P.UNDO_BACKUP, _P.QUIESCING}
)
#: Seconds until a run that is told to go on asks again whether another one has ended.
_LOOK_AGAIN: Final = 30.0


def looks(spec: CleanRestoreSpec, status: CleanRestoreStatus) -> frozenset[Look]:
    """What the next step has to have looked at."""
    phase = status.phase or _P.PLANNING
    if status.unwinding is not None:
        return _LOOKS[_P.CLEANING_UP] if spec.rehearsal is not None else frozenset({Look.LIVE})
    if spec.cancel and (phase in _CANCELLABLE or spec.rehearsal is not None):
        return frozenset()
    return _LOOKS.get(phase, frozenset())


def step(situation: Situation) -> Step:
    """What comes next."""
    run = Run.of(situation)
    status = run.status
    if status.phase is None:
        run.enter(_P.PLANNING)
    elif status.phase.ended:
        _resume(run)
    elif status.unwinding is not None:
        (clean_up if run.rehearses else unwind)(run)
    elif status.phase not in _BEFORE and (lost := _lost(run)):
        run.fail("PlanLost", f"{lost} ({run.so_far}); plan again{run.way_back}", _P.PLANNING)
    elif situation.refused:
        nothing_went(run)
        run.fail("Refused", f"{situation.refused} ({run.so_far})", status.phase)
    elif not (run.spec.cancel and _cancelled(run)):
        _PHASES[status.phase](run)
    return run.step()


def _lost(run: Run) -> str:
    """Why the plan that was approved can't be carried out: it can't be read, or another was read."""
    found, known = run.situation.plan, run.status.plan
    if found is not None and known is not None and found.hash != known.hash:
        return f"what is stored as plan {known.hash} is plan {found.hash}"
    return run.situation.lost


def _resume(run: Run) -> None:
    """A failed run goes on where it stopped, when it is told to."""
    status, resume = run.status, run.situation.resume
    demanded = bool(resume) and resume != status.resumed
    if not demanded or status.phase is not _P.FAILED or status.resume_from is None:
        return
    if run.situation.blocked and status.resume_from not in _BEFORE:
        namespace, other = min(run.situation.blocked.items())
        message = f"it goes on once CleanRestore {other}, which is at work in {namespace}, has ended"
        run.progressing("False", "OtherCleanRestore", message)
        run.wakes.append(_LOOK_AGAIN)
        return
    status.resumed = resume
    status.ended, status.retries, status.problems = None, 0, []
    phase, status.resume_from = status.resume_from, None
    run.condition(COMPLETE, "Unknown", "Running", "it has not ended")
    run.enter(phase, "it was told to go on")


def _cancelled(run: Run) -> bool:
    """Whether this step ends it. Once something may have been deleted, it goes on: half is worst."""
    if run.rehearses or run.status.phase in _CANCELLABLE:
        # What an earlier attempt has stilled, and did not come to delete, is put back too.
        stilled = not run.rehearses and (run.status.phase is _P.QUIESCING or run.status.deleted)
        message = f"it was cancelled ({run.so_far}){_undo(run)}"
        run.leave(_P.CANCELLED, "Cancelled", message, put_back=stilled)
        return True
    undo = run.undo_backup
    back = (
        f"; when it has ended, vvc restore undo {run.situation.identity.name} brings back what was there"
        if undo is not None and undo.phase == COMPLETED
        else ""
    )
    message = f"clearing has begun, so it goes on{back}"
    if run.condition(CANCELLED, "False", "TooLate", message):
        run.tell("TooLate", message, warning=True)
    return False


def _undo(run: Run) -> str:
    return run.way_back.replace(", or", ";", 1)
