"""Reports in ConfigMaps: written when a run ends, owned by it, and gone when it is deleted."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from typing import Final

import msgspec

from velero_volume_controller.api.owned_names import owned_name
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.resources import create
from velero_volume_controller.restore import naming
from velero_volume_controller.restore.objects import API_VERSION, KIND
from velero_volume_controller.restore.plan_maps import CONFIG_MAPS, HOLDS
from velero_volume_controller.restore.report import Report
from velero_volume_controller.restore.steps import RunIdentity
from velero_volume_controller.restore.stored_report import UnreadableReport, pack, unpack

#: The value of the label that says what a ConfigMap of a run holds.
REPORT: Final = "report"
_KEY: Final = "report.json.gz"


class _WireConfigMap(msgspec.Struct, rename="camel", frozen=True):
    binary_data: dict[str, str] | None = None


_CONFIG_MAP: Final = msgspec.json.Decoder(_WireConfigMap)


async def write_report(client: Client, report: Report, owner: RunIdentity) -> str:
    """The name of the ConfigMap that holds it, which no later report of the run shares.

    Raises as Client.request.
    """
    packed = await asyncio.to_thread(pack, report)
    digest = hashlib.sha256(packed).hexdigest()[:12]
    name = owned_name(owner.name, owner.uid, f"report-{digest}", 1)
    reference = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
    }
    metadata = {
        "name": name,
        "labels": {**naming.labels(owner), HOLDS: REPORT},
        "ownerReferences": [reference],
    }
    body = {"metadata": metadata, "immutable": True, "binaryData": {_KEY: base64.b64encode(packed).decode()}}
    try:
        await create(client, CONFIG_MAPS, owner.namespace, body)
    except ApiError as error:
        # Its name is a function of what it holds, and of the run: this very report was written before.
        if error.status != 409 or error.reason != "AlreadyExists":
            raise
    return name


async def read_report(client: Client, namespace: str, name: str) -> Report:
    """The report that a status names. Raises UnreadableReport, and as Client.request."""
    try:
        body = await client.request("GET", CONFIG_MAPS.path(namespace, name))
        packed = base64.b64decode((_CONFIG_MAP.decode(body).binary_data or {}).get(_KEY, ""), validate=True)
    except ApiError as error:
        if error.status != 404:
            raise
        raise UnreadableReport(f"ConfigMap {namespace}/{name}, which holds the report, is gone") from None
    except (msgspec.MsgspecError, binascii.Error) as error:
        raise UnreadableReport(f"ConfigMap {namespace}/{name} holds no report ({error})") from None
    return await asyncio.to_thread(unpack, packed)
