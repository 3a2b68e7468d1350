"""From settings to a process that works, and back to nothing when it is told to stop."""

from __future__ import annotations

import asyncio
import platform
import signal
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from velero_volume_controller import __version__
from velero_volume_controller.annotate.controller import Annotator
from velero_volume_controller.annotate.gather import PodCache
from velero_volume_controller.kube.client import Client, Limits, Observer
from velero_volume_controller.kube.credentials import Cluster
from velero_volume_controller.kube.election import Candidate, Elector, lease_limits
from velero_volume_controller.kube.fence import Fence
from velero_volume_controller.manager import preflight
from velero_volume_controller.manager.health import serve
from velero_volume_controller.manager.settings import Settings
from velero_volume_controller.observe.metrics import Metrics

#: How long after a signal the work may take to end: longer than the elector's draining and
#: releasing, and with what closing takes less than the 10 s that the process is allowed. Seconds.
GRACE: Final = 8.0

T = TypeVar("T")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. Raises KubeError when it can't start; once started it always retries.

    The signals count from the first moment: the first process of a container is deaf
    to those that it does not handle. Health is served before the cluster is asked
    anything, or a slow API server would have the pod killed as not alive.
    """
    metrics = Metrics(__version__)
    cache = PodCache(metrics)
    with _stopped_by_signals() as stop:
        async with serve(settings.listen, cache.synced.is_set, metrics):
            await _until_stopped(settings, cache, metrics, stop)
    log.info("stopped")


async def _until_stopped(settings: Settings, cache: PodCache, metrics: Metrics, stop: asyncio.Event) -> None:
    def observe(method: str, code: int) -> None:
        metrics.api_requests.labels(method, code).inc()

    limits = Limits(max_in_flight=settings.max_in_flight)
    async with AsyncExitStack() as stack:
        connecting = stack.enter_async_context(Client.connect(_cluster(settings), limits, observe))
        client = await _unless_stopped(stop, connecting)
        if client is None:
            return
        await _unless_stopped(stop, preflight.check(client, _lease(settings)))
        if stop.is_set():
            return
        annotator = Annotator(client, cache, settings.configuration, metrics, settings.max_in_flight)
        following = asyncio.create_task(cache.follow(client))
        working = asyncio.create_task(_work(settings, annotator, client, metrics, observe, stop))
        await _first_to_end(working, following, stop)


async def _unless_stopped(stop: asyncio.Event, starting: Coroutine[Any, Any, T]) -> T | None:
    """What ``starting`` returns. If ``stop`` is set first, it is cancelled and awaited: None."""
    task, stopping = asyncio.create_task(starting), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (task, stopping):
            each.cancel()
        await asyncio.wait({task, stopping})
    return None if task.cancelled() else task.result()


async def _work(
    settings: Settings,
    annotator: Annotator,
    client: Client,
    metrics: Metrics,
    observer: Observer,
    stop: asyncio.Event,
) -> None:
    """Annotates while this process leads; always, if there is no election."""
    if not settings.leader_elect:
        metrics.leader.set(1)
        await annotator.lead(stop)
        return
    fence = Fence()
    client.guard = fence.check
    server = settings.configuration.cluster
    identity = f"{platform.node()}_{uuid.uuid4()}"
    candidate = Candidate(server.lease_namespace, server.lease_name, identity, settings.election)
    # A connection of its own: the Lease is renewed whatever the other one is busy with.
    async with Client.connect(_cluster(settings), lease_limits(settings.election), observer) as own:
        elector = Elector(own, candidate, fence, metrics.leader.set)
        await elector.run(lambda: annotator.lead(stop), stop)


async def _first_to_end(
    working: asyncio.Task[None], following: asyncio.Task[None], stop: asyncio.Event
) -> None:
    """Until the work has ended. The watch never ends by itself: if it fails, so does the process."""
    stopping = asyncio.create_task(stop.wait())
    tasks = {working, following, stopping}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            await asyncio.wait({working}, timeout=GRACE)
            if not working.done():
                log.warning("what was in hand did not end in time; it is given up")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in (following, working):
        if not task.cancelled():
            task.result()


def _cluster(settings: Settings) -> Cluster:
    named = settings.configuration.cluster
    configured = Path(named.kube_config) if named.kube_config else None
    return Cluster(settings.kubeconfig or configured, settings.context, named.master_url)


def _lease(settings: Settings) -> tuple[str, str] | None:
    server = settings.configuration.cluster
    return (server.lease_namespace, server.lease_name) if settings.leader_elect else None


@contextmanager
def _stopped_by_signals() -> Iterator[asyncio.Event]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stopping(number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping, number)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
