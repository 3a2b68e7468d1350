"""Whether Backups may be started now: pause, window, deadline. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from velero_volume_controller.api.backupset import BackupSetSpec, BackupSetStatus, Window
from velero_volume_controller.api.times import format_time, parse_duration, parse_time
from velero_volume_controller.backup.work import PlanningError


@dataclass(frozen=True, slots=True)
class Gate:
    """``closed`` is the reason in CamelCase, empty if Backups may be started; ``message`` says until when.

    ``final``: it never opens again. ``changes``: in how many seconds it opens or closes by itself.
    """

    closed: str = ""
    message: str = ""
    final: bool = False
    changes: float | None = None


def gate(spec: BackupSetSpec, status: BackupSetStatus, now: str) -> Gate:
    """The deadline is asked first: what runs then goes on, whatever else is said."""
    here = parse_time(now)
    deadline = _deadline(spec, status)
    if deadline is not None and here >= deadline:
        return Gate("DeadlinePassed", f"the deadline was {format_time(deadline)}", final=True)
    until = [] if deadline is None else [(deadline - here).total_seconds()]
    if spec.paused:
        return Gate("Paused", "spec.paused is true: no Backup is started", changes=min(until, default=None))
    if spec.window is not None:
        inside, turn = _window(spec.window, here)
        until.append((turn - here).total_seconds())
        if not inside:
            opens = f"the window opens at {format_time(turn)}"
            return Gate("OutsideWindow", opens, changes=min(until))
    return Gate(changes=min(until, default=None))


def _deadline(spec: BackupSetSpec, status: BackupSetStatus) -> datetime | None:
    """Counted from the set's begin, or from when it was told to try again."""
    begun = max(filter(None, (status.started, status.retried_at)), default=None)
    if spec.deadline is None or begun is None:
        return None
    return parse_time(begun) + parse_duration(spec.deadline)


def _window(window: Window, now: datetime) -> tuple[bool, datetime]:
    """Whether the window is open, and when that changes next.

    Times of day are those of the window's zone. One that a change to summer time skips counts as the moment
    after the gap, one that comes twice as its first (PEP 495, fold 0).
    """
    zone = _zone(window.time_zone)
    start, end = time.fromisoformat(window.start), time.fromisoformat(window.end)
    today = now.astimezone(zone).date()
    turns: list[tuple[datetime, bool]] = []
    for day in range(-2, 4):
        date = today + timedelta(days=day)
        for at, opens in ((start, True), (end, False)):
            turns.append((datetime.combine(date, at, zone).astimezone(UTC), opens))
    turns.sort()
    inside = [opens for turn, opens in turns if turn <= now][-1]
    return inside, next(turn for turn, opens in turns if turn > now and opens != inside)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PlanningError(
            "UnknownTimeZone",
            f"spec.window.timeZone: expected a name of the tz database such as Europe/Berlin, found {name!r}",
        ) from error


def check_window(spec: BackupSetSpec) -> None:
    """Raises PlanningError (reason UnknownTimeZone or InvalidWindow) for a window that can't be kept."""
    if spec.window is None:
        return
    _zone(spec.window.time_zone)
    if spec.window.start == spec.window.end:
        raise PlanningError(
            "InvalidWindow",
            f"spec.window: start and end are both {spec.window.start}; leave window out for the whole day",
        )
