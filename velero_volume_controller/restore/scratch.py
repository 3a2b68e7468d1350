"""A rehearsal's namespaces in the cluster: made closed, looked at, and removed if they are its own.

The only place at which a Namespace is deleted: one that bears the uid of the run that made it, under the name
that this run gives it, and by its uid.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
import structlog

from velero_volume_controller.api.cleanrestore import CleanRestoreStatus, RehearsalStatus
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.resources import Identity, Resource, delete
from velero_volume_controller.restore import naming, scratch_objects
from velero_volume_controller.restore.plan_maps import CONFIG_MAPS
from velero_volume_controller.restore.planned import Plan
from velero_volume_controller.restore.steps import (
    MakeLedger,
    MakeScratch,
    RemoveLedger,
    RemoveScratch,
    RunIdentity,
    Scratch,
)
from velero_volume_controller.velero.client.making import make_once

NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace")
POLICIES: Final = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
#: The ClusterRole of the project's manifests that grants what is needed here.
ROLE: Final = "velero-volume-controller-rehearsal"
_WAY_OUT: Final = f"grant it with ClusterRole {ROLE}, as manifests/rehearsal.yaml does"
#: Gone, or another one: the next look tells.
_MEANWHILE: Final = frozenset({404, 409})
_FOR_GOOD: Final = frozenset({400, 403, 405, 422})
#: Conditions by which a namespace says what it waits for (apis/core/v1, NamespaceConditionType).
_WAITS: Final = ("NamespaceDeletionContentFailure", "NamespaceFinalizersRemaining")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class _WireMetadata(msgspec.Struct, rename="camel", frozen=True):
    uid: str
    labels: dict[str, str] | None = None
    deletion_timestamp: str | None = None


class _WireCondition(msgspec.Struct, frozen=True):
    type: str = ""
    status: str = ""
    message: str = ""


class _WireStatus(msgspec.Struct, frozen=True):
    conditions: tuple[_WireCondition, ...] | None = None


class _Wire(msgspec.Struct, frozen=True):
    metadata: _WireMetadata
    status: _WireStatus = _WireStatus()


_OBJECT: Final = msgspec.json.Decoder(_Wire)


def scratch_names(status: CleanRestoreStatus, plan: Plan | None) -> list[str]:
    """Those that a run makes, or is about to make."""
    known = status.rehearsal
    if known is not None and known.namespaces:
        return [each.name for each in known.namespaces]
    return sorted(plan.targets.values()) if plan is not None else []


async def look_at_scratch(
    client: Client, owner: RunIdentity, known: RehearsalStatus | None, names: Iterable[str]
) -> tuple[dict[str, Scratch], frozenset[str]]:
    """What there is under these names, and in which namespaces the ConfigMap is. Raises as Client.request.

    Each is read by itself, past every cache: what is not there does not exist.
    """
    found = await asyncio.gather(*(_look(client, owner, name) for name in names))
    scratch = {name: seen for name, seen in found if seen is not None}
    if known is None or not known.config_map:
        return scratch, frozenset()
    ledgers = set()
    for place in {*known.lanes, owner.namespace}:
        seen = await _read(client, CONFIG_MAPS, place, known.config_map)
        if seen is not None and naming.ours(seen.metadata.labels or {}, owner):
            ledgers.add(place)
    return scratch, frozenset(ledgers)


async def _look(client: Client, owner: RunIdentity, name: str) -> tuple[str, Scratch | None]:
    seen = await _read(client, NAMESPACES, "", name)
    if seen is None:
        return name, None
    ours = naming.ours(seen.metadata.labels or {}, owner)
    terminating = seen.metadata.deletion_timestamp is not None
    closed = False
    if ours and not terminating:
        closed = await _read(client, POLICIES, name, scratch_objects.POLICY) is not None
    return name, Scratch(seen.metadata.uid, ours, terminating, closed, "; ".join(_waits_for(seen)))


def _waits_for(seen: _Wire) -> Iterator[str]:
    for each in seen.status.conditions or ():
        if each.status == "True" and each.type in _WAITS:
            yield each.message


async def _read(client: Client, resource: Resource, namespace: str, name: str) -> _Wire | None:
    path = resource.path(namespace, name)
    try:
        return _OBJECT.decode(await client.request("GET", path))
    except ApiError as error:
        if error.status != 404:
            raise
        return None
    except msgspec.MsgspecError as error:
        raise ApiError("GET", path, 200, "", f"the answer is no {resource.kind} ({error})") from error


async def make_ledger(client: Client, owner: RunIdentity, action: MakeLedger) -> str | None:
    """None if it is there in each namespace, made now or before; else why not. Raises as Client.request."""
    body = scratch_objects.config_map(owner, action.known, action.storage_class)
    for place in action.namespaces:
        refusal = await _make(client, CONFIG_MAPS, place, body)
        if refusal is not None:
            return refusal
    return None


async def make_scratch(client: Client, owner: RunIdentity, action: MakeScratch) -> str | None:
    """The same of a namespace and what closes it. Nothing is in it before."""
    source = await _read(client, NAMESPACES, "", action.source)
    labels: Mapping[str, str] = (source.metadata.labels or {}) if source is not None else {}
    body = scratch_objects.namespace(owner, action.name, action.source, labels)
    refusal = await _make(client, NAMESPACES, "", body)
    if refusal is not None:
        return refusal
    return await _make(client, POLICIES, action.name, scratch_objects.closed())


async def _make(client: Client, resource: Resource, namespace: str, body: dict[str, object]) -> str | None:
    try:
        return await make_once(client, resource, namespace, body)
    except ApiError as error:
        if error.status in _MEANWHILE:
            return None
        if error.status not in _FOR_GOOD:
            raise
        where = f" in namespace {namespace}" if namespace else ""
        return _refusal(f"make a {resource.kind}{where}", error)


async def remove_scratch(client: Client, action: RemoveScratch) -> str | None:
    """Told to go, with all that is in it. None unless that is refused. Raises as Client.request."""
    refusal = await _remove(client, NAMESPACES, Identity("", action.name, action.uid))
    if refusal is None:
        log.info("a rehearsal's namespace is removed", namespace=action.name, uid=action.uid)
    return refusal


async def remove_ledger(client: Client, owner: RunIdentity, action: RemoveLedger) -> str | None:
    """The ConfigMap, last of all."""
    for place in action.namespaces:
        seen = await _read(client, CONFIG_MAPS, place, action.name)
        if seen is None or not naming.ours(seen.metadata.labels or {}, owner):
            continue
        refusal = await _remove(client, CONFIG_MAPS, Identity(place, action.name, seen.metadata.uid))
        if refusal is not None:
            return refusal
    return None


async def _remove(client: Client, resource: Resource, which: Identity) -> str | None:
    try:
        await delete(client, resource, which)
    except ApiError as error:
        if error.status in _MEANWHILE:
            return None
        if error.status not in _FOR_GOOD:
            raise
        return _refusal(f"delete {resource.kind} {which.name}", error)
    return None


def _refusal(what: str, error: ApiError) -> str:
    way_out = _WAY_OUT if error.status == 403 else "see what it says of it"
    return f"the API server does not let this program {what}: {error.message}; {way_out}"
