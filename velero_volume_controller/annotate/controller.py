"""The loop: a key, the pod from the cache, the decision, the plan, the patch; and again when it failed."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from velero_volume_controller.annotate.apply import Outcome, read, write
from velero_volume_controller.annotate.gather import PodCache
from velero_volume_controller.annotate.plan import Plan, PlanAction, plan
from velero_volume_controller.api.configuration import Configuration
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError, Fenced, KubeError
from velero_volume_controller.kube.watches import OUTAGE, Key
from velero_volume_controller.kube.workqueue import LONGEST_DELAY, WorkQueue
from velero_volume_controller.observe.metrics import Metrics
from velero_volume_controller.policy import decide

#: How often a pod is read anew and decided anew in a row before it waits its turn again.
CONFLICTS: Final = 5

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Annotator:
    """Brings the annotations of all pods to what the configuration says, and keeps them there."""

    def __init__(
        self, client: Client, cache: PodCache, configuration: Configuration, metrics: Metrics, workers: int
    ) -> None:
        self._client = client
        self._cache = cache
        self._configuration = configuration
        self._metrics = metrics
        self._workers = workers

    async def lead(self, stop: asyncio.Event) -> None:
        """Decides every pod, then each that changes, until ``stop``; finishes then what is in hand.

        Cancelled, it stops at once: leadership is lost, and nothing more may be written.
        """
        queue: WorkQueue[Key] = WorkQueue(self._metrics.queue_depth.set)
        self._cache.listen(queue.add)
        for key in self._cache.known():
            queue.add(key)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._work(queue))
                await stop.wait()
                queue.close()
        finally:
            self._cache.listen(None)
            queue.close()

    async def _work(self, queue: WorkQueue[Key]) -> None:
        while (key := await queue.take()) is not None:
            try:
                await self._reconcile(key)
            except KubeError as error:
                _report(key, error)
                queue.retry(key, *_waits(error))
            except Exception:
                self._metrics.loop_errors.labels("annotator").inc()
                log.exception("deciding a pod failed", namespace=key.namespace, pod=key.name)
                queue.retry(key)
            else:
                queue.done(key)
            # Thousands of pods that are right already must not hold up the Lease's renewal.
            await asyncio.sleep(0)

    async def _reconcile(self, key: Key) -> None:
        pod = self._cache.get(key)
        for _ in range(CONFLICTS):
            if pod is None:
                return
            planned = plan(pod, decide(pod, self._configuration), self._configuration)
            if not planned.annotations:
                self._count(key, planned)
                return
            outcome = await write(self._client, pod, planned.annotations)
            if outcome is Outcome.WRITTEN:
                self._count(key, planned)
                return
            if outcome is Outcome.GONE:
                return
            pod = await read(self._client, key)
        raise Unsettled(
            f"pod {key.namespace}/{key.name} changed {CONFLICTS} times while it was being annotated"
        )

    def _count(self, key: Key, planned: Plan) -> None:
        if planned.action is PlanAction.NONE:
            return
        self._metrics.annotations.labels(planned.action.value).inc()
        level = log.debug if planned.action is PlanAction.FOREIGN else log.info
        level(
            f"annotation: {planned.action.value}",
            namespace=key.namespace,
            pod=key.name,
            before=planned.current,
            wanted=planned.desired,
        )


def _waits(error: KubeError) -> tuple[float, float]:
    """The least and the most to wait, in seconds.

    What the server refuses for good (403, 422) is tried ever less often; an outage
    passes, and the pods must not wait long after it.
    """
    if isinstance(error, ApiError) and 400 <= error.status < 500 and error.status != 429:
        return 0.0, LONGEST_DELAY
    return (error.retry_after or 0.0) if isinstance(error, ApiError) else 0.0, OUTAGE


class Unsettled(KubeError):  # noqa: N818  (the name says what is the case)
    """Others kept changing the pod; it is taken up again later."""


def _report(key: Key, error: KubeError) -> None:
    if isinstance(error, Fenced):
        return  # not a failure of the pod: another replica leads, and will do it
    log.warning(
        "a pod could not be annotated; it will be tried again",
        namespace=key.namespace,
        pod=key.name,
        error=str(error),
    )
