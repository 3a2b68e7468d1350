"""Carries out what a step asks for, so that doing it twice is doing it once.

What the API server refuses, and would refuse again, becomes one sentence for the step that comes next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from velero_volume_controller.api.cleanrestore import QUIESCED, CleanRestoreStatus
from velero_volume_controller.api.objects import plain
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.discovery import Discovery
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.events import Event, Recorder, Regarding
from velero_volume_controller.kube.resources import Identity, Resource, delete, merge, replace_status
from velero_volume_controller.observe.metrics import Metrics
from velero_volume_controller.restore.gather import ROLE
from velero_volume_controller.restore.objects import (
    API_VERSION,
    KIND,
    RESOURCE,
    CleanRestore,
    decode_restore_run,
)
from velero_volume_controller.restore.steps import Delete, Make, PutBack, Still, Tell
from velero_volume_controller.velero.client.lanes import BACKUPS
from velero_volume_controller.velero.client.making import make_once
from velero_volume_controller.velero.client.restores import RESTORES
from velero_volume_controller.velero.model.backup_contents import Key

CLEAN_RESTORES: Final = Resource(*RESOURCE)
#: What is deleted at the same time, of one run: other runs, and what else asks, have requests too.
_AT_A_TIME: Final = 10
#: Gone, or changed since it was looked at: the next look tells.
_MEANWHILE: Final = frozenset({404, 409})
#: What the API server would say again.
_FOR_GOOD: Final = frozenset({400, 403, 405, 422})
#: How the API server says that a webhook refused (apiserver, pkg/admission/plugin/webhook/errors).
_WEBHOOK: Final = "admission webhook"
#: How it refuses what would be new in a namespace that goes.
_TERMINATING: Final = "is being terminated"

_MADE: Final[Mapping[str, Resource]] = {"Backup": BACKUPS, "Restore": RESTORES}

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What the process lends to this room. ``namespace`` is its own: CleanRestores count nowhere else."""

    client: Client
    recorder: Recorder
    metrics: Metrics
    namespace: str


async def make(client: Client, action: Make) -> str | None:
    """None if it is there, made now or by us before; else why it will never be. Raises as Client.request."""
    resource = _MADE[action.kind]
    what = f"{action.kind} {action.namespace}/{action.name}"
    body = {
        "metadata": {"name": action.name, "labels": dict(action.labels)},
        "spec": dict(action.spec),
    }
    try:
        unlike = await make_once(client, resource, action.namespace, body)
    except ApiError as error:
        if error.status not in _FOR_GOOD or _TERMINATING in error.message:
            raise
        return _refusal(f"make {what}", error)
    if unlike is not None:
        return f"{unlike}; delete it as Velero has it, or make another CleanRestore"
    log.info("handed to Velero", kind=action.kind, namespace=action.namespace, name=action.name)
    return None


async def still(client: Client, discovery: Discovery, action: Still) -> str | None:
    """Suspend or scale it to none, and note what it was. None unless it is refused."""
    metadata = {"annotations": {QUIESCED: action.note}}
    return await _patch(client, discovery, action, {"metadata": metadata, "spec": action.spec}, "still")


async def put_back(client: Client, discovery: Discovery, action: PutBack) -> str | None:
    """Make it what it was. None unless it is refused."""
    body: dict[str, Any] = {"metadata": {"annotations": {QUIESCED: None}}}
    if action.spec:
        body["spec"] = action.spec
    return await _patch(client, discovery, action, body, "put back")


async def _patch(
    client: Client, discovery: Discovery, action: Still | PutBack, body: Mapping[str, Any], verb: str
) -> str | None:
    resource = _resource(discovery, action.key)
    if resource is None:
        return None
    try:
        await merge(client, resource, _identity(action), body)
    except ApiError as error:
        if error.status in _MEANWHILE:
            return None
        if error.status not in _FOR_GOOD:
            raise
        return _refusal(f"{verb} {action.key}", error)
    log.info(verb, object=str(action.key), spec=str(dict(action.spec)))
    return None


async def remove(client: Client, discovery: Discovery, action: Delete, metrics: Metrics) -> str | None:
    """Delete that version of it. None unless it is refused."""
    resource = _resource(discovery, action.key)
    if resource is None:
        return None
    try:
        await delete(client, resource, _identity(action), exactly=True, foreground=action.foreground)
    except ApiError as error:
        if error.status in _MEANWHILE:
            return None
        if error.status not in _FOR_GOOD:
            raise
        return _refusal(f"delete {action.key}", error)
    metrics.clean_restore_deleted.inc()
    log.info("deleted", object=str(action.key), uid=action.uid)
    return None


async def all_of(actions: Iterable[Callable[[], Awaitable[str | None]]]) -> list[str]:
    """Carry them out, some at a time; what was refused. One that fails keeps back none of the others.

    Raises KubeError, the first there was.
    """
    slots = asyncio.Semaphore(_AT_A_TIME)

    async def one(action: Callable[[], Awaitable[str | None]]) -> str | KubeError | None:
        async with slots:
            try:
                return await action()
            except KubeError as error:
                return error

    done = await asyncio.gather(*map(one, actions))
    for each in done:
        if isinstance(each, KubeError):
            raise each
    return [each for each in done if isinstance(each, str)]


def _resource(discovery: Discovery, key: Key) -> Resource | None:
    """None where its kind is served no more: then there are no such objects either."""
    served = discovery.find(key.group, key.kind)
    return served.resource if served is not None else None


def _identity(action: Still | PutBack | Delete) -> Identity:
    return Identity(action.key.namespace, action.key.name, action.uid, action.version)


def _refusal(what: str, error: ApiError) -> str:
    """What was refused, and what to do about it."""
    if error.status == 403 and _WEBHOOK not in error.message:
        way_out = f"grant it with ClusterRole {ROLE}, as manifests/restore.yaml does"
    elif _WEBHOOK in error.message:
        way_out = "see to that webhook, or protect the object"
    else:
        way_out = "see what it says of that object"
    return f"the API server does not let this program {what}: {error.message}; {way_out}"


def tell(recorder: Recorder, about: CleanRestore, action: Tell) -> None:
    """An Event on the CleanRestore, soon, and a line of the log."""
    level = log.warning if action.warning else log.info
    level(action.message, namespace=about.namespace, clean_restore=about.name, reason=action.reason)
    emit(recorder, about, action)


def emit(recorder: Recorder, about: CleanRestore, action: Tell) -> None:
    """An Event on the CleanRestore, soon."""
    regarding = Regarding(KIND, about.namespace, about.name, about.uid, API_VERSION)
    recorder.emit(Event(regarding, action.reason, "Step", action.message, warning=action.warning))


async def write_status(client: Client, about: CleanRestore, status: CleanRestoreStatus) -> CleanRestore:
    """The run with this status. Raises ApiError: 409 if it is not that version any more, 404 if gone."""
    which = Identity(about.namespace, about.name, about.uid, about.version)
    return decode_restore_run(await replace_status(client, CLEAN_RESTORES, which, plain(status)))


async def read(client: Client, namespace: str, name: str) -> CleanRestore | None:
    """The run as it is now, past the cache; None if it is gone. Raises as Client.request."""
    try:
        path = CLEAN_RESTORES.path(namespace, name)
        return decode_restore_run(await client.request("GET", path, once=True))
    except ApiError as error:
        if error.status == 404 and error.reason == "NotFound":
            return None
        raise
