"""Files that Velero keeps beside a Backup, further to ``backup_contents``: how it went, what is missing.

As in Velero 1.14 to 1.18: pkg/util/results/result.go, internal/volume/volumes_information.go,
pkg/backup/backed_up_items_map.go.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

import msgspec

_SUCCEEDED: Final = "succeeded"


class Results(msgspec.Struct, frozen=True):
    """What went wrong in a Backup, in Velero's words; ``general`` is about no namespace."""

    general: tuple[str, ...] = ()
    namespaces: Mapping[str, tuple[str, ...]] = {}


class LackingVolume(msgspec.Struct, frozen=True, gc=False):
    """A volume whose data a Backup does not hold in full; names are empty where they are not told."""

    namespace: str
    claim: str
    pod: str
    volume: str
    reason: str

    def __str__(self) -> str:
        if self.claim:
            return f"PersistentVolumeClaim {self.namespace}/{self.claim}"
        return f"volume {self.volume} of Pod {self.namespace}/{self.pod}"


class _WireResult(msgspec.Struct, frozen=True):
    velero: tuple[str, ...] | None = None
    cluster: tuple[str, ...] | None = None
    namespaces: dict[str, tuple[str, ...]] | None = None


class _WireResults(msgspec.Struct):
    errors: _WireResult = _WireResult()


class _WirePodVolume(msgspec.Struct, rename="camel"):
    pod_name: str = ""
    pod_namespace: str = ""
    volume_name: str = ""
    phase: str = msgspec.field(default="", name="Phase")


class _WireVolume(msgspec.Struct, rename="camel"):
    claim: str = msgspec.field(default="", name="pvcName")
    claim_namespace: str = msgspec.field(default="", name="pvcNamespace")
    skipped: bool = False
    skipped_reason: str = ""
    result: str = ""
    backup_method: str = ""
    pvb_info: _WirePodVolume | None = None


_RESULTS: Final = msgspec.json.Decoder(_WireResults)
_VOLUMES: Final = msgspec.json.Decoder(list[_WireVolume])
_KINDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def decode_results(raw: bytes) -> Results:
    """Decode a BackupResults file: its errors. Raises msgspec.MsgspecError if it is none."""
    errors = _RESULTS.decode(raw).errors
    return Results((*(errors.velero or ()), *(errors.cluster or ())), errors.namespaces or {})


def decode_lacking(raw: bytes) -> tuple[LackingVolume, ...]:
    """Decode a BackupVolumeInfos file: the volumes that failed or were skipped. Raises likewise."""
    found = []
    for each in _VOLUMES.decode(raw):
        pod = each.pvb_info or _WirePodVolume()
        done = each.result == _SUCCEEDED or pod.phase == "Completed"
        if done and not each.skipped:
            continue
        reason = f"skipped: {each.skipped_reason or 'no reason is given'}" if each.skipped else ""
        found.append(
            LackingVolume(
                each.claim_namespace or pod.pod_namespace,
                each.claim,
                pod.pod_name,
                pod.volume_name,
                reason or f"its backup is {pod.phase or each.result or 'not known to have succeeded'}",
            )
        )
    return tuple(found)


def decode_held_versions(raw: bytes) -> frozenset[tuple[str, str, str]]:
    """Decode a resource list: the (group, version, kind) in which it has objects. Raises likewise."""
    found = set()
    for resource in _KINDS.decode(raw):
        version, _, kind = resource.rpartition("/")
        group, _, version = version.rpartition("/")
        found.add((sys.intern(group), sys.intern(version), sys.intern(kind)))
    return frozenset(found)
