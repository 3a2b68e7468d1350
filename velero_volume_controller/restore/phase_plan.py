"""Planning, AwaitingApproval, Validating: all that comes before anything is touched. Pure."""

from __future__ import annotations

from typing import Final

from velero_volume_controller.api.cleanrestore import (
    Approval,
    PlanSummary,
    RehearsalStatus,
    RestorePhase,
    Undo,
)
from velero_volume_controller.restore.outlook import ENVIRONMENT
from velero_volume_controller.restore.phase_restore import at_work
from velero_volume_controller.restore.planned import Action
from velero_volume_controller.restore.run import APPROVED, COMPLETE, PLANNED, Run, few, most
from velero_volume_controller.restore.steps import Fresh, Unplannable

#: Seconds until the cluster is looked at again for a plan that could not be made, or may not be carried out.
_LOOK_AGAIN: Final = 30.0
_SOON: Final = 1.0
#: After so many seconds a rehearsal is given up for which the cluster is in the way.
_IN_VAIN: Final = 120.0


def plan(run: Run) -> None:
    """Take the plan over, if there is one that may be carried out; say why there is none."""
    run.condition(COMPLETE, "Unknown", "Running", "it has not ended")
    fresh, refused = run.situation.fresh, run.situation.unplannable
    if fresh is None:
        if refused is not None and run.rehearses and _in_vain(run, refused):
            run.fail(refused.reason, refused.message, RestorePhase.PLANNING)
            return
        run.wakes.append(_LOOK_AGAIN if refused is not None else _SOON)
        if refused is not None:
            _say_why(run, refused)
        return
    if run.rehearses:
        run.status.rehearsal = RehearsalStatus(schedule=fresh.schedule)
    run.status.plan = _summary(run, fresh)
    run.status.problems, run.status.remarks = [], []
    blocked = [f"{each.key}: {each.reason}" for each in fresh.plan.objects if each.action is Action.BLOCKED]
    if blocked:
        run.status.problems = most(blocked)
        message = (
            f"{len(blocked)} objects are in the way and may not be deleted, so the plan can't be carried out:"
            f" {few(blocked)}"
        )
        if run.condition(PLANNED, "False", "Blocked", message):
            run.tell("Blocked", message, warning=True)
        run.progressing("False", "Blocked", message)
        run.wakes.append(_LOOK_AGAIN)
        return
    summary = run.status.plan
    message = f"{summary.delete} objects are deleted, {summary.keep} stay, {summary.create} are made"
    run.condition(PLANNED, "True", "Planned", " ".join((message + ".", *fresh.plan.notes)))
    run.tell("Planned", f"{message}; the plan is {summary.hash}")
    run.enter(RestorePhase.AWAITING_APPROVAL, message)


def _in_vain(run: Run, refused: Unplannable) -> bool:
    """A rehearsal that can't be planned is one that failed: nobody waits for it to begin some other day."""
    return refused.reason not in ENVIRONMENT or run.in_phase() > _IN_VAIN


def _say_why(run: Run, refused: Unplannable) -> None:
    run.status.problems = [refused.message]
    if run.condition(PLANNED, "False", refused.reason, refused.message):
        run.tell(refused.reason, refused.message, warning=True)
    run.progressing("False", refused.reason, refused.message)


def _summary(run: Run, fresh: Fresh) -> PlanSummary:
    found = fresh.plan
    return PlanSummary(
        hash=found.hash,
        delete=found.count(Action.DELETE),
        keep=found.count(Action.KEEP),
        create=found.count(Action.CREATE),
        blocked=found.count(Action.BLOCKED),
        config_maps=list(fresh.config_maps),
        digest=fresh.digest,
        made=run.now,
        namespaces=sorted(found.targets.values()),
        backups=list(fresh.sources),
        undoes=fresh.undoes,
        predicted_seconds=round(fresh.prediction.seconds, 1) if fresh.prediction else None,
        predicted_from=fresh.prediction.source if fresh.prediction else None,
    )


