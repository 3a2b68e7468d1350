"""The loop over schedules: BackupSets made when they are due, and removed when the limits say so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog

from velero_volume_controller.api.backupset import GROUP, VERSION
from velero_volume_controller.api.objects import plain
from velero_volume_controller.api.times import format_time, parse_time
from velero_volume_controller.backup import apply, naming
from velero_volume_controller.backup.controller import BackupSets
from velero_volume_controller.backup.gather import Means
from velero_volume_controller.backup.objects import BackupSet, Schedule, decode_schedule, decode_set
from velero_volume_controller.backup.retention import removable
from velero_volume_controller.backup.schedule import NewSet, decide, mine
from velero_volume_controller.backup.steps import Tell
from velero_volume_controller.kube.cache import Cache, Kind
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.complaints import Complaints
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.events import Event, Regarding
from velero_volume_controller.kube.resources import Identity, Resource, create, delete, replace_status
from velero_volume_controller.kube.waiting import first_of
from velero_volume_controller.kube.watches import OUTAGE, Hooks, Key
from velero_volume_controller.kube.workqueue import LONGEST_DELAY, WorkQueue

SCHEDULES: Final = Resource(GROUP, VERSION, "backupsetschedules", "BackupSetSchedule")
#: A schedule is looked at at least so often: the clock may have been set, and sets grow old. Seconds.
AT_LEAST: Final = 600.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Refused(KubeError):  # noqa: N818  (the name says what is the case)
    """A set that is due can't be made, and could not be the next moment either."""


