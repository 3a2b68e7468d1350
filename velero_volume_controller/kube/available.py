"""Whether something can be carried out at all: what the API server serves, and the rights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.permissions import Permission, allowed
from velero_volume_controller.kube.resources import Resource

#: What to do about rights that are missing, unless somebody knows better.
_GRANT: Final = "Grant it with a ClusterRole and a binding, as in the project's manifests"


class _Resource(msgspec.Struct):
    name: str = ""


class _Resources(msgspec.Struct):
    resources: list[_Resource] | None = None


async def absent(client: Client, resource: Resource) -> str | None:
    """One sentence where the API server does not serve it. Raises as Client.request."""
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


async def forbidden(client: Client, wanted: Iterable[Permission], way_out: str = _GRANT) -> str | None:
    """One sentence on the rights that are missing. Raises as Client.request.

    Where the right to ask (role system:basic-user) was taken away, nothing counts as missing.
    """
    try:
        lacking = [str(each) for each in wanted if not await allowed(client, each)]
    except ApiError as error:
        if error.status != 403:
            raise
        return None
    if not lacking:
        return None
    return f"this service account may not {'; '.join(lacking)}. {way_out}"
