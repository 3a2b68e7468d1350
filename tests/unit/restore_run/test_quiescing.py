"""Quiescing: what writes stands still before its data is replaced; and how that is taken back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.unit.restore.makers import claim, live, plan, pod
from tests.unit.restore_run.runmaker import (
    IDENTITY,
    P,
    in_phase,
    make_spec,
    outcome,
    puts_back,
    said,
    stills,
    take,
)
from velero_volume_controller.api.cleanrestore import RunRestore, UndoStatus, Unwinding
from velero_volume_controller.restore.live import Live, decode_live
from velero_volume_controller.restore.quiet import note_of
from velero_volume_controller.restore.steps import Still

WEB = live("Deployment web", replicas=3, version="v1")
RS = live("ReplicaSet web-5d8f96", controller=WEB, replicas=3)
POD = pod("web-5d8f96-x0001", controller=RS)
CRON = live("CronJob nightly", suspended=False)
JOB = live("Job nightly-1", controller=CRON, suspended=False)
ALL = (WEB, RS, POD, CRON, JOB)
PLAN = plan(ALL, ALL)


def noted(of: Live, by: str = IDENTITY.uid, **fields: Any) -> Live:
    """As it is once it was stilled: its generation is one more."""
    replicas = "null" if of.replicas is None else str(of.replicas)
    suspended = "null" if of.suspended is None else str(of.suspended).lower()
    note = f'{{"by":"{by}","of":"{of.uid}","mark":"{of.mark}","replicas":{replicas},"suspended":{suspended}}}'
    generation = int(of.mark.removeprefix("generation:")) + 1
    quiet = {"replicas": 0} if of.replicas is not None else {"suspended": True}
    return msgspec.structs.replace(
        of, **{"quiesced": note, "mark": f"generation:{generation}", **quiet, **fields}
    )


QUIET = (noted(WEB), noted(CRON), noted(JOB))


def test_what_scales_is_scaled_to_none_and_what_starts_is_suspended() -> None:
    taken = take(in_phase(P.QUIESCING, PLAN), PLAN, live=ALL)
    assert stills(taken) == {
        "CronJob shop/nightly": {"suspend": True},
        "Deployment shop/web": {"replicas": 0},
        "Job shop/nightly-1": {"suspend": True},
    }


def test_what_it_was_is_noted_in_the_same_write_of_the_version_that_was_seen() -> None:
    taken = take(in_phase(P.QUIESCING, PLAN), PLAN, live=ALL)
    (still,) = [each for each in taken.actions if isinstance(each, Still) and each.key.kind == "Deployment"]
    assert (still.uid, still.version) == (WEB.uid, "v1")
    note = note_of(msgspec.structs.replace(WEB, quiesced=still.note), IDENTITY.uid)
    assert note is not None
    assert (note.replicas, note.mark) == (3, "generation:1")


def test_it_waits_until_the_pods_are_gone_and_some_seconds_more() -> None:
    waits = take(in_phase(P.QUIESCING, PLAN), PLAN, live=(*QUIET, RS, POD), now=1)
    assert waits.status.phase is P.QUIESCING
    assert waits.status.quiet_since is None
    gone = take(waits.status, PLAN, live=(*QUIET, RS), now=2)
    assert gone.status.phase is P.QUIESCING
    early = take(gone.status, PLAN, live=(*QUIET, RS), now=6)
    assert early.status.phase is P.QUIESCING
    assert take(early.status, PLAN, live=(*QUIET, RS), now=7).status.phase is P.CLEARING


def test_a_note_that_was_copied_to_a_replica_set_says_nothing_of_it() -> None:
    """The Deployment's controller copies it before it scales the ReplicaSet down."""
    copied = msgspec.structs.replace(RS, quiesced=QUIET[0].quiesced)
    waits = take(in_phase(P.QUIESCING, PLAN), PLAN, live=(*QUIET, copied, POD))
    assert waits.status.phase is P.QUIESCING
    assert not waits.status.unwinding
    assert not stills(waits)
    unwinds = in_phase(P.QUIESCING, PLAN)
    unwinds.unwinding = Unwinding(phase=P.CANCELLED, reason="Cancelled", message="it was cancelled")
    taken = take(unwinds, PLAN, live=(noted(WEB), copied))
    assert puts_back(taken) == {"Deployment shop/web": {"replicas": 3}, "ReplicaSet shop/web-5d8f96": {}}
    taken = take(taken.status, PLAN, live=(WEB, copied))
    assert puts_back(taken) == {"ReplicaSet shop/web-5d8f96": {}}
    assert take(taken.status, PLAN, live=(WEB, RS)).status.phase is P.CANCELLED