class Schedules:
    """Makes the sets of every schedule, and removes those that are not kept."""

    def __init__(self, means: Means, sets: BackupSets) -> None:
        self._client = means.client
        self._recorder = means.recorder
        self._metrics = means.metrics
        self._sets = sets
        self._queue: WorkQueue[Key] = WorkQueue(lambda _: None)
        self._complaints = Complaints(log)
        #: Set when the watch of the schedules broke: their CRD may be gone, or a right.
        self.doubted = asyncio.Event()
        kind: Kind[Key, Schedule] = Kind(
            SCHEDULES.path(), lambda key: key, decode_schedule, lambda found: found.version
        )
        undecodable = self._metrics.undecodable.labels(SCHEDULES.plural).inc
        self._cache: Cache[Key, Schedule] = Cache(kind, Hooks(self._restarted, undecodable))

    async def follow(self, client: Client) -> None:
        """Keeps the schedules up to date for ever."""
        await self._cache.follow(client)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until ``stop``, then finishes what is in hand."""
        synced = asyncio.create_task(self._synced())
        try:
            ready = asyncio.Event()
            synced.add_done_callback(lambda _: ready.set())
            await first_of(stop, ready)
        finally:
            synced.cancel()
        if stop.is_set():
            return
        self._cache.listen(self._queue.add)
        self._sets.listen(self._set_changed)
        for key in list(self._cache.objects):
            self._queue.add(key)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._work())
                await stop.wait()
                self._queue.close()
        finally:
            self._cache.listen(None)
            self._sets.listen(None)
            self._queue.close()
            self._metrics.schedule_success.clear()
            self._metrics.schedule_problem.set(0)

    async def _synced(self) -> None:
        """Sets that are not seen yet would be made a second time, or not counted as running."""
        await self._cache.synced.wait()
        await self._sets.cache.synced.wait()

    def _restarted(self, reason: str) -> None:
        self._metrics.watch_restarts.labels(SCHEDULES.plural, reason).inc()
        if reason in {"error", "forbidden"}:
            self.doubted.set()

    def _set_changed(self, found: BackupSet | None) -> None:
        """Of one that is gone it is not known whose it was."""
        uid = None if found is None else found.labels.get(naming.SCHEDULE_UID, "")
        for key, schedule in self._cache.objects.items():
            if uid is None or schedule.uid == uid:
                self._queue.add(key)

    async def _work(self) -> None:
        while (key := await self._queue.take()) is not None:
            try:
                again = await self._reconcile(key)
            except KubeError as error:
                told = "a schedule could not go on; it will be tried again"
                self._complaints.tell(key, error, told, namespace=key.namespace, schedule=key.name)
                client_error = isinstance(error, ApiError) and 400 <= error.status < 500
                lasting = client_error or isinstance(error, Refused)
                self._queue.retry(key, at_most=LONGEST_DELAY if lasting else OUTAGE)
            except Exception:
                self._metrics.loop_errors.labels("schedules").inc()
                log.exception("a schedule failed", namespace=key.namespace, schedule=key.name)
                self._queue.retry(key)
            else:
                self._complaints.forget(key)
                self._queue.done(key, again)
            self._measure()

    async def _reconcile(self, key: Key) -> float | None:
        """One look at one schedule. The seconds after which another is due even if nothing changes."""
        found = self._cache.objects.get(key)
        if found is None or found.deleting:
            self._complaints.forget(key)
            return None
        if found.spec is None:
            self._tell(found, Tell("Unreadable", found.problem or "", warning=True))
            return None
        now = format_time(datetime.now(UTC))
        sets = [each for each in self._sets.cache.objects.values() if mine(found, each)]
        decision = decide(found, sets, now)
        if decision.create is not None:
            await self._make(found, decision.create)
        if decision.status != found.status:
            await self._write(key, found, plain(decision.status))
        for told in decision.tells:
            self._tell(found, told)
        for old in removable(sets, found.spec, now):
            await self._remove(old)
        return min(AT_LEAST, AT_LEAST if decision.again is None else decision.again)

    async def _make(self, schedule: Schedule, wanted: NewSet) -> None:
        """The set that is due; one of that name which this schedule made is it."""
        metadata = {"name": wanted.name, "labels": wanted.labels, "annotations": wanted.annotations}
        body: dict[str, Any] = {"metadata": metadata, "spec": msgspec.to_builtins(wanted.spec)}
        try:
            await create(self._client, apply.BACKUP_SETS, schedule.namespace, body)
        except ApiError as error:
            if error.status in {400, 422}:
                raise self._refuse(schedule, wanted, f"is not valid: {error.message}") from error
            if error.status != 409 or error.reason != "AlreadyExists":
                raise
            path = apply.BACKUP_SETS.path(schedule.namespace, wanted.name)
            if not mine(schedule, decode_set(await self._client.request("GET", path))):
                told = "exists already, and this schedule did not make it; delete it or rename the schedule"
                raise self._refuse(schedule, wanted, told) from error
        else:
            log.info("BackupSet made", namespace=schedule.namespace, backup_set=wanted.name)

    def _refuse(self, schedule: Schedule, wanted: NewSet, told: str) -> Refused:
        message = f"BackupSet {wanted.name} of schedule {schedule.name} {told}"
        self._tell(schedule, Tell("FailedCreate", message, warning=True))
        return Refused(message)

    async def _write(self, key: Key, found: Schedule, status: dict[str, Any]) -> None:
        which = Identity(found.namespace, found.name, found.uid, found.version)
        written = decode_schedule(await replace_status(self._client, SCHEDULES, which, status))
        known = self._cache.objects.get(key)
        # The watch will say so too, and then it is nothing new. Where it was faster, it knows better.
        if known is not None and known.version == found.version:
            self._cache.objects[key] = written

    async def _remove(self, old: BackupSet) -> None:
        """That set and no other of its name. Its Backups stay."""
        try:
            await delete(
                self._client, apply.BACKUP_SETS, Identity(old.namespace, old.name, old.uid, old.version)
            )
        except ApiError as error:
            if error.status not in {404, 409}:
                raise
        else:
            phase = old.status.phase.value if old.status.phase else ""
            log.info("BackupSet removed", namespace=old.namespace, backup_set=old.name, phase=phase)

    def _tell(self, schedule: Schedule, told: Tell) -> None:
        level = log.warning if told.warning else log.info
        level(told.message, namespace=schedule.namespace, schedule=schedule.name, reason=told.reason)
        regarding = Regarding(
            SCHEDULES.kind, schedule.namespace, schedule.name, schedule.uid, SCHEDULES.api_version
        )
        self._recorder.emit(Event(regarding, told.reason, "Schedule", told.message, warning=told.warning))

    def _measure(self) -> None:
        """How many have a problem; when each that is there has succeeded last."""
        self._metrics.schedule_problem.set(sum(map(_has_a_problem, self._cache.objects.values())))
        self._metrics.schedule_success.clear()
        for each in self._cache.objects.values():
            if each.status.last_successful_time:
                seconds = parse_time(each.status.last_successful_time).timestamp()
                self._metrics.schedule_success.labels(each.namespace, each.name).set(seconds)


def _has_a_problem(schedule: Schedule) -> bool:
    """It makes no sets, although it is not suspended."""
    if schedule.spec is None:
        return True
    reasons = {each.reason for each in schedule.status.conditions if each.status == "False"}
    return bool(reasons - {"Suspended", "StillRunning"})
