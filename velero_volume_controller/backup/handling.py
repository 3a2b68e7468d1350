"""What a person does with BackupSets: makes, lists, steers and deletes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from velero_volume_controller.backup.apply import BACKUP_SETS
from velero_volume_controller.backup.naming import RETRY, SET_UID
from velero_volume_controller.backup.objects import BackupSet, decode_set
from velero_volume_controller.backup.written import Written, manifest
from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.kube.client import MERGE_PATCH, Client
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.lists import pages
from velero_volume_controller.kube.resources import Identity, Resource, create, delete
from velero_volume_controller.velero.client.lanes import BACKUPS
from velero_volume_controller.velero.model.backups import Backup, decode_backup
from velero_volume_controller.velero.model.pod_volume_backups import BACKUP_LABEL

_DELETE_REQUESTS: Final = Resource("velero.io", "v1", "deletebackuprequests", "DeleteBackupRequest")
#: Velero's label with the uid of the Backup that is to be deleted (labels_annotations.go).
_UID_LABEL: Final = "velero.io/backup-uid"
#: A label's value is at most so long; Velero shortens longer names with a hash, we leave the label out.
_LABEL_LENGTH: Final = 63


class NoSuchSet(KubeError):  # noqa: N818  (the name says what is the case)
    """There is no BackupSet of this name."""


class NotInstalled(KubeError):  # noqa: N818
    """The API server does not know BackupSets."""


async def sets(client: Client, namespace: str) -> list[BackupSet]:
    """The BackupSets in this namespace, or in all if it is empty; the oldest first. Raises KubeError."""
    found = []
    try:
        async for page in pages(client, BACKUP_SETS.path(namespace)):
            found += [decode_set(item) for item in page.items]
    except ApiError as error:
        raise _known(error) from error
    return sorted(found, key=lambda each: (each.created, each.namespace, each.name))


async def read(client: Client, namespace: str, name: str) -> BackupSet:
    """This set. Raises NoSuchSet with the names that there are, and KubeError."""
    try:
        return decode_set(await client.request("GET", BACKUP_SETS.path(namespace, name)))
    except ApiError as error:
        if error.status != 404:
            raise
    there = [each.name for each in await sets(client, namespace)]
    names = f"there are: {', '.join(there)}" if there else "there are none"
    raise NoSuchSet(
        f"BackupSet {namespace}/{name}: there is none of that name; in this namespace {names}."
        " Name another, or its namespace with -n."
    )


async def make(client: Client, written: Written) -> BackupSet:
    """Makes it. Raises ConfigurationError with the API server's words if it is not valid, and KubeError."""
    body = manifest(written)
    try:
        return decode_set(await create(client, BACKUP_SETS, written.namespace, body))
    except ApiError as error:
        if error.status == 409:
            raise KubeError(
                f"BackupSet {written.namespace}/{written.name}: there is one of that name already."
                f" Choose another name, or delete it: vvc backup delete {written.name}."
            ) from None
        if error.status in {400, 422}:
            raise ConfigurationError(f"the API server refuses it: {error.message}") from None
        raise _known(error) from error


async def steer(client: Client, found: BackupSet, spec: Mapping[str, Any]) -> BackupSet:
    """Changes these keys of its spec and no others. Raises KubeError."""
    return await _patch(client, found, {"spec": spec})


async def demand_retry(client: Client, found: BackupSet, shards: Iterable[str] = ()) -> BackupSet:
    """Asks for further attempts at these shards, or at all without a Completed Backup (Situation.retry).

    A demand of somebody else's that was not followed yet is kept: this one then asks for both. Raises
    KubeError.
    """
    asked = list(shards)
    while True:
        token = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        value = " ".join(filter(None, (token, ",".join(_with_pending(found, asked)))))
        metadata = {"annotations": {RETRY: value}, "resourceVersion": found.version}
        try:
            return await _patch(client, found, {"metadata": metadata})
        except ApiError as error:
            if error.status != 409:
                raise
        again = await read(client, found.namespace, found.name)
        if again.uid != found.uid:
            raise NoSuchSet(
                f"BackupSet {found.namespace}/{found.name} was deleted; another has its name now."
            )
        found = again


def _with_pending(found: BackupSet, asked: list[str]) -> list[str]:
    """The shards to name; none means all."""
    pending = found.annotations.get(RETRY, "")
    if not asked or not found.status.shards or pending in {"", found.status.retried}:
        return asked
    named = [name.strip() for name in pending.partition(" ")[2].split(",") if name.strip()]
    return list(dict.fromkeys([*named, *asked])) if named else []


async def backups_of(client: Client, found: BackupSet) -> list[Backup]:
    """Every Backup that bears the set's uid, in each lane that it names or has used; the oldest first."""
    owner = (found.status.plan.owner if found.status.plan else "") or found.uid
    lanes = {found.namespace, *(choice.namespace for choice in (found.spec.lanes if found.spec else ()))}
    lanes |= {attempt.lane for shard in found.status.shards for attempt in shard.attempts if attempt.lane}
    backups = []
    for lane in sorted(lanes):
        async for page in pages(client, BACKUPS.path(lane), {"labelSelector": f"{SET_UID}={owner}"}):
            backups += [decode_backup(item) for item in page.items]
    return sorted(backups, key=lambda each: (each.created, each.namespace, each.name))


async def remove(client: Client, found: BackupSet) -> None:
    """Deletes the set, and nothing of Velero's. Raises KubeError; one that is gone is no error."""
    which = Identity(found.namespace, found.name, found.uid)
    try:
        await delete(client, BACKUP_SETS, which)
    except ApiError as error:
        if error.status != 404:
            raise


async def request_deletion(client: Client, backup: Backup) -> None:
    """Asks Velero to delete a Backup, its data in the storage included. Raises KubeError.

    Deleting the Backup object alone would leave the data, and Velero's sync would bring it back.
    """
    labels = {_UID_LABEL: backup.uid}
    if len(backup.name) <= _LABEL_LENGTH:
        labels[BACKUP_LABEL] = backup.name
    name = f"{backup.name}-{datetime.now(UTC):%Y%m%d%H%M%S}"
    body = {"metadata": {"name": name, "labels": labels}, "spec": {"backupName": backup.name}}
    try:
        await create(client, _DELETE_REQUESTS, backup.namespace, body)
    except ApiError as error:
        if error.status != 409:  # sent twice
            raise


async def _patch(client: Client, found: BackupSet, body: Mapping[str, Any]) -> BackupSet:
    path = BACKUP_SETS.path(found.namespace, found.name)
    metadata = {**body.get("metadata", {}), "uid": found.uid}
    data = msgspec.json.encode({**body, "metadata": metadata})
    try:
        return decode_set(await client.request("PATCH", path, body=data, content_type=MERGE_PATCH))
    except ApiError as error:
        if error.status in {400, 422}:
            raise ConfigurationError(f"the API server refuses it: {error.message}") from None
        raise


def _known(error: ApiError) -> KubeError:
    """The error, or what it means where the resource itself is missing."""
    # A group that nobody serves is answered by no Status but by a bare "404 page not found".
    if error.status != 404 or (error.reason and "could not find the requested resource" not in error.message):
        return error
    return NotInstalled(
        "BackupSets are not known to this cluster. Install them: kubectl apply -f manifests/install.yaml."
    )
