"""Velero's Restores and the volumes that they write, asked for once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.lists import listed
from velero_volume_controller.kube.resources import Resource
from velero_volume_controller.velero.client.lanes import VELERO
from velero_volume_controller.velero.model.names import backup_label
from velero_volume_controller.velero.model.restore_runs import (
    RESTORE_LABEL,
    PodVolumeRestore,
    Restore,
    decode_pod_volume_restore,
    decode_restore,
)

RESTORES: Final = Resource(*VELERO, "restores", "Restore")
POD_VOLUME_RESTORES: Final = Resource(*VELERO, "podvolumerestores", "PodVolumeRestore")


async def read_restore(client: Client, namespace: str, name: str) -> Restore | None:
    """None if there is none of that name. Raises as Client.request."""
    path = RESTORES.path(namespace, name)
    try:
        return decode_restore(await client.request("GET", path))
    except ApiError as error:
        if error.status != 404:
            raise
        return None
    except msgspec.MsgspecError as error:
        raise ApiError("GET", path, 200, "", f"the answer is no Restore ({error})") from error


async def read_volumes(client: Client, namespace: str, restores: Iterable[str]) -> list[PodVolumeRestore]:
    """The volumes that these Restores write. Raises as Client.request."""
    found: list[PodVolumeRestore] = []
    for name in restores:
        selector = {"labelSelector": f"{RESTORE_LABEL}={backup_label(name)}"}
        found += await listed(client, POD_VOLUME_RESTORES, decode_pod_volume_restore, namespace, selector)
    return found
