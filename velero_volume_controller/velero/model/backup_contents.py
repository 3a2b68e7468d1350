"""What a Backup holds, in the three forms in which Velero tells of it: its resource list, its volume
information, and what ``velero backup describe --details -o json`` makes of both.

As in Velero 1.14 to 1.18: pkg/backup/backed_up_items_map.go (ResourceMap), internal/volume/
volumes_information.go (BackupVolumeInfo), pkg/cmd/util/output/backup_structured_describer.go.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

_SUCCEEDED: Final = "succeeded"
_COMPLETED: Final = "Completed"
_POD_VOLUME_BACKUP: Final = "PodVolumeBackup"
_NATIVE_SNAPSHOT: Final = "NativeSnapshot"

#: In describe's output a volume's name may be followed by sizes: ``data (size: 5, incremental size: 1)``.
_VOLUME: Final = re.compile(r"(?P<name>[a-z0-9]([-a-z0-9]*[a-z0-9])?)(?: \([^()]*\))?(?:, |$)")


class Key(NamedTuple):
    """Which object, whatever the version it is read in. ``namespace`` is empty for cluster-scoped ones."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """As people say it: ``Deployment shop/web``."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class VolumeData(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Data of one volume that a Backup holds in full.

    A snapshot's volume is found by its claim or its PersistentVolume, a file-system backup's by pod and
    volume; the other fields are empty where they are not told. ``native``: the snapshot is one of a volume
    plugin's, and not of CSI's.
    """

    namespace: str = ""
    claim: str = ""
    pod: str = ""
    volume: str = ""
    persistent_volume: str = ""
    snapshot: bool = False
    native: bool = False


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """One Backup as described. ``items`` is None where the description has none, and ``missing`` says why."""

    name: str
    phase: str
    items: tuple[Key, ...] | None
    data: tuple[VolumeData, ...] | None
    missing: str = ""


class _WirePodVolume(msgspec.Struct, rename="camel"):
    pod_name: str = ""
    pod_namespace: str = ""
    volume_name: str = ""
    phase: str = msgspec.field(default="", name="Phase")


class _WireVolumeInfo(msgspec.Struct, rename="camel"):
    claim: str = msgspec.field(default="", name="pvcName")
    claim_namespace: str = msgspec.field(default="", name="pvcNamespace")
    persistent_volume: str = msgspec.field(default="", name="pvName")
    backup_method: str = ""
    skipped: bool = False
    result: str = ""
    pvb_info: _WirePodVolume | None = None


class _WireVolumes(msgspec.Struct, rename="camel"):
    """Each of them is a text where there is nothing, as ``<none included>``."""

    native_snapshots: Any = None
    csi_snapshots: Any = None
    pod_volume_backups: Any = None


class _WireStatus(msgspec.Struct, rename="camel"):
    resource_list: dict[str, list[str]] | None = None
    error_getting_resource_list: str = ""
    backup_volumes: _WireVolumes | None = None


class _WireDescribed(msgspec.Struct):
    name: str


class _WireDescription(msgspec.Struct):
    metadata: _WireDescribed
    phase: str = ""
    status: _WireStatus | None = None


_RESOURCE_LIST: Final = msgspec.json.Decoder(dict[str, list[str]])
_VOLUME_INFO: Final = msgspec.json.Decoder(list[_WireVolumeInfo])
_DESCRIPTION: Final = msgspec.json.Decoder(_WireDescription)


def decode_resource_list(raw: bytes | msgspec.Raw) -> tuple[Key, ...]:
    """Decode ``{"apps/v1/Deployment": ["shop/web"]}``. Raises msgspec.MsgspecError if it is none."""
    return tuple(_keys(_RESOURCE_LIST.decode(raw)))


def decode_volume_infos(raw: bytes | msgspec.Raw) -> tuple[VolumeData, ...]:
    """Decode a list of BackupVolumeInfo: those whose data is in the Backup in full. Raises likewise."""
    return tuple(_data_of_infos(_VOLUME_INFO.decode(raw)))


def decode_description(raw: bytes | msgspec.Raw) -> Description:
    """Decode what ``velero backup describe NAME --details -o json`` prints. Raises likewise."""
    wire = _DESCRIPTION.decode(raw)
    status = wire.status or _WireStatus()
    volumes, listed = status.backup_volumes, status.resource_list
    return Description(
        name=wire.metadata.name,
        phase=wire.phase,
        items=None if listed is None else tuple(_keys(listed)),
        data=None if volumes is None else tuple(_data_described(volumes)),
        missing=status.error_getting_resource_list.strip("<>\n "),
    )


def _keys(listed: Mapping[str, list[str]]) -> Iterator[Key]:
    for resource, names in listed.items():
        version, slash, kind = resource.rpartition("/")
        if not slash or not kind:
            raise msgspec.ValidationError(
                f"the key {resource!r} where a version and a kind such as apps/v1/Deployment belong"
            )
        group = sys.intern(version.rpartition("/")[0])
        for each in names:
            namespace, _, name = each.rpartition("/")
            if not name or "/" in namespace:
                raise msgspec.ValidationError(
                    f"{each!r} below {resource} where a name or a namespace and a name belong"
                )
            yield Key(group, sys.intern(kind), sys.intern(namespace), name)


def _data_of_infos(infos: Iterable[_WireVolumeInfo]) -> Iterator[VolumeData]:
    for info in infos:
        pod = info.pvb_info or _WirePodVolume()
        by_file_system = info.backup_method == _POD_VOLUME_BACKUP
        # A file-system backup says how it went twice; before 1.15 in the phase alone.
        done = info.result == _SUCCEEDED or (by_file_system and pod.phase == _COMPLETED)
        if done and info.backup_method and not info.skipped:
            yield VolumeData(
                namespace=info.claim_namespace or pod.pod_namespace,
                claim=info.claim,
                pod=pod.pod_name,
                volume=pod.volume_name,
                persistent_volume=info.persistent_volume,
                snapshot=not by_file_system,
                native=info.backup_method == _NATIVE_SNAPSHOT,
            )


def _data_described(volumes: _WireVolumes) -> Iterator[VolumeData]:
    for name, snapshot in _map(volumes.native_snapshots).items():
        if _map(snapshot).get("result") == _SUCCEEDED:
            yield VolumeData(persistent_volume=name, snapshot=True, native=True)
    for name, snapshot in _map(volumes.csi_snapshots).items():
        if any(_map(part).get("result") == _SUCCEEDED for part in _map(snapshot).values()):
            namespace, _, claim = name.partition("/")
            yield VolumeData(namespace=namespace, claim=claim, snapshot=True)
    details = _map(_map(volumes.pod_volume_backups).get("podVolumeBackupsDetails"))
    completed = details.get(_COMPLETED)
    for group in completed if isinstance(completed, list) else ():
        for pod, told in _map(group).items():
            namespace, _, name = pod.partition("/")
            for match in _VOLUME.finditer(told if isinstance(told, str) else ""):
                yield VolumeData(namespace=namespace, pod=name, volume=match["name"])


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
