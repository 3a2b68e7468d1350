"""Objects of any resource by their paths: made, their status replaced, deleted. Knows no object's meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from velero_volume_controller.kube.client import MERGE_PATCH, Client
from velero_volume_controller.kube.errors import ApiError


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of an API group, the core group if empty: ``plural`` is its name in paths and in RBAC."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        """As an object says it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Of one object, or of the list in one namespace or in all."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        parts += ["namespaces", namespace] if namespace else []
        return "/".join([*parts, self.plural, *filter(None, (name, subresource))])


@dataclass(frozen=True, slots=True)
class Identity:
    """One version of one object: a write that names it changes that or nothing."""

    namespace: str
    name: str
    uid: str
    version: str = ""


async def create(client: Client, resource: Resource, namespace: str, body: Mapping[str, Any]) -> bytes:
    """The object as made. Raises ApiError 409 AlreadyExists if there is one of that name."""
    document = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
    path = resource.path(namespace)
    return _checked("POST", path, await client.request("POST", path, body=msgspec.json.encode(document)))


async def replace_status(client: Client, resource: Resource, which: Identity, status: object) -> bytes:
    """The object with this status, nothing else of it changed. Raises ApiError 409 if it is not that version.

    Replaced as a whole and not patched: what a merge patch does not name would stay.
    """
    metadata = {
        "namespace": which.namespace,
        "name": which.name,
        "uid": which.uid,
        "resourceVersion": which.version,
    }
    document = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": metadata,
        "status": status,
    }
    path = resource.path(which.namespace, which.name, "status")
    body = msgspec.json.encode(document)
    return _checked("PUT", path, await client.request("PUT", path, body=body, once=True))


async def merge(client: Client, resource: Resource, which: Identity, body: Mapping[str, Any]) -> bytes:
    """That version of the object with this merged into it, as RFC 7386 has it. Raises ApiError 409 if it is
    another version, or another object."""
    metadata = {**body.get("metadata", {}), "uid": which.uid, "resourceVersion": which.version}
    path = resource.path(which.namespace, which.name)
    patch = msgspec.json.encode({**body, "metadata": metadata})
    return _checked("PATCH", path, await client.request("PATCH", path, body=patch, content_type=MERGE_PATCH))


async def annotate(
    client: Client, resource: Resource, which: Identity, annotations: Mapping[str, str | None]
) -> bytes:
    """The object with these annotations; None removes one. Raises ApiError 409 if it has another uid."""
    path = resource.path(which.namespace, which.name)
    metadata: dict[str, Any] = {"uid": which.uid, "annotations": annotations}
    if which.version:
        metadata["resourceVersion"] = which.version
    body = msgspec.json.encode({"metadata": metadata})
    return _checked("PATCH", path, await client.request("PATCH", path, body=body, content_type=MERGE_PATCH))


async def delete(
    client: Client, resource: Resource, which: Identity, *, exactly: bool = False, foreground: bool = False
) -> None:
    """Deletes that object, whatever its version; ``exactly``: only in the version that ``which`` names.

    What belongs to it the garbage collector deletes afterwards; ``foreground``: first, and the object stays
    until then. Raises ApiError 409 if it has another uid or version, 404 if it is gone.
    """
    preconditions = {"uid": which.uid}
    if exactly:
        preconditions["resourceVersion"] = which.version
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": preconditions,
        "propagationPolicy": "Foreground" if foreground else "Background",
    }
    path = resource.path(which.namespace, which.name)
    await client.request("DELETE", path, body=msgspec.json.encode(options))


class _Metadata(msgspec.Struct):
    name: str
    uid: str


class _Object(msgspec.Struct):
    metadata: _Metadata


def _checked(method: str, path: str, answer: bytes) -> bytes:
    """What answers 200 in the API server's stead (a proxy) has written nothing."""
    try:
        msgspec.json.decode(answer, type=_Object)
    except msgspec.MsgspecError as error:
        message = f"the answer is no object ({error}); is a proxy in between?"
        raise ApiError(method, path, 200, "", message) from error
    return answer
