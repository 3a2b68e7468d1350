"""PersistentVolumeClaims and PersistentVolumes, cut down to what rules and Velero ask of them."""

import sys
from typing import Final

import msgspec

from velero_volume_controller.api.quantities import quantity
from velero_volume_controller.velero.model.annotations import kept
from velero_volume_controller.velero.model.metadata import WireMetadata

#: The annotation that named a claim's class before Kubernetes 1.6 and still counts.
_OLD_CLASS: Final = "volume.beta.kubernetes.io/storage-class"

#: Access modes with which several nodes, and so pods of several namespaces, may use one storage.
_MANY: Final = frozenset({"ReadWriteMany", "ReadOnlyMany"})


class Claim(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A PersistentVolumeClaim.

    ``storage_class`` is empty where none is named, ``volume`` (the name of the
    PersistentVolume) where it is not bound. ``block``: it is a block device.
    ``size`` is its capacity in bytes, while it has none its request, else None.
    """

    name: str
    namespace: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    storage_class: str = ""
    volume: str = ""
    block: bool = False
    size: int | None = None


class PersistentVolume(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A PersistentVolume. ``host_path``: it is a folder of the node's own.

    ``shared`` names the storage behind one that many nodes may mount (a CSI handle, an NFS export): two
    PersistentVolumes that name the same hold the same data. Empty for any other.
    """

    name: str
    annotations: dict[str, str] = {}
    storage_class: str = ""
    host_path: bool = False
    shared: str = ""


class _WireStorage(msgspec.Struct):
    storage: str | int | float | None = None


class _WireResources(msgspec.Struct):
    requests: _WireStorage | None = None


class _WireClaimSpec(msgspec.Struct, rename="camel"):
    storage_class_name: str | None = None
    volume_name: str | None = None
    volume_mode: str | None = None
    resources: _WireResources | None = None


class _WireClaimStatus(msgspec.Struct):
    capacity: _WireStorage | None = None


class _WireClaim(msgspec.Struct):
    metadata: WireMetadata
    spec: _WireClaimSpec | None = None
    status: _WireClaimStatus | None = None


class _WireCsi(msgspec.Struct, rename="camel"):
    driver: str = ""
    volume_handle: str = ""


class _WireNfs(msgspec.Struct):
    server: str = ""
    path: str = ""


class _WireVolumeSpec(msgspec.Struct, rename="camel"):
    storage_class_name: str | None = None
    host_path: dict[str, object] | None = None
    access_modes: tuple[str, ...] | None = None
    csi: _WireCsi | None = None
    nfs: _WireNfs | None = None


class _WireVolume(msgspec.Struct):
    metadata: WireMetadata
    spec: _WireVolumeSpec | None = None


_CLAIM: Final = msgspec.json.Decoder(_WireClaim)
_VOLUME: Final = msgspec.json.Decoder(_WireVolume)


def decode_claim(raw: bytes | msgspec.Raw) -> Claim:
    """Decode one PersistentVolumeClaim's JSON. Raises msgspec.MsgspecError if it is none."""
    wire = _CLAIM.decode(raw)
    spec = wire.spec or _WireClaimSpec()
    capacity = (wire.status and wire.status.capacity) or _WireStorage()
    request = (spec.resources and spec.resources.requests) or _WireStorage()
    annotations = wire.metadata.annotations or {}
    return Claim(
        name=wire.metadata.name,
        namespace=sys.intern(wire.metadata.namespace),
        labels=wire.metadata.labels or {},
        annotations=kept(annotations),
        storage_class=sys.intern(annotations.get(_OLD_CLASS) or spec.storage_class_name or ""),
        volume=spec.volume_name or "",
        block=spec.volume_mode == "Block",
        size=_bytes(capacity.storage) or _bytes(request.storage),
    )


def decode_volume(raw: bytes | msgspec.Raw) -> PersistentVolume:
    """Decode one PersistentVolume's JSON. Raises msgspec.MsgspecError if it is none."""
    wire = _VOLUME.decode(raw)
    spec = wire.spec or _WireVolumeSpec()
    annotations = wire.metadata.annotations or {}
    return PersistentVolume(
        name=wire.metadata.name,
        annotations=kept(annotations),
        storage_class=sys.intern(annotations.get(_OLD_CLASS) or spec.storage_class_name or ""),
        host_path=spec.host_path is not None,
        shared=_shared(spec),
    )


def _shared(spec: _WireVolumeSpec) -> str:
    if not _MANY.intersection(spec.access_modes or ()):
        return ""
    if spec.csi is not None:
        return f"{spec.csi.driver}/{spec.csi.volume_handle}"
    return f"{spec.nfs.server}:{spec.nfs.path}" if spec.nfs is not None else ""


def _bytes(storage: str | float | None) -> int | None:
    if storage is None:
        return None
    try:
        return quantity(str(storage))
    except ValueError:
        return None
