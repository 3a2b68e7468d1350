"""Plans in ConfigMaps: written once, read back and checked, and removed when another takes their place."""

from __future__ import annotations

import base64
import binascii
from typing import Final

import msgspec

from velero_volume_controller.api.cleanrestore import PlanSummary
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.lists import METADATA, pages
from velero_volume_controller.kube.resources import Identity, Resource, create, delete
from velero_volume_controller.restore import naming
from velero_volume_controller.restore.objects import API_VERSION, KIND
from velero_volume_controller.restore.planned import Plan
from velero_volume_controller.restore.steps import RunIdentity
from velero_volume_controller.restore.stored_plan import Damaged, Stored, load

CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
#: Label and its value: what a ConfigMap of a run holds.
HOLDS: Final = "vvc.velero.io/holds"
PLAN: Final = "plan"
_KEY: Final = "plan.json.gz"


class _WireMetadata(msgspec.Struct, frozen=True):
    name: str = ""
    uid: str = ""
    labels: dict[str, str] | None = None


class _WireConfigMap(msgspec.Struct, rename="camel", frozen=True):
    metadata: _WireMetadata = _WireMetadata()
    binary_data: dict[str, str] | None = None


_CONFIG_MAP: Final = msgspec.json.Decoder(_WireConfigMap)


async def write(client: Client, owner: RunIdentity, stored: Stored) -> tuple[str, ...]:
    """The names of the ConfigMaps that hold it, made now or before. Raises Damaged, and as Client.request."""
    names = []
    for number, part in enumerate(stored.parts, 1):
        name = naming.plan_name(owner, stored.digest, number)
        await _put(client, owner, name, part)
        names.append(name)
    return tuple(names)


async def _put(client: Client, owner: RunIdentity, name: str, part: bytes) -> None:
    reference = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
    }
    metadata = {
        "name": name,
        "labels": {**naming.labels(owner), HOLDS: PLAN},
        "ownerReferences": [reference],
    }
    body = {
        "metadata": metadata,
        "immutable": True,
        "binaryData": {_KEY: base64.b64encode(part).decode()},
    }
    try:
        await create(client, CONFIG_MAPS, owner.namespace, body)
    except ApiError as error:
        if error.status != 409 or error.reason != "AlreadyExists":
            raise
        if await _part(client, owner, name) != part:
            raise Damaged(
                f"ConfigMap {owner.namespace}/{name} exists and does not hold the plan; delete it"
            ) from None


async def read(client: Client, owner: RunIdentity, summary: PlanSummary) -> Plan:
    """The plan that was approved. Raises Damaged, and as Client.request."""
    if not summary.config_maps:
        raise Damaged("the status names no ConfigMap that holds the plan")
    parts = [await _part(client, owner, name) for name in summary.config_maps]
    return load(parts, summary.digest, summary.hash)


async def _part(client: Client, owner: RunIdentity, name: str) -> bytes:
    which = f"ConfigMap {owner.namespace}/{name}, which holds the plan,"
    try:
        body = await client.request("GET", CONFIG_MAPS.path(owner.namespace, name))
        found = _CONFIG_MAP.decode(body).binary_data or {}
        return base64.b64decode(found.get(_KEY, ""), validate=True)
    except ApiError as error:
        if error.status != 404:
            raise
        raise Damaged(f"{which} is gone") from None
    except (msgspec.MsgspecError, binascii.Error) as error:
        raise Damaged(f"{which} can't be read ({error})") from None


async def remove_others(client: Client, owner: RunIdentity, stay: list[str]) -> None:
    """Delete what this run, and no other, has kept of earlier plans. Raises as Client.request."""
    path = CONFIG_MAPS.path(owner.namespace)
    selector = f"{naming.RUN_UID}={owner.uid},{HOLDS}={PLAN}"
    async for page in pages(client, path, {"labelSelector": selector}, METADATA):
        for raw in page.items:
            found = _CONFIG_MAP.decode(raw).metadata
            if found.name in stay:
                continue
            try:
                await delete(client, CONFIG_MAPS, Identity(owner.namespace, found.name, found.uid))
            except ApiError as error:
                if error.status not in {404, 409}:
                    raise
