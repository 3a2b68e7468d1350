"""Whether a schedule makes a BackupSet now, and what its status becomes: a CronJob's meanings. Pure.

The set is made first and the status written after: the set's name is that of its minute, so that making
it twice is making it once. A run that is due while the last one still runs (Forbid) is made when that one
has ended, if it is not too late by then (startingDeadlineSeconds), as a CronJob does.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from velero_volume_controller.api.backupset import (
    SCHEDULE,
    BackupSetScheduleStatus,
    BackupSetSpec,
    ConcurrencyPolicy,
    Condition,
    SetPhase,
)
from velero_volume_controller.api.conditions import Truth, put
from velero_volume_controller.api.owned_names import label_value
from velero_volume_controller.api.times import AHEAD, format_time, parse_time
from velero_volume_controller.backup.cron import MOST_MISSED, Cron, ScheduleError, parse_cron
from velero_volume_controller.backup.naming import SCHEDULE_UID, SCHEDULED_AT
from velero_volume_controller.backup.objects import BackupSet, Schedule
from velero_volume_controller.backup.steps import Tell

#: The condition of a schedule: True while it makes sets; False says why it does not.
SCHEDULED: Final = "Scheduled"
#: A run is looked for this long after it is due: clocks differ a little. Seconds.
_AFTER_DUE: Final = 0.1


@dataclass(frozen=True, slots=True)
class NewSet:
    """The BackupSet to make. If one of that name with our schedule's uid exists, it is made already."""

    name: str
    labels: dict[str, str]
    annotations: dict[str, str]
    spec: BackupSetSpec


@dataclass(frozen=True, slots=True)
class Decision:
    """``create`` is made first, then ``status`` written, then the Events told; ``again`` in seconds."""

    status: BackupSetScheduleStatus
    create: NewSet | None = None
    tells: tuple[Tell, ...] = ()
    again: float | None = None


def decide(schedule: Schedule, sets: Sequence[BackupSet], now: str) -> Decision:
    """``sets`` are those in its namespace that bear its uid (``mine``). ``now`` is RFC 3339."""
    assert schedule.spec is not None, "one that can't be read is not decided on"
    status = copy.deepcopy(schedule.status)
    status.observed_generation = schedule.generation
    here = parse_time(now)
    _observe(status, sets, here)
    try:
        cron = parse_cron(schedule.spec.schedule, schedule.spec.time_zone)
    except ScheduleError as error:
        status.next_schedule_time = None
        return Decision(status, tells=_say(schedule, status, "False", error.reason, str(error), now))
    if schedule.spec.suspend or schedule.deleting:
        status.next_schedule_time = None
        said = _say(schedule, status, "False", "Suspended", "spec.suspend is true: no set is made", now)
        return Decision(status, tells=said)
    upcoming = cron.next(here)
    status.next_schedule_time = format_time(upcoming)
    again = (upcoming - here).total_seconds() + _AFTER_DUE
    at, missed = cron.missed(_since(schedule, here), here)
    if at is None:
        said = _say(schedule, status, "True", "Waiting", f"{schedule.spec.schedule}", now)
        return Decision(status, tells=said, again=again)
    return _due(schedule, sets, status, _Due(cron, at, missed, here), again)


@dataclass(frozen=True, slots=True)
class _Due:
    """A run whose time has come, and how many there were since the last that was made."""

    cron: Cron
    at: datetime
    missed: int
    now: datetime


def _due(
    schedule: Schedule,
    sets: Sequence[BackupSet],
    status: BackupSetScheduleStatus,
    due: _Due,
    again: float,
) -> Decision:
    spec = schedule.spec
    assert spec is not None
    now, at = format_time(due.now), format_time(due.at)
    name = set_name(schedule.name, due.at)
    limit = spec.starting_deadline_seconds
    if any(each.name == name for each in sets):
        status.last_schedule_time = at
        said = _say(schedule, status, "True", "Waiting", spec.schedule, now)
        return Decision(status, tells=said, again=again)
    if limit is not None and (due.now - due.at).total_seconds() > limit:
        message = (
            f"the run of {at} was missed by more than startingDeadlineSeconds ({limit} s), and is not made"
        )
        return Decision(status, tells=_say(schedule, status, "False", "Missed", message, now), again=again)
    if status.active and spec.concurrency_policy is ConcurrencyPolicy.FORBID:
        message = f"the run of {at} waits: {status.active[0]} still runs, and concurrencyPolicy is Forbid"
        return Decision(
            status, tells=_say(schedule, status, "False", "StillRunning", message, now), again=again
        )
    status.last_schedule_time = at
    status.active = [*status.active, name]
    tells = list(_say(schedule, status, "True", "Waiting", spec.schedule, now))
    tells.append(Tell("Created", f"BackupSet {name}, due at {at}"))
    if due.missed > MOST_MISSED:
        message = (
            f"more than {MOST_MISSED} runs were missed, of which only the last is made; set or lower"
            " startingDeadlineSeconds, or check the clock"
        )
        tells.append(Tell("TooManyMissed", message, warning=True))
    return Decision(status, _new(schedule, name, due), tuple(tells), again)


def set_name(schedule: str, at: datetime) -> str:
    """As a CronJob names its Jobs: the schedule's name and the minute, counted from 1970."""
    return f"{schedule}-{int(at.timestamp()) // 60}"


def mine(schedule: Schedule, found: BackupSet) -> bool:
    """Whether this very schedule made the set: by uid, for a new one may have an old one's name."""
    return found.namespace == schedule.namespace and found.labels.get(SCHEDULE_UID) == schedule.uid


def _since(schedule: Schedule, now: datetime) -> datetime:
    """What is far ahead is of a clock that has been put right since: no run is to wait for that time."""
    last = schedule.status.last_schedule_time
    if last is None or (parse_time(last) - now).total_seconds() > AHEAD:
        return parse_time(schedule.created)
    return parse_time(last)


def _new(schedule: Schedule, name: str, due: _Due) -> NewSet:
    assert schedule.spec is not None
    template = schedule.spec.template
    return NewSet(
        name,
        {**template.labels, SCHEDULE: label_value(schedule.name), SCHEDULE_UID: schedule.uid},
        {**template.annotations, SCHEDULED_AT: due.at.astimezone(due.cron.zone).isoformat()},
        template.spec,
    )


def _observe(status: BackupSetScheduleStatus, sets: Sequence[BackupSet], now: datetime) -> None:
    """Which of its sets run, and when one last ended Completed.

    A time to come is a clock's that was ahead: it would hide for as long that no set succeeds any more.
    """
    status.active = sorted(
        each.name for each in sets if not (each.status.phase is not None and each.status.phase.ended)
    )
    ended = [
        each.status.ended for each in sets if each.status.phase is SetPhase.COMPLETED and each.status.ended
    ]
    known = [*ended, *filter(None, [status.last_successful_time])]
    latest = now + timedelta(seconds=AHEAD)
    status.last_successful_time = max((each for each in known if parse_time(each) <= latest), default=None)


def _say(
    schedule: Schedule,
    status: BackupSetScheduleStatus,
    value: Truth,
    reason: str,
    message: str,
    now: str,
) -> tuple[Tell, ...]:
    """Puts the condition; an Event where it is another than before and no good news."""
    condition = Condition(
        type=SCHEDULED,
        status=value,
        reason=reason,
        message=message,
        last_transition_time=now,
        observed_generation=schedule.generation,
    )
    changed = put(status.conditions, condition)
    if not changed or value == "True":
        return ()
    return (Tell(reason, message, warning=reason not in {"Suspended", "StillRunning"}),)
