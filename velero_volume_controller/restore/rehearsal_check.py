"""What stands against a rehearsal besides what stands against any restore."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Final

import msgspec

from velero_volume_controller.api.cleanrestore import Rehearsal
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.lists import listed
from velero_volume_controller.kube.permissions import Permission, allowed
from velero_volume_controller.kube.resources import Resource
from velero_volume_controller.restore.run import few
from velero_volume_controller.restore.scratch import NAMESPACES, POLICIES, ROLE
from velero_volume_controller.restore.steps import Problem

_VOLUMES: Final = Resource("", "v1", "persistentvolumes", "PersistentVolume")
_CLASSES: Final = Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass")
_NEEDED: Final = (
    Permission("create", NAMESPACES.plural),
    Permission("get", NAMESPACES.plural),
    Permission("delete", NAMESPACES.plural),
    Permission("create", POLICIES.plural, POLICIES.group),
    Permission("get", POLICIES.plural, POLICIES.group),
)
_AVAILABLE: Final = "Available"
_ADMISSION: Final = ("admissionregistration.k8s.io", "v1")
#: What refuses volumes that are somebody's; both in the project's manifest, under the name of its role.
_POLICIES: Final = (
    Resource(*_ADMISSION, "validatingadmissionpolicies", "ValidatingAdmissionPolicy"),
    Resource(*_ADMISSION, "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"),
)


class _WireMetadata(msgspec.Struct, frozen=True):
    name: str


class _WireSpec(msgspec.Struct, rename="camel", frozen=True):
    storage_class_name: str = ""
    claim_ref: dict[str, msgspec.Raw] | None = None


class _WireStatus(msgspec.Struct, frozen=True):
    phase: str = ""


class _Wire(msgspec.Struct, frozen=True):
    metadata: _WireMetadata
    spec: _WireSpec = _WireSpec()
    status: _WireStatus = _WireStatus()


_DECODER: Final = msgspec.json.Decoder(_Wire)


async def against(client: Client, rehearsal: Rehearsal) -> tuple[Problem, ...]:
    """Everything at once. Raises as Client.request."""
    return (
        *await _lacking(client),
        *[each async for each in _unguarded(client)],
        *[each async for each in _volumes(client, rehearsal.storage_class)],
    )


async def _lacking(client: Client) -> list[Problem]:
    """Where the right to ask was taken away, nothing counts as missing."""
    try:
        missing = [each for each in _NEEDED if not await allowed(client, each)]
    except ApiError as error:
        if error.status != 403:
            raise
        return []
    if not missing:
        return []
    message = (
        f"this program may not {few(missing)}; grant it with ClusterRole {ROLE}, as manifests/rehearsal.yaml"
        " does"
    )
    return [Problem("RightsMissing", message)]


async def _unguarded(client: Client) -> AsyncIterator[Problem]:
    """A pod that mounts an NFS share itself would write into what the live one has."""
    for resource in _POLICIES:
        try:
            await client.request("GET", resource.path("", ROLE))
        except ApiError as error:
            if error.status != 404:
                raise
            yield Problem(
                "NotGuarded",
                f"there is no {resource.kind} {ROLE}, which keeps pods of a rehearsal from volumes that are"
                " somebody's; apply manifests/rehearsal.yaml (Kubernetes 1.30 and later)",
            )


async def _volumes(client: Client, storage_class: str | None) -> AsyncIterator[Problem]:
    """No claim of the rehearsal may be bound to a volume that somebody has laid out for another: what is in
    it would be overwritten (Kubernetes 1.34, pv_controller.go, findBestMatchForClaim)."""
    if storage_class is not None:
        classes = {each.metadata.name for each in await listed(client, _CLASSES, _DECODER.decode)}
        if storage_class not in classes:
            yield Problem(
                "StorageClassMissing",
                f"there is no StorageClass {storage_class}, which spec.rehearsal.storageClass names; make it,"
                " or name another",
            )
    free = sorted(_free(await listed(client, _VOLUMES, _DECODER.decode), storage_class))
    if free:
        yield Problem(
            "VolumesAtHand",
            f"a claim of the rehearsal could be bound to PersistentVolumes that are Available, and what is in"
            f" them be overwritten: {few(free)}; name a StorageClass that has none in"
            " spec.rehearsal.storageClass",
        )


def _free(volumes: list[_Wire], storage_class: str | None) -> Iterator[str]:
    for each in volumes:
        free = each.status.phase == _AVAILABLE and each.spec.claim_ref is None
        if free and storage_class in {None, each.spec.storage_class_name}:
            yield each.metadata.name
