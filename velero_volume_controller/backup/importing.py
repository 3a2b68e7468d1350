"""BackupSets made anew from Velero's Backups, after the cluster that held them was lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from velero_volume_controller.api.backupset import MAX_NAME
from velero_volume_controller.api.objects import plain
from velero_volume_controller.backup.apply import BACKUP_SETS
from velero_volume_controller.backup.handling import make, read, remove, sets, steer
from velero_volume_controller.backup.naming import SET_UID
from velero_volume_controller.backup.objects import BackupSet
from velero_volume_controller.backup.rebuild import Rebuilt, rebuild
from velero_volume_controller.backup.written import Written
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.lists import pages
from velero_volume_controller.kube.resources import Identity, replace_status
from velero_volume_controller.velero.client.lanes import BACKUPS, POD_VOLUME_BACKUPS
from velero_volume_controller.velero.model.backups import decode_backup
from velero_volume_controller.velero.model.pod_volume_backups import decode_pod_volume_backup


@dataclass(frozen=True, slots=True)
class Import:
    """A set that can be made. ``name`` differs from the old one where another set has that by now.

    ``present`` is the name of the set that is there already and has these Backups; then none is made.
    """

    rebuilt: Rebuilt
    name: str
    present: str = ""


async def importable(client: Client, namespace: str, lanes: Sequence[str], now: str) -> list[Import]:
    """What the Backups in these lanes tell of, for this namespace. Raises KubeError."""
    backups, volumes = [], []
    for lane in lanes:
        query = {"labelSelector": SET_UID}
        async for page in pages(client, BACKUPS.path(lane), query):
            backups += [decode_backup(item) for item in page.items]
        async for page in pages(client, POD_VOLUME_BACKUPS.path(lane)):
            volumes += [decode_pod_volume_backup(item) for item in page.items]
    there = await sets(client, namespace)
    return named(rebuild(backups, volumes, now), there)


def named(found: Iterable[Rebuilt], there: Iterable[BackupSet]) -> list[Import]:
    """Each with a name that no other set has."""
    owners = {(each.status.plan.owner if each.status.plan else "") or each.uid: each.name for each in there}
    taken = set(owners.values())
    imports = []
    for rebuilt in found:
        name = rebuilt.name
        if rebuilt.uid not in owners and name in taken:
            name = f"{name[: MAX_NAME - 9].rstrip('-.')}-{rebuilt.uid[:8]}"
        taken.add(name)
        imports.append(Import(rebuilt, name, owners.get(rebuilt.uid, "")))
    return imports


async def carry_out(client: Client, namespace: str, wanted: Import) -> BackupSet:
    """The set as made, with its status. Raises KubeError, ConfigurationError.

    It is paused until its status is there: a set without one is planned and run.
    """
    spec, paused = wanted.rebuilt.spec, wanted.rebuilt.spec.paused
    waiting = msgspec.structs.replace(spec, paused=True)
    made = await make(client, Written(waiting, wanted.name, namespace))
    try:
        made = await _with_status(client, made, wanted.rebuilt)
    except KubeError:
        # Without its status it is a new set that waits for vvc backup resume.
        await remove(client, made)
        raise
    return made if paused else await steer(client, made, {"paused": False})


async def _with_status(client: Client, made: BackupSet, rebuilt: Rebuilt) -> BackupSet:
    """The controller may write that it is paused meanwhile; then once more."""
    while True:
        which = Identity(made.namespace, made.name, made.uid, made.version)
        try:
            await replace_status(client, BACKUP_SETS, which, plain(rebuilt.status))
        except ApiError as error:
            if error.status != 409:
                raise
        else:
            return await read(client, made.namespace, made.name)
        made = await read(client, made.namespace, made.name)
