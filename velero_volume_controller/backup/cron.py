"""Cron expressions in a time zone, read as a CronJob reads them. Pure.

At a change to summer time a time of day that the clock skips has no run that day; at the
change back, one that the clock shows twice has two. So does Kubernetes' CronJob
(robfig/cron v3, spec_test.go); who wants neither chooses a time outside those hours, or UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadDateError, CroniterError, croniter

#: A time of day can come twice at most so far apart: no zone has changed by more since cron exists, but
#: for three islands that crossed the date line.
_TURN: Final = timedelta(hours=3)
_FIELDS: Final = 5
_ALIASES: Final = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
#: Jenkins' H and R, which croniter also takes: R is another time at each look.
_RANDOM: Final = re.compile(r"\b[rh]\b", re.IGNORECASE)
#: So many missed runs are counted, as in a CronJob.
MOST_MISSED: Final = 100


class ScheduleError(Exception):
    """A schedule that can't be followed: a reason in CamelCase, and one sentence for who wrote it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Cron:
    """When something is due. Times that go in and come out are UTC."""

    expression: str
    zone: ZoneInfo

    def next(self, after: datetime) -> datetime:
        """The first run after that moment. Raises ScheduleError if there never is one."""
        local = self._wall(after)
        moment = self._unturned(after, next(self._walls(local, backwards=False)))
        if moment is not None:
            return moment
        best: datetime | None = None
        for wall in self._walls(local - _TURN, backwards=False):
            if best is not None and wall > self._wall(best) + _TURN:
                break
            later = [moment for moment in self._moments(wall) if moment > after]
            best = min([*later, *([best] if best else [])], default=None)
        assert best is not None, "the walls go on until there is one"
        return best

    def last(self, until: datetime) -> datetime:
        """The last run up to and with that moment. Raises ScheduleError if there never was one."""
        # What croniter gives lies strictly before: a run of this very second is one.
        local = self._wall(until).replace(microsecond=0) + timedelta(seconds=1)
        moment = self._unturned(until, next(self._walls(local, backwards=True)))
        if moment is not None:
            return moment
        best: datetime | None = None
        for wall in self._walls(local + _TURN, backwards=True):
            if best is not None and wall < self._wall(best) - _TURN:
                break
            earlier = [moment for moment in self._moments(wall) if moment <= until]
            best = max([*earlier, *([best] if best else [])], default=None)
        assert best is not None, "the walls go on until there is one"
        return best

    def _unturned(self, here: datetime, wall: datetime) -> datetime | None:
        """The moment at which the clock shows this, if it is not turned near here and near there."""
        moment = wall.replace(tzinfo=self.zone).astimezone(UTC)
        turned = any(
            (each - _TURN).astimezone(self.zone).utcoffset()
            != (each + _TURN).astimezone(self.zone).utcoffset()
            for each in (here, moment)
        )
        return None if turned else moment

    def _wall(self, moment: datetime) -> datetime:
        """What the clock shows, without a zone."""
        return moment.astimezone(self.zone).replace(tzinfo=None)

    def missed(self, since: datetime, until: datetime) -> tuple[datetime | None, int]:
        """The last run after ``since`` and up to ``until``, and how many there were; 101 stands for more."""
        count, moment = 0, self.next(since)
        latest: datetime | None = None
        while moment <= until:
            latest, count = moment, count + 1
            if count > MOST_MISSED:
                return self.last(until), count
            moment = self.next(moment)
        return latest, count

    def _walls(self, start: datetime, *, backwards: bool) -> Iterator[datetime]:
        """Times of the clock on the wall that fit, without a zone."""
        times = croniter(self.expression, start)
        while True:
            try:
                wall = times.get_prev(datetime) if backwards else times.get_next(datetime)
            except CroniterBadDateError as error:
                raise _never(self.expression) from error
            yield wall

    def _moments(self, wall: datetime) -> Iterator[datetime]:
        """The moments at which the clock shows this: none in a gap, two where it is put back."""
        for fold in (0, 1):
            moment = wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)
            shown = moment.astimezone(self.zone)
            if shown.replace(tzinfo=None) == wall and shown.fold == fold:
                yield moment


def parse_cron(expression: str, time_zone: str) -> Cron:
    """Raises ScheduleError with reason InvalidSchedule or UnknownTimeZone."""
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ScheduleError(
            "UnknownTimeZone",
            f"spec.timeZone: expected a name of the tz database such as Europe/Berlin, found {time_zone!r}",
        ) from error
    words = expression.split()
    whole = words[0] in _ALIASES if len(words) == 1 else len(words) == _FIELDS
    if "TZ=" in expression:
        raise _invalid(expression, "a time zone stands in spec.timeZone")
    if not whole or _RANDOM.search(expression):
        raise _invalid(expression, "minute, hour, day of the month, month, weekday")
    try:
        croniter(expression)
    except (CroniterError, ValueError) as error:
        raise _invalid(expression, str(error)) from error
    cron = Cron(expression, zone)
    # 2024 is a leap year: what has no run from there on has none.
    cron.next(datetime(2024, 1, 1, tzinfo=UTC))
    return cron


def _invalid(expression: str, why: str) -> ScheduleError:
    return ScheduleError(
        "InvalidSchedule",
        f"spec.schedule: expected five fields such as '30 2 * * *', or @hourly, @daily, @weekly, @monthly,"
        f" @yearly; found {expression!r} ({why})",
    )


def _never(expression: str) -> ScheduleError:
    return ScheduleError(
        "InvalidSchedule", f"spec.schedule: {expression!r} never comes: there is no such day; correct it"
    )
