"""Workloads that stand still for a CleanRestore that is gone: told, and not started.

They are left so where a CleanRestore is deleted while no replica leads, or when it had deleted something.
Nobody knows any more whether what they need is all there, and on half of its data none is to run. Looked for
when a leader begins, and now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Set
from typing import Final

import msgspec
import structlog

from velero_volume_controller.api.cleanrestore import QUIESCED
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.events import Event, Regarding
from velero_volume_controller.kube.lists import METADATA, pages
from velero_volume_controller.kube.resources import Resource
from velero_volume_controller.kube.waiting import first_of
from velero_volume_controller.restore.apply import Means
from velero_volume_controller.restore.live import Live, decode_live
from velero_volume_controller.restore.quiet import Note, stilled_by, was

#: From one look to the next, in seconds.
_NOW_AND_THEN: Final = 3600.0
#: What is stilled, and what of it is listed: its metadata.
_WORKLOADS: Final = (
    Resource("apps", "v1", "deployments", "Deployment"),
    Resource("apps", "v1", "statefulsets", "StatefulSet"),
    Resource("apps", "v1", "replicasets", "ReplicaSet"),
    Resource("", "v1", "replicationcontrollers", "ReplicationController"),
    Resource("batch", "v1", "jobs", "Job"),
    Resource("batch", "v1", "cronjobs", "CronJob"),
)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Forgotten:
    """``alive`` are the uids of the CleanRestores that there are, or that are being put back."""

    def __init__(self, means: Means, alive: Callable[[], Set[str]]) -> None:
        self._means = means
        self._alive = alive

    async def run(self, stop: asyncio.Event) -> None:
        """Looks until ``stop``."""
        while not stop.is_set():
            try:
                self._means.metrics.clean_restore_left_stilled.set(await self._look())
            except KubeError as error:
                # Without the piece that may delete, nothing is stilled either.
                tell = log.debug if isinstance(error, ApiError) and error.status == 403 else log.warning
                tell("whether anything stands still for no CleanRestore can't be seen", error=str(error))
            await first_of(stop, timeout=_NOW_AND_THEN)

    async def _look(self) -> int:
        """How many there are; each is told. Raises as Client.request."""
        number = 0
        for resource in _WORKLOADS:
            async for live, note in self._noted(resource):
                if note.by not in self._alive():
                    number += 1
                    self._tell(resource, live, note)
        return number

    async def _noted(self, resource: Resource) -> AsyncIterator[tuple[Live, Note]]:
        async for page in pages(self._means.client, resource.path(), accept=METADATA):
            for raw in page.items:
                try:
                    live = decode_live(raw, resource.group, resource.kind)
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    continue
                if (note := stilled_by(live)) is not None:
                    yield live, note

    def _tell(self, resource: Resource, live: Live, note: Note) -> None:
        about = Regarding(resource.kind, live.key.namespace, live.key.name, live.uid, resource.api_version)
        message = (
            f"a CleanRestore that is gone (uid {note.by}) has stilled it and did not put it back; it was"
            f" {was(note)}. See whether its data and what it reads are all there; then make it that again,"
            f" and take the annotation {QUIESCED} off"
        )
        log.warning(message, kind=resource.kind, namespace=live.key.namespace, name=live.key.name)
        self._means.recorder.emit(Event(about, "LeftStilled", "Look", message))
