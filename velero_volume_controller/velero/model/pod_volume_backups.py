"""Velero's PodVolumeBackups: one volume of one pod, taken by the node-agent of the pod's node."""

import sys
from typing import Final

import msgspec

from velero_volume_controller.velero.model.metadata import WireIdentity

#: Velero's label that names the Backup (shortened with a hash where over 63 characters: label.GetValidName).
BACKUP_LABEL: Final = "velero.io/backup-name"
#: Velero's annotation that names the volume's PersistentVolumeClaim.
CLAIM_ANNOTATION: Final = "velero.io/pvc-name"
#: Velero's label, and tag, with that claim's uid.
CLAIM_UID_LABEL: Final = "velero.io/pvc-uid"
#: Phases of pkg/apis/velero/v1/pod_volume_backup_types.go in which nothing more happens.
ENDED: Final = frozenset({"Completed", "Failed", "Canceled"})


class PodVolumeBackup(msgspec.Struct, frozen=True, kw_only=True):
    """How one volume is taken. Bytes are of the volume, not of what was uploaded; of them ``bytes_new`` had
    changed and were read, as far as Velero tells (``status.incrementalBytes``, 1.18)."""

    name: str
    namespace: str
    uid: str = ""
    backup: str = ""
    pod_namespace: str = ""
    pod: str = ""
    volume: str = ""
    claim: str = ""
    claim_uid: str = ""
    node: str = ""
    uploader: str = ""
    phase: str = ""
    created: str = ""
    started: str | None = None
    completed: str | None = None
    bytes_done: int = 0
    bytes_total: int = 0
    bytes_new: int | None = None
    message: str = ""


class _WirePod(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _WireSpec(msgspec.Struct, rename="camel"):
    node: str = ""
    pod: _WirePod | None = None
    volume: str = ""
    uploader_type: str = ""
    tags: dict[str, str] | None = None


class _WireProgress(msgspec.Struct, rename="camel"):
    total_bytes: int = 0
    bytes_done: int = 0


class _WireStatus(msgspec.Struct, rename="camel"):
    phase: str = ""
    start_timestamp: str | None = None
    completion_timestamp: str | None = None
    progress: _WireProgress | None = None
    incremental_bytes: int | None = None
    message: str = ""


class _Wire(msgspec.Struct):
    metadata: WireIdentity
    spec: _WireSpec
    status: _WireStatus | None = None


_DECODER: Final = msgspec.json.Decoder(_Wire)


def decode_pod_volume_backup(raw: bytes | msgspec.Raw) -> PodVolumeBackup:
    """Decode one PodVolumeBackup's JSON. Raises msgspec.MsgspecError if it is none.

    What many of them share is kept once: a cluster may hold a hundred thousand.
    """
    wire = _DECODER.decode(raw)
    labels, tags = wire.metadata.labels or {}, wire.spec.tags or {}
    pod, status = wire.spec.pod or _WirePod(), wire.status or _WireStatus()
    progress = status.progress or _WireProgress()
    return PodVolumeBackup(
        name=wire.metadata.name,
        namespace=sys.intern(wire.metadata.namespace),
        uid=wire.metadata.uid,
        # Velero puts the whole name into the tags; in the label it may be shortened.
        backup=sys.intern(tags.get("backup") or labels.get(BACKUP_LABEL, "")),
        pod_namespace=sys.intern(pod.namespace),
        pod=sys.intern(pod.name),
        volume=sys.intern(wire.spec.volume),
        claim=sys.intern((wire.metadata.annotations or {}).get(CLAIM_ANNOTATION, "")),
        claim_uid=labels.get(CLAIM_UID_LABEL) or tags.get("pvc-uid", ""),
        node=sys.intern(wire.spec.node),
        uploader=sys.intern(wire.spec.uploader_type),
        phase=sys.intern(status.phase),
        created=wire.metadata.creation_timestamp or "",
        started=status.start_timestamp,
        completed=status.completion_timestamp,
        bytes_done=progress.bytes_done,
        bytes_total=progress.total_bytes,
        bytes_new=status.incremental_bytes,
        message=status.message,
    )
