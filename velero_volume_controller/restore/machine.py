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
any              → Failed, with where it can go on; → Cancelled, until Clearing begins
================ =====================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from velero_volume_controller.api.cleanrestore import CleanRestoreSpec, CleanRestoreStatus, RestorePhase
from velero_volume_controller.restore.phase_clear import clear, wait_gone
from velero_volume_controller.restore.phase_plan import await_approval, plan, validate
from velero_volume_controller.restore.phase_quiesce import quiesce, unwind
from velero_volume_controller.restore.phase_restore import restore
from velero_volume_controller.restore.phase_undo import back_up
from velero_volume_controller.restore.phase_verify import verify
from velero_volume_controller.restore.run import CANCELLED, Run
from velero_volume_controller.restore.steps import Look, Situation, Step

_P = RestorePhase

_PHASES: Final[Mapping[RestorePhase, Callable[[Run], None]]] = {
    _P.PLANNING: plan,
    _P.AWAITING_APPROVAL: await_approval,
    _P.VALIDATING: validate,
    _P.UNDO_BACKUP: back_up,
    _P.QUIESCING: quiesce,
    _P.CLEARING: clear,
    _P.WAITING_GONE: wait_gone,
    _P.RESTORING: restore,
    _P.VERIFYING: verify,
}
_LOOKS: Final[Mapping[RestorePhase, frozenset[Look]]] = {
    _P.PLANNING: frozenset({Look.PLAN}),
    _P.VALIDATING: frozenset({Look.PLAN, Look.VALIDATION}),
    _P.UNDO_BACKUP: frozenset({Look.UNDO, Look.LIVE}),
    _P.QUIESCING: frozenset({Look.LIVE}),
    _P.CLEARING: frozenset({Look.LIVE}),
    _P.WAITING_GONE: frozenset({Look.LIVE}),
    _P.RESTORING: frozenset({Look.RESTORES}),
    _P.VERIFYING: frozenset({Look.RESTORES, Look.CHECK}),
}
#: These work without the stored plan.
_BEFORE: Final = frozenset({_P.PLANNING, _P.AWAITING_APPROVAL})


def looks(spec: CleanRestoreSpec, status: CleanRestoreStatus, resume: str) -> frozenset[Look]:
    """What the next step has to have looked at."""
    phase = status.phase or _P.PLANNING
    if status.unwinding is not None:
        return frozenset({Look.LIVE})
    if phase is _P.QUIESCING and spec.cancel:
        return frozenset()
    if phase.ended and _goes_on(status, resume):
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
    elif situation.lost and status.phase not in _BEFORE:
        run.fail("PlanLost", f"{situation.lost}; plan again", _P.PLANNING)
    elif status.unwinding is not None:
        unwind(run)
    elif situation.refused:
        _refused(run)
    elif not (run.spec.cancel and _cancelled(run)):
        _PHASES[status.phase](run)
    return run.step()


def _goes_on(status: CleanRestoreStatus, resume: str) -> bool:
    demanded = bool(resume) and resume != status.resumed
    return demanded and status.phase is _P.FAILED and status.resume_from is not None


def _resume(run: Run) -> None:
    """A failed run goes on where it stopped, when it is told to."""
    status = run.status
    if not _goes_on(status, run.situation.resume) or status.resume_from is None:
        return
    status.resumed = run.situation.resume
    status.ended, status.retries, status.problems = None, 0, []
    phase, status.resume_from = status.resume_from, None
    run.enter(phase, "it was told to go on")


def _refused(run: Run) -> None:
    assert run.status.phase is not None, "only a run that is under way is refused anything"
    untouched = run.status.phase is _P.QUIESCING
    again = _P.PLANNING if untouched else run.status.phase
    run.fail("Refused", run.situation.refused, again, untouched=untouched)


def _cancelled(run: Run) -> bool:
    """Whether this step ends it. Once something may have been deleted, it goes on: half is worst."""
    if run.status.phase is _P.QUIESCING:
        run.leave(_P.CANCELLED, "Cancelled", "it was cancelled", untouched=True)
        return True
    if run.status.phase is not None and not run.status.phase.touches:
        run.leave(_P.CANCELLED, "Cancelled", "it was cancelled before anything was touched")
        return True
    message = (
        "clearing has begun, so it goes on; when it has ended, vvc restore undo"
        f" {run.situation.identity.name} brings back what was there before"
    )
    if run.condition(CANCELLED, "False", "TooLate", message):
        run.tell("TooLate", message, warning=True)
    return False
