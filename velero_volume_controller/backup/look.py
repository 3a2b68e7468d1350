"""One look at one BackupSet, its Backups and their volumes: for whoever asks how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from velero_volume_controller.backup.handling import read
from velero_volume_controller.backup.naming import RETRY, SET_UID
from velero_volume_controller.backup.objects import BackupSet
from velero_volume_controller.backup.views import Seen
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.lists import pages
from velero_volume_controller.kube.permissions import Permission
from velero_volume_controller.kube.resources import Resource
from velero_volume_controller.velero.client.lanes import BACKUPS, POD_VOLUME_BACKUPS
from velero_volume_controller.velero.model.backups import decode_backup
from velero_volume_controller.velero.model.pod_volume_backups import (
    BACKUP_LABEL,
    decode_pod_volume_backup,
)

#: Names of Backups in one question: each has up to 63 characters, and a URL should stay under 8 KiB.
CHUNK: Final = 50

T = TypeVar("T")


async def look(client: Client, namespace: str, name: str) -> Seen:
    """The set as it is now. Backups and volumes that may not be read are None, and the notes say so.

    Raises handling.NoSuchSet with the names that there are, and KubeError.
    """
    found = await read(client, namespace, name)
    if found.spec is None:
        raise KubeError(f"BackupSet {namespace}/{name} can't be read: {found.problem}")
    lanes = {attempt.lane for shard in found.status.shards for attempt in shard.attempts if attempt.lane}
    owner = (found.status.plan.owner if found.status.plan else "") or found.uid
    notes: list[str] = []
    of_set = [(lane, f"{SET_UID}={owner}") for lane in sorted(lanes)]
    backups = await _all(client, BACKUPS, of_set, decode_backup, notes)
    of_backups = [(lane, f"{BACKUP_LABEL} in ({','.join(names)})") for lane, names in _names(found)]
    volumes = await _all(client, POD_VOLUME_BACKUPS, of_backups, decode_pod_volume_backup, notes)
    return Seen(
        namespace=namespace,
        name=name,
        spec=found.spec,
        status=found.status,
        created=found.created,
        demanded=found.annotations.get(RETRY, ""),
        backups=None if backups is None else {(each.namespace, each.name): each for each in backups},
        volumes=None if volumes is None else tuple(volumes),
        notes=tuple(notes),
    )


def _names(found: BackupSet) -> Iterator[tuple[str, list[str]]]:
    """The Backups of each lane, some at a time."""
    by_lane: dict[str, list[str]] = {}
    for shard in found.status.shards:
        # One that was skipped, or is known by its number alone, has no name.
        for attempt in (each for each in shard.attempts if each.backup):
            by_lane.setdefault(attempt.lane, []).append(attempt.backup)
    for lane, backups in sorted(by_lane.items()):
        for start in range(0, len(backups), CHUNK):
            yield lane, backups[start : start + CHUNK]


async def _all(
    client: Client,
    resource: Resource,
    selectors: Iterable[tuple[str, str]],
    decode: Callable[[msgspec.Raw], T],
    notes: list[str],
) -> list[T] | None:
    """What these label selectors find, each in its namespace; None, and a note, where that is forbidden."""
    found: list[T] = []
    for namespace, selector in selectors:
        try:
            async for page in pages(client, resource.path(namespace), {"labelSelector": selector}):
                found += [each for item in page.items if (each := _decoded(item, decode)) is not None]
        except ApiError as error:
            # 404: this Velero is gone, and its CRDs with it.
            if error.status not in {403, 404}:
                raise
            what = Permission("list", resource.plural, resource.group, namespace)
            why = "may not" if error.status == 403 else "can't"
            notes.append(f"you {why} {what}, so this is what the set's status says")
            return None
    return found


def _decoded(item: msgspec.Raw, decode: Callable[[msgspec.Raw], T]) -> T | None:
    """None for what can't be read; the controller passes it over, too."""
    try:
        return decode(item)
    except msgspec.MsgspecError:
        return None
