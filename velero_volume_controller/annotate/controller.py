"""The loop: a key, the pod from the cache, the decision, the plan, the patch; and again when it failed."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from velero_volume_controller.annotate.apply import Outcome, read, write
from velero_volume_controller.annotate.events import Reason, Remark, event, remark
from velero_volume_controller.annotate.gather import PodCache
from velero_volume_controller.annotate.plan import Plan, PlanAction, plan
from velero_volume_controller.annotate.surroundings import Changes, LiveSurroundings, users
from velero_volume_controller.annotate.tally import Decided, Tally, decided
from velero_volume_controller.api.configuration import Configuration
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError, Fenced, KubeError
from velero_volume_controller.kube.events import Recorder
from velero_volume_controller.kube.watches import OUTAGE, Key
from velero_volume_controller.kube.workqueue import LONGEST_DELAY, WorkQueue
from velero_volume_controller.observe.metrics import Metrics
from velero_volume_controller.policy import decide
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.surroundings import Surroundings

#: How often a pod is read anew and decided anew in a row before it waits its turn again.
CONFLICTS: Final = 5
#: Changes of claims, volumes and namespaces are collected for so long before their users are looked for:
#: a claim that is being bound changes several times in a row. Seconds.
COLLECT: Final = 0.2
#: After so many pods in a row other tasks get a turn, the Lease's renewal among them.
IN_A_ROW: Final = 100

#: A pod that has failed more often in a row, for some two minutes, does not fail for an outage.
PASSING: Final = 20

#: The actions that write nothing themselves.
_LEFT: Final = frozenset({PlanAction.NONE, PlanAction.FOREIGN})

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caches:
    """What is known of the cluster."""

    pods: PodCache
    surroundings: LiveSurroundings


@dataclass(frozen=True, slots=True)
class Rates:
    """``workers`` write at the same time; after a reload at most ``reload_rate`` pods a second change."""

    workers: int
    reload_rate: float


class Annotator:
    """Brings the annotations of all pods to what the configuration says, and keeps them there.

    ``configure`` it before it leads, and again whenever the configuration changes.
    """

    def __init__(
        self, client: Client, caches: Caches, recorder: Recorder, metrics: Metrics, rates: Rates
    ) -> None:
        self._client = client
        self._cache = caches.pods
        self._live = caches.surroundings
        self._recorder = recorder
        self._metrics = metrics
        self._rates = rates
        self._configuration = Configuration()
        self._surroundings = Surroundings()
        self._reconfigured = asyncio.Event()
        self._leading_since = 0.0
        self._caught_up = False
        self._tally = Tally()
        self._remarked: dict[Key, Remark] = {}
        self._failed: set[Key] = set()
        #: Bound once: a line for each of thousands of writes costs half of what it does otherwise.
        self._log = log.bind()
        #: Asked once: most decisions call for nothing, and are too many to ask for each.
        self._verbose = logging.getLogger().isEnabledFor(logging.DEBUG)
        for way in Decided:
            metrics.pods.labels(way.value).set_function(partial(self._pods_decided, way))

    def configure(self, configuration: Configuration, surroundings: Surroundings) -> None:
        """Decide by this from now on. Pods that are decided already are decided again, at a bounded rate."""
        self._configuration = configuration
        self._surroundings = surroundings
        self._reconfigured.set()

    async def lead(self, stop: asyncio.Event) -> None:
        """Decides every pod, then each that changes, until ``stop``; finishes then what is in hand.

        Cancelled, it stops at once: leadership is lost, and nothing more may be written.
        """
        failing_at_once = max(1, self._rates.workers // 2)
        queue: WorkQueue[Key] = WorkQueue(self._metrics.queue_depth.set, failing_at_once)
        self._metrics.queue_oldest.set_function(queue.oldest)
        changes = Changes()
        self._leading_since, self._caught_up = time.monotonic(), False
        self._reconfigured.clear()
        self._cache.listen(queue.add)
        self._live.listen(changes)
        for key in self._cache.known():
            queue.add(key)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._rates.workers):
                    group.create_task(self._work(queue))
                feeding = [
                    group.create_task(self._follow_surroundings(changes, queue)),
                    group.create_task(self._follow_configuration(queue)),
                ]
                await stop.wait()
                queue.close()
                for task in feeding:
                    task.cancel()
        finally:
            self._cache.listen(None)
            self._live.listen(None)
            queue.close()
            self._tally.clear()
            self._remarked.clear()
            self._failed.clear()

    async def _follow_surroundings(self, changes: Changes, queue: WorkQueue[Key]) -> None:
        """Has the pods decided again whose claims, volumes or namespace have changed."""
        while True:
            await changes.any.wait()
            await asyncio.sleep(COLLECT)
            taken = changes.take()
            pods = self._cache.pods()
            for start in range(0, len(pods), IN_A_ROW * 10):
                for key in users(pods[start : start + IN_A_ROW * 10], taken, self._surroundings):
                    queue.add(key)
                await asyncio.sleep(0)

    async def _follow_configuration(self, queue: WorkQueue[Key]) -> None:
        """Has the pods written again that a new configuration decides otherwise.

        Only those join the queue, and no faster than the rate, so that a pod that
        appears meanwhile finds no long queue before it. Another new configuration
        has it begin again: what is right already needs no write.
        """
        while True:
            await self._reconfigured.wait()
            self._reconfigured.clear()
            for number, key in enumerate(self._cache.known()):
                if self._reconfigured.is_set():
                    break
                if self._wants_a_write(key):
                    queue.add(key)
                    await asyncio.sleep(1 / self._rates.reload_rate)
                elif number % IN_A_ROW == 0:
                    await asyncio.sleep(0)

    def _wants_a_write(self, key: Key) -> bool:
        pod = self._cache.get(key)
        try:
            return pod is not None and bool(self._examine(key, pod).annotations)
        except Exception:
            self._metrics.loop_errors.labels("reload").inc()
            log.exception("deciding a pod failed", namespace=key.namespace, pod=key.name)
            return False

    async def _work(self, queue: WorkQueue[Key]) -> None:
        while (key := await queue.take()) is not None:
            started, asked = time.perf_counter(), False
            try:
                asked = await self._reconcile(key)
            except KubeError as error:
                self._fail(key, error)
                queue.retry(key, *_waits(error, queue.failures(key)))
            except Exception:
                self._metrics.loop_errors.labels("annotator").inc()
                log.exception("deciding a pod failed", namespace=key.namespace, pod=key.name)
                queue.retry(key)
            else:
                queue.done(key)
            self._metrics.reconcile_seconds.observe(time.perf_counter() - started)
            if not self._caught_up:
                self._notice_when_caught_up()
            if not asked:
                # Thousands of pods that are right already must not hold up the Lease's renewal.
                await asyncio.sleep(0)

    def _fail(self, key: Key, error: KubeError) -> None:
        """Told once for each pod until it succeeds: it is tried again and again, and may be one of many."""
        if isinstance(error, Fenced):
            return  # not a failure of the pod: another replica leads, and will do it
        level = log.debug if key in self._failed else log.warning
        level(
            "a pod could not be annotated; it will be tried again",
            namespace=key.namespace,
            pod=key.name,
            error=str(error),
        )
        self._failed.add(key)
        self._tally.note(key, Decided.FAILED)

    def _notice_when_caught_up(self) -> None:
        """Says once, how long it took to bring every pod to what it should be."""
        if self._cache.synced.is_set() and self._tally.total >= len(self._cache):
            self._caught_up = True
            seconds = time.monotonic() - max(self._leading_since, self._cache.begun)
            log.info("every pod is decided", pods=len(self._cache), seconds=round(seconds, 3))

    async def _reconcile(self, key: Key) -> bool:
        """Bring one pod to what it should be. Says whether the API server was asked for that."""
        pod, asked = self._cache.get(key), False
        for _ in range(CONFLICTS):
            if pod is None:
                self._tally.forget(key)
                self._remarked.pop(key, None)
                self._failed.discard(key)
                return asked
            configuration = self._configuration
            planned = self._examine(key, pod)
            if not planned.annotations:
                if self._verbose:
                    log.debug("decided", namespace=key.namespace, pod=key.name, **_said(planned))
                return asked
            outcome, asked = await write(self._client, pod, planned.annotations), True
            if outcome is Outcome.GONE:
                return asked
            if outcome is Outcome.CONFLICT:
                pod = await read(self._client, key)
                continue
            self._count_written(key, planned)
            self._cache.replace(pod, outcome)
            if key not in self._failed and configuration is self._configuration:
                return asked
            # Decided by a configuration that was replaced meanwhile; or it had failed, and is counted anew.
            pod = outcome
        raise Unsettled(
            f"pod {key.namespace}/{key.name} changed {CONFLICTS} times while it was being annotated"
        )

    def _examine(self, key: Key, pod: Pod) -> Plan:
        """Decide the pod, and note and tell what is new about it."""
        configuration = self._configuration
        decision = decide(pod, configuration, self._surroundings)
        planned = plan(pod, decision, configuration)
        if not planned.annotations:
            self._failed.discard(key)
        self._tally.note(key, Decided.FAILED if key in self._failed else decided(decision, planned))
        found = remark(pod, decision, planned)
        if found != self._remarked.get(key):
            self._tell(key, pod, found, planned)
        return planned

    def _tell(self, key: Key, pod: Pod, found: Remark | None, planned: Plan) -> None:
        if found is None:
            del self._remarked[key]
            return
        before = self._remarked.get(key)
        self._remarked[key] = found
        if found.eventful:
            self._recorder.emit(event(pod, found, lambda: self._remarked.get(key) == found))
        if found.reason is Reason.FOREIGN_ANNOTATION and (before is None or found.found != before.found):
            self._count(key, planned, PlanAction.FOREIGN)

    def _count_written(self, key: Key, planned: Plan) -> None:
        """One patch may write the mode's own annotation, take back the other mode's, or both."""
        if planned.action not in _LEFT:
            self._count(key, planned, planned.action)
        if planned.withdrawn is not None:
            self._metrics.annotations.labels(PlanAction.REMOVE.value).inc()
            self._log.info(
                "annotation of the other mode: remove",
                namespace=key.namespace,
                pod=key.name,
                before=planned.withdrawn,
            )

    def _count(self, key: Key, planned: Plan, action: PlanAction) -> None:
        self._metrics.annotations.labels(action.value).inc()
        level = self._log.debug if action is PlanAction.FOREIGN else self._log.info
        level(
            f"annotation: {action.value}",
            namespace=key.namespace,
            pod=key.name,
            **_said(planned),
        )

    def _pods_decided(self, way: Decided) -> float:
        if way is Decided.UNDECIDED:
            return len(self._cache) - self._tally.total
        return self._tally.count(way)


def _said(planned: Plan) -> dict[str, str | None]:
    return {"before": planned.current, "wanted": planned.desired}


def _waits(error: KubeError, failures: int) -> tuple[float, float]:
    """The least and the most to wait, in seconds.

    What the server refuses for good (403, 422) is tried ever less often; an outage
    passes, and the pods must not wait long after it. What lasts is none: a webhook
    of someone's fails with 500 as an API server without its etcd does.
    """
    if isinstance(error, ApiError) and 400 <= error.status < 500 and error.status != 429:
        return 0.0, LONGEST_DELAY
    if failures > PASSING:
        return 0.0, LONGEST_DELAY
    return (error.retry_after or 0.0) if isinstance(error, ApiError) else 0.0, OUTAGE


class Unsettled(KubeError):  # noqa: N818  (the name says what is the case)
    """Others kept changing the pod; it is taken up again later."""
