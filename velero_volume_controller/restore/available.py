"""Whether CleanRestores can be seen, and whether they can be carried out. Asked first and in doubt.

These are two things: what says of each CleanRestore why it is not carried out is in the default manifest,
what may delete is in a piece of its own.
"""

from __future__ import annotations

from typing import Final

from velero_volume_controller.kube.available import absent, forbidden
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.permissions import Permission
from velero_volume_controller.restore.apply import CLEAN_RESTORES
from velero_volume_controller.restore.gather import ROLE
from velero_volume_controller.velero.client.lanes import BACKUPS
from velero_volume_controller.velero.client.restores import RESTORES

_SEEN: Final = (("list", ""), ("watch", ""), ("get", ""), ("update", "status"))
#: Whoever has these has the piece: what it grants beside them is asked for object by object.
_MADE: Final = (
    ("create", BACKUPS.plural, BACKUPS.group),
    ("create", RESTORES.plural, RESTORES.group),
    ("create", "downloadrequests", BACKUPS.group),
    ("create", "configmaps", ""),
    ("get", "configmaps", ""),
    ("delete", "configmaps", ""),
)
_WAY_OUT: Final = f"Apply the project's manifests/restore.yaml, which binds ClusterRole {ROLE}"


async def unseen(client: Client) -> str | None:
    """One sentence on what is missing for looking at CleanRestores. Raises as Client.request."""
    group, plural = CLEAN_RESTORES.group, CLEAN_RESTORES.plural
    wanted = [Permission(verb, plural, group, subresource=below) for verb, below in _SEEN]
    return await absent(client, CLEAN_RESTORES) or await forbidden(client, wanted)


async def missing(client: Client, namespace: str) -> str | None:
    """The same for carrying them out, where Velero is in this namespace."""
    wanted = [Permission(verb, plural, group, namespace) for verb, plural, group in _MADE]
    return await forbidden(client, wanted, _WAY_OUT)
