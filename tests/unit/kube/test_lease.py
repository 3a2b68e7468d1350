from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from velero_volume_controller.kube.lease import (
    ElectionTimes,
    LeaseSpec,
    Observation,
    held,
    may_take,
    micro_time,
    observe,
    released,
)

ME, OTHER = "me_1", "other_2"
NOW = datetime(2026, 5, 1, 10, 0, 0, 7, UTC)
STAMP = "2026-05-01T10:00:00.000007Z"
OLD = "2020-01-01T00:00:00.000000Z"


def spec(holder: str | None, seconds: int | None = 15, transitions: int | None = 3) -> LeaseSpec:
    return LeaseSpec(holder, seconds, OLD, OLD, transitions)


@pytest.mark.parametrize(
    ("record", "age", "free"),
    [
        pytest.param(spec(OTHER), 14.9, False, id="a holder is respected for its lease's duration"),
        pytest.param(spec(OTHER), 15.0, True, id="then no longer"),
        pytest.param(
            spec(OTHER, 60), 59.9, False, id="the Go program's lease lasts 60 s, whatever ours does"
        ),
        pytest.param(spec(OTHER, None), 0.0, True, id="a record without a duration protects nobody"),
        pytest.param(spec(""), 0.0, True, id="a released lease is free at once"),
        pytest.param(spec(None), 0.0, True, id="a lease without a holder is free at once"),
        pytest.param(spec(ME), 0.0, True, id="our own may be renewed"),
    ],
)
def test_when_the_lease_may_be_taken(record: LeaseSpec, age: float, free: bool) -> None:
    assert may_take(Observation(record, seen_at=100.0), ME, now=100.0 + age) is free


def test_the_clocks_in_the_record_do_not_count() -> None:
    future = LeaseSpec(OTHER, 15, "2999-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z", 0)
    assert may_take(Observation(future, seen_at=0.0), ME, now=15.0)


def test_silence_is_counted_from_the_first_sight_of_a_record() -> None:
    first = observe(None, spec(OTHER), now=10.0)
    assert observe(first, spec(OTHER), now=20.0).seen_at == 10.0
    assert observe(first, spec(OTHER, transitions=4), now=20.0).seen_at == 20.0


@pytest.mark.parametrize(
    ("previous", "expected"),
    [
        pytest.param(None, LeaseSpec(ME, 15, STAMP, STAMP, 0), id="the first holder is no transition"),
        pytest.param(spec(OTHER), LeaseSpec(ME, 15, STAMP, STAMP, 4), id="taking over is a transition"),
        pytest.param(spec(""), LeaseSpec(ME, 15, STAMP, STAMP, 4), id="so is taking what was released"),
        pytest.param(
            spec(ME), LeaseSpec(ME, 15, OLD, STAMP, 3), id="renewing keeps the time it was acquired"
        ),
        pytest.param(
            spec(OTHER, transitions=None), LeaseSpec(ME, 15, STAMP, STAMP, 1), id="transitions may be absent"
        ),
    ],
)
def test_what_is_written_when_it_is_held(previous: LeaseSpec | None, expected: LeaseSpec) -> None:
    assert held(previous, ME, ElectionTimes(), NOW) == expected


def test_a_released_lease_has_no_holder_and_expires_at_once() -> None:
    assert released(spec(ME), NOW) == LeaseSpec("", 1, STAMP, STAMP, 3)


def test_times_are_utc_with_six_digits() -> None:
    east = timezone(timedelta(hours=2))
    assert micro_time(datetime(2026, 5, 1, 12, 0, 0, tzinfo=east)) == "2026-05-01T10:00:00.000000Z"
