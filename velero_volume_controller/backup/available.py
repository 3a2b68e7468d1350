"""Whether BackupSets can be carried out at all: their CRDs, and the rights. Asked first and in doubt."""

from __future__ import annotations

from typing import Final

from velero_volume_controller.backup.apply import BACKUP_SETS
from velero_volume_controller.kube.available import absent, forbidden
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.permissions import Permission
from velero_volume_controller.kube.resources import Resource

#: What each of our resources needs; without it none of its objects is dealt with.
_FOLLOWED: Final = (("list", ""), ("watch", ""), ("update", "status"))
#: And what is done with sets beside that: read again after a conflict; made and removed by schedules.
_OF_SETS: Final = (("get", ""),)
_OF_SCHEDULES: Final = (("create", ""), ("delete", ""))


async def missing_for_sets(client: Client) -> str | None:
    """One sentence on what is missing for BackupSets, None if nothing is. Raises as Client.request."""
    wanted = [*_followed(BACKUP_SETS), *(_permission(BACKUP_SETS, *each) for each in _OF_SETS)]
    return await absent(client, BACKUP_SETS) or await forbidden(client, wanted)


async def missing_for_schedules(client: Client, schedules: Resource) -> str | None:
    """The same for their schedules, where sets themselves can be carried out."""
    wanted = [*_followed(schedules), *(_permission(BACKUP_SETS, *each) for each in _OF_SCHEDULES)]
    return await absent(client, schedules) or await forbidden(client, wanted)


def _followed(resource: Resource) -> list[Permission]:
    return [_permission(resource, verb, subresource) for verb, subresource in _FOLLOWED]


def _permission(resource: Resource, verb: str, subresource: str) -> Permission:
    return Permission(verb, resource.plural, resource.group, subresource=subresource)
