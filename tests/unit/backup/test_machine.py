"""The machine, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tests.unit.backup.setmaker import (
    at,
    begin,
    creates,
    foreign,
    make_backup,
    make_lane,
    make_plan,
    make_situation,
    make_spec,
    make_volume,
    said,
    tells,
)
from velero_volume_controller.api.backupset import Attempt, BackupSetStatus, SetPhase
from velero_volume_controller.backup.machine import step
from velero_volume_controller.backup.steps import CreateBackup, SetIdentity, Step
from velero_volume_controller.backup.work import Plan, PlannedShard, PlannedVolume, PlanningError, Volume
from velero_volume_controller.velero.model.backups import Backup

HOUR = 3600.0
OTHER = Volume("a", "pod", "data", "node-1")


def begun(plan: Any = None, **fields: Any) -> tuple[BackupSetStatus, list[CreateBackup]]:
    """A set of one shard that has just made its Backup; one of several that has filled its slots."""
    if plan is None or len(plan.shards) > 1:
        return begin(plan, **fields)
    found = step(make_situation(planned=plan, **fields))
    return found.status, creates(found)


def follow(status: BackupSetStatus, now: float, *backups: Backup, **fields: Any) -> Step:
    return step(make_situation(status, now=now, backups=backups, **fields))


def ended(made: CreateBackup, phase: str = "Completed", when: float = 60, **status: Any) -> Backup:
    return make_backup(
        made, phase, start_timestamp=at(1), completion_timestamp=at(when), expiration=at(720 * HOUR), **status
    )


# Planning


def test_a_set_without_a_plan_waits_for_one() -> None:
    found = step(make_situation())

    assert found.status.phase is SetPhase.PLANNING
    assert not found.actions


def test_the_plan_is_kept_and_the_first_backups_are_made_in_the_same_step() -> None:
    found = step(
        make_situation(planned=make_plan(), spec=make_spec(template={"ttl": "24h"}), revision="4711")
    )
    status, made = found.status, creates(found)

    assert status.phase is SetPhase.RUNNING
    assert status.started == at(0)
    assert status.plan is not None
    assert (status.plan.hash, status.plan.shards, status.plan.predicted_seconds) == ("abc123", 3, 140)
    assert status.plan.template == {"ttl": "24h"}
    shard = status.shards[0]
    assert (shard.name, shard.namespaces, shard.lane, shard.load) == ("a", ["a"], "velero", {"node-a": 60})
    assert status.cluster_revision is not None
    assert status.cluster_revision.start == "4711"
    assert made[0].spec["ttl"] == "24h"
    assert said(status, "Planned")[0] == "True"
    recorded = {shard.attempts[0].backup for shard in status.shards if shard.attempts}
    assert recorded == {each.name for each in made}, "an attempt is recorded before it is made"


def test_why_there_is_no_plan_is_said_once_and_nothing_is_made() -> None:
    error = PlanningError("NothingSelected", "no namespace is selected; correct spec.selection.namespaces")
    first = step(make_situation(unplannable=error))
    second = step(make_situation(first.status, now=60, unplannable=error))

    assert said(first.status, "Planned") == ("False", "NothingSelected", str(error))
    assert tells(first) == ["NothingSelected"]
    assert not second.actions
    assert second.again == 60, "the cluster may change"


def test_a_template_that_is_not_valid_is_said_before_any_backup_is_made() -> None:
    found = step(make_situation(spec=make_spec(template={"ttl": "30d"}), planned=make_plan()))

    assert said(found.status, "Planned")[1] == "InvalidTemplate"
    assert not creates(found)
    assert not found.status.shards


def test_a_field_that_velero_may_not_know_is_passed_on_and_said() -> None:
    found = step(make_situation(spec=make_spec(template={"snapshotVolume": True}), planned=make_plan()))

    assert creates(found)[0].spec["snapshotVolume"] is True
    assert "UnknownField" in tells(found)
    status, _, message = said(found.status, "Planned")
    assert status == "True"
    assert "spec.template.snapshotVolume is no field of a Backup's spec in Velero 1.18" in message
    assert "Did you mean snapshotVolumes?" in message


def test_an_unknown_time_zone_of_the_window_is_said() -> None:
    window = {"start": "22:00", "end": "05:00", "timeZone": "Mars/Olympus"}
    found = step(make_situation(spec=make_spec(window=window), planned=make_plan()))

    assert said(found.status, "Planned")[1] == "UnknownTimeZone"
    assert "Mars/Olympus" in said(found.status, "Planned")[2]


def test_a_set_that_may_not_begin_yet_is_planned_when_it_may() -> None:
    paused = step(make_situation(spec=make_spec(paused=True), planned=make_plan()))
    resumed = step(make_situation(paused.status, now=HOUR, planned=make_plan()))

    assert paused.status.phase is SetPhase.PAUSED
    assert not paused.status.shards
    assert resumed.status.started == at(HOUR)
    assert creates(resumed)


# Slots


def test_as_many_backups_are_made_as_there_are_slots() -> None:
    assert [len(begin(lanes=(make_lane(slots=slots),))[1]) for slots in (1, 2, 3, 4)] == [1, 2, 3, 3]


def test_others_backups_count_against_the_slots() -> None:
    assert len(begin(backups=(foreign("InProgress"),))[1]) == 1


@pytest.mark.parametrize("phase", ["", "New", "Queued", "ReadyToStart"])
def test_a_lane_gets_the_next_one_when_the_last_has_begun_or_after_a_moment(phase: str) -> None:
    first = step(make_situation(planned=make_plan()))
    waits = make_backup(creates(first)[0], phase)
    begins = make_backup(creates(first)[0], "InProgress")

    assert len(creates(first)) == 1
    assert first.again is not None
    assert first.again <= 2
    assert not creates(follow(first.status, 1, waits))
    assert len(creates(follow(first.status, 1, begins))) == 1
    assert len(creates(follow(first.status, 2, waits))) == 1


def test_every_lane_gets_one_at_once() -> None:
    plan = both(make_plan({"a": ["a"], "b": ["b"]}), make_plan({"c": ["c"]}, lane="velero-b"))
    found = step(make_situation(planned=plan, lanes=(make_lane(), make_lane(namespace="velero-b"))))

    assert sorted(each.lane for each in creates(found)) == ["velero", "velero-b"]


def test_a_backup_that_is_being_finalized_holds_no_slot() -> None:
    assert len(begin(backups=(foreign("Finalizing"),))[1]) == 2


def test_the_next_goes_when_one_of_ours_is_being_finalized() -> None:
    status, made = begun()
    found = follow(status, 50, make_backup(made[0], "Finalizing"), make_backup(made[1], "InProgress"))

    assert len(creates(found)) == 1


def test_a_phase_that_is_not_known_still_runs() -> None:
    status, made = begun()
    found = follow(status, 50, make_backup(made[0], "Pondering"), make_backup(made[1], "InProgress"))

    assert not creates(found)


def test_one_that_velero_forgot_does_not_hold_a_slot_for_ever() -> None:
    old = foreign("ReadyToStart", created=at(-700))
    young = foreign("ReadyToStart", created=at(-60))
    both = make_lane(slots=1)

    assert len(creates(step(make_situation(planned=make_plan(), backups=(old,), lanes=(both,))))) == 1
    assert not creates(step(make_situation(planned=make_plan(), backups=(young,), lanes=(both,))))


def test_the_specs_slots_count_before_the_lanes() -> None:
    spec = make_spec(lanes=[{"namespace": "velero", "slots": 1}])

    assert len(creates(step(make_situation(planned=make_plan(), spec=spec)))) == 1


def test_the_specs_most_is_for_all_lanes_together() -> None:
    lanes = (make_lane(slots=4), make_lane(namespace="velero-b", slots=4))
    spec = make_spec(concurrency={"max": 3})
    plan = make_plan({name: [name] for name in "abcdef"})
    status, made = begun(plan, spec=spec, lanes=lanes)
    later = follow(status, 10, *(make_backup(each, "InProgress") for each in made), spec=spec, lanes=lanes)

    assert len(made) == 3
    assert not creates(later)


def test_namespaces_that_are_to_go_first_do() -> None:
    found = step(
        make_situation(planned=make_plan(), spec=make_spec(first=["c"]), lanes=(make_lane(slots=1),))
    )

    assert [each.shard for each in creates(found)] == ["c"]


def test_the_specs_most_for_a_node_counts_before_the_lanes() -> None:
    plan = make_plan({"a": ["a"], "b": ["b"], "c": ["c"]})
    same = [replace(each, volumes=(replace(each.volumes[0], volume=OTHER),)) for each in plan.shards[:2]]
    plan = replace(plan, shards=(*same, replace(plan.shards[2], alone=50.0)))
    lanes = (make_lane(default_load=2),)

    two = begin(plan, lanes=lanes)[1]
    one = begin(plan, lanes=lanes, spec=make_spec(concurrency={"perNode": 1}))[1]

    assert [each.shard for each in two] == ["a", "b"]
    assert [each.shard for each in one] == ["a", "c"], "two on one node gain nothing"


# Others in the way

OVERLAPS: dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]] = {
    "an empty list means all": ((), (), True),
    "a star means all": (("*",), (), True),
    "the name itself": (("x", "a"), (), True),
    "a pattern": (("?",), (), True),
    "another name": (("b2",), (), False),
    "all but this": (("*",), ("a",), False),
    "all but what a pattern says": ((), ("[a-c]",), False),
    "another set's cluster-scoped resources": (
        ("*",),
        tuple(f"{c}*" for c in "abcdefghijklmnopqrstuvwxyz"),
        False,
    ),
}


@pytest.mark.parametrize(("included", "excluded", "waits"), OVERLAPS.values(), ids=OVERLAPS.keys())
def test_a_backup_of_another_that_takes_a_namespace_is_waited_for(
    included: tuple[str, ...], excluded: tuple[str, ...], waits: bool
) -> None:
    other = foreign("InProgress", included, excluded_namespaces=excluded)
    found = step(make_situation(planned=make_plan({"a": ["a"]}), backups=(other,)))

    assert bool(creates(found)) is not waits
    if waits:
        status, reason, message = said(found.status, "Progressing")
        assert (status, reason) == ("False", "OtherBackup")
        assert "velero/foreign is InProgress" in message


def test_an_ended_backup_of_another_is_not_waited_for() -> None:
    found = step(make_situation(planned=make_plan({"a": ["a"]}), backups=(foreign("Completed", ()),)))

    assert creates(found)


def test_a_namespace_that_another_set_holds_waits_and_the_others_go() -> None:
    blocked = {"a": "velero/hourly"}
    found = step(make_situation(planned=make_plan({"a": ["a"], "b": ["b"]}), blocked=blocked))
    alone = step(make_situation(planned=make_plan({"a": ["a"]}), blocked=blocked))
    freed = step(make_situation(alone.status, now=60))

    assert [each.shard for each in creates(found)] == ["b"]
    assert said(alone.status, "Progressing")[:2] == ("False", "Blocked")
    assert "velero/hourly" in said(alone.status, "Progressing")[2]
    assert creates(freed)


# Attempts


def test_one_that_was_never_seen_is_made_again_by_the_same_name_and_not_at_every_step() -> None:
    status, made = begun(make_plan({"a": ["a"]}))
    soon = follow(status, 5)
    later = follow(soon.status, 20)
    again = follow(later.status, 22)

    assert not creates(soon)
    assert soon.again is not None
    assert soon.again <= 10
    assert [each.name for each in creates(later)] == [made[0].name]
    assert not creates(again)


def test_a_backup_that_was_seen_and_is_gone_is_lost_after_a_while_and_made_anew() -> None:
    status, made = begun(make_plan({"a": ["a"]}))
    seen = follow(status, 10, make_backup(made[0], "InProgress"))
    gone = follow(seen.status, 20)
    lost = follow(gone.status, 85)

    assert seen.status.shards[0].attempts[0].uid
    assert gone.status.shards[0].attempts[0].phase == "InProgress", "a watch may lag behind"
    assert lost.status.shards[0].attempts[0].phase == "Lost"
    due = follow(lost.status, 150)
    assert [(each.attempt, each.name == made[0].name) for each in creates(due)] == [(2, False)]
    assert "Retrying" in tells(due)


def test_a_complete_backup_that_is_deleted_before_the_set_ends_is_made_anew() -> None:
    plan = make_plan({"a": ["a"], "b": ["b"]})
    status, made = begun(plan)
    both = follow(status, 60, ended(made[0]), make_backup(made[1], "InProgress"))
    gone = follow(both.status, 70, ended(made[1]))
    lost = follow(gone.status, 200, ended(made[1]))

    assert gone.status.phase is SetPhase.RUNNING, "not all of it is there"
    assert [each.attempt for each in creates(lost)] == [2]


def test_one_that_is_being_deleted_counts_as_gone() -> None:
    status, made = begun(make_plan({"a": ["a"]}))
    seen = follow(status, 10, make_backup(made[0], "InProgress"))
    gone = follow(seen.status, 20, make_backup(made[0], "Deleting"))

    assert gone.status.shards[0].attempts[0].gone == at(20)


def test_what_has_ended_stays_ended_whatever_is_seen_late() -> None:
    plan = make_plan({"a": ["a"], "b": ["b"]})
    status, made = begun(plan)
    done = follow(status, 60, ended(made[0]), make_backup(made[1], "InProgress"))
    stale = follow(done.status, 61, make_backup(made[0], "InProgress"), make_backup(made[1], "InProgress"))

    assert stale.status.shards[0].attempts[0].phase == "Completed"


def test_a_backup_that_sync_brought_back_is_taken_for_what_it_was() -> None:
    status, made = begun(make_plan({"a": ["a"]}))
    seen = follow(status, 10, make_backup(made[0], "InProgress"))
    synced = msgspec.structs.replace(ended(made[0]), uid="another")
    found = follow(seen.status, 100, synced)

    assert found.status.phase is SetPhase.COMPLETED
    assert found.status.shards[0].attempts[0].uid == "another"


def test_a_backup_of_that_name_which_is_not_ours_is_never_adopted() -> None:
    status, made = begun(make_plan({"a": ["a"]}))
    theirs = msgspec.structs.replace(ended(made[0]), labels={})
    found = follow(status, 10, theirs)
    later = follow(found.status, 80, theirs)

    assert found.status.shards[0].attempts[0].phase == "Refused"
    assert "exists already" in found.status.shards[0].attempts[0].reason
    assert [each.attempt for each in creates(later)] == [2]


def test_what_the_api_server_refuses_ends_the_attempt_with_its_words() -> None:
    status, made = begun(make_plan({"a": ["a"]}))
    found = follow(status, 1, refused={made[0].name: "backups.velero.io is forbidden"})

    assert found.status.shards[0].attempts[0].phase == "Refused"
    assert "forbidden" in said(found.status, "Degraded")[2]


def test_a_backup_whose_record_was_lost_is_taken_up_again() -> None:
    status, made = begun(make_plan({"a": ["a"]}))
    running = make_backup(made[0], "InProgress", created=at(1))
    forgotten = msgspec.structs.replace(
        status, shards=[msgspec.structs.replace(status.shards[0], attempts=[])]
    )
    found = follow(forgotten, 100, running)

    assert not creates(found)
    assert found.status.shards[0].attempts[0].phase == "InProgress"


def test_one_of_an_earlier_plan_is_not_taken_up_but_waited_for() -> None:
    status, made = begun(make_plan({"a": ["a"]}))
    before = make_backup(made[0], "InProgress")
    before = msgspec.structs.replace(
        before, annotations={**before.annotations, "vvc.velero.io/plan": "other"}
    )
    forgotten = msgspec.structs.replace(
        status, shards=[msgspec.structs.replace(status.shards[0], attempts=[])]
    )
    found = follow(forgotten, 10, before)
    over = msgspec.structs.replace(
        before, status=msgspec.structs.replace(before.status, phase="Completed", completion_timestamp=at(20))
    )
    next_ = follow(found.status, 20, over)
    refused = follow(next_.status, 21, over)

    assert not creates(found)
    assert not found.status.shards[0].attempts
    assert [each.name for each in creates(next_)] == [made[0].name]
    assert refused.status.shards[0].attempts[0].phase == "Refused", "it may hold other namespaces"


# Retries


def failing(phase: str, retry: dict[str, Any], times: int, **status: Any) -> list[float]:
    """When the attempts at a shard are made that fails so many times, each 10 s after it was made."""
    spec = make_spec(retry=retry)
    current, made = begun(make_plan({"a": ["a"]}), spec=spec)
    moments, now = [0.0], 0.0
    known = []
    for _ in range(times):
        now += 10
        known.append(ended(made[0], phase, now, **status))
        found = follow(current, now, *known, spec=spec)
        while not creates(found) and not (found.status.phase and found.status.phase.ended):
            assert found.again is not None
            now += found.again
            found = follow(found.status, now, *known, spec=spec)
        current, made = found.status, creates(found)
        if not made:
            break
        moments.append(now)
    return moments


def test_a_failed_shard_is_tried_again_after_a_wait_that_doubles_up_to_the_limit() -> None:
    assert failing("Failed", {"limit": 3, "backoff": "30s"}, 5) == [0, 40, 110, 240]


def test_one_that_failed_in_part_is_tried_again_too() -> None:
    assert failing("PartiallyFailed", {"limit": 1, "backoff": "30s"}, 3) == [0, 40]


def test_no_limit_means_no_second_attempt() -> None:
    assert failing("Failed", {"limit": 0}, 3) == [0]


VALIDATION: dict[str, tuple[str, bool]] = {
    "the location is away": (
        "backup can't be created because BackupStorageLocation default is in Unavailable status.",
        True,
    ),
    "the location is read-only": ("backup storage location default is currently in read-only mode", True),
    "the API server did not answer": ("error getting namespace list: timeout", True),
    "filters are mixed": ("They cannot be used together", False),
    "both selectors": (
        "encountered labelSelector as well as orLabelSelectors in backup spec, only one can be specified",
        False,
    ),
    "a bad policy": ("invalid resource policies: error getting config map", False),
}


@pytest.mark.parametrize(("error", "again"), VALIDATION.values(), ids=VALIDATION.keys())
def test_what_velero_would_say_again_is_not_tried_again(error: str, again: bool) -> None:
    times = failing("FailedValidation", {"limit": 1, "backoff": "30s"}, 3, validation_errors=(error,))

    assert len(times) == (2 if again else 1)


def test_of_several_reasons_one_that_lasts_is_enough() -> None:
    errors = ("error getting namespace list: timeout", "only one can be specified")

    assert failing("FailedValidation", {"limit": 2}, 3, validation_errors=errors) == [0]


def test_a_lasting_reason_says_what_to_do() -> None:
    status, made = begun(make_plan({"a": ["a"], "b": ["b"]}))
    bad = ended(made[0], "FailedValidation", validation_errors=("only one can be specified",))
    found = follow(status, 20, bad, make_backup(made[1], "InProgress"))

    assert said(found.status, "Degraded")[:2] == ("True", "ShardFailed")
    assert "correct the template" in said(found.status, "Degraded")[2]


def test_a_demand_to_retry_opens_an_ended_set_once() -> None:
    spec = make_spec(retry={"limit": 0})
    status, made = begun(make_plan({"a": ["a"], "b": ["b"]}), spec=spec)
    backups = (ended(made[0]), ended(made[1], "Failed"))
    over = follow(status, 60, *backups, spec=spec)
    again = follow(over.status, 100, *backups, spec=spec, retry="2026-11-24T02:01:40Z")
    same = follow(again.status, 105, *backups, spec=spec, retry="2026-11-24T02:01:40Z")
    third = make_backup(creates(again)[0], "Completed", completion_timestamp=at(120))
    done = follow(same.status, 120, *backups, third, spec=spec, retry="2026-11-24T02:01:40Z")

    assert over.status.phase is SetPhase.PARTIALLY_FAILED
    assert again.status.phase is SetPhase.RUNNING
    assert [(each.shard, each.attempt) for each in creates(again)] == [(made[1].shard, 2)]
    assert not creates(same)
    assert done.status.phase is SetPhase.COMPLETED
    assert done.status.restore_point is not None
    assert not done.status.restore_point.missing


def test_a_demand_to_retry_helps_a_set_that_still_runs() -> None:
    spec = make_spec(retry={"limit": 0})
    status, made = begun(make_plan({"a": ["a"], "b": ["b"]}), spec=spec)
    backups = (ended(made[0], "Failed"), make_backup(made[1], "InProgress"))
    running = follow(status, 60, *backups, spec=spec)
    # The demand is counted from what had ended by then.
    found = follow(running.status, 70, *backups, spec=spec, retry="now")

    assert not creates(running)
    assert [(each.shard, each.attempt) for each in creates(found)] == [(made[0].shard, 2)]


def test_a_demand_to_retry_may_name_shards_and_says_which_are_none() -> None:
    spec = make_spec(retry={"limit": 0})
    status, made = begun(make_plan({"a": ["a"], "b": ["b"]}), spec=spec)
    backups = (ended(made[0], "Failed"), ended(made[1], "Failed"))
    over = follow(status, 60, *backups, spec=spec)
    again = follow(over.status, 100, *backups, spec=spec, retry="1 b,zz")

    assert [each.shard for each in creates(again)] == ["b"]
    assert "UnknownShard" in tells(again)


def test_a_demand_that_is_older_than_the_plan_is_no_demand() -> None:
    status, made = begun(make_plan({"a": ["a"]}), retry="old", spec=make_spec(retry={"limit": 0}))
    over = follow(status, 60, ended(made[0], "Failed"), retry="old", spec=make_spec(retry={"limit": 0}))

    assert status.retried_at is None
    assert over.status.phase is SetPhase.FAILED
    assert not creates(follow(over.status, 70, ended(made[0], "Failed"), retry="old"))


# Gates


def test_a_paused_set_starts_nothing_and_what_runs_goes_on() -> None:
    status, made = begun()
    running = [make_backup(each, "InProgress") for each in made]
    paused = follow(status, 10, *running, spec=make_spec(paused=True))
    freed = follow(paused.status, 60, ended(made[0]), running[1], spec=make_spec(paused=True))
    resumed = follow(freed.status, 70, ended(made[0]), running[1])

    assert paused.status.phase is SetPhase.PAUSED
    assert said(paused.status, "Progressing")[:2] == ("False", "Paused")
    assert not creates(freed)
    assert resumed.status.phase is SetPhase.RUNNING
    assert len(creates(resumed)) == 1


def test_a_paused_set_with_nothing_left_to_start_ends() -> None:
    status, made = begun(make_plan({"a": ["a"]}))

    assert follow(status, 60, ended(made[0]), spec=make_spec(paused=True)).status.phase is SetPhase.COMPLETED


def test_one_that_was_not_seen_is_not_made_again_while_the_set_is_paused() -> None:
    status, _ = begun(make_plan({"a": ["a"]}))

    assert not creates(follow(status, 60, spec=make_spec(paused=True)))
    assert creates(follow(status, 60))


def test_after_the_deadline_nothing_is_started_and_what_is_missing_is_named() -> None:
    spec = make_spec(deadline="50s")
    status, made = begun(spec=spec)
    late = follow(status, 60, ended(made[0], when=45), make_backup(made[1], "InProgress"), spec=spec)
    over = follow(late.status, 90, ended(made[0], when=45), ended(made[1], when=80), spec=spec)

    assert not creates(late)
    assert said(late.status, "Progressing")[:2] == ("False", "DeadlinePassed")
    assert over.status.phase is SetPhase.PARTIALLY_FAILED
    assert over.status.restore_point is not None
    assert [(each.namespace, "deadline" in each.reason) for each in over.status.restore_point.missing] == [
        ("c", True)
    ]


def test_before_the_deadline_a_step_is_asked_for() -> None:
    spec = make_spec(deadline="50s")
    status, made = begun(spec=spec)
    found = follow(status, 30, *(make_backup(each, "InProgress") for each in made), spec=spec)

    assert found.again is not None
    assert found.again <= 20


def test_after_the_deadline_what_was_never_seen_is_not_waited_for() -> None:
    spec = make_spec(deadline="50s")
    status, _ = begun(make_plan({"a": ["a"]}), spec=spec)

    assert follow(status, 60, spec=spec).status.phase is SetPhase.FAILED


def test_a_retry_after_the_deadline_has_the_deadline_anew() -> None:
    spec = make_spec(deadline="50s", retry={"limit": 0})
    status, made = begun(make_plan({"a": ["a"]}), spec=spec)
    over = follow(status, 60, ended(made[0], "Failed"), spec=spec)

    assert creates(follow(over.status, HOUR, ended(made[0], "Failed"), spec=spec, retry="now"))


WINDOWS: dict[str, tuple[dict[str, str], float, bool]] = {
    # The begin is 02:00 UTC, 03:00 in Berlin.
    "inside": ({"start": "01:00", "end": "05:00"}, 0, True),
    "before": ({"start": "03:00", "end": "05:00"}, 0, False),
    "at the very start": ({"start": "02:00", "end": "05:00"}, 0, True),
    "at the very end": ({"start": "01:00", "end": "02:00"}, 0, False),
    "over midnight, in the morning": ({"start": "22:00", "end": "05:00"}, 0, True),
    "over midnight, by day": ({"start": "22:00", "end": "05:00"}, 10 * HOUR, False),
    "over midnight, in the evening": ({"start": "22:00", "end": "05:00"}, 20.5 * HOUR, True),
    "in its time zone": ({"start": "01:30", "end": "02:30", "timeZone": "Europe/Berlin"}, 0, False),
}


@pytest.mark.parametrize(("window", "now", "inside"), WINDOWS.values(), ids=WINDOWS.keys())
def test_a_set_begins_inside_its_window(window: dict[str, str], now: float, inside: bool) -> None:
    found = step(make_situation(spec=make_spec(window=window), planned=make_plan(), now=now))

    assert bool(creates(found)) is inside
    if not inside:
        assert said(found.status, "Progressing")[:2] == ("False", "OutsideWindow")


def test_a_step_is_asked_for_when_the_window_opens() -> None:
    found = step(
        make_situation(spec=make_spec(window={"start": "03:00", "end": "05:00"}), planned=make_plan())
    )

    assert found.again == HOUR
    assert "2026-11-24T03:00:00Z" in said(found.status, "Progressing")[2]


def test_a_window_that_closes_stops_what_is_not_started() -> None:
    spec = make_spec(window={"start": "01:00", "end": "02:01"})
    status, made = begun(spec=spec)
    found = follow(status, 70, ended(made[0]), make_backup(made[1], "InProgress"), spec=spec)

    assert not creates(found)
    assert said(found.status, "Progressing")[1] == "OutsideWindow"


# A spec that is edited


def test_what_counts_as_planned_is_not_changed_by_an_edit_and_that_is_said() -> None:
    status, made = begun(make_plan({"a": ["a"]}), spec=make_spec(template={"ttl": "24h"}))
    edited = make_spec(
        template={"ttl": "1h"}, selection={"namespaces": {"include": ["b"]}}, retry={"backoff": "1s"}
    )
    failed = follow(status, 60, ended(made[0], "Failed", 50), spec=edited)

    assert said(failed.status, "SpecChanged")[:2] == ("True", "Ignored")
    assert said(failed.status, "SpecChanged")[2].startswith("spec.selection, spec.template: ")
    assert "SpecChanged" in tells(failed)
    assert [each.spec["ttl"] for each in creates(failed)] == ["24h"]
    restored = follow(
        failed.status, 61, ended(made[0], "Failed", 50), spec=make_spec(template={"ttl": "24h"})
    )
    assert said(restored.status, "SpecChanged")[0] == "False"


def test_concurrency_takes_effect_at_once_and_is_no_such_change() -> None:
    status, made = begun(spec=make_spec(concurrency={"max": 1}))
    found = follow(status, 10, make_backup(made[0], "InProgress"), spec=make_spec(concurrency={"max": 2}))

    assert len(creates(found)) == 1
    assert said(found.status, "SpecChanged") == ("", "", "")


def test_the_generation_that_was_acted_on_is_kept() -> None:
    status, _ = begun()
    found = step(
        make_situation(
            status, identity=SetIdentity("velero", "nightly", status.plan.owner if status.plan else "", 7)
        )
    )

    assert found.status.observed_generation == 7
    assert {each.observed_generation for each in found.status.conditions if each.type == "Progressing"} == {7}


# Lanes


def test_a_lane_that_is_down_gets_nothing_until_it_is_back() -> None:
    down = (make_lane(problem="its Deployment has no ready replica"),)
    found = step(make_situation(planned=make_plan(), lanes=down))
    back = step(make_situation(found.status, now=60))

    assert not creates(found)
    assert said(found.status, "Degraded")[:2] == ("True", "LaneDown")
    assert "no ready replica" in said(found.status, "Degraded")[2]
    assert said(found.status, "Progressing")[:2] == ("False", "LaneDown")
    assert creates(back)
    assert said(back.status, "Degraded")[0] == "False"


def test_namespaces_stay_with_a_lane_that_is_gone_and_the_others_go_on() -> None:
    plan_a, plan_b = make_plan({"a": ["a"]}), make_plan({"b": ["b"]}, lane="velero-b")
    plan = both(plan_a, plan_b)
    status, made = begun(plan, lanes=(make_lane(), make_lane(namespace="velero-b")))
    seen = [make_backup(each, "InProgress") for each in made]
    status = follow(status, 5, *seen, lanes=(make_lane(), make_lane(namespace="velero-b"))).status
    found = follow(status, 200, ended(made[0]))

    assert found.status.phase is SetPhase.RUNNING
    assert not creates(found)
    assert said(found.status, "Degraded")[:2] == ("True", "LaneGone")
    assert "stay with it" in said(found.status, "Degraded")[2]
    lost = follow(found.status, 300, ended(made[0]), spec=make_spec(deadline="250s"))
    assert lost.status.phase is SetPhase.PARTIALLY_FAILED, "the deadline ends it"


def both(*plans: Any) -> Any:
    first = plans[0]
    return type(first)(tuple(each for plan in plans for each in plan.shards), 1.0, 1.0, "abc123")


# Ends


def test_a_set_is_complete_when_every_shard_is() -> None:
    status, made = begun(make_plan({"a": ["a"], "b": ["b1", "b2"]}))
    found = follow(status, 60, *(ended(each) for each in made), revision="2000")

    assert found.status.phase is SetPhase.COMPLETED
    assert found.status.ended == at(60)
    assert found.status.expires == at(720 * HOUR)
    assert found.status.cluster_revision is not None
    assert (found.status.cluster_revision.start, found.status.cluster_revision.end) == ("1000", "2000")
    assert found.status.restore_point is not None
    assert [(each.shard, each.namespaces) for each in found.status.restore_point.backups] == [
        ("a", ["a"]),
        ("b", ["b1", "b2"]),
    ]
    assert said(found.status, "Complete")[:2] == ("True", "Completed")
    assert said(found.status, "Progressing")[:2] == ("False", "Completed")
    assert tells(found) == ["Completed"]


def test_an_end_is_told_once() -> None:
    status, made = begun(make_plan({"a": ["a"]}))
    over = follow(status, 60, ended(made[0]))

    assert not follow(over.status, 70, ended(made[0])).actions


def test_progress_is_the_sum_of_what_the_volumes_report() -> None:
    status, made = begun(make_plan({"a": ["a"], "b": ["b"]}))
    backups = [make_backup(each, "InProgress") for each in made]
    volumes = (
        make_volume(backups[0], "Completed", "a"),
        make_volume(backups[1], "InProgress", "b", bytes_done=40, bytes_total=300),
    )
    found = follow(status, 10, *backups, volumes=volumes).status.progress

    assert found is not None
    assert (found.bytes_done, found.bytes_total) == (140, 400)
    assert (found.volumes_done, found.volumes_total) == (1, 2)


def test_volumes_that_are_seen_late_are_put_right_after_the_end() -> None:
    spec = make_spec(retry={"limit": 0})
    status, made = begun(make_plan({"a": ["a"]}), spec=spec)
    backup = ended(made[0], "PartiallyFailed", errors=1)
    over = follow(status, 60, backup, spec=spec)
    later = follow(
        over.status, 65, backup, spec=spec, volumes=(make_volume(backup, "Failed", message="EIO"),)
    )

    assert over.status.restore_point is not None
    assert later.status.restore_point is not None
    assert [each.volume for each in over.status.restore_point.missing] == [""]
    assert [(each.volume, each.reason) for each in later.status.restore_point.missing] == [("data", "EIO")]
    unseen = follow(later.status, 70, backup, spec=spec)
    assert unseen.status.restore_point == later.status.restore_point, "what was known stays known"


def test_volumes_that_are_on_their_way_out_are_not_forgotten() -> None:
    status, made = begun(make_plan({"a": ["a"]}))
    backup = ended(made[0])
    over = follow(status, 60, backup, volumes=(make_volume(backup),))
    later = follow(over.status, 70, backup)

    attempt = later.status.shards[0].attempts[0]
    assert (attempt.volumes, attempt.bytes) == (1, 100)
    assert later.status.progress == over.status.progress


def test_what_velero_deletes_later_leaves_the_restore_point() -> None:
    status, made = begun(make_plan({"a": ["a"], "b": ["b"]}))
    backups = [ended(each) for each in made]
    over = follow(status, 60, *backups)
    gone = follow(over.status, 100, backups[1])
    shrunk = follow(gone.status, 200, backups[1])

    assert gone.status.restore_point is not None
    assert len(gone.status.restore_point.backups) == 2, "a watch may lag behind"
    assert shrunk.status.phase is SetPhase.COMPLETED, "so it ended"
    assert shrunk.status.restore_point is not None
    assert [each.shard for each in shrunk.status.restore_point.backups] == [made[1].shard]
    assert [each.namespace for each in shrunk.status.restore_point.missing] == ["a"]
    assert said(shrunk.status, "Degraded")[:2] == ("True", "BackupsGone")
    assert not creates(shrunk)


def test_a_set_is_expired_when_all_its_backups_are() -> None:
    status, made = begun(make_plan({"a": ["a"], "b": ["b"]}))
    backups = [ended(each) for each in made]
    over = follow(status, 60, *backups)
    expired = follow(over.status, 721 * HOUR, *backups)
    after = follow(expired.status, 722 * HOUR)

    assert expired.status.phase is SetPhase.EXPIRED
    assert tells(expired) == ["Expired"]
    assert said(expired.status, "Complete")[:2] == ("False", "Expired")
    assert after.status.phase is SetPhase.EXPIRED
    assert not after.actions


def test_a_set_whose_backups_come_back_is_what_it_was() -> None:
    status, made = begun(make_plan({"a": ["a"], "b": ["b"]}))
    backups = [ended(each) for each in made]
    over = follow(status, 60, *backups)
    gone = follow(follow(over.status, HOUR).status, 2 * HOUR)
    assert gone.status.phase is SetPhase.EXPIRED, "as when Velero's CRDs were removed"
    half = follow(gone.status, 3 * HOUR, backups[0])
    whole = follow(half.status, 4 * HOUR, *backups)

    assert half.status.phase is SetPhase.PARTIALLY_FAILED
    assert said(half.status, "Complete")[:2] == ("False", "PartiallyFailed")
    assert whole.status.phase is SetPhase.COMPLETED
    assert said(whole.status, "Complete")[:2] == ("True", "Completed")
    assert tells(whole) == ["Completed"]
    assert not creates(half)


def test_a_backup_that_comes_back_makes_a_restore_point_whole_again() -> None:
    status, made = begun(make_plan({"a": ["a"], "b": ["b"]}))
    backups = [ended(each) for each in made]
    over = follow(status, 60, *backups)
    shrunk = follow(follow(over.status, HOUR, backups[0]).status, 2 * HOUR, backups[0])
    assert said(shrunk.status, "Degraded")[:2] == ("True", "BackupsGone")
    whole = follow(shrunk.status, 3 * HOUR, *backups)

    assert said(whole.status, "Degraded")[0] == "False"
    assert whole.status.restore_point is not None
    assert not whole.status.restore_point.missing


def test_a_backup_that_completes_after_the_set_was_given_up_still_counts() -> None:
    spec = make_spec(deadline="10m", retry={"limit": 0})
    status, made = begun(make_plan({"a": ["a"]}), spec=spec)
    failed = make_backup(made[0], "Failed", completion_timestamp=at(60), failure_reason="restarted")
    over = step(make_situation(status, now=60, spec=spec, backups=(failed,)))
    assert over.status.phase is SetPhase.FAILED
    late = step(make_situation(over.status, now=90, spec=spec, backups=(ended(made[0]),)))

    assert late.status.phase is SetPhase.COMPLETED
    assert said(late.status, "Complete")[0] == "True"


def test_a_set_that_lacks_a_namespace_which_its_spec_names_is_not_complete() -> None:
    plan = replace(make_plan({"a": ["a"]}), absent=("biling",))
    first = step(make_situation(planned=plan))
    over = follow(first.status, 60, ended(creates(first)[0]))
    later = follow(over.status, HOUR, ended(creates(first)[0]))

    assert tells(first) == ["NotThere", "Planned"]
    assert over.status.phase is SetPhase.PARTIALLY_FAILED, "as Velero's Backup would be"
    assert over.status.restore_point is not None
    assert [each.namespace for each in over.status.restore_point.missing] == ["biling"]
    assert later.status.restore_point == over.status.restore_point
    assert later.status.phase is SetPhase.PARTIALLY_FAILED


def test_after_a_clock_that_was_a_year_ahead_nothing_waits_a_year() -> None:
    year = 8766 * HOUR
    spec = make_spec(retry={"limit": 1}, deadline="1h")
    first = step(make_situation(planned=make_plan({"a": ["a"]}), spec=spec, now=year))
    (made,) = creates(first)
    again = step(make_situation(first.status, spec=spec, now=0))
    unseen = step(make_situation(again.status, spec=spec, now=20))
    assert [each.name for each in creates(unseen) if each.shard == made.shard] == [made.name]
    failed = make_backup(
        made, "Failed", start_timestamp=at(year), completion_timestamp=at(year), failure_reason="restarted"
    )
    seen = step(make_situation(unseen.status, spec=spec, now=30, backups=(failed,)))
    found = step(make_situation(seen.status, spec=spec, now=95, backups=(failed,)))

    assert [each.attempt for each in creates(found) if each.shard == made.shard] == [2]
    late = step(make_situation(found.status, spec=spec, now=2 * HOUR, backups=(failed,)))
    assert late.status.phase is not None
    assert late.status.phase.ended, "the deadline is an hour"


def test_a_status_that_somebody_has_edited_stops_nothing() -> None:
    status, made = begun(make_plan({"a": ["a"]}))
    assert status.plan is not None
    status.plan.frozen = "no hash = of == anything"
    status.shards[0].attempts[0] = Attempt(backup=made[0].name, lane="velero", phase="Lost")
    found = step(make_situation(status, now=600))

    assert [each.attempt for each in creates(found)] == [2]


def test_an_expired_set_is_not_tried_again() -> None:
    status, made = begun(make_plan({"a": ["a"]}))
    over = follow(status, 60, ended(made[0]))
    expired = follow(over.status, 721 * HOUR, ended(made[0]))
    found = follow(expired.status, 722 * HOUR, retry="again")

    assert found.status.phase is SetPhase.EXPIRED
    assert not creates(found)


def test_a_failed_set_is_not_expired() -> None:
    status, made = begun(make_plan({"a": ["a"]}), spec=make_spec(retry={"limit": 0}))
    over = follow(status, 60, ended(made[0], "Failed"), spec=make_spec(retry={"limit": 0}))

    assert follow(over.status, HOUR).status.phase is SetPhase.FAILED


def test_backups_of_a_lane_that_cannot_be_seen_are_not_gone() -> None:
    status, made = begun(make_plan({"a": ["a"]}))
    over = follow(status, 60, ended(made[0]))
    unseen = follow(over.status, HOUR, lanes=())
    later = follow(unseen.status, 2 * HOUR, lanes=())

    assert later.status.phase is SetPhase.COMPLETED
    assert later.status.restore_point == over.status.restore_point


def test_the_time_of_a_transition_changes_with_the_status_alone() -> None:
    status, made = begun(make_plan({"a": ["a"], "b": ["b"]}))
    one = follow(status, 60, ended(made[0]), make_backup(made[1], "InProgress"))
    times = {each.type: each.last_transition_time for each in one.status.conditions}

    assert said(one.status, "Progressing")[2] != said(status, "Progressing")[2]
    assert times["Progressing"] == at(0)
    over = follow(one.status, 90, *(ended(each) for each in made))
    assert {each.last_transition_time for each in over.status.conditions if each.type == "Progressing"} == {
        at(90)
    }


def test_of_hundreds_of_nodes_the_busiest_are_kept_for_the_order() -> None:
    volumes = tuple(
        PlannedVolume(Volume("a", f"pod-{number}", "data", f"node-{number:03}"), 60.0 + number, 100)
        for number in range(500)
    )
    plan = Plan((PlannedShard("a", ("a",), "velero", volumes, alone=600.0),), 600.0, 600.0, "abc123")

    (shard,) = step(make_situation(planned=plan)).status.shards

    assert len(shard.load) == 64
    assert "node-499" in shard.load
    assert "node-000" not in shard.load
