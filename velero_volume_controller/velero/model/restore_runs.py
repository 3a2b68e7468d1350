"""Velero's Restores and the volumes that they write, cut down to what runs and watches them.

Phases as in pkg/apis/velero/v1/restore_types.go and pod_volume_restore_type.go, 1.14 to 1.18. A phase that is
not known here counts as still running.
"""

from typing import Final

import msgspec

from velero_volume_controller.velero.model.metadata import WireIdentity

#: Velero's label on each object that a Restore made, and on its PodVolumeRestores (label.GetValidName).
RESTORE_LABEL: Final = "velero.io/restore-name"
COMPLETED: Final = "Completed"
PARTIALLY_FAILED: Final = "PartiallyFailed"
#: Velero does no more to it.
ENDED: Final = frozenset({COMPLETED, PARTIALLY_FAILED, "Failed", "FailedValidation"})
#: Nothing more happens to the volume.
VOLUME_ENDED: Final = frozenset({COMPLETED, "Failed", "Canceled"})


class _WireProgress(msgspec.Struct, rename="camel"):
    total_items: int = 0
    items_restored: int = 0


class _WireStatus(msgspec.Struct, rename="camel"):
    phase: str = ""
    failure_reason: str = ""
    validation_errors: tuple[str, ...] | None = None
    start_timestamp: str | None = None
    completion_timestamp: str | None = None
    errors: int = 0
    warnings: int = 0
    progress: _WireProgress | None = None


class _WireSpec(msgspec.Struct, rename="camel"):
    backup_name: str = ""
    included_namespaces: tuple[str, ...] | None = None
    excluded_namespaces: tuple[str, ...] | None = None
    namespace_mapping: dict[str, str] | None = None


class _WireRestore(msgspec.Struct):
    metadata: WireIdentity
    spec: _WireSpec | None = None
    status: _WireStatus | None = None


class Restore(msgspec.Struct, frozen=True, kw_only=True):
    """One Restore. ``namespace`` is that of its Velero; times are RFC 3339, None where not reached.

    ``targets`` are the namespaces that it writes to as far as its spec names them, ``everywhere`` if it
    names none.
    """

    name: str
    namespace: str
    uid: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    backup: str = ""
    targets: frozenset[str] = frozenset()
    everywhere: bool = False
    phase: str = ""
    reason: str = ""
    errors: int = 0
    warnings: int = 0
    started: str | None = None
    completed: str | None = None
    items: int = 0
    items_total: int = 0

    @property
    def ended(self) -> bool:
        """Velero does no more to it."""
        return self.phase in ENDED


class _WirePod(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _WireVolumeSpec(msgspec.Struct, rename="camel"):
    pod: _WirePod | None = None
    volume: str = ""


class _WireBytes(msgspec.Struct, rename="camel"):
    total_bytes: int = 0
    bytes_done: int = 0


class _WireVolumeStatus(msgspec.Struct, rename="camel"):
    phase: str = ""
    message: str = ""
    start_timestamp: str | None = None
    completion_timestamp: str | None = None
    progress: _WireBytes | None = None
    node: str = ""


class _WireVolumeRestore(msgspec.Struct):
    metadata: WireIdentity
    spec: _WireVolumeSpec | None = None
    status: _WireVolumeStatus | None = None


class PodVolumeRestore(msgspec.Struct, frozen=True, kw_only=True):
    """One volume of one pod, as it is written. ``node`` is told since Velero 1.17."""

    name: str
    namespace: str
    restore: str = ""
    pod_namespace: str = ""
    pod: str = ""
    volume: str = ""
    phase: str = ""
    message: str = ""
    node: str = ""
    started: str | None = None
    completed: str | None = None
    bytes_done: int = 0
    bytes_total: int = 0


_RESTORE: Final = msgspec.json.Decoder(_WireRestore)
_VOLUME: Final = msgspec.json.Decoder(_WireVolumeRestore)


def decode_restore(raw: bytes | msgspec.Raw) -> Restore:
    """Decode one Restore's JSON. Raises msgspec.MsgspecError if it is none."""
    wire = _RESTORE.decode(raw)
    spec, status = wire.spec or _WireSpec(), wire.status or _WireStatus()
    progress, mapping = status.progress or _WireProgress(), spec.namespace_mapping or {}
    included = [name for name in spec.included_namespaces or () if name != "*"]
    return Restore(
        name=wire.metadata.name,
        namespace=wire.metadata.namespace,
        uid=wire.metadata.uid,
        labels=wire.metadata.labels or {},
        annotations=wire.metadata.annotations or {},
        backup=spec.backup_name,
        targets=frozenset(mapping.get(name, name) for name in included),
        everywhere=not included,
        phase=status.phase,
        reason="; ".join(filter(None, (status.failure_reason, *(status.validation_errors or ())))),
        errors=status.errors,
        warnings=status.warnings,
        started=status.start_timestamp,
        completed=status.completion_timestamp,
        items=progress.items_restored,
        items_total=progress.total_items,
    )


def decode_pod_volume_restore(raw: bytes | msgspec.Raw) -> PodVolumeRestore:
    """Decode one PodVolumeRestore's JSON. Raises msgspec.MsgspecError if it is none."""
    wire = _VOLUME.decode(raw)
    spec, status = wire.spec or _WireVolumeSpec(), wire.status or _WireVolumeStatus()
    pod, progress = spec.pod or _WirePod(), status.progress or _WireBytes()
    return PodVolumeRestore(
        name=wire.metadata.name,
        namespace=wire.metadata.namespace,
        restore=(wire.metadata.labels or {}).get(RESTORE_LABEL, ""),
        pod_namespace=pod.namespace,
        pod=pod.name,
        volume=spec.volume,
        phase=status.phase,
        message=status.message,
        node=status.node,
        started=status.start_timestamp,
        completed=status.completion_timestamp,
        bytes_done=progress.bytes_done,
        bytes_total=progress.total_bytes,
    )
