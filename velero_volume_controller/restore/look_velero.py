"""What Velero says of the Backups and Restores that a CleanRestore made."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from velero_volume_controller.api.cleanrestore import RunRestore, UndoStatus
from velero_volume_controller.kube.client import Client
from velero_volume_controller.restore.gather import NotRestorable, read_backup, storage_of, taken_of
from velero_volume_controller.velero.client.downloads import NotFetched, NotStored, Storage, Target, download
from velero_volume_controller.velero.client.restores import read_restore, read_volumes
from velero_volume_controller.velero.model.backup_contents import (
    Key,
    decode_resource_list,
    decode_volume_infos,
)
from velero_volume_controller.velero.model.backups import RESTORABLE, Backup
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.restore_runs import PodVolumeRestore, Restore

#: What these made is cleared away, or was never made: it is no progress.
_NOTHING: Final = frozenset({"Failed", "Lost"})


@dataclass(frozen=True, slots=True)
class Inside:
    """What is in a Backup that has ended, by its files: as ``steps.Observed`` has it."""

    snapshots: frozenset[tuple[str, str, str]] = frozenset()
    objects: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class UndoBackup:
    """The Backup of what is cleared away, the volumes that it read, and what else it has."""

    backup: Backup | None = None
    taken: tuple[PodVolumeBackup, ...] = ()
    inside: Inside = Inside()


async def look_at_undo(client: Client, undo: UndoStatus | None, known: dict[str, Inside]) -> UndoBackup:
    """``known`` is what is in Backups that have ended, by their uids. Raises as ``download``, and as
    Client.request."""
    if undo is None:
        return UndoBackup()
    try:
        backup = await read_backup(client, undo.namespace, undo.backup)
    except NotRestorable:
        return UndoBackup()
    taken = await taken_of(client, undo.namespace, undo.backup)
    if backup.phase not in RESTORABLE:
        return UndoBackup(backup, taken)
    if backup.uid not in known:
        storage = await storage_of(client, backup)
        known[backup.uid] = Inside(
            await _snapshots(client, backup, storage), await _objects(client, backup, storage)
        )
    return UndoBackup(backup, taken, known[backup.uid])


async def _objects(client: Client, backup: Backup, storage: Storage) -> frozenset[Key]:
    try:
        listed = await download(client, backup.namespace, Target.BACKUP_RESOURCE_LIST, backup.name, storage)
        return frozenset(await asyncio.to_thread(decode_resource_list, listed))
    except NotStored:
        # Velero writes it before it says Completed: of what is not told, nothing is known to be in it.
        return frozenset()
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotFetched(f"The resource list of Backup {backup.name} can't be read ({error}).") from error


async def _snapshots(client: Client, backup: Backup, storage: Storage) -> frozenset[tuple[str, str, str]]:
    try:
        infos = await download(client, backup.namespace, Target.BACKUP_VOLUME_INFOS, backup.name, storage)
        volumes = decode_volume_infos(infos)
    except NotStored:
        # Velero has kept them since 1.14.
        return frozenset()
    except msgspec.MsgspecError as error:
        raise NotFetched(f"The volume infos of Backup {backup.name} can't be read ({error}).") from error
    return frozenset(
        (each.namespace, each.claim, each.persistent_volume)
        for each in volumes
        if each.snapshot and each.claim
    )


async def look_at_restores(
    client: Client, restores: Iterable[RunRestore]
) -> tuple[dict[str, Restore], tuple[PodVolumeRestore, ...]]:
    """Those that are there, by name, and their volumes. Raises as Client.request."""
    seen: dict[str, Restore] = {}
    lanes: dict[str, list[str]] = {}
    for each in restores:
        found = await read_restore(client, each.namespace, each.name)
        if found is None:
            continue
        seen[each.name] = found
        if each.phase not in _NOTHING:
            lanes.setdefault(each.namespace, []).append(each.name)
    volumes: list[PodVolumeRestore] = []
    for lane, names in lanes.items():
        volumes += await read_volumes(client, lane, names)
    return seen, tuple(volumes)
