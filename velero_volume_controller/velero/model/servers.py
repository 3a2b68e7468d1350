"""Velero's processes as they are deployed: its server, its node-agents, its storage locations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from velero_volume_controller.velero.model.arguments import flags
from velero_volume_controller.velero.model.lanes import StorageLocation
from velero_volume_controller.velero.model.versions import Version, parse_version

#: The server's container, as `velero install` and Velero's Helm chart name it.
SERVER: Final = "velero"
#: The DaemonSets of the node-agents: 1.10 and later, their Windows twin (1.16), and 1.9's.
AGENTS: Final = frozenset({"node-agent", "node-agent-windows", "restic"})
#: The only phase of a location in which Backups are taken (pkg/util/velero, BSLIsAvailable).
_AVAILABLE: Final = "Available"


@dataclass(frozen=True, slots=True)
class Server:
    """Velero's Deployment. ``version`` is None where the image's tag is none, ``ready`` counts replicas."""

    namespace: str
    name: str
    version: Version | None
    flags: Mapping[str, str]
    ready: int


@dataclass(frozen=True, slots=True)
class Agent:
    """A node-agent's DaemonSet; ``config`` is the name of its ConfigMap, empty if it is given none."""

    namespace: str
    name: str
    config: str


class _WireMetadata(msgspec.Struct):
    name: str
    namespace: str = ""
    labels: dict[str, str] | None = None


class _WireContainer(msgspec.Struct):
    name: str = ""
    image: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None


class _WirePodSpec(msgspec.Struct):
    containers: list[_WireContainer] | None = None


class _WireTemplate(msgspec.Struct):
    spec: _WirePodSpec | None = None


class _WireWorkloadSpec(msgspec.Struct):
    template: _WireTemplate | None = None


class _WireWorkloadStatus(msgspec.Struct, rename="camel"):
    ready_replicas: int | None = None


class _WireWorkload(msgspec.Struct):
    metadata: _WireMetadata
    spec: _WireWorkloadSpec | None = None
    status: _WireWorkloadStatus | None = None

    def containers(self) -> list[_WireContainer]:
        spec = self.spec and self.spec.template and self.spec.template.spec
        return (spec and spec.containers) or []


class _WireObjectStorage(msgspec.Struct):
    bucket: str = ""
    prefix: str = ""


class _WireLocationSpec(msgspec.Struct, rename="camel"):
    provider: str = ""
    object_storage: _WireObjectStorage | None = None
    config: dict[str, str] | None = None
    default: bool = False
    access_mode: str = ""


class _WireLocationStatus(msgspec.Struct):
    phase: str = ""
    message: str = ""


class _WireLocation(msgspec.Struct):
    metadata: _WireMetadata
    spec: _WireLocationSpec | None = None
    status: _WireLocationStatus | None = None


class _WireNode(msgspec.Struct):
    metadata: _WireMetadata


_WORKLOAD: Final = msgspec.json.Decoder(_WireWorkload)
_LOCATION: Final = msgspec.json.Decoder(_WireLocation)
_NODE: Final = msgspec.json.Decoder(_WireNode)


def decode_server(raw: bytes | msgspec.Raw) -> Server | None:
    """Decode a Deployment; None if it is not Velero's. Raises msgspec.MsgspecError if it is no Deployment."""
    wire = _WORKLOAD.decode(raw)
    for container in wire.containers():
        arguments = [*(container.command or []), *(container.args or [])]
        if container.name == SERVER and "server" in arguments:
            return Server(
                wire.metadata.namespace,
                wire.metadata.name,
                _version(container.image or ""),
                flags(arguments),
                (wire.status and wire.status.ready_replicas) or 0,
            )
    return None


def decode_agent(raw: bytes | msgspec.Raw) -> Agent | None:
    """Decode a DaemonSet; None if it is no node-agent's. Raises as ``decode_server``."""
    wire = _WORKLOAD.decode(raw)
    if wire.metadata.name not in AGENTS:
        return None
    for container in wire.containers():
        given = flags([*(container.command or []), *(container.args or [])])
        if "node-agent-configmap" in given:
            return Agent(wire.metadata.namespace, wire.metadata.name, given["node-agent-configmap"])
    return Agent(wire.metadata.namespace, wire.metadata.name, "")


def decode_location(raw: bytes | msgspec.Raw) -> tuple[str, StorageLocation]:
    """Decode a BackupStorageLocation; its namespace comes first. Raises as ``decode_server``."""
    wire = _LOCATION.decode(raw)
    spec, status = wire.spec or _WireLocationSpec(), wire.status or _WireLocationStatus()
    storage, config = spec.object_storage or _WireObjectStorage(), spec.config or {}
    return wire.metadata.namespace, StorageLocation(
        name=wire.metadata.name,
        provider=spec.provider,
        bucket=storage.bucket,
        prefix=storage.prefix.strip("/"),
        endpoint=config.get("s3Url") or config.get("storageAccount") or config.get("region", ""),
        default=spec.default,
        read_only=spec.access_mode == "ReadOnly",
        available=status.phase == _AVAILABLE,
        message=status.message,
    )


def decode_node(raw: bytes | msgspec.Raw) -> tuple[str, dict[str, str]]:
    """Decode a Node: its name and labels. Raises as ``decode_server``."""
    metadata = _NODE.decode(raw).metadata
    return metadata.name, metadata.labels or {}


def _version(image: str) -> Version | None:
    try:
        return parse_version(tag(image))
    except ValueError:
        return None


def tag(image: str) -> str:
    """An image's tag, empty if it has none; a registry's port is no tag, nor is a digest."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2]
