"""A pod, cut down to what decides whether its volumes are backed up.

A pod from the API server is 5 KB of JSON and a few hundred fields; decoded into
these structs it is some 1.5 KB. A cache of 10,000 pods stays small, and decoding
one takes about ten microseconds instead of the generated model's 870.
"""

import sys
from typing import Final

import msgspec

from velero_volume_controller.velero.model.annotations import MIRROR_POD, kept


class OwnerReference(msgspec.Struct, frozen=True, gc=False):
    """What controls the pod: a Job, a ReplicaSet, a StatefulSet."""

    kind: str
    name: str


class Metadata(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Which pod it is, which version of it, and the annotations that matter here.

    ``annotations`` holds only Velero's, ours and the mirror mark.
    ``deletion_timestamp`` is RFC 3339 text; a pod that has one is terminating.
    """

    name: str
    namespace: str
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()
    deletion_timestamp: str | None = None


class Volume(msgspec.Struct, frozen=True, gc=False):
    """One of the pod's volumes.

    ``type`` is the name of the field that holds its source (``emptyDir``,
    ``persistentVolumeClaim``, …), so a type that Kubernetes adds tomorrow has a
    name today. ``claim`` is the name of the PVC behind it: the one it names, or that of
    an ephemeral volume, which Kubernetes makes and names after pod and volume.
    """

    name: str
    type: str
    claim: str | None = None


class PodSpec(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The volumes in spec order and how the regular containers use them.

    ``mounted`` names the volumes that a regular container mounts as a file
    system, ``devices`` those it attaches as a block device. Init containers do
    not count, nor does Velero count them (1.18.3, pkg/podvolume/backupper.go).
    ``windows``: it says that it needs a Windows node.
    """

    node_name: str = ""
    windows: bool = False
    volumes: tuple[Volume, ...] = ()
    mounted: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()


class PodStatus(msgspec.Struct, frozen=True, gc=False):
    """``phase`` is Pending, Running, Succeeded, Failed or Unknown."""

    phase: str = ""


class Pod(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A pod as the rules see it."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def terminating(self) -> bool:
        """Deleted, and waiting for its containers or finalizers."""
        return self.metadata.deletion_timestamp is not None

    @property
    def mirror(self) -> bool:
        """The API server's copy of a static pod: written by the kubelet, not restored by Velero."""
        return MIRROR_POD in self.metadata.annotations

    @property
    def scheduled(self) -> bool:
        """Has a node. Velero looks for a node-agent there."""
        return bool(self.spec.node_name)


class _WireMetadata(msgspec.Struct, rename="camel"):
    name: str
    namespace: str
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None
    deletion_timestamp: str | None = None


class _WireSource(msgspec.Struct, rename="camel"):
    claim_name: str | None = None


class _WireNamed(msgspec.Struct):
    name: str


class _WireContainer(msgspec.Struct, rename="camel"):
    volume_mounts: list[_WireNamed] | None = None
    volume_devices: list[_WireNamed] | None = None


class _WireSpec(msgspec.Struct, rename="camel"):
    node_name: str | None = None
    node_selector: dict[str, str] | None = None
    os: _WireNamed | None = None
    volumes: list[dict[str, str | _WireSource | None]] | None = None
    containers: list[_WireContainer] | None = None


class _WireStatus(msgspec.Struct):
    phase: str | None = None


class _WirePod(msgspec.Struct):
    metadata: _WireMetadata
    spec: _WireSpec | None = None
    status: _WireStatus | None = None


class _WireMetadataOnly(msgspec.Struct):
    metadata: _WireMetadata


_DECODER: Final = msgspec.json.Decoder(_WirePod)
_METADATA_DECODER: Final = msgspec.json.Decoder(_WireMetadataOnly)

#: The label by which pods without ``spec.os`` choose the operating system of their node.
_OS_LABEL: Final = "kubernetes.io/os"


def decode(raw: bytes | msgspec.Raw) -> Pod:
    """Decode one pod's JSON; ``null`` labels, annotations, volumes and status are legal.

    Raises ``msgspec.MsgspecError`` (the base of its decoding and validation
    errors) for anything that is not a pod: callers skip that one object.
    """
    wire = _DECODER.decode(raw)
    return Pod(
        metadata=_metadata(wire.metadata),
        spec=_spec(wire.metadata.name, wire.spec or _WireSpec()),
        status=PodStatus(sys.intern((wire.status and wire.status.phase) or "")),
    )


def decode_metadata(raw: bytes) -> Metadata:
    """Decode one pod's metadata and nothing else, for where the rest is known. Raises as ``decode``."""
    return _metadata(_METADATA_DECODER.decode(raw).metadata)


def _metadata(wire: _WireMetadata) -> Metadata:
    return Metadata(
        name=wire.name,
        namespace=sys.intern(wire.namespace),
        uid=wire.uid,
        resource_version=wire.resource_version,
        labels=wire.labels or {},
        annotations=kept(wire.annotations or {}),
        owner_references=wire.owner_references or (),
        deletion_timestamp=wire.deletion_timestamp,
    )


def _spec(pod: str, wire: _WireSpec) -> PodSpec:
    containers = wire.containers or []
    return PodSpec(
        node_name=sys.intern(wire.node_name or ""),
        windows=_needs_windows(wire),
        volumes=tuple(_volume(pod, volume) for volume in wire.volumes or []),
        mounted=frozenset(mount.name for c in containers for mount in c.volume_mounts or []),
        devices=frozenset(device.name for c in containers for device in c.volume_devices or []),
    )


def _needs_windows(wire: _WireSpec) -> bool:
    if wire.os is not None:
        return wire.os.name == "windows"
    return wire.node_selector is not None and wire.node_selector.get(_OS_LABEL) == "windows"


def _volume(pod: str, wire: dict[str, str | _WireSource | None]) -> Volume:
    """The key beside ``name`` is the type; a volume that has none is an emptyDir by the API's own rule."""
    name = wire.get("name")
    if not isinstance(name, str):
        raise msgspec.ValidationError("a volume without a name")
    for key, source in wire.items():
        if isinstance(source, _WireSource):
            claim = f"{pod}-{name}" if key == "ephemeral" else source.claim_name
            return Volume(name, sys.intern(key), claim)
    return Volume(name, "emptyDir")
