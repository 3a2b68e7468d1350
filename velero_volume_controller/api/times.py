"""Times and durations as Kubernetes writes them. Pure: the clock is read by whoever calls."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_DURATION: Final = re.compile(r"([0-9]+(\.[0-9]+)?(ms|s|m|h))+")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
#: Go counts nanoseconds in 63 bits, which is 292 years: what is longer it can't read (time.ParseDuration).
_LONGEST: Final = 2**63 / 1e9


def parse_time(text: str) -> datetime:
    """RFC 3339, as ``2026-11-24T02:00:00Z``. Raises ValueError for anything else."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"expected a time with its zone, such as 2026-11-24T02:00:00Z, found {text!r}")
    return found.astimezone(UTC)


def format_time(time: datetime) -> str:
    """To the second, in UTC, as every status has it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_duration(text: str) -> timedelta:
    """As Go writes one, without sign: ``90s``, ``1h30m``. Raises ValueError for anything else.

    What Go can't read is never to reach Velero: one Backup with such a duration, and Velero can't list any.
    """
    if _DURATION.fullmatch(text) is None:
        raise ValueError(f"expected a duration such as 90s or 1h30m, found {text!r}")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if seconds >= _LONGEST:
        raise ValueError(f"expected a duration of at most 292 years, found {text!r}")
    return timedelta(seconds=seconds)


#: What is further ahead than clocks differ was written by one that has been put right since. Seconds.
AHEAD: Final = 600.0


def seconds_between(start: str, end: str) -> float:
    """How long it is from one RFC 3339 time to another; negative if they stand the other way round."""
    return (parse_time(end) - parse_time(start)).total_seconds()


def after(start: str, seconds: float) -> str:
    """The time so many seconds later; the last that there is where that is beyond all calendars."""
    try:
        return format_time(parse_time(start) + timedelta(seconds=seconds))
    except OverflowError:
        return "9999-12-31T23:59:59Z"
