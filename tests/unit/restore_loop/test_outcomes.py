"""What of a step is counted, and what is told where rights are missing."""

from __future__ import annotations

from velero_volume_controller.api.cleanrestore import CleanRestoreStatus, RestorePhase, RunStep
from velero_volume_controller.restore.objects import CleanRestore
from velero_volume_controller.restore.outcomes import ended_phases, without_rights

P = RestorePhase


def at(second: int) -> str:
    return f"2026-11-24T02:00:{second:02d}Z"


def status(phase: RestorePhase, *steps: tuple[RestorePhase, int, int | None]) -> CleanRestoreStatus:
    return CleanRestoreStatus(
        phase=phase,
        steps=[
            RunStep(phase=of, started=at(start), ended=None if end is None else at(end))
            for of, start, end in steps
        ],
    )


def test_a_phase_that_was_gone_through_is_done() -> None:
    before = status(P.PLANNING, (P.PLANNING, 0, None))
    after = status(P.AWAITING_APPROVAL, (P.PLANNING, 0, 7), (P.AWAITING_APPROVAL, 7, None))
    assert list(ended_phases(before, after)) == [("Planning", "done", 7.0)]


def test_it_is_counted_once() -> None:
    after = status(P.AWAITING_APPROVAL, (P.PLANNING, 0, 7), (P.AWAITING_APPROVAL, 7, None))
    assert list(ended_phases(after, after)) == []


def test_a_run_ends_in_its_last_phase() -> None:
    before = status(P.CLEARING, (P.PLANNING, 0, 7), (P.CLEARING, 7, None))
    for phase, result in ((P.FAILED, "failed"), (P.CANCELLED, "cancelled"), (P.COMPLETED, "done")):
        after = status(phase, (P.PLANNING, 0, 7), (P.CLEARING, 7, 9))
        assert list(ended_phases(before, after)) == [("Clearing", result, 2.0)]


def test_a_clock_that_was_set_back_took_no_time() -> None:
    before = status(P.CLEARING, (P.CLEARING, 9, None))
    assert list(ended_phases(before, status(P.FAILED, (P.CLEARING, 9, 3)))) == [("Clearing", "failed", 0.0)]


def test_without_rights_it_stays_where_it_is_and_says_why_once() -> None:
    found = CleanRestore(name="a", namespace="velero", status=status(P.CLEARING, (P.CLEARING, 0, None)))
    first = without_rights(found, "this service account may not delete pods", at(1))
    assert first.status.phase is P.CLEARING
    assert first.status.steps == found.status.steps
    (condition,) = first.status.conditions
    assert (condition.type, condition.status, condition.reason) == ("Progressing", "False", "RightsMissing")
    assert [each.reason for each in first.actions] == ["RightsMissing"]  # type: ignore[union-attr]
    second = without_rights(
        CleanRestore(name="a", namespace="velero", status=first.status), condition.message, at(2)
    )
    assert second.actions == ()
    assert second.status == first.status
    assert found.status.conditions == [], "the run that was looked at is left as it is"
