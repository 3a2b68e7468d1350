"""The loop: a BackupSet, what is seen of its Backups, the plan if it has none, the step, what that asks for.

Runs in the leader only. All that it knows is in the cluster: a new leader reads it
there and goes on, whatever the last one was about to do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog

from velero_volume_controller.api.backupset import BackupSetSpec, BackupSetStatus, SetPhase
from velero_volume_controller.api.times import format_time, seconds_between
from velero_volume_controller.backup import apply, naming
from velero_volume_controller.backup.gate import gate
from velero_volume_controller.backup.gather import (
    ANEW,
    FRESH,
    LISTING,
    LaneHidden,
    Lanes,
    Means,
    NotListed,
    Spawn,
    lanes_of,
    revision,
)
from velero_volume_controller.backup.inputs import Seen, build, refuse_elsewhere
from velero_volume_controller.backup.machine import step
from velero_volume_controller.backup.objects import BackupSet, decode_set
from velero_volume_controller.backup.outcomes import ended_attempts
from velero_volume_controller.backup.plan import plan
from velero_volume_controller.backup.precedence import held_by, held_by_older
from velero_volume_controller.backup.steps import (
    Action,
    Cluster,
    CreateBackup,
    Nudge,
    Observed,
    SetIdentity,
    Situation,
    Step,
    Tell,
)
from velero_volume_controller.backup.work import Plan, PlanningError
from velero_volume_controller.kube.cache import Cache, Kind
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.complaints import Complaints
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.waiting import first_of
from velero_volume_controller.kube.watches import OUTAGE, Hooks, Key
from velero_volume_controller.kube.workqueue import LONGEST_DELAY, WorkQueue
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.surroundings import Surroundings

#: Sets that take a step at the same time: a step mostly waits for the API server.
WORKERS: Final = 4
#: What volumes report is collected for so long before their set takes a step: dozens of them report every few
#: seconds, and each step that finds progress writes the status. Seconds.
COLLECT: Final = 2.0
#: A set that can't be planned is planned again so often: the cluster may have changed. Seconds.
REPLAN: Final = 60.0
#: Soon, for what takes a moment: a list that is under way. Seconds.
SOON: Final = 0.5

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class BackupSets:
    """Brings every BackupSet to its end."""

    def __init__(self, means: Means, spawn: Spawn) -> None:
        """``spawn`` runs what is followed."""
        self._client = means.client
        self._ground = means.ground
        self._recorder = means.recorder
        self._metrics = means.metrics
        self._listener: Callable[[BackupSet | None], None] | None = None
        #: Set when the watch of the sets broke: their CRD may be gone, or a right.
        self.doubted = asyncio.Event()
        self._queue: WorkQueue[Key] = WorkQueue(means.metrics.backup_set_queue_depth.set)
        self._lanes = Lanes(means, spawn, self._backup_changed, self._volumes_changed)
        self._using: dict[Key, frozenset[str]] = {}
        self._holds: dict[Key, frozenset[str]] = {}
        self._keys: dict[str, Key] = {}
        self._refused: dict[str, dict[str, str]] = {}
        self._seen: tuple[Surroundings | None, float] = (None, 0.0)
        self._collecting: dict[Key, asyncio.TimerHandle] = {}
        self._complaints = Complaints(log)
        self.cache: Cache[Key, BackupSet] = Cache(_kind(), self._hooks())

    def _hooks(self) -> Hooks:
        def restarted(reason: str) -> None:
            self._metrics.watch_restarts.labels(apply.BACKUP_SETS.plural, reason).inc()
            if reason in {"error", "forbidden"}:
                self.doubted.set()

        return Hooks(restarted, self._metrics.undecodable.labels(apply.BACKUP_SETS.plural).inc)

    async def follow(self, client: Client) -> None:
        """Keeps the sets up to date for ever."""
        await self.cache.follow(client)

    def listen(self, listener: Callable[[BackupSet | None], None] | None) -> None:
        """Calls this with every set that appears or changes, with None for one that goes; None ends it."""
        self._listener = listener

    async def run(self, stop: asyncio.Event) -> None:
        """Works until ``stop``, then finishes the steps in hand. ``follow`` is to run beside it."""
        for listed in (self.cache.synced, self._ground.listed):
            await first_of(listed, stop)
        for phase in (*(each.value for each in SetPhase), "new"):
            self._metrics.backup_sets.labels(phase).set_function(partial(self._count, phase))
        self.cache.listen(self._set_changed)
        for key in list(self.cache.objects):
            self._set_changed(key)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(self._work())
                await stop.wait()
                self._queue.close()
        finally:
            self.cache.listen(None)
            self._queue.close()
            for timer in self._collecting.values():
                timer.cancel()
            self._metrics.backup_sets.clear()

    def _set_changed(self, key: Key) -> None:
        self._queue.add(key)
        self._concerns_others(key)

    def _concerns_others(self, key: Key) -> None:
        """Its schedule looks at it; and sets take a step that wait for namespaces which it holds no more."""
        found = self.cache.objects.get(key)
        if self._listener is not None:
            self._listener(found)
        holds = frozenset() if found is None else frozenset(held_by(found))
        if holds == self._holds.get(key, frozenset()):
            return
        self._holds[key] = holds
        for other in self._using.keys() - {key}:
            self._queue.add(other)

    def _backup_changed(self, lane: str, backup: Backup) -> None:
        """Whose it is takes a step; so do all that share the lane, for a slot may have become free."""
        owner = self._keys.get(backup.labels.get(naming.SET_UID, ""))
        if owner is not None:
            self._queue.add(owner)
        for key, lanes in self._using.items():
            if lane in lanes:
                self._queue.add(key)

    def _volumes_changed(self, lane: str, backup: str) -> None:
        for key in [key for key, lanes in self._using.items() if lane in lanes]:
            found = self.cache.objects.get(key)
            if found is not None and key not in self._collecting and _made(found.status, backup):
                loop = asyncio.get_running_loop()
                self._collecting[key] = loop.call_later(COLLECT, self._collected, key)

    def _collected(self, key: Key) -> None:
        self._collecting.pop(key, None)
        self._queue.add(key)

    async def _work(self) -> None:
        while (key := await self._queue.take()) is not None:
            started = time.perf_counter()
            try:
                again = await self._reconcile(key)
            except NotListed:
                self._queue.done(key, SOON)
            except KubeError as error:
                self._fail(key, error)
                self._queue.retry(key, *_waits(error))
            except Exception:
                self._metrics.loop_errors.labels("backup").inc()
                log.exception("a step of a BackupSet failed", namespace=key.namespace, backup_set=key.name)
                self._queue.retry(key)
            else:
                self._complaints.forget(key)
                self._queue.done(key, again)
            self._metrics.backup_set_step_seconds.observe(time.perf_counter() - started)

    def _fail(self, key: Key, error: KubeError) -> None:
        told = "a BackupSet could not go on; it will be tried again"
        self._complaints.tell(key, error, told, namespace=key.namespace, backup_set=key.name)
        found = self.cache.objects.get(key)
        if isinstance(error, LaneHidden) and found is not None:
            apply.emit(self._recorder, found, Tell("LaneHidden", str(error), warning=True))

    async def _reconcile(self, key: Key) -> float | None:
        """One step of one set. The seconds after which another is due even if nothing changes."""
        found = self.cache.objects.get(key)
        if found is None or found.deleting:
            self._forget(key)
            return None
        if found.spec is None:
            apply.tell(self._recorder, found, Tell("Unreadable", found.problem or "", warning=True))
            return None
        self._keys[_owner(found)] = key
        names = lanes_of(found)
        self._using[key] = frozenset(names)
        observed, planned, unplannable = Observed((), (), (), ""), None, None
        try:
            if not found.status.shards:
                refuse_elsewhere(found.spec, found.namespace)
            observed = await self._observe(found, names)
            if _wants_a_plan(found, found.spec):
                planned = await self._plan(found.spec, found.namespace, names, observed)
        except PlanningError as error:
            unplannable = error
        except LaneHidden as error:
            if found.status.shards:
                raise
            unplannable = PlanningError("LaneHidden", str(error))
        cluster = await self._cluster()
        taken = step(self._situation(found, found.spec, observed, planned, unplannable, cluster))
        if taken.status.phase is not None and taken.status.phase.ended:
            self._using.pop(key, None)
        if not await self._write(key, found, taken):
            return 0.0
        again = await self._act(found, taken.actions)
        waits = [each for each in (again, taken.again, REPLAN if unplannable else None) if each is not None]
        return min(waits, default=None)

    async def _observe(self, found: BackupSet, names: Iterable[str]) -> Observed:
        location = found.spec.template.get("storageLocation") if found.spec else None
        now = await revision(self._client, apply.BACKUP_SETS, found.namespace)
        return await self._lanes.observe(
            names,
            _owner(found),
            location if isinstance(location, str) else None,
            now,
            FRESH if found.status.shards else ANEW,
        )

    async def _plan(
        self, spec: BackupSetSpec, namespace: str, names: Iterable[str], observed: Observed
    ) -> Plan:
        """In a thread: with thousands of namespaces it takes a second, and the Lease is to be renewed."""
        surroundings = await self._surroundings(ANEW)
        pods = list(self._ground.pods())
        backups, volumes = self._lanes.past(names)

        def work() -> Plan:
            return plan(build(spec, namespace, Seen(pods, surroundings, observed.lanes, backups, volumes)))

        with self._metrics.backup_set_plan_seconds.time():
            return await asyncio.to_thread(work)

    async def _surroundings(self, fresh: float = REPLAN) -> Surroundings:
        """Namespaces, claims and volumes, which are followed. Which of them may be read is asked anew if that
        is so many seconds ago."""
        known, asked = self._seen
        if known is not None and time.monotonic() - asked < fresh:
            return known
        try:
            async with asyncio.timeout(LISTING):
                known = await self._ground.surroundings()
        except TimeoutError:
            raise NotListed("namespaces, claims and volumes have not all been listed yet") from None
        self._seen = (known, time.monotonic())
        return known

    async def _cluster(self) -> Cluster:
        surroundings = await self._surroundings()
        return Cluster(self._ground.pods(), surroundings.namespaces, surroundings.claims)

    def _situation(
        self,
        found: BackupSet,
        spec: BackupSetSpec,
        observed: Observed,
        planned: Plan | None,
        unplannable: PlanningError | None,
        cluster: Cluster,
    ) -> Situation:
        return Situation(
            identity=SetIdentity(found.namespace, found.name, found.uid, found.generation),
            spec=spec,
            status=found.status,
            observed=observed,
            now=format_time(datetime.now(UTC)),
            blocked=held_by_older(found, self.cache.objects.values()),
            planned=planned,
            unplannable=unplannable,
            cluster=cluster,
            refused=self._refused.get(found.uid, {}),
            retry=found.annotations.get(naming.RETRY, ""),
        )

    async def _write(self, key: Key, found: BackupSet, taken: Step) -> bool:
        """Whether the status is what the step wants. If somebody was faster, the set is read again."""
        if taken.status == found.status:
            return True
        try:
            written = await apply.write_status(self._client, found, taken.status)
        except ApiError as error:
            if error.status not in {404, 409}:
                raise
            self.cache.put(key, await apply.read(self._client, *key))
            return False
        self._replace(key, found, written)
        self._note(found, written)
        return True

    def _replace(self, key: Key, before: BackupSet, written: BackupSet) -> None:
        """The watch will say so too, and then it is nothing new. Where it was faster, it knows better."""
        known = self.cache.objects.get(key)
        if known is not None and known.version == before.version:
            self.cache.objects[key] = written
            self._concerns_others(key)

    async def _act(self, found: BackupSet, actions: Iterable[Action]) -> float | None:
        """Carries them out; one that fails keeps back none of the others. 0 if another step is due now."""
        failure: KubeError | None = None
        again = None
        for action in actions:
            try:
                match action:
                    case CreateBackup():
                        refusal = await apply.create_backup(self._client, action)
                        if refusal is not None:
                            self._refused.setdefault(found.uid, {})[action.name] = refusal
                            again = 0.0
                    case Nudge():
                        await apply.nudge(self._client, action)
                    case Tell():
                        apply.tell(self._recorder, found, action)
            except KubeError as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return again

    def _note(self, before: BackupSet, after: BackupSet) -> None:
        """For the metrics: attempts that have ended with this step, and the set if it has."""
        for result in ended_attempts(before.status, after.status):
            self._metrics.backup_set_attempts.labels(result).inc()
        phase = after.status.phase
        if phase is None or phase is before.status.phase:
            return
        log.info("BackupSet", namespace=after.namespace, backup_set=after.name, phase=phase.value)
        if phase.ended and after.status.started and after.status.ended:
            seconds = seconds_between(after.status.started, after.status.ended)
            self._metrics.backup_set_seconds.labels(phase.value).observe(seconds)

    def _forget(self, key: Key) -> None:
        self._using.pop(key, None)
        self._holds.pop(key, None)
        self._complaints.forget(key)
        for uid in [uid for uid, owner in self._keys.items() if owner == key]:
            del self._keys[uid]
            self._refused.pop(uid, None)

    def _count(self, phase: str) -> float:
        found = (each.status.phase for each in self.cache.objects.values())
        return sum(1 for each in found if (each.value if each else "new") == phase)


def _wants_a_plan(found: BackupSet, spec: BackupSetSpec) -> bool:
    """It has none, and nothing keeps it from beginning: a plan is made of what there is then.

    Raises PlanningError for a window that can't be kept.
    """
    status = found.status
    ended = status.phase is not None and status.phase.ended
    return not (status.shards or ended or gate(spec, status, format_time(datetime.now(UTC))).closed)


def _made(status: BackupSetStatus, backup: str) -> bool:
    return any(attempt.backup == backup for shard in status.shards for attempt in shard.attempts)


def _owner(found: BackupSet) -> str:
    """The uid that its Backups bear: its own, or that of the set it was rebuilt from."""
    planned = found.status.plan
    return (planned.owner if planned else "") or found.uid


def _kind() -> Kind[Key, BackupSet]:
    return Kind(apply.BACKUP_SETS.path(), lambda key: key, decode_set, lambda found: found.version)


def _waits(error: KubeError) -> tuple[float, float]:
    """The least and the most to wait, in seconds: an outage passes, and the set is not to wait long after."""
    if isinstance(error, ApiError):
        asked = error.retry_after or 0.0
        return asked, LONGEST_DELAY if 400 <= error.status < 500 and error.status != 429 else OUTAGE
    return 0.0, LONGEST_DELAY if isinstance(error, LaneHidden) else OUTAGE
