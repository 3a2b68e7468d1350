"""How a run is cancelled, fails, is refused, and goes on."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.restore.makers import live, plan
from tests.unit.restore_run.runmaker import (
    P,
    deletes,
    in_phase,
    make_spec,
    outcome,
    puts_back,
    said,
    summary,
    take,
    tells,
)
from tests.unit.restore_run.test_quiescing import noted
from velero_volume_controller.api.cleanrestore import (
    RestorePhase,
    RunProgress,
    RunRestore,
    RunStep,
    UndoStatus,
)
from velero_volume_controller.restore.machine import looks
from velero_volume_controller.restore.steps import Look

WEB = live("Deployment web", replicas=3)
PLAN = plan([WEB], [WEB])
OTHER = plan([WEB], [WEB, "ConfigMap a"])
CANCEL = make_spec(cancel=True)
BEFORE = (P.PLANNING, P.AWAITING_APPROVAL, P.VALIDATING, P.UNDO_BACKUP)
AFTER = (P.CLEARING, P.WAITING_GONE, P.RESTORING, P.VERIFYING)
ENDED = (P.COMPLETED, P.COMPLETED_WITH_WARNINGS, P.FAILED, P.CANCELLED)
UNDO = UndoStatus(backup="u", namespace="velero", phase="Completed", kept=True)


@pytest.mark.parametrize("phase", BEFORE)
def test_a_run_that_has_touched_nothing_is_cancelled_at_once(phase: RestorePhase) -> None:
    status = in_phase(phase, PLAN)
    assert not looks(CANCEL, status)
    taken = take(status, PLAN, spec=CANCEL, live=None, restores=None)
    assert outcome(taken) == ("Cancelled", "Cancelled", "it was cancelled (nothing was touched)")
    assert taken.status.phase is P.CANCELLED


def test_a_run_that_has_stilled_something_puts_it_back_before() -> None:
    status = in_phase(P.QUIESCING, PLAN)
    taken = take(status, PLAN, spec=CANCEL, live=None)
    assert taken.status.unwinding is not None
    assert taken.again == 0.0
    assert looks(CANCEL, taken.status) == frozenset({Look.LIVE})
    back = take(taken.status, PLAN, spec=CANCEL, live=[noted(WEB)])
    assert puts_back(back) == {"Deployment shop/web": {"replicas": 3}}
    over = take(back.status, PLAN, spec=CANCEL, live=[WEB])
    assert over.status.phase is P.CANCELLED


@pytest.mark.parametrize("phase", BEFORE)
def test_one_that_began_to_delete_with_an_earlier_plan_puts_back_what_is_left_too(
    phase: RestorePhase,
) -> None:
    status = in_phase(phase, PLAN, deleted=True, undo=UNDO, progress=RunProgress(gone=2, to_go=5))
    taken = take(status, PLAN, spec=CANCEL, live=None, restores=None)
    assert taken.status.unwinding is not None
    assert outcome(taken)[2] == (
        "it was cancelled (2 of 5 objects are gone); bring back what was there with vvc restore undo rescue"
    )


@pytest.mark.parametrize("phase", AFTER)
def test_once_clearing_has_begun_it_goes_on_and_says_so_once(phase: RestorePhase) -> None:
    status = in_phase(phase, PLAN, deleted=True, undo=UNDO)
    taken = take(status, PLAN, spec=CANCEL, live=[WEB])
    assert taken.status.phase is not P.CANCELLED
    assert said(taken, "Cancelled")[:2] == ("False", "TooLate")
    assert "vvc restore undo rescue" in said(taken, "Cancelled")[2]
    assert "TooLate" in tells(taken)
    assert "TooLate" not in tells(take(taken.status, PLAN, spec=CANCEL, live=[WEB], now=1))
    assert looks(CANCEL, status), "it has to look, for it goes on"


WAYS_BACK: dict[str, tuple[dict[str, Any], str]] = {
    "a Completed undo backup": ({}, "or bring back what was there with vvc restore undo rescue"),
    "one that failed in part is refused by undo": (
        {"phase": "PartiallyFailed"},
        "or restore what is in it with vvc restore apply NEW-NAME --from-backup u --allow-partial",
    ),
    "one that failed": ({"phase": "Failed"}, ""),
    "one that has expired": ({"expires": "2026-11-24T02:00:10Z"}, ""),
}


@pytest.mark.parametrize(("undo", "told"), WAYS_BACK.values(), ids=WAYS_BACK.keys())
def test_a_run_that_stops_half_way_offers_what_will_be_accepted(undo: dict[str, Any], told: str) -> None:
    known = UndoStatus(**{"backup": "u", "namespace": "velero", "phase": "Completed", "kept": True, **undo})
    status = in_phase(P.RESTORING, PLAN, deleted=True, undo=known)
    message = outcome(take(status, None, now=20, lost=LOST, live=None, restores=None))[2]
    assert message.endswith(f"plan again{f', {told}' if told else ''}")
    late = take(in_phase(P.CLEARING, PLAN, deleted=True, undo=known), PLAN, now=20, spec=CANCEL, live=[WEB])
    assert ("vvc restore undo rescue" in said(late, "Cancelled")[2]) == ("undo rescue" in told)


def test_an_undo_that_there_is_not_is_not_promised() -> None:
    taken = take(in_phase(P.CLEARING, PLAN), PLAN, spec=CANCEL, live=[WEB])
    assert "undo" not in said(taken, "Cancelled")[2]


@pytest.mark.parametrize("phase", ENDED)
def test_a_run_that_has_ended_does_nothing_more(phase: RestorePhase) -> None:
    status = in_phase(phase, PLAN)
    for spec in (CANCEL, make_spec()):
        taken = take(status, PLAN, spec=spec, refused="no", lost="gone")
        assert not taken.actions
        assert taken.status.phase is phase
        assert taken.again is None


RESUMES = (P.PLANNING, P.VALIDATING, P.UNDO_BACKUP, P.WAITING_GONE, P.RESTORING)


@pytest.mark.parametrize("phase", RESUMES)
def test_a_failed_run_goes_on_where_it_stopped_once_for_each_demand(phase: RestorePhase) -> None:
    status = in_phase(
        P.FAILED, PLAN, resume_from=phase, problems=["x"], retries=3, ended="2026-11-24T02:00:00Z"
    )
    assert take(status, PLAN).status.phase is P.FAILED
    taken = take(status, PLAN, resume="now", live=None, restores=None)
    assert taken.status.phase is phase
    assert taken.status.resumed == "now"
    assert (taken.status.ended, taken.status.retries, taken.status.problems) == (None, 0, [])
    assert taken.status.resume_from is None
    assert said(taken, "Complete")[0] == "Unknown", "kubectl wait would see the old end"
    again = in_phase(P.FAILED, PLAN, resume_from=phase, resumed="now")
    assert take(again, PLAN, resume="now").status.phase is P.FAILED


@pytest.mark.parametrize("phase", [P.COMPLETED, P.COMPLETED_WITH_WARNINGS, P.CANCELLED])
def test_no_other_end_is_gone_on_from(phase: RestorePhase) -> None:
    taken = take(in_phase(phase, PLAN, resume_from=P.PLANNING), PLAN, resume="now")
    assert taken.status.phase is phase


def test_one_that_would_go_on_in_the_middle_of_anothers_work_waits() -> None:
    status = in_phase(P.FAILED, PLAN, resume_from=P.WAITING_GONE)
    taken = take(status, PLAN, resume="now", blocked={"shop": "other"})
    assert taken.status.phase is P.FAILED
    assert said(taken)[:2] == ("False", "OtherCleanRestore")
    assert taken.again == 30.0
    assert take(taken.status, PLAN, resume="now").status.phase is P.WAITING_GONE
    planning = in_phase(P.FAILED, PLAN, resume_from=P.PLANNING)
    assert take(planning, PLAN, resume="now", blocked={"shop": "other"}).status.phase is P.PLANNING


LOST = "its ConfigMap rescue-plan-1 is gone"
NOTHING_NEEDED = (P.PLANNING, P.AWAITING_APPROVAL)


@pytest.mark.parametrize("phase", [each for each in RestorePhase if each not in {*NOTHING_NEEDED, *ENDED}])
def test_a_plan_that_is_lost_ends_the_run_and_is_planned_again(phase: RestorePhase) -> None:
    taken = take(in_phase(phase, PLAN), None, lost=LOST, live=None, restores=None)
    assert outcome(taken)[:2] == ("Failed", "PlanLost")
    assert LOST in outcome(taken)[2]
    assert not deletes(taken)
    stilled = phase in {P.QUIESCING, P.CLEARING, P.WAITING_GONE}
    assert (taken.status.unwinding is not None) is stilled
    left = taken.status.unwinding
    assert (left.resume_from if left else taken.status.resume_from) is P.PLANNING


@pytest.mark.parametrize("phase", NOTHING_NEEDED)
def test_no_plan_is_missed_where_none_is_needed(phase: RestorePhase) -> None:
    taken = take(in_phase(phase, PLAN), None, lost=LOST)
    assert taken.status.phase is not P.FAILED


def test_what_was_stilled_is_put_back_without_the_plan() -> None:
    first = take(in_phase(P.QUIESCING, PLAN), None, lost=LOST, live=None)
    second = take(first.status, None, lost=LOST, live=[noted(WEB)])
    assert puts_back(second) == {"Deployment shop/web": {"replicas": 3}}
    third = take(second.status, None, lost=LOST, live=[WEB])
    assert third.status.phase is P.FAILED
    assert third.status.unwinding is None
    assert take(third.status, None, resume="now").status.unwinding is None


def test_another_plan_than_the_one_that_was_approved_is_not_carried_out() -> None:
    status = in_phase(P.CLEARING, PLAN)
    assert status.plan == summary(PLAN)
    taken = take(status, OTHER, live=[WEB])
    assert not deletes(taken)
    assert outcome(taken)[:2] == ("Failed", "PlanLost")


REFUSED = "the API server does not let this program delete Deployment shop/web: forbidden; grant it"
REFUSALS: dict[RestorePhase, Any] = {
    P.UNDO_BACKUP: P.UNDO_BACKUP,
    P.CLEARING: P.CLEARING,
    P.RESTORING: P.RESTORING,
}


@pytest.mark.parametrize(("phase", "goes_on"), REFUSALS.items(), ids=[each.value for each in REFUSALS])
def test_what_the_api_server_refuses_ends_the_run_which_goes_on_there(
    phase: RestorePhase, goes_on: RestorePhase
) -> None:
    taken = take(in_phase(phase, PLAN, deleted=phase is not P.UNDO_BACKUP), PLAN, refused=REFUSED)
    assert outcome(taken)[:2] == ("Failed", "Refused")
    assert REFUSED in outcome(taken)[2]
    assert taken.status.resume_from is goes_on


TWO = [WEB, live("ConfigMap a")]
OF_TWO = plan(TWO, TWO)
GOING: dict[str, tuple[dict[str, Any], bool]] = {
    "the first deletion is refused": ({}, True),
    "something goes already": ({"live": [WEB, replace(TWO[1], terminating=True)]}, False),
    "something is gone": ({"live": [WEB]}, False),
    "something was made again": ({"live": [WEB, replace(TWO[1], uid="another")]}, False),
    "an earlier clearing has left it": (
        {"steps": [RunStep(phase=P.CLEARING, started="2026-11-24T01:00:00Z")]},
        False,
    ),
    "something was restored already": (
        {"restores": [RunRestore(name="r1", namespace="velero", backup="b1")]},
        False,
    ),
}


@pytest.mark.parametrize(("given", "puts"), GOING.values(), ids=GOING.keys())
def test_where_nothing_went_what_was_stilled_is_put_back(given: dict[str, Any], puts: bool) -> None:
    status = in_phase(P.CLEARING, OF_TWO, deleted=True, undo=replace(UNDO))
    status.steps = [*given.get("steps", []), *status.steps]
    status.restores = given.get("restores", [])
    taken = take(status, OF_TWO, live=given.get("live", TWO), refused=REFUSED)
    assert outcome(taken)[:2] == ("Failed", "Refused")
    assert (taken.status.unwinding is not None) == puts
    assert taken.status.deleted != puts
    assert taken.status.undo is not None
    assert taken.status.undo.kept != puts
    assert ("(nothing was deleted)" in outcome(taken)[2]) == puts


def test_what_is_refused_while_it_stills_puts_back_what_was_stilled() -> None:
    taken = take(in_phase(P.QUIESCING, PLAN), PLAN, refused=REFUSED)
    assert taken.status.unwinding is not None
    assert taken.status.unwinding.resume_from is P.PLANNING
    again = take(taken.status, PLAN, refused=REFUSED, live=[noted(WEB)])
    assert puts_back(again), "it goes on putting back, though something is refused"


def test_what_was_not_looked_at_is_never_taken_for_gone() -> None:
    """Else a fault in the loop would restore over what is there, or forget what was stilled."""
    known = RunRestore(name="r1", namespace="velero", backup="b1", phase="InProgress", uid="u")
    for phase in (P.QUIESCING, P.CLEARING, P.WAITING_GONE, P.RESTORING):
        with pytest.raises(AssertionError, match="is given them"):
            take(in_phase(phase, PLAN, restores=[known]), PLAN, live=None, restores=None)
    first = take(in_phase(P.QUIESCING, PLAN), PLAN, spec=CANCEL, live=None)
    with pytest.raises(AssertionError, match="is given them"):
        take(first.status, PLAN, spec=CANCEL, live=None)
