"""From settings to a process that works, and back to nothing when it is told to stop."""

from __future__ import annotations

import asyncio
import platform
import signal
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from velero_volume_controller import __version__
from velero_volume_controller.annotate.controller import Annotator, Caches, Rates
from velero_volume_controller.annotate.gather import PodCache
from velero_volume_controller.annotate.surroundings import LiveSurroundings, Spawn
from velero_volume_controller.api.configuration import Configuration
from velero_volume_controller.backup.gather import Ground, Means
from velero_volume_controller.backup.service import Service
from velero_volume_controller.kube.client import Client, Limits, Observer
from velero_volume_controller.kube.credentials import Cluster
from velero_volume_controller.kube.election import Candidate, Elector, lease_limits
from velero_volume_controller.kube.events import Recorder
from velero_volume_controller.kube.fence import Fence
from velero_volume_controller.manager import preflight
from velero_volume_controller.manager.configmap import ConfigMapEvents
from velero_volume_controller.manager.health import serve
from velero_volume_controller.manager.reload import Reloader
from velero_volume_controller.manager.settings import ConfigMap, Settings
from velero_volume_controller.observe.metrics import Metrics
from velero_volume_controller.restore.apply import Means as RestoreMeans
from velero_volume_controller.restore.service import Service as RestoreService
from velero_volume_controller.velero.client.server import server_version
from velero_volume_controller.velero.model.versions import NEWEST

#: How long after a signal the work may take to end: longer than the elector's draining and
#: releasing, and with what closing takes less than the 10 s that the process is allowed. Seconds.
GRACE: Final = 8.0

#: How long a new configuration waits for word of Velero's version: an outage must not hold it up. Seconds.
PATIENCE: Final = 2.0

#: Who Events are from.
REPORTING_CONTROLLER: Final = "vvc.velero.io/annotator"
BACKUP_CONTROLLER: Final = "vvc.velero.io/backup"
RESTORE_CONTROLLER: Final = "vvc.velero.io/restore"
#: The ConfigMap's name in the project's manifests, and in the Go program's.
CONFIG_MAP: Final = "velero-volume-controller"

