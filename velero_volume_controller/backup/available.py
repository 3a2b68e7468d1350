"""Whether BackupSets can be carried out at all: their CRDs, and the rights. Asked first and in doubt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from velero_volume_controller.backup.apply import BACKUP_SETS
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.permissions import Permission, allowed
from velero_volume_controller.kube.resources import Resource

#: What each of our resources needs; without it none of its objects is dealt with.
_FOLLOWED: Final = (("list", ""), ("watch", ""), ("update", "status"))
#: And what is done with sets beside that: read again after a conflict; made and removed by schedules.
_OF_SETS: Final = (("get", ""),)
_OF_SCHEDULES: Final = (("create", ""), ("delete", ""))


async def missing_for_sets(client: Client) -> str | None:
    """One sentence on what is missing for BackupSets, None if nothing is. Raises as Client.request."""
    wanted = [*_followed(BACKUP_SETS), *(_permission(BACKUP_SETS, *each) for each in _OF_SETS)]
    return await _absent(client, BACKUP_SETS) or await _forbidden(client, wanted)


async def missing_for_schedules(client: Client, schedules: Resource) -> str | None:
    """The same for their schedules, where sets themselves can be carried out."""
    wanted = [*_followed(schedules), *(_permission(BACKUP_SETS, *each) for each in _OF_SCHEDULES)]
    return await _absent(client, schedules) or await _forbidden(client, wanted)


class _Resource(msgspec.Struct):
    name: str = ""


class _Resources(msgspec.Struct):
    resources: list[_Resource] | None = None


async def _absent(client: Client, resource: Resource) -> str | None:
    path = f"/apis/{resource.api_version}"
    try:
        found = msgspec.json.decode(await client.request("GET", path), type=_Resources).resources or []
    except ApiError as error:
        if error.status != 404:
            raise
        found = []
    except msgspec.MsgspecError as error:
        raise ApiError("GET", path, 200, "", f"the answer is no list of resources ({error})") from error
    if any(each.name == resource.plural for each in found):
        return None
    return (
        f"the API server knows no {resource.plural}.{resource.group}; apply the project's"
        " CustomResourceDefinitions"
    )


def _followed(resource: Resource) -> list[Permission]:
    return [_permission(resource, verb, subresource) for verb, subresource in _FOLLOWED]


def _permission(resource: Resource, verb: str, subresource: str) -> Permission:
    return Permission(verb, resource.plural, resource.group, subresource=subresource)


async def _forbidden(client: Client, wanted: Iterable[Permission]) -> str | None:
    """Where the right to ask (role system:basic-user) was taken away, nothing counts as missing."""
    try:
        lacking = [str(each) for each in wanted if not await allowed(client, each)]
    except ApiError as error:
        if error.status != 403:
            raise
        return None
    if not lacking:
        return None
    return (
        f"this service account may not {'; '.join(lacking)}. Grant it with a ClusterRole and a binding, as in"
        " the project's manifests"
    )
