"""The loop: a CleanRestore, what its next step asks to be looked at, the step, what that asks for.

Runs in the leader only. All that it knows is in the cluster: a new leader reads it
there and goes on, whatever the last one was about to do.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog

from velero_volume_controller.api.cleanrestore import CleanRestoreSpec, RestorePhase
from velero_volume_controller.api.times import format_time
from velero_volume_controller.kube.cache import Cache, Kind
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.complaints import Complaints
from velero_volume_controller.kube.errors import ApiError, Fenced, KubeError, Unreachable
from velero_volume_controller.kube.waiting import first_of
from velero_volume_controller.kube.watches import OUTAGE, Hooks, Key
from velero_volume_controller.kube.workqueue import LONGEST_DELAY, WorkQueue
from velero_volume_controller.restore import apply, plan_maps, rehearsal_metrics, scratch
from velero_volume_controller.restore.abandoned import Abandoned, Refused
from velero_volume_controller.restore.apply import Means
from velero_volume_controller.restore.available import missing
from velero_volume_controller.restore.fail_point import FailPoint
from velero_volume_controller.restore.forgotten import Forgotten
from velero_volume_controller.restore.machine import looks, step
from velero_volume_controller.restore.naming import RESUME
from velero_volume_controller.restore.objects import CleanRestore, decode_restore_run, identity
from velero_volume_controller.restore.observe import Eyes, Seen
from velero_volume_controller.restore.outcomes import ended_phases, without_rights
from velero_volume_controller.restore.precedence import held_by_others
from velero_volume_controller.restore.run import few
from velero_volume_controller.restore.steps import (
    Action,
    Delete,
    Look,
    Make,
    MakeLedger,
    MakeScratch,
    PutBack,
    RemoveLedger,
    RemoveScratch,
    Situation,
    Step,
    Still,
    Tell,
)
from velero_volume_controller.restore.strays import Strays

#: Runs that take a step at the same time: a step mostly waits for the API server.
WORKERS: Final = 4
#: How often it is asked whether rights that are missing have been granted, and whether any was taken away.
#: Seconds.
LOOK_AGAIN: Final = 10.0
_GRANTED_FOR: Final = 60.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class CleanRestores:
    """Brings every CleanRestore to its end."""

    def __init__(self, means: Means, fail_point: FailPoint) -> None:
        self._client = means.client
        self._means = means
        self._metrics = means.metrics
        self._fail_point = fail_point
        #: Set when the watch broke: the CRD may be gone, or a right.
        self.doubted = asyncio.Event()
        self._queue: WorkQueue[Key] = WorkQueue(means.metrics.clean_restore_queue_depth.set)
        self._eyes = Eyes(means.client, means.metrics)
        self._refused: dict[str, str] = {}
        self._abandoned = Abandoned()
        self._strays = Strays(means.client, means.namespace, self._alive)
        self._forgotten = Forgotten(means, self._known)
        self._elsewhere: set[str] = set()
        self._lacking: tuple[str | None, float] = (None, float("-inf"))
        #: Held from looking who is at work until it is written that one more is.
        self._entering = asyncio.Lock()
        self._complaints = Complaints(log)
        self.cache: Cache[Key, CleanRestore] = Cache(_kind(), self._hooks())

    def _hooks(self) -> Hooks:
        def restarted(reason: str) -> None:
            self._metrics.watch_restarts.labels(apply.CLEAN_RESTORES.plural, reason).inc()
            if reason in {"error", "forbidden"}:
                self.doubted.set()

        return Hooks(restarted, self._metrics.undecodable.labels(apply.CLEAN_RESTORES.plural).inc)

    async def follow(self, client: Client) -> None:
        """Keeps the CleanRestores up to date for ever."""
        await self.cache.follow(client)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until ``stop``, then finishes the steps in hand. ``follow`` is to run beside it."""
        await first_of(self.cache.synced, stop)
        for phase in (*(each.value for each in RestorePhase), "new"):
            self._metrics.clean_restores.labels(phase).set_function(partial(self._count, phase))
        self.cache.listen(self._changed)
        for key in list(self.cache.objects):
            self._changed(key)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(self._work())
                group.create_task(self._strays.run(stop))
                group.create_task(self._forgotten.run(stop))
                await stop.wait()
                self._queue.close()
        finally:
            self.cache.listen(None)
            self._queue.close()
            self._metrics.clean_restores.clear()
            rehearsal_metrics.clear(self._metrics)
            self._metrics.clean_restore_left_stilled.set(0)

    def _changed(self, key: Key) -> None:
        """It takes a step; and if it is at work no more, so do those that wait for its namespaces."""
        self._queue.add(key)
        found = self.cache.objects.get(key)
        self._abandoned.see(key, found)
        if found is None or found.deleting:
            self._strays.doubted.set()
        elif found.status.rehearsal is not None:
            rehearsal_metrics.show(self._metrics, self.cache.objects.values())
        if found is None or (found.status.phase is not None and found.status.phase.ended):
            for other, run in self.cache.objects.items():
                if other != key and run.status.phase is RestorePhase.VALIDATING:
                    self._queue.add(other)

    async def _work(self) -> None:
        while (key := await self._queue.take()) is not None:
            started = time.perf_counter()
            try:
                again = await self._reconcile(key)
            except KubeError as error:
                self._fail(key, error)
                self._queue.retry(key, *_waits(error))
            except Exception:
                self._metrics.loop_errors.labels("restore").inc()
                log.exception(
                    "a step of a CleanRestore failed", namespace=key.namespace, clean_restore=key.name
                )
                self._queue.retry(key)
            else:
                self._complaints.forget(key)
                self._queue.done(key, again)
            self._metrics.clean_restore_step_seconds.observe(time.perf_counter() - started)

    def _fail(self, key: Key, error: KubeError) -> None:
        """A line of the log; and an Event where it is not only that nobody answers, and not over at once."""
        told = "a CleanRestore could not go on; it will be tried again"
        self._complaints.tell(key, error, told, namespace=key.namespace, clean_restore=key.name)
        if isinstance(error, Fenced):
            return
        self._metrics.clean_restore_step_errors.inc()
        found = self.cache.objects.get(key)
        if found is not None and not isinstance(error, Unreachable) and self._queue.failures(key) == 1:
            apply.emit(self._means.recorder, found, Tell("CanNotGoOn", str(error), warning=True))

    async def _reconcile(self, key: Key) -> float | None:
        """One step of one run. The seconds after which another is due even if nothing changes."""
        left = [await self._put_back(each) for each in self._abandoned.left(key)]
        found = self.cache.objects.get(key)
        if found is None or found.deleting:
            self._forget(key)
            return min((each for each in left if each is not None), default=None)
        if found.namespace != self._means.namespace:
            self._say_elsewhere(found)
            return None
        if found.spec is None:
            told = Tell("Unreadable", found.problem or "", warning=True)
            apply.tell(self._means.recorder, found, told)
            return None
        if (lacking := await self._missing()) is not None:
            return await self._say_lacking(key, found, lacking)
        phase = found.status.phase
        enters = phase is not None and (phase is RestorePhase.VALIDATING or phase.ended)
        # One that has to wait need not look at anything.
        waits = phase is RestorePhase.VALIDATING and bool(self._held(found))
        seen = Seen() if waits else await self._eyes.look(found, found.spec, _wanted(found, found.spec))
        async with self._entering if enters else nullcontext():
            held = self._held(found)
            taken = step(self._situation(found, found.spec, seen, held))
            self._fail_point.reached(found.status.phase, "before")
            if not await self._write(key, found, taken):
                return 0.0
        self._fail_point.reached(found.status.phase, "after-status")
        await self._tidy(found, taken)
        again = await self._act(found, taken)
        due = [each for each in (*left, again, taken.again) if each is not None]
        return min(due, default=None)

    async def _put_back(self, run: CleanRestore) -> float | None:
        return await self._abandoned.put_back(self._client, await self._eyes.discovery(), run)

    def _held(self, found: CleanRestore) -> dict[str, str]:
        return held_by_others(found, self.cache.objects.values())

    async def _missing(self) -> str | None:
        """What is missing of the piece that may delete: one sentence."""
        lacking, asked = self._lacking
        if time.monotonic() - asked > (LOOK_AGAIN if lacking else _GRANTED_FOR):
            lacking = await missing(self._client, self._means.namespace)
            self._lacking = (lacking, time.monotonic())
        return lacking

    async def _say_lacking(self, key: Key, found: CleanRestore, lacking: str) -> float | None:
        if found.status.phase is not None and found.status.phase.ended:
            return None
        taken = without_rights(found, lacking, format_time(datetime.now(UTC)))
        if await self._write(key, found, taken):
            await self._act(found, taken)
        return LOOK_AGAIN

    def _say_elsewhere(self, found: CleanRestore) -> None:
        if found.uid not in self._elsewhere:
            self._elsewhere.add(found.uid)
            message = (
                f"it is left alone: CleanRestores count in namespace {self._means.namespace} alone, where"
                " this program and Velero are; make it there"
            )
            apply.tell(self._means.recorder, found, Tell("Elsewhere", message, warning=True))

    def _situation(
        self, found: CleanRestore, spec: CleanRestoreSpec, seen: Seen, held: dict[str, str]
    ) -> Situation:
        return Situation(
            identity=identity(found),
            spec=spec,
            status=found.status,
            now=format_time(datetime.now(UTC)),
            observed=seen.observed,
            plan=seen.plan,
            lost=seen.lost,
            fresh=seen.fresh,
            unplannable=seen.unplannable,
            problems=seen.problems,
            remarks=seen.remarks,
            checked=seen.checked,
            blocked=held,
            refused=self._refused.get(found.uid, ""),
            resume=found.annotations.get(RESUME, ""),
        )

    async def _write(self, key: Key, found: CleanRestore, taken: Step) -> bool:
        """Whether the status is what the step wants. If somebody was faster, the run is read again."""
        if taken.status != found.status:
            try:
                written = await apply.write_status(self._client, found, taken.status)
            except ApiError as error:
                if error.status not in {404, 409}:
                    raise
                self.cache.put(key, await apply.read(self._client, *key))
                return False
            self._replace(key, found, written)
            self._note(found, written)
        self._refused.pop(found.uid, None)
        return True

    def _replace(self, key: Key, before: CleanRestore, written: CleanRestore) -> None:
        """The watch will say so too, and then it is nothing new. Where it was faster, it knows better."""
        known = self.cache.objects.get(key)
        if known is not None and known.version == before.version:
            self.cache.objects[key] = written
            self._changed(key)

    def _note(self, before: CleanRestore, after: CleanRestore) -> None:
        """For the log and the metrics: phases that have ended with this step."""
        for phase, result, seconds in ended_phases(before.status, after.status):
            self._metrics.clean_restore_seconds.labels(phase, result).observe(seconds)
        at = after.status.phase
        if at is not None and at is not before.status.phase:
            log.info("CleanRestore", namespace=after.namespace, clean_restore=after.name, phase=at.value)

    async def _tidy(self, found: CleanRestore, taken: Step) -> None:
        """What was kept of plans that nobody needs any more goes."""
        before, after = found.status.plan, taken.status.plan
        if after is not None and (before is None or before.config_maps != after.config_maps):
            await plan_maps.remove_others(self._client, identity(found), after.config_maps)
        if taken.status.phase is not None and taken.status.phase.ended:
            self._eyes.forget(found.uid)

    async def _act(self, found: CleanRestore, taken: Step) -> float | None:
        """Carries the actions out. 0 if another step is due now, for something was refused."""
        for action in taken.actions:
            if isinstance(action, Tell):
                apply.tell(self._means.recorder, found, action)
        rest = [each for each in taken.actions if not isinstance(each, Tell)]
        if not rest:
            return None
        refusals = await apply.all_of([partial(self._carry_out, found, each) for each in rest])
        if not refusals:
            return None
        if taken.status.unwinding is not None:
            # It is not given up: nobody else would start again what was stilled.
            raise Refused(few(refusals))
        self._refused[found.uid] = few(refusals)
        return 0.0

    async def _carry_out(self, found: CleanRestore, action: Action) -> str | None:
        client, refusal = self._client, None
        match action:
            case Make():
                refusal = await apply.make(client, action)
            case Still():
                refusal = await apply.still(client, await self._eyes.discovery(), action)
            case PutBack():
                refusal = await apply.put_back(client, await self._eyes.discovery(), action)
            case Delete():
                discovery = await self._eyes.discovery()
                refusal = await apply.remove(client, discovery, action, self._metrics)
            case MakeLedger():
                refusal = await scratch.make_ledger(client, identity(found), action)
            case MakeScratch():
                refusal = await scratch.make_scratch(client, identity(found), action)
            case RemoveScratch():
                refusal = await scratch.remove_scratch(client, action)
            case RemoveLedger():
                refusal = await scratch.remove_ledger(client, identity(found), action)
        self._fail_point.reached(found.status.phase, "mid-actions")
        return refusal

    def _forget(self, key: Key) -> None:
        self._complaints.forget(key)
        uids = {each.uid for each in self.cache.objects.values()}
        for uid in [uid for uid in self._refused if uid not in uids]:
            del self._refused[uid]
        self._elsewhere &= uids
        self._eyes.keep(uids)

    def _alive(self) -> set[str]:
        return {each.uid for each in self.cache.objects.values() if not each.deleting}

    def _known(self) -> set[str]:
        return {each.uid for each in self.cache.objects.values()} | self._abandoned.uids

    def _count(self, phase: str) -> float:
        found = (each.status.phase for each in self.cache.objects.values())
        return sum(1 for each in found if (each.value if each else "new") == phase)


def _wanted(found: CleanRestore, spec: CleanRestoreSpec) -> frozenset[Look]:
    """One that is new only enters its first phase."""
    if found.status.phase is None:
        return frozenset()
    return looks(spec, found.status)


def _kind() -> Kind[Key, CleanRestore]:
    return Kind(apply.CLEAN_RESTORES.path(), lambda key: key, decode_restore_run, lambda found: found.version)


def _waits(error: KubeError) -> tuple[float, float]:
    """The least and the most to wait, in seconds: an outage passes, and the run is not to wait long after."""
    if isinstance(error, ApiError):
        asked = error.retry_after or 0.0
        return asked, LONGEST_DELAY if 400 <= error.status < 500 and error.status != 429 else OUTAGE
    return 0.0, OUTAGE