T = TypeVar("T")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. Raises KubeError when it can't start; once started it always retries.

    The signals count from the first moment: the first process of a container is deaf
    to those that it does not handle. Health is served before the cluster is asked
    anything, or a slow API server would have the pod killed as not alive.
    """
    metrics = Metrics(__version__)
    pods, prepared = PodCache(metrics), asyncio.Event()
    with _stopped_by_signals() as stop:
        async with serve(settings.listen, lambda: pods.synced.is_set() and prepared.is_set(), metrics):
            await _until_stopped(settings, pods, prepared, metrics, stop)
    log.info("stopped")


async def _until_stopped(
    settings: Settings, pods: PodCache, prepared: asyncio.Event, metrics: Metrics, stop: asyncio.Event
) -> None:
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
        spawn = await stack.enter_async_context(_tasks())
        spawn(pods.follow(client))
        caches = Caches(pods, LiveSurroundings(client, metrics, spawn))
        process = _Process(settings, client, metrics, observe, caches)
        await _unless_stopped(stop, process.configure(settings.configuration))
        if stop.is_set():
            return
        prepared.set()
        spawn(process.reloader.follow(settings.configuration))
        await _ended(asyncio.create_task(process.work(stop)), stop)


@asynccontextmanager
async def _tasks() -> AsyncIterator[Spawn]:
    """Runs coroutines until the context is left. If one of them fails, so does the context."""
    tasks: list[asyncio.Task[None]] = []
    try:
        async with asyncio.TaskGroup() as group:
            yield lambda coroutine: tasks.append(group.create_task(coroutine))
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


class _Process:
    """What makes up one process once the cluster is reached and its objects are listed."""

    def __init__(
        self, settings: Settings, client: Client, metrics: Metrics, observer: Observer, caches: Caches
    ) -> None:
        self._settings = settings
        self._client = client
        self._metrics = metrics
        self._observer = observer
        self._surroundings = caches.surroundings
        self._velero = settings.velero_version or NEWEST
        self._patience: float | None = None
        self._identity = f"{platform.node()}_{uuid.uuid4()}"
        server = settings.configuration.cluster

        def count(reason: str, result: str) -> None:
            metrics.events.labels(reason, result).inc()

        self._recorder = Recorder(client, REPORTING_CONTROLLER, self._identity, count)
        #: Paced apart: what is told of thousands of pods must not keep word of a failed Backup back.
        self._backup_recorder = Recorder(client, BACKUP_CONTROLLER, self._identity, count)
        ground = Ground(caches.pods.pods, caches.pods.synced, caches.surroundings.everything)
        self._backups = Service(Means(client, ground, self._backup_recorder, metrics))
        self._restore_recorder = Recorder(client, RESTORE_CONTROLLER, self._identity, count)
        self._restores = RestoreService(
            RestoreMeans(client, self._restore_recorder, metrics, server.lease_namespace)
        )
        config_map = settings.config_map or ConfigMap(server.lease_namespace, CONFIG_MAP)
        self._config_map = ConfigMapEvents(client, self._recorder, config_map)
        rates = Rates(settings.max_in_flight, settings.reload_rate)
        self._annotator = Annotator(client, caches, self._recorder, metrics, rates)
        self.reloader = Reloader(
            settings.path, settings.ownership, self.configure, self._config_map.tell, metrics
        )

    async def configure(self, configuration: Configuration) -> None:
        """Decide by this configuration from now on. Raises KubeError if that can't be done."""
        # Where nobody asks what Velero can take, its version means nothing.
        if self._settings.velero_version is None and not configuration.as_go_program:
            namespace = self._settings.configuration.cluster.lease_namespace
            found = await server_version(self._client, namespace, self._patience)
            # What was seen once is believed until something else is seen.
            self._velero, self._patience = found or self._velero, PATIENCE
            log.info("Velero's version", counts_as=str(self._velero), seen=found is not None)
        surroundings = await self._surroundings.prepare(configuration, self._velero)
        self._annotator.configure(configuration, surroundings)

    async def work(self, stop: asyncio.Event) -> None:
        """Annotates, backs up and restores while this process leads; always, if there is no election."""
        settings = self._settings
        if not settings.leader_elect:
            self._metrics.leader.set(1)
            await self._lead(stop)
            return
        fence = Fence()
        self._client.guard = fence.check
        server = settings.configuration.cluster
        candidate = Candidate(server.lease_namespace, server.lease_name, self._identity, settings.election)
        # A connection of its own: the Lease is renewed whatever the other one is busy with.
        limits = lease_limits(settings.election)
        async with Client.connect(_cluster(settings), limits, self._observer) as own:
            elector = Elector(own, candidate, fence, self._metrics.leader.set)
            await elector.run(lambda: self._lead(stop), stop)

    async def _lead(self, stop: asyncio.Event) -> None:
        async with _tasks() as spawn:
            spawn(self._recorder.run())
            spawn(self._backup_recorder.run())
            spawn(self._restore_recorder.run())
            spawn(self._tell_what_stands())
            await _all(self._annotator.lead(stop), self._backups.lead(stop), self._restores.lead(stop))

    async def _tell_what_stands(self) -> None:
        """What was refused before this process led, its predecessor may not have told."""
        if self.reloader.refused:
            await self._config_map.tell(False, self.reloader.refused)


async def _all(*works: Coroutine[Any, Any, None]) -> None:
    """Until all have ended. If one fails, the others are cancelled and awaited, and its error raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


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


async def _ended(working: asyncio.Task[None], stop: asyncio.Event) -> None:
    """Until the work has ended, which it must soon after ``stop``. Raises what it raised."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            await asyncio.wait({working}, timeout=GRACE)
            if not working.done():
                log.warning("what was in hand did not end in time; it is given up")
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.wait({working, stopping})
    if not working.cancelled():
        working.result()


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
