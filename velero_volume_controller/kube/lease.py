"""The Lease record and what may be done with it: pure, and field for field client-go's.

The Go program velero-volume-controller, and any client-go leader election, can
hold the same Lease before and after us. Source: client-go v0.34,
tools/leaderelection/leaderelection.go.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec


@dataclass(frozen=True, slots=True)
class ElectionTimes:
    """The Lease's times, in seconds.

    Whoever makes one has checked ``lease_duration`` > ``renew_deadline`` > 1.2 ·
    ``retry_period``: a leader must give up before others may take over, and must
    have tried more than once before it gives up. The defaults are client-go's: a
    leader that dies is replaced within ``lease_duration`` + 2 · ``retry_period``.
    """

    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0


class LeaseSpec(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """Who leads, since when, and how often that has changed. Times are RFC 3339 with microseconds."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """A record, and when this process first saw it (boot-time clock, seconds)."""

    spec: LeaseSpec
    seen_at: float


def observe(previous: Observation | None, spec: LeaseSpec, now: float) -> Observation:
    """The same observation as long as the record does not change."""
    return previous if previous is not None and previous.spec == spec else Observation(spec, now)


def may_take(observation: Observation, identity: str, now: float) -> bool:
    """Whether the Lease is ours, nobody's, or its holder has been silent for the record's own duration.

    The duration is the record's (the Go program's is 60 s), and the silence is what
    this process saw: the clocks in the record belong to other machines.
    """
    holder = observation.spec.holder_identity
    if not holder or holder == identity:
        return True
    return now >= observation.seen_at + (observation.spec.lease_duration_seconds or 0)


def held(previous: LeaseSpec | None, identity: str, times: ElectionTimes, wall: datetime) -> LeaseSpec:
    """The record that takes the Lease, or renews it."""
    ours = previous is not None and previous.holder_identity == identity
    transitions = (previous.lease_transitions or 0) if previous is not None else 0
    return LeaseSpec(
        holder_identity=identity,
        lease_duration_seconds=math.ceil(times.lease_duration),
        acquire_time=previous.acquire_time if previous is not None and ours else micro_time(wall),
        renew_time=micro_time(wall),
        lease_transitions=transitions if previous is None or ours else transitions + 1,
    )


def released(previous: LeaseSpec, wall: datetime) -> LeaseSpec:
    """The record that gives the Lease up: no holder, so the next one need not wait."""
    return LeaseSpec(
        holder_identity="",
        lease_duration_seconds=1,
        acquire_time=micro_time(wall),
        renew_time=micro_time(wall),
        lease_transitions=previous.lease_transitions,
    )


def micro_time(wall: datetime) -> str:
    """Kubernetes's MicroTime: UTC, always six digits."""
    return wall.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
