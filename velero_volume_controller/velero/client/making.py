"""Objects of Velero's that are made by us, each under a name that is decided: made twice, there is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.resources import Resource, create


class _WireMetadata(msgspec.Struct):
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class _Wire(msgspec.Struct):
    metadata: _WireMetadata


async def make_once(
    client: Client,
    resource: Resource,
    namespace: str,
    body: Mapping[str, Any],
    annotations: Iterable[str] = (),
) -> str | None:
    """None if it is there, made now or before; else what has its name, one sentence without its full stop.

    It is the one if it bears the same labels, and the same of these ``annotations``. Raises as
    Client.request, with status 404 if what had the name has gone meanwhile: then it can be made after all.
    """
    try:
        await create(client, resource, namespace, body)
    except ApiError as error:
        if error.status != 409 or error.reason != "AlreadyExists":
            raise
        return await _unlike(client, resource, namespace, body["metadata"], annotations)
    return None


async def _unlike(
    client: Client,
    resource: Resource,
    namespace: str,
    wanted: Mapping[str, Any],
    annotations: Iterable[str],
) -> str | None:
    name = wanted["name"]
    which = f"{resource.kind} {namespace}/{name}"
    try:
        body = await client.request("GET", resource.path(namespace, name))
        found = msgspec.json.decode(body, type=_Wire).metadata
    except msgspec.MsgspecError as error:
        return f"{which} exists and can't be read: {error}"
    has, noted = found.labels or {}, found.annotations or {}
    differing = [key for key, value in wanted.get("labels", {}).items() if has.get(key) != value]
    said = wanted.get("annotations", {})
    differing += [key for key in annotations if noted.get(key) != said.get(key)]
    if not differing:
        return None
    return f"{which} exists and was not made for this attempt: it differs in {', '.join(differing)}"
