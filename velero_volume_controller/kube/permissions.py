"""Asking the API server what we may do, before we need it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError


@dataclass(frozen=True, slots=True)
class Permission:
    """A verb on a resource; an empty ``namespace`` is all of them, an empty ``group`` the core one.

    ``name`` asks about one object: a role that names it in ``resourceNames`` grants that and no more.
    ``subresource`` is such as ``status``.
    """

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        where = f"in namespace {self.namespace}" if self.namespace else "in every namespace"
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        if self.subresource:
            resource = f"{resource}/{self.subresource}"
        return f"{self.verb} {resource} {where}"


class _Result(msgspec.Struct):
    allowed: bool = False


class _Review(msgspec.Struct):
    status: _Result


async def allowed(client: Client, permission: Permission) -> bool:
    """Whether this client may do it. Every authenticated user may ask. Raises as Client.request does."""
    attributes = {
        "verb": permission.verb,
        "resource": permission.resource,
        "group": permission.group,
        "namespace": permission.namespace,
        "name": permission.name,
        "subresource": permission.subresource,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = await client.request("POST", path, body=msgspec.json.encode(review))
    try:
        return msgspec.json.decode(answer, type=_Review).status.allowed
    except msgspec.MsgspecError as error:
        raise ApiError("POST", path, 200, "", f"the answer is no review ({error})") from error
