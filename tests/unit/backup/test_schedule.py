"""Schedules: a CronJob's meanings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.backup.setmaker import said
from velero_volume_controller.api.backupset import (
    BackupSetScheduleSpec,
    BackupSetScheduleStatus,
    BackupSetSpec,
    BackupSetStatus,
    SetPhase,
)
from velero_volume_controller.backup.cron import ScheduleError, parse_cron
from velero_volume_controller.backup.naming import SCHEDULE_UID, SCHEDULED_AT
from velero_volume_controller.backup.objects import BackupSet, Schedule
from velero_volume_controller.backup.schedule import Decision, decide, mine, set_name

NIGHTLY = "30 2 * * *"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# The clock. The first of these are CronJob's own (robfig/cron v3, spec_test.go).
NEXT: dict[str, tuple[str, str, str, str]] = {
    "spring: a night without 02:30 has no run": (
        "30 2 * * *",
        "America/New_York",
        "2012-03-11T00:00:00-05:00",
        "2012-03-12T02:30:00-04:00",
    ),
    "spring: an hourly run leaves out the hour that is not there": (
        "0 * * * *",
        "America/New_York",
        "2012-03-11T01:00:00-05:00",
        "2012-03-11T03:00:00-04:00",
    ),
    "autumn: an hourly run comes in both of the hours": (
        "0 * * * *",
        "America/New_York",
        "2012-11-04T01:00:00-04:00",
        "2012-11-04T01:00:00-05:00",
    ),
    "autumn: and goes on": (
        "0 * * * *",
        "America/New_York",
        "2012-11-04T01:00:00-05:00",
        "2012-11-04T02:00:00-05:00",
    ),
    "autumn: a time that comes twice has two runs": (
        "0 1 * * *",
        "America/New_York",
        "2012-11-04T01:00:00-04:00",
        "2012-11-04T01:00:00-05:00",
    ),
    "autumn: and no third": (
        "0 1 * * *",
        "America/New_York",
        "2012-11-04T01:00:00-05:00",
        "2012-11-05T01:00:00-05:00",
    ),
    "autumn: between the two": (
        "30 1 * * *",
        "America/New_York",
        "2012-11-04T01:45:00-04:00",
        "2012-11-04T01:30:00-05:00",
    ),
    "a leap year": ("0 0 29 2 *", "UTC", "2025-01-01T00:00:00+00:00", "2028-02-29T00:00:00+00:00"),
    "in its time zone": (NIGHTLY, "Europe/Berlin", "2026-11-24T00:00:00+00:00", "2026-11-24T01:30:00+00:00"),
    "strictly after": (NIGHTLY, "UTC", "2026-11-24T02:30:00+00:00", "2026-11-25T02:30:00+00:00"),
    "an alias": ("@weekly", "UTC", "2026-11-24T00:00:00+00:00", "2026-11-29T00:00:00+00:00"),
    "a name of a weekday": ("0 4 * * THU", "UTC", "2026-11-24T00:00:00+00:00", "2026-11-26T04:00:00+00:00"),
    "a question mark is a star": (
        "0 4 ? * *",
        "UTC",
        "2026-11-24T00:00:00+00:00",
        "2026-11-24T04:00:00+00:00",
    ),
}


@pytest.mark.parametrize(("cron", "zone", "after", "expected"), NEXT.values(), ids=NEXT.keys())
def test_the_next_run(cron: str, zone: str, after: str, expected: str) -> None:
    assert parse_cron(cron, zone).next(moment(after)) == moment(expected)


CRONS = st.sampled_from(
    ["*/7 * * * *", "0 * * * *", "30 2 * * *", "30 1 * * 0", "15 1,2,3 * * *", "0 0 1 * *"]
)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)).map(
    lambda found: found.replace(microsecond=0)
)


@settings(max_examples=100, deadline=None)
@given(CRONS, ZONES, MOMENTS)
def test_the_last_run_before_the_next_one_is_the_one_before(
    expression: str, zone: str, now: datetime
) -> None:
    cron = parse_cron(expression, zone)
    upcoming = cron.next(now)
    before = cron.last(now)

    assert before <= now < upcoming
    assert cron.last(upcoming) == upcoming
    assert cron.next(before) == upcoming
    assert cron.last(upcoming - timedelta(seconds=1)) == before


def test_a_run_of_the_next_second_is_not_the_last_one() -> None:
    cron = parse_cron(NIGHTLY, "UTC")

    assert cron.last(moment("2026-11-24T02:29:59.700000+00:00")) == moment("2026-11-23T02:30:00+00:00")
    assert cron.last(moment("2026-11-24T02:30:00.700000+00:00")) == moment("2026-11-24T02:30:00+00:00")


@settings(max_examples=25, deadline=None)
@given(CRONS, ZONES, MOMENTS, st.integers(0, 7 * 24))
def test_missed_runs_are_counted_one_by_one(expression: str, zone: str, since: datetime, hours: int) -> None:
    cron, until = parse_cron(expression, zone), since + timedelta(hours=hours)
    runs: list[datetime] = []
    run = cron.next(since)
    while run <= until and len(runs) < 150:
        runs.append(run)
        run = cron.next(run)
    latest, count = cron.missed(since, until)

    assert count == min(len(runs), 101)
    assert latest == (runs[-1] if len(runs) < 150 else cron.last(until)) if runs else latest is None


BAD: dict[str, tuple[str, str, str, str]] = {
    "too few fields": ("30 2 * *", "UTC", "InvalidSchedule", "expected five fields such as"),
    "seconds": ("0 30 2 * * *", "UTC", "InvalidSchedule", "expected five fields"),
    "out of range": ("61 2 * * *", "UTC", "InvalidSchedule", "61 2"),
    "no such alias": ("@reboot", "UTC", "InvalidSchedule", "@reboot"),
    "every so often": ("@every 5m", "UTC", "InvalidSchedule", "@every"),
    "a time zone in it": ("TZ=UTC 30 2 * * *", "UTC", "InvalidSchedule", "stands in spec.timeZone"),
    "nothing": ("", "UTC", "InvalidSchedule", "found ''"),
    "words": ("every day at two o'clock", "UTC", "InvalidSchedule", "every day"),
    "at random": ("R 2 * * *", "UTC", "InvalidSchedule", "R 2"),
    "by a hash": ("H/5 2 * * *", "UTC", "InvalidSchedule", "H/5"),
    "a day that never comes": ("0 0 30 2 *", "UTC", "InvalidSchedule", "never comes"),
    "no such zone": (NIGHTLY, "Europe/Atlantis", "UnknownTimeZone", "found 'Europe/Atlantis'"),
    "a path for a zone": (NIGHTLY, "../../etc/passwd", "UnknownTimeZone", "tz database"),
    "no zone": (NIGHTLY, "", "UnknownTimeZone", "tz database"),
}


@pytest.mark.parametrize(("cron", "zone", "reason", "message"), BAD.values(), ids=BAD.keys())
def test_what_is_no_schedule_is_one_clear_sentence(cron: str, zone: str, reason: str, message: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_cron(cron, zone)

    assert caught.value.reason == reason
    assert message in str(caught.value)


# The schedule


def make_schedule(status: BackupSetScheduleStatus | None = None, **spec: Any) -> Schedule:
    return Schedule(
        name="nightly",
        namespace="velero",
        uid="schedule-uid",
        generation=3,
        created="2026-11-20T12:00:00Z",
        spec=msgspec.convert({"schedule": NIGHTLY, **spec}, BackupSetScheduleSpec),
        status=status or BackupSetScheduleStatus(),
    )


def make_set(name: str, phase: SetPhase | None = None, ended: str | None = None) -> BackupSet:
    return BackupSet(
        name=name,
        namespace="velero",
        uid=name,
        labels={SCHEDULE_UID: "schedule-uid"},
        spec=BackupSetSpec(),
        status=BackupSetStatus(phase=phase, ended=ended),
    )


def tells(decision: Decision) -> list[str]:
    return [each.reason for each in decision.tells]


LAST = BackupSetScheduleStatus(last_schedule_time="2026-11-23T02:30:00Z")


def test_nothing_is_made_before_it_is_due_and_the_next_run_is_said() -> None:
    found = decide(make_schedule(LAST), [], "2026-11-24T02:29:00Z")

    assert found.create is None
    assert found.status.next_schedule_time == "2026-11-24T02:30:00Z"
    assert found.again == pytest.approx(60.1)
    assert found.status.observed_generation == 3


def test_a_set_is_made_when_it_is_due_with_what_the_template_says() -> None:
    template = {"labels": {"team": "a"}, "annotations": {"why": "b"}, "spec": {"deadline": "4h"}}
    found = decide(make_schedule(LAST, template=template), [], "2026-11-24T02:30:00Z")

    assert found.create is not None
    assert found.create.name == "nightly-29924790"
    assert found.create.labels == {
        "team": "a",
        "vvc.velero.io/schedule": "nightly",
        "vvc.velero.io/schedule-uid": "schedule-uid",
    }
    assert found.create.annotations == {"why": "b", SCHEDULED_AT: "2026-11-24T02:30:00+00:00"}
    assert found.create.spec.deadline == "4h"
    assert found.status.last_schedule_time == "2026-11-24T02:30:00Z"
    assert found.status.next_schedule_time == "2026-11-25T02:30:00Z"
    assert found.status.active == ["nightly-29924790"]
    assert tells(found) == ["Created"]


def test_the_name_is_that_of_the_minute_so_a_set_is_made_once() -> None:
    one = decide(make_schedule(LAST), [], "2026-11-24T02:30:00Z")
    late = decide(make_schedule(LAST), [], "2026-11-24T02:31:30Z")

    assert one.create is not None
    assert late.create is not None
    assert one.create.name == late.create.name == set_name("nightly", moment("2026-11-24T02:30:00+00:00"))


def test_a_clock_that_was_years_ahead_keeps_no_run_from_being_made() -> None:
    ahead = BackupSetScheduleStatus(
        last_schedule_time="2031-01-01T02:30:00Z", last_successful_time="2031-01-01T03:00:00Z"
    )
    sets = [make_set("nightly-32079270", SetPhase.COMPLETED, "2031-01-01T03:00:00Z")]
    found = decide(make_schedule(ahead), sets, "2026-11-24T02:40:00Z")

    assert found.create is not None
    assert found.create.name == "nightly-29924790"
    assert found.status.last_schedule_time == "2026-11-24T02:30:00Z"
    assert found.status.last_successful_time is None, "or no alert would say that none succeeds"


def test_a_clock_that_is_a_little_behind_the_last_leaders_makes_no_run_twice() -> None:
    found = decide(make_schedule(LAST), [], "2026-11-23T02:29:55Z")

    assert found.create is None
    assert found.status.last_schedule_time == LAST.last_schedule_time


def test_a_set_that_was_made_while_the_status_was_not_written_is_not_made_again() -> None:
    found = decide(make_schedule(LAST), [make_set("nightly-29924790")], "2026-11-24T02:30:05Z")

    assert found.create is None
    assert found.status.last_schedule_time == "2026-11-24T02:30:00Z"
    assert found.status.active == ["nightly-29924790"]


def test_a_new_schedule_waits_for_its_first_run_after_it_was_made() -> None:
    assert decide(make_schedule(), [], "2026-11-20T13:00:00Z").create is None
    assert decide(make_schedule(), [], "2026-11-21T02:30:00Z").create is not None


def test_of_several_missed_runs_the_last_is_made() -> None:
    found = decide(make_schedule(LAST), [], "2026-11-26T12:00:00Z")

    assert found.create is not None
    assert found.status.last_schedule_time == "2026-11-26T02:30:00Z"
    assert tells(found) == ["Created"]


def test_after_more_than_a_hundred_the_last_is_made_and_that_is_said() -> None:
    found = decide(make_schedule(LAST, schedule="*/5 * * * *"), [], "2026-11-26T12:01:00Z")

    assert found.create is not None
    assert found.status.last_schedule_time == "2026-11-26T12:00:00Z"
    assert tells(found) == ["Created", "TooManyMissed"]


def test_a_run_that_was_missed_for_too_long_is_not_made() -> None:
    schedule = make_schedule(LAST, startingDeadlineSeconds=600)
    early = decide(schedule, [], "2026-11-24T02:40:00Z")
    late = decide(schedule, [], "2026-11-24T02:40:01Z")

    assert early.create is not None
    assert late.create is None
    assert said_of(late)[:2] == ("False", "Missed")
    assert tells(late) == ["Missed"]
    again = msgspec.structs.replace(schedule, status=late.status)
    assert not decide(again, [], "2026-11-24T02:41:00Z").tells, "it is told once"


def said_of(decision: Decision) -> tuple[str, str, str]:
    return said(decision.status, "Scheduled")  # type: ignore[arg-type]


def test_a_run_waits_for_the_last_one_where_two_are_forbidden() -> None:
    running = make_set("nightly-29923350", SetPhase.RUNNING)
    over = make_set("nightly-29923350", SetPhase.COMPLETED, "2026-11-24T02:50:00Z")
    forbidden = decide(make_schedule(LAST), [running], "2026-11-24T02:30:00Z")
    after = decide(make_schedule(forbidden.status), [over], "2026-11-24T02:50:00Z")

    assert forbidden.create is None
    assert said_of(forbidden)[:2] == ("False", "StillRunning")
    assert "nightly-29923350" in said_of(forbidden)[2]
    assert forbidden.status.last_schedule_time == LAST.last_schedule_time
    assert after.create is not None, "as a CronJob: it is made up for when the last one has ended"
    assert said_of(after)[0] == "True"


def test_a_run_does_not_wait_where_two_are_allowed() -> None:
    running = make_set("nightly-29923350", SetPhase.RUNNING)
    found = decide(make_schedule(LAST, concurrencyPolicy="Allow"), [running], "2026-11-24T02:30:00Z")

    assert found.create is not None
    assert found.status.active == ["nightly-29923350", "nightly-29924790"]


def test_a_suspended_schedule_makes_nothing_and_makes_up_for_it_later() -> None:
    found = decide(make_schedule(LAST, suspend=True), [], "2026-11-24T02:30:00Z")
    resumed = decide(make_schedule(found.status), [], "2026-11-24T09:00:00Z")

    assert found.create is None
    assert found.status.next_schedule_time is None
    assert said_of(found)[:2] == ("False", "Suspended")
    assert found.again is None
    assert resumed.create is not None


def test_a_schedule_that_can_not_be_read_says_why_once() -> None:
    found = decide(make_schedule(LAST, timeZone="Europe/Atlantis"), [], "2026-11-24T02:30:00Z")
    again = decide(make_schedule(found.status, timeZone="Europe/Atlantis"), [], "2026-11-24T02:31:00Z")

    assert found.create is None
    assert said_of(found)[:2] == ("False", "UnknownTimeZone")
    assert tells(found) == ["UnknownTimeZone"]
    assert not again.tells


def test_the_last_success_is_kept_though_its_set_is_removed() -> None:
    over = make_set("nightly-29923350", SetPhase.COMPLETED, "2026-11-23T02:50:00Z")
    failed = make_set("nightly-29924791", SetPhase.FAILED, "2026-11-23T03:50:00Z")
    found = decide(make_schedule(LAST), [over, failed], "2026-11-23T12:00:00Z")
    later = decide(make_schedule(found.status), [], "2026-11-23T13:00:00Z")

    assert found.status.last_successful_time == "2026-11-23T02:50:00Z"
    assert later.status.last_successful_time == "2026-11-23T02:50:00Z"


def test_a_set_of_an_earlier_schedule_of_that_name_is_not_its_own() -> None:
    theirs = msgspec.structs.replace(make_set("nightly-1"), labels={SCHEDULE_UID: "an earlier one"})

    assert mine(make_schedule(), make_set("nightly-1"))
    assert not mine(make_schedule(), theirs)
    assert not mine(make_schedule(), msgspec.structs.replace(make_set("nightly-1"), namespace="other"))


def test_the_schedule_is_left_as_it_is() -> None:
    schedule = make_schedule(LAST)
    decide(schedule, [], "2026-11-24T02:30:00Z")

    assert schedule.status == BackupSetScheduleStatus(last_schedule_time="2026-11-23T02:30:00Z")
