"""Which Backups a CleanRestore restores, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from velero_volume_controller.api.backupset import (
    GROUP,
    SCHEDULE,
    SETS,
    VERSION,
    BackupSetSpec,
    BackupSetStatus,
    Missing,
    SetPhase,
)
from velero_volume_controller.api.cleanrestore import CleanRestoreSpec, SourceBackup
from velero_volume_controller.api.objects import Object, decode_object
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.resources import Resource

BACKUP_SETS: Final = Resource(GROUP, VERSION, SETS, "BackupSet")
_FEW: Final = 3


class NoSource(KubeError):  # noqa: N818  (the name says what is the case)
    """What is to be restored is not there, or is no restore point."""


async def sources_of(client: Client, namespace: str, spec: CleanRestoreSpec) -> tuple[SourceBackup, ...]:
    """Its Backups, cluster-scoped objects first. Raises NoSource, and as Client.request."""
    source = spec.source
    if source.backup_set is not None:
        return await _of_set(client, namespace, source.backup_set, spec)
    names = [source.backup] if source.backup is not None else source.backups
    return tuple(SourceBackup(name=name, namespace=namespace) for name in dict.fromkeys(names))


async def _of_set(
    client: Client, namespace: str, name: str, spec: CleanRestoreSpec
) -> tuple[SourceBackup, ...]:
    status = (await _read_set(client, namespace, name)).status
    which = f"BackupSet {namespace}/{name}"
    if status.phase is None or not status.phase.ended:
        raise NoSource(f"{which} is {status.phase or 'new'} and has not ended; wait until it has")
    point = status.restore_point
    if point is None or not point.backups:
        raise NoSource(f"{which} is {status.phase} and has no restore point; choose another one")
    if status.phase is not SetPhase.COMPLETED and not spec.allow_partial:
        raise NoSource(
            f"{which} is {status.phase}: {_lacking(point.missing)}; choose another one, or make a"
            " CleanRestore with allowPartial, which restores the rest"
        )
    cluster = {shard.name for shard in status.shards if shard.cluster}
    ordered = sorted(point.backups, key=lambda each: each.shard not in cluster)
    return tuple(SourceBackup(name=each.name, namespace=each.lane or namespace) for each in ordered)


async def schedule_of(client: Client, namespace: str, spec: CleanRestoreSpec) -> str:
    """The BackupSetSchedule that made the set; empty if none did. Raises NoSource, and as Client.request."""
    if spec.source.backup_set is None:
        return ""
    return (await _read_set(client, namespace, spec.source.backup_set)).labels.get(SCHEDULE, "")


async def _read_set(client: Client, namespace: str, name: str) -> Object[BackupSetSpec, BackupSetStatus]:
    path = BACKUP_SETS.path(namespace, name)
    try:
        found = decode_object(
            await client.request("GET", path), BackupSetSpec, BackupSetStatus, BackupSetStatus()
        )
    except ApiError as error:
        if error.status != 404:
            raise
        raise NoSource(
            f"there is no BackupSet {namespace}/{name}; vvc backup list shows what there is"
        ) from None
    except msgspec.MsgspecError as error:
        raise ApiError("GET", path, 200, "", f"the answer is no BackupSet ({error})") from error
    if found.problem is not None:
        raise NoSource(f"BackupSet {namespace}/{name} can't be read: {found.problem}")
    return found


def _lacking(missing: list[Missing]) -> str:
    if not missing:
        return "some of its Backups failed"
    rest = f" and {len(missing) - _FEW} more" if missing[_FEW:] else ""
    return f"it lacks {', '.join(_names(missing[:_FEW]))}{rest}"


def _names(missing: list[Missing]) -> Iterator[str]:
    for each in missing:
        yield "/".join(filter(None, (each.namespace, each.pod, each.volume)))
