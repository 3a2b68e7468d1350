"""Carries out what a step asks for, so that doing it twice is doing it once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import structlog

from velero_volume_controller.api.backupset import GROUP, VERSION, BackupSetStatus
from velero_volume_controller.api.objects import plain
from velero_volume_controller.api.times import format_time
from velero_volume_controller.backup import naming
from velero_volume_controller.backup.objects import BackupSet, decode_set
from velero_volume_controller.backup.steps import CreateBackup, Nudge, Tell
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.events import Event, Recorder, Regarding
from velero_volume_controller.kube.resources import Identity, Resource, annotate, replace_status
from velero_volume_controller.velero.client.lanes import BACKUPS
from velero_volume_controller.velero.client.making import make_once

BACKUP_SETS: Final = Resource(GROUP, VERSION, "backupsets", "BackupSet")
#: On a Backup: when it was touched so that Velero looks at it again.
NUDGED: Final = f"{GROUP}/nudged"
#: What the API server would say again: the object itself is not valid.
_FOR_GOOD: Final = frozenset({400, 422})

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def create_backup(client: Client, action: CreateBackup) -> str | None:
    """None if the Backup is there, made now or by us before; else why it will never be: one sentence.

    Raises as Client.request where that is open: an outage, a right that is missing, a namespace that goes.
    """
    metadata = {
        "name": action.name,
        "labels": dict(action.labels),
        "annotations": dict(action.annotations),
    }
    body = {"metadata": metadata, "spec": dict(action.spec)}
    try:
        unlike = await make_once(client, BACKUPS, action.lane, body, [naming.SPEC])
    except ApiError as error:
        if error.status not in _FOR_GOOD:
            raise
        return f"Backup {action.lane}/{action.name} is not valid: {error.message}"
    if unlike is not None:
        return f"{unlike}; delete it with velero backup delete, or run the set under another name"
    log.info("Backup handed over", lane=action.lane, backup=action.name, attempt=action.attempt)
    return None


async def nudge(client: Client, action: Nudge) -> None:
    """Touches the Backup if it is still the one meant; one that is gone needs none. Raises as the client."""
    which = Identity(action.lane, action.name, action.uid)
    try:
        await annotate(client, BACKUPS, which, {NUDGED: format_time(datetime.now(UTC))})
    except ApiError as error:
        if error.status not in {404, 409}:
            raise
    else:
        log.info("Backup nudged", lane=action.lane, backup=action.name)


def tell(recorder: Recorder, about: BackupSet, action: Tell) -> None:
    """An Event on the set, soon, and a line of the log."""
    level = log.warning if action.warning else log.info
    level(action.message, namespace=about.namespace, backup_set=about.name, reason=action.reason)
    emit(recorder, about, action)


def emit(recorder: Recorder, about: BackupSet, action: Tell) -> None:
    """An Event on the set, soon."""
    regarding = Regarding("BackupSet", about.namespace, about.name, about.uid, BACKUP_SETS.api_version)
    recorder.emit(Event(regarding, action.reason, "Step", action.message, warning=action.warning))


async def write_status(client: Client, about: BackupSet, status: BackupSetStatus) -> BackupSet:
    """The set with this status. Raises ApiError: 409 if it is not that version any more, 404 if gone."""
    which = Identity(about.namespace, about.name, about.uid, about.version)
    return decode_set(await replace_status(client, BACKUP_SETS, which, plain(status)))


async def read(client: Client, namespace: str, name: str) -> BackupSet | None:
    """The set as it is now, past the cache; None if it is gone. Raises as Client.request."""
    try:
        return decode_set(await client.request("GET", BACKUP_SETS.path(namespace, name), once=True))
    except ApiError as error:
        if error.status == 404 and error.reason == "NotFound":
            return None
        raise