def test_a_job_that_a_cron_job_has_started_in_between_is_suspended_too() -> None:
    fired = live("Job nightly-2", controller=CRON, suspended=False)
    taken = take(in_phase(P.QUIESCING, PLAN), PLAN, live=(*QUIET, RS, fired), now=9)
    assert stills(taken) == {"Job shop/nightly-2": {"suspend": True}}
    its_pod = pod("nightly-2-x", controller=fired)
    waits = take(in_phase(P.QUIESCING, PLAN), PLAN, live=(*QUIET, RS, noted(fired), its_pod), now=20)
    assert waits.status.phase is P.QUIESCING


def test_a_pod_that_has_ended_is_not_waited_for() -> None:
    ended = pod("nightly-1-x", controller=JOB, ended=True)
    taken = take(in_phase(P.QUIESCING, PLAN), PLAN, live=(*QUIET, RS, ended))
    assert taken.status.quiet_since is not None


def test_a_stateful_set_whose_claims_go_when_it_is_scaled_down_is_not_scaled_down() -> None:
    spec = {"replicas": 1, "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}}
    metadata = {"name": "db", "namespace": "shop", "uid": "u", "generation": 1}
    raw = msgspec.json.encode({"metadata": metadata, "spec": spec})
    of = decode_live(raw, "apps", "StatefulSet")
    assert of.claims_go
    there = (of, pod("db-0", "data-db-0", controller=of), claim("data-db-0"))
    made = plan(there, there)
    taken = take(in_phase(P.QUIESCING, made), made, live=there)
    assert not stills(taken)
    assert taken.status.phase is P.CLEARING, "its pods go when it goes"
    before = msgspec.structs.replace(of, claims_go=False)
    older = plan((before, *there[1:]), (before, *there[1:]))
    assert not stills(take(in_phase(P.QUIESCING, older), older, live=there)), "said since the plan was made"


STOPS: dict[str, tuple[tuple[Live, ...], str, str]] = {
    "a workload that was changed before it was stilled": (
        (msgspec.structs.replace(WEB, mark="generation:2"), RS, POD, CRON, JOB),
        "PlanIsStale",
        "nothing was deleted: the plan is stale, for since it was made Deployment shop/web changed",
    ),
    "a workload that was changed after it was stilled": (
        (noted(WEB, mark="generation:3"), noted(CRON), noted(JOB), RS),
        "PlanIsStale",
        "Deployment shop/web changed",
    ),
    "a workload that is another one under the same name": (
        (msgspec.structs.replace(WEB, uid="another"), noted(CRON), noted(JOB)),
        "PlanIsStale",
        "Deployment shop/web was made again",
    ),
    "a workload that is protected since, by a label, which makes no new generation": (
        (noted(WEB, protected=True), noted(CRON), noted(JOB), RS),
        "PlanIsStale",
        "Deployment shop/web is protected now (it bears vvc.velero.io/protect)",
    ),
    "a workload that an operator scales back": (
        (noted(WEB, replicas=3, mark="generation:3"), noted(CRON), noted(JOB), RS),
        "StartedAgain",
        "Deployment shop/web was stilled and runs again: an operator starts it",
    ),
    "a Job that was started since, stilled, and runs again": (
        (
            *QUIET,
            RS,
            noted(live("Job nightly-2", controller=CRON, suspended=False), suspended=False),
        ),
        "StartedAgain",
        "Job shop/nightly-2 was stilled and runs again: CronJob nightly, which controls it, or its operator",
    ),
}


@pytest.mark.parametrize(("there", "reason", "message"), STOPS.values(), ids=STOPS.keys())
def test_the_run_is_ended_and_what_was_stilled_is_put_back(
    there: tuple[Live, ...], reason: str, message: str
) -> None:
    taken = take(in_phase(P.QUIESCING, PLAN), PLAN, live=there, now=20)
    assert not stills(taken)
    assert outcome(taken)[:2] == ("Failed", reason)
    assert message in outcome(taken)[2]
    assert taken.status.unwinding is not None
    assert taken.status.unwinding.resume_from is P.PLANNING, "what is put back has changed"
    assert not taken.status.deleted


def test_what_another_run_has_noted_is_not_taken_for_this_ones() -> None:
    other = noted(WEB, by="another", replicas=3, mark="generation:1")
    taken = take(in_phase(P.QUIESCING, PLAN), PLAN, live=(other, RS, POD, CRON, JOB))
    assert "Deployment shop/web" in stills(taken)
    mangled = msgspec.structs.replace(WEB, quiesced="{")
    taken = take(in_phase(P.QUIESCING, PLAN), PLAN, live=(mangled, RS, POD, CRON, JOB))
    assert "Deployment shop/web" in stills(taken)


def test_what_does_not_stop_in_time_is_named() -> None:
    taken = take(in_phase(P.QUIESCING, PLAN), PLAN, live=(*QUIET, RS, POD), now=901)
    assert outcome(taken)[:2] == ("Failed", "DoesNotStop")
    assert "Pod shop/web-5d8f96-x0001 on its node" in outcome(taken)[2]
    refused = take(in_phase(P.QUIESCING, PLAN), PLAN, live=(WEB, *QUIET[1:]), now=901)
    assert "Deployment shop/web" in outcome(refused)[2], "one that can't be stilled is named as well"


def test_an_earlier_plan_counts_no_more_once_this_one_is_cleared_for() -> None:
    made = plan([], ["ConfigMap a"])
    before = RunRestore(name="r1", namespace="velero", backup="b1", phase="Completed")
    status = in_phase(P.QUIESCING, made, restores=[before], clear_again=["r1"])
    taken = take(status, made, live=[])
    assert taken.status.phase is P.CLEARING
    assert taken.status.restores[0].superseded, "what it restored is cleared, and would not be restored again"
    assert not taken.status.clear_again, "else nothing of the plan would be cleared"


def test_the_undo_backup_is_not_yet_the_one_to_keep() -> None:
    """Put back and planned again, a run would go back to an older one than it could."""
    made = plan([], ["ConfigMap a"])
    undo = UndoStatus(backup="u", namespace="velero", phase="Completed")
    taken = take(in_phase(P.QUIESCING, made, undo=undo), made, live=[])
    assert taken.status.undo is not None
    assert not taken.status.undo.kept


def unwinding(**fields: Any) -> Any:
    whole = {"phase": P.CANCELLED, "reason": "Cancelled", "message": "it was cancelled"}
    left = Unwinding(**{**whole, "since": "2026-11-24T02:00:00Z", **fields})
    return in_phase(P.QUIESCING, PLAN, unwinding=left)


def test_what_was_stilled_is_given_back_what_it_was() -> None:
    taken = take(unwinding(), live=(*QUIET, RS))
    assert puts_back(taken) == {
        "Deployment shop/web": {"replicas": 3},
        "CronJob shop/nightly": {"suspend": False},
        "Job shop/nightly-1": {"suspend": False},
    }
    assert taken.status.phase is P.QUIESCING


def test_what_somebody_has_started_only_loses_the_note() -> None:
    taken = take(unwinding(), live=(noted(WEB, replicas=1),))
    assert puts_back(taken) == {"Deployment shop/web": {}}


def test_what_goes_away_or_was_stilled_by_another_is_left_alone() -> None:
    there = (noted(WEB, terminating=True), noted(CRON, by="another"))
    taken = take(unwinding(), live=there)
    assert not puts_back(taken)
    assert taken.status.phase is P.CANCELLED


def test_it_ends_as_it_was_decided_once_all_is_put_back_even_without_its_plan() -> None:
    taken = take(unwinding(phase=P.FAILED, reason="Why", message="m", resume_from=P.PLANNING), live=ALL)
    assert taken.status.phase is P.FAILED
    assert said(taken, "Complete") == ("False", "Why", "m")
    assert taken.status.resume_from is P.PLANNING
    assert taken.status.unwinding is None


def test_what_can_not_be_put_back_for_long_is_named_with_what_it_was_and_not_given_up() -> None:
    taken = take(unwinding(), live=QUIET, now=901)
    assert len(puts_back(taken)) == 3
    assert said(taken)[:2] == ("False", "NotPutBack")
    assert "Deployment shop/web (replicas: 3)" in said(taken)[2]
    assert "CronJob shop/nightly (suspend: false)" in said(taken)[2]
    assert taken.again == 30.0


def test_without_anything_to_still_it_goes_on_at_once() -> None:
    made = plan([claim("data")], ["ConfigMap gone"], extras="keep")
    assert take(in_phase(P.QUIESCING, made), made, live=[], spec=make_spec()).status.phase is P.CLEARING
