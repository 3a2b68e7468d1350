"""Planning, AwaitingApproval, Validating: what comes before anything is touched."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.restore.makers import live, plan
from tests.unit.restore_run.runmaker import P, in_phase, make_spec, outcome, restore, said, take, tells
from velero_volume_controller.api.cleanrestore import (
    CleanRestoreStatus,
    RestorePhase,
    RunRestore,
    SourceBackup,
    UndoStatus,
)
from velero_volume_controller.restore.machine import looks
from velero_volume_controller.restore.steps import Fresh, Look, Problem, Tell, Unplannable

SETTINGS = live("ConfigMap settings")
PLAN = plan([SETTINGS], [SETTINGS])
CHANGED = plan([live("ConfigMap settings", mark="generation:2")], [SETTINGS])
WIDGET = live("Widget w", finalizers=("example.com/x",))
BLOCKED = plan([SETTINGS, WIDGET], [SETTINGS, WIDGET])
NOTHING = plan([], ["ConfigMap settings"])
SOURCES = (SourceBackup(name="b1", namespace="velero"),)
OLD_UNDO = UndoStatus(backup="u", namespace="velero")


def test_a_new_run_looks_at_nothing_and_begins_to_plan() -> None:
    taken = take(CleanRestoreStatus())
    assert taken.status.phase is P.PLANNING
    assert taken.again == 0.0


def test_a_plan_in_which_nothing_is_blocked_waits_for_approval() -> None:
    taken = take(in_phase(P.PLANNING), fresh=Fresh(PLAN, SOURCES, ("cm-1",), "sha256:d"))
    assert taken.status.phase is P.AWAITING_APPROVAL
    assert taken.status.plan is not None
    assert (taken.status.plan.hash, taken.status.plan.delete) == (PLAN.hash, 1)
    assert taken.status.plan.config_maps == ["cm-1"]
    assert taken.status.plan.backups == list(SOURCES)
    assert "Planned" in tells(taken)


def test_a_blocked_plan_is_told_with_its_reasons_and_looked_at_again() -> None:
    taken = take(in_phase(P.PLANNING), fresh=Fresh(BLOCKED, SOURCES))
    assert taken.status.phase is P.PLANNING
    assert said(taken)[:2] == ("False", "Blocked")
    assert "Widget shop/w: its finalizer example.com/x" in said(taken)[2]
    assert taken.again == 30.0
    assert not take(taken.status, fresh=Fresh(BLOCKED, SOURCES)).actions, "it is told once"


def test_a_plan_that_cannot_be_made_says_why_and_is_tried_again() -> None:
    taken = take(in_phase(P.PLANNING), unplannable=Unplannable("NoSource", "there is no Backup b1"))
    assert taken.status.phase is P.PLANNING
    assert said(taken, "Planned") == ("False", "NoSource", "there is no Backup b1")
    assert taken.status.problems == ["there is no Backup b1"]
    assert taken.again == 30.0


def test_a_plan_that_nobody_has_looked_for_yet_is_asked_for_soon() -> None:
    assert take(in_phase(P.PLANNING)).again == 1.0


APPROVALS: dict[str, tuple[dict[str, Any], RestorePhase]] = {
    "an automatic approval goes on": ({"approval": "automatic"}, P.VALIDATING),
    "the hash of the plan goes on": ({"approval": "manual", "planHash": PLAN.hash}, P.VALIDATING),
    "no hash waits": ({"approval": "manual"}, P.AWAITING_APPROVAL),
    "the hash of another plan waits": (
        {"approval": "manual", "planHash": CHANGED.hash},
        P.AWAITING_APPROVAL,
    ),
}


@pytest.mark.parametrize(("fields", "phase"), APPROVALS.values(), ids=APPROVALS.keys())
def test_approval(fields: dict[str, Any], phase: RestorePhase) -> None:
    taken = take(in_phase(P.AWAITING_APPROVAL, PLAN), spec=make_spec(**fields))
    assert taken.status.phase is phase
    if phase is P.AWAITING_APPROVAL:
        assert "vvc restore apply rescue" in said(taken, "Approved")[2]


def test_an_approval_that_is_taken_back_before_anything_is_touched_counts() -> None:
    taken = take(in_phase(P.VALIDATING, PLAN), PLAN, spec=make_spec(approval="manual"))
    assert taken.status.phase is P.AWAITING_APPROVAL


VALID: dict[str, Any] = {"fresh": Fresh(PLAN, SOURCES), "problems": ()}
VALIDATIONS: dict[str, tuple[dict[str, Any], RestorePhase, str, str]] = {
    "nothing stands against it": (VALID, P.UNDO_BACKUP, "", ""),
    "a plan that is stale": (
        {**VALID, "fresh": Fresh(CHANGED, SOURCES)},
        P.FAILED,
        "PlanIsStale",
        "nothing was touched: the plan is stale, for the cluster or the backup has changed since it was made"
        " (ConfigMap shop/settings)",
    ),
    "a plan that can't be made any more": (
        {"unplannable": Unplannable("NoSource", "there is no Backup b1 any more")},
        P.FAILED,
        "NoSource",
        "there is no Backup b1 any more",
    ),
    "a problem, and others": (
        {**VALID, "problems": (Problem("BackupExpires", "Backup b1 expires too soon"), Problem("A", "b"))},
        P.FAILED,
        "BackupExpires",
        "nothing was touched: Backup b1 expires too soon (and 1 more problems)",
    ),
    "a plan that was not looked at yet": ({"problems": ()}, P.VALIDATING, "", ""),
    "problems that were not looked for yet": ({"fresh": Fresh(PLAN, SOURCES)}, P.VALIDATING, "", ""),
    "another run in the same namespace": (
        {**VALID, "blocked": {"shop": "other"}},
        P.VALIDATING,
        "",
        "",
    ),
}


@pytest.mark.parametrize(
    ("given", "phase", "reason", "message"), VALIDATIONS.values(), ids=VALIDATIONS.keys()
)
def test_validation(given: dict[str, Any], phase: RestorePhase, reason: str, message: str) -> None:
    taken = take(in_phase(P.VALIDATING, PLAN), PLAN, **given)
    assert taken.status.phase is phase
    assert taken.status.unwinding is None
    if phase is P.FAILED:
        assert outcome(taken)[1] == reason
        assert message in outcome(taken)[2]
    if phase is P.VALIDATING:
        assert taken.again is not None, "it would wait for ever"


def test_what_should_be_known_is_told_and_kept_for_status_and_report() -> None:
    lacks = "Backup b1 is PartiallyFailed, and this does not come back: what failed in it: disk full"
    taken = take(in_phase(P.VALIDATING, PLAN), PLAN, **VALID, remarks=(lacks,))
    assert taken.status.phase is P.UNDO_BACKUP
    assert taken.status.remarks == [lacks]
    assert Tell("ValidatedWithRemarks", lacks, warning=True) in taken.actions
    again = in_phase(P.VALIDATING, PLAN, remarks=[lacks])
    assert "ValidatedWithRemarks" not in tells(take(again, PLAN, **VALID, remarks=(lacks,)))
    assert take(again, PLAN, **VALID).status.remarks == [], "it is not so any more"


def test_a_stale_plan_is_planned_again_and_a_problem_is_looked_at_again() -> None:
    stale = take(in_phase(P.VALIDATING, PLAN), PLAN, fresh=Fresh(CHANGED, SOURCES), problems=())
    assert stale.status.resume_from is P.PLANNING
    problem = take(in_phase(P.VALIDATING, PLAN), PLAN, **{**VALID, "problems": (Problem("A", "b"),)})
    assert problem.status.resume_from is P.VALIDATING


def test_a_run_waits_for_the_other_one_and_says_which() -> None:
    taken = take(in_phase(P.VALIDATING, PLAN), PLAN, **VALID, blocked={"shop": "other"})
    assert said(taken) == (
        "False",
        "OtherCleanRestore",
        "CleanRestore other is at work in shop; it goes first",
    )


NO_UNDO = {
    "undo: none makes no undo backup": (PLAN, {"undo": "none"}),
    "nothing to delete needs no undo backup": (NOTHING, {}),
}


@pytest.mark.parametrize(("of", "fields"), NO_UNDO.values(), ids=NO_UNDO.keys())
def test_no_undo_backup(of: Any, fields: dict[str, Any]) -> None:
    status = in_phase(P.VALIDATING, of, undo=OLD_UNDO)
    taken = take(status, of, spec=make_spec(**fields), fresh=Fresh(of, SOURCES), problems=())
    assert taken.status.phase is P.QUIESCING
    assert taken.status.undo is None, "an older one would be taken for that of now"


def test_an_undo_backup_of_what_is_gone_already_is_kept_though_nothing_more_goes() -> None:
    status = in_phase(P.VALIDATING, NOTHING, undo=OLD_UNDO, deleted=True)
    taken = take(status, NOTHING, fresh=Fresh(NOTHING, SOURCES), problems=())
    assert taken.status.undo is not None


def test_a_restore_of_an_earlier_plan_that_velero_is_still_at_is_waited_for() -> None:
    known = RunRestore(name="r1", namespace="velero", backup="b1", uid="uid-r1", phase="InProgress")
    status = in_phase(P.VALIDATING, PLAN, restores=[known])
    taken = take(status, PLAN, **VALID, restores=[restore("r1", "InProgress")])
    assert taken.status.phase is P.VALIDATING
    assert said(taken)[:2] == ("False", "RestoreAtWork")
    ended = take(taken.status, PLAN, **VALID, restores=[restore("r1", "Completed")])
    assert ended.status.phase is P.UNDO_BACKUP


def test_what_each_phase_looks_at_is_enough_for_its_step() -> None:
    """A step that is given no more than it asked for does not stumble."""
    given: dict[Look, dict[str, Any]] = {
        Look.PLAN: {"fresh": Fresh(PLAN, SOURCES)},
        Look.VALIDATION: {"problems": ()},
        Look.LIVE: {"live": [SETTINGS]},
        Look.RESTORES: {"restores": []},
    }
    of_rehearsals = {RestorePhase.PREPARING, RestorePhase.CLEANING_UP}
    for phase in [each for each in RestorePhase if each not in of_rehearsals]:
        for cancel in (False, True):
            status, spec = in_phase(phase, PLAN), make_spec(cancel=cancel)
            wanted = looks(spec, status)
            fields: dict[str, Any] = {"live": None, "restores": None}
            for look in wanted:
                fields |= given.get(look, {})
            take(status, PLAN, spec=spec, **fields)
