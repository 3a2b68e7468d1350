"""One look at one CleanRestore, its Restores and their volumes: for whoever asks how far it is."""

from __future__ import annotations

from collections.abc import Mapping

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.permissions import Permission
from velero_volume_controller.restore.handling import read
from velero_volume_controller.restore.objects import CleanRestore
from velero_volume_controller.restore.views import Seen
from velero_volume_controller.velero.client.restores import (
    POD_VOLUME_RESTORES,
    RESTORES,
    read_restore,
    read_volumes,
)
from velero_volume_controller.velero.model.restore_runs import PodVolumeRestore, Restore


async def look(client: Client, namespace: str, name: str) -> Seen:
    """The run as it is now. Restores and volumes that may not be read are None, and the notes say so.

    Raises handling.NoSuchRun with the names that there are, and KubeError.
    """
    run = await read(client, namespace, name)
    notes: list[str] = []
    restores = await _restores(client, run, notes)
    volumes = await _volumes(client, run, notes)
    return Seen(run, restores, volumes, tuple(notes))


async def _restores(client: Client, run: CleanRestore, notes: list[str]) -> Mapping[str, Restore] | None:
    found: dict[str, Restore] = {}
    for known in run.status.restores:
        try:
            restore = await read_restore(client, known.namespace, known.name)
        except ApiError as error:
            notes.append(_unread(error, RESTORES.plural, known.namespace))
            return None
        # Another one that took the name is not this run's.
        if restore is not None and known.uid in {"", restore.uid}:
            found[known.name] = restore
    return found


async def _volumes(
    client: Client, run: CleanRestore, notes: list[str]
) -> tuple[PodVolumeRestore, ...] | None:
    by_lane: dict[str, list[str]] = {}
    for known in run.status.restores:
        by_lane.setdefault(known.namespace, []).append(known.name)
    found: list[PodVolumeRestore] = []
    for lane, names in sorted(by_lane.items()):
        try:
            found += await read_volumes(client, lane, names)
        except ApiError as error:
            notes.append(_unread(error, POD_VOLUME_RESTORES.plural, lane))
            return None
    return tuple(found)


def _unread(error: ApiError, plural: str, namespace: str) -> str:
    """The note on what may not be read. Raises the error if it is of another kind."""
    # 404: this Velero is gone, and its CRDs with it.
    if error.status not in {403, 404}:
        raise error
    why = "may not" if error.status == 403 else "can't"
    what = Permission(
        "list" if plural == POD_VOLUME_RESTORES.plural else "get", plural, "velero.io", namespace
    )
    return f"you {why} {what}, so this is what the status says"
