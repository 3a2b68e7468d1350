"""One look at a live cluster for a plan: its lanes, and what their Backups have cost so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import msgspec

from velero_volume_controller.backup.inputs import Seen, build
from velero_volume_controller.backup.work import Input
from velero_volume_controller.backup.written import Written
from velero_volume_controller.dumps.objects import Objects
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.lists import pages
from velero_volume_controller.kube.resources import Resource
from velero_volume_controller.velero.client.installations import read_lane
from velero_volume_controller.velero.client.lanes import BACKUPS, POD_VOLUME_BACKUPS
from velero_volume_controller.velero.model.backups import Backup, decode_backup
from velero_volume_controller.velero.model.pod_volume_backups import (
    PodVolumeBackup,
    decode_pod_volume_backup,
)

T = TypeVar("T")


class Progress(Protocol):
    """Told of every page: the resource, how many were read, and of how many if the server says."""

    def __call__(self, resource: str, read: int, total: int | None) -> None:
        """Called on the event loop; must return at once."""


async def survey(client: Client, wanted: Written, objects: Objects, progress: Progress) -> Input:
    """What is planned for the set. ``objects`` are the cluster's pods and what decides with them.

    Without the right to list Backups or their volumes everything is guessed, and a note says so. Raises
    PlanningError as ``inputs.build``, and as Client.request.
    """
    names = [choice.namespace for choice in wanted.spec.lanes] or [wanted.namespace]
    lanes = [lane for name in names if (lane := await read_lane(client, name, objects.pods)) is not None]
    reader = _History(client, progress, [])
    backups: list[Backup] = []
    volumes: list[PodVolumeBackup] = []
    for lane in lanes:
        backups += await reader.read(BACKUPS, lane.namespace, decode_backup)
        volumes += await reader.read(POD_VOLUME_BACKUPS, lane.namespace, decode_pod_volume_backup)
    seen = Seen(objects.pods, objects.surroundings, lanes, backups, volumes)
    given = build(wanted.spec, wanted.namespace, seen)
    return replace(given, notes=(*reader.notes, *given.notes))


@dataclass(frozen=True, slots=True)
class _History:
    client: Client
    progress: Progress
    notes: list[str]

    async def read(
        self, resource: Resource, namespace: str, decode: Callable[[msgspec.Raw], T]
    ) -> Sequence[T]:
        found: list[T] = []
        try:
            async for page in pages(self.client, resource.path(namespace)):
                found += [decode(item) for item in page.items]
                total = None if page.remaining is None else len(found) + page.remaining
                self.progress(f"{resource.plural} in {namespace}", len(found), total)
        except ApiError as error:
            if error.status not in {403, 404}:
                raise
            self.notes.append(
                f"The {resource.plural} in {namespace} may not be listed, so nothing is learnt from them:"
                " times are guessed from sizes."
            )
        return found