def await_approval(run: Run) -> None:
    """Go on if the plan that there is has been approved."""
    known = run.status.plan
    assert known is not None, "there is a plan before it is approved"
    if _approved(run):
        automatic = run.spec.approval is Approval.AUTOMATIC
        message = "spec.approval is automatic" if automatic else "spec.planHash is the hash of the plan"
        if run.rehearses:
            message = "a rehearsal touches nothing that exists"
    else:
        wanted = "is not set" if run.spec.plan_hash is None else "is that of another plan"
        message = (
            f"spec.planHash {wanted}; look at the plan with vvc restore plan {run.situation.identity.name},"
            f" and approve it with vvc restore apply {run.situation.identity.name}"
        )
        run.condition(APPROVED, "False", "NotApproved", message)
        run.progressing("False", "AwaitingApproval", message)
        return
    run.condition(APPROVED, "True", "Approved", message)
    run.status.started = run.now
    run.enter(RestorePhase.VALIDATING, message)


def _approved(run: Run) -> bool:
    known = run.status.plan
    automatic = run.spec.approval is Approval.AUTOMATIC or run.rehearses
    return automatic or (known is not None and run.spec.plan_hash == known.hash)


def validate(run: Run) -> None:
    """Everything that must be so, before anything is touched."""
    if not _approved(run):
        run.enter(RestorePhase.AWAITING_APPROVAL, "spec.planHash is no more that of the plan")
        return
    if run.situation.blocked:
        namespace, other = min(run.situation.blocked.items())
        run.progressing(
            "False", "OtherCleanRestore", f"CleanRestore {other} is at work in {namespace}; it goes first"
        )
        run.wakes.append(_LOOK_AGAIN)
        return
    if (busy := at_work(run)) is not None:
        run.progressing("False", "RestoreAtWork", f"Restore {busy} of an earlier plan is still at work")
        run.wakes.append(_LOOK_AGAIN)
        return
    if run.situation.unplannable is not None:
        refused = run.situation.unplannable
        run.fail(refused.reason, refused.message, RestorePhase.PLANNING)
        return
    fresh, problems = run.situation.fresh, run.situation.problems
    if fresh is None or problems is None:
        run.wakes.append(_SOON)
        return
    if fresh.plan.hash != run.plan.hash:
        run.fail("PlanIsStale", _what_changed(run, fresh), RestorePhase.PLANNING)
        return
    _remark(run)
    if problems:
        run.status.problems = most([each.message for each in problems])
        rest = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
        message = f"{run.so_far}: {problems[0].message}{rest}"
        run.fail(problems[0].reason, message, RestorePhase.VALIDATING)
        return
    if run.rehearses:
        run.enter(RestorePhase.PREPARING)
        return
    nothing = run.spec.undo is Undo.NONE or not run.plan.count(Action.DELETE)
    if nothing and not run.status.deleted:
        # One of an earlier plan may be older than what is there now.
        run.status.undo = None
    run.enter(RestorePhase.QUIESCING if nothing else RestorePhase.UNDO_BACKUP)


def _remark(run: Run) -> None:
    """What the person who approved has to live with: what of a Backup that failed in part is missing, above
    all."""
    told = most(run.situation.remarks)
    if told and told != run.status.remarks:
        run.tell("ValidatedWithRemarks", few(told), warning=True)
    run.status.remarks = told


def _what_changed(run: Run, fresh: Fresh) -> str:
    before = {each.key: (each.action, each.uid, each.mark) for each in run.plan.objects if each.root}
    after = {each.key: (each.action, each.uid, each.mark) for each in fresh.plan.objects if each.root}
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    what = f" ({few(changed)})" if changed else ""
    return (
        f"{run.so_far}: the plan is stale, for the cluster or the backup has changed since it was"
        f" made{what}; plan again with {run.go_on}"
    )
