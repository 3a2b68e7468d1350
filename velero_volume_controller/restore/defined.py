"""Whether a kind that is not served now is gone for good.

While an API server starts, it serves its custom resources some moments after the rest, and does not say so
(Kubernetes 1.34, apiextensions-apiserver, crdRegistrationController). Whoever took that for "there are none"
would go on while they are there.
"""

from __future__ import annotations

from typing import Final

import msgspec

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.lists import METADATA, pages
from velero_volume_controller.kube.resources import Resource
from velero_volume_controller.restore import kinds
from velero_volume_controller.velero.model.backup_contents import Key

_DEFINITIONS: Final = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition"
)
_SERVICES: Final = Resource("apiregistration.k8s.io", "v1", "apiservices", "APIService")


class _WireMetadata(msgspec.Struct, frozen=True):
    name: str = ""


class _WireNames(msgspec.Struct, frozen=True):
    kind: str = ""


class _WireSpec(msgspec.Struct, frozen=True):
    group: str = ""
    names: _WireNames = _WireNames()
    service: dict[str, object] | None = None


class _Wire(msgspec.Struct, frozen=True):
    metadata: _WireMetadata = _WireMetadata()
    spec: _WireSpec = _WireSpec()


_DECODER: Final = msgspec.json.Decoder(_Wire)


async def defined(client: Client, group: str, kind: str) -> bool:
    """Whether somebody is to serve it: Kubernetes itself, a definition, a server behind an APIService.

    Raises as Client.request.
    """
    if not kinds.custom(Key(group, kind, "", "")):
        return True
    try:
        async for page in pages(client, _DEFINITIONS.path(), accept=METADATA):
            for raw in page.items:
                name = _DECODER.decode(raw).metadata.name
                if name.partition(".")[2] == group and await _defines(client, name, kind):
                    return True
        async for page in pages(client, _SERVICES.path()):
            specs = [_DECODER.decode(raw).spec for raw in page.items]
            if any(spec.group == group and spec.service is not None for spec in specs):
                return True
    except msgspec.MsgspecError as error:
        path = _DEFINITIONS.path()
        raise ApiError("GET", path, 200, "", f"what defines {kind} can't be read ({error})") from error
    return False


async def _defines(client: Client, name: str, kind: str) -> bool:
    try:
        found = _DECODER.decode(await client.request("GET", _DEFINITIONS.path("", name)))
    except ApiError as error:
        if error.status != 404:
            raise
        return False
    return found.spec.names.kind == kind
