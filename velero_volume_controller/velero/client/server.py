"""Which Velero runs in the cluster."""

from __future__ import annotations

import asyncio

import msgspec
import structlog

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.velero.model.servers import SERVER, tag
from velero_volume_controller.velero.model.versions import Version, parse_version

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class _Container(msgspec.Struct):
    name: str
    image: str = ""


class _PodSpec(msgspec.Struct):
    containers: list[_Container]


class _Template(msgspec.Struct):
    spec: _PodSpec


class _Spec(msgspec.Struct):
    template: _Template


class _Deployment(msgspec.Struct):
    spec: _Spec


async def server_version(client: Client, namespace: str, patience: float | None = None) -> Version | None:
    """The version of the Velero server in this namespace, by its image's tag.

    None if that can't be told: it runs elsewhere or under another name, may not be
    looked at, or has a tag that is no version. With ``patience`` it is asked once, and
    None if no answer comes in so many seconds.
    """
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{SERVER}"
    try:
        async with asyncio.timeout(patience):
            body = await client.request("GET", path, once=patience is not None)
        found = msgspec.json.decode(body, type=_Deployment)
    except (KubeError, TimeoutError, msgspec.MsgspecError) as error:
        log.debug("Velero's Deployment could not be looked at", namespace=namespace, error=str(error))
        return None
    images = {container.name: container.image for container in found.spec.template.spec.containers}
    try:
        return parse_version(tag(images.get(SERVER, "")))
    except ValueError:
        return None
