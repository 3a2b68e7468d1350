"""Velero's Backups, cut down to what runs and watches them; the phases, and what they mean.

Phases as in pkg/apis/velero/v1/backup_types.go, 1.14 to 1.18. A phase that is not
known here counts as still running: a newer Velero may have more of them.
"""

import hashlib
import json
import sys
from typing import Any, Final

import msgspec

from velero_volume_controller.velero.model.metadata import WireIdentity

#: Not begun: Velero has not seen it, or has queued it (1.18).
WAITING: Final = frozenset({"", "New", "Queued", "ReadyToStart"})
#: Velero does no more to it.
ENDED: Final = frozenset({"Completed", "PartiallyFailed", "Failed", "FailedValidation"})
#: Something of it can be restored.
RESTORABLE: Final = frozenset({"Completed", "PartiallyFailed"})
COMPLETED: Final = "Completed"
#: Its items are taken; plugins or the upload are waited for. Velero starts the next one meanwhile: 1.18
#: counts these no more (backup_tracker.go, RunningCount), before it another controller than the backup's
#: does them.
POST_PROCESSING: Final = frozenset(
    {
        "WaitingForPluginOperations",
        "WaitingForPluginOperationsPartiallyFailed",
        "Finalizing",
        "FinalizingPartiallyFailed",
    }
)
DELETING: Final = "Deleting"


class BackupStatus(msgspec.Struct, frozen=True, rename="camel"):
    """As Velero reports it; times are RFC 3339, None where not reached."""

    phase: str = ""
    start_timestamp: str | None = None
    completion_timestamp: str | None = None
    expiration: str | None = None
    failure_reason: str = ""
    validation_errors: tuple[str, ...] = ()
    errors: int = 0
    warnings: int = 0


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """One Backup. ``namespace`` is that of its Velero; ``created`` is RFC 3339 of the API server's clock.

    ``storage_location`` is empty until Velero has seen it, where it names none.
    """

    name: str
    namespace: str
    uid: str = ""
    created: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    included_namespaces: tuple[str, ...] = ()
    excluded_namespaces: tuple[str, ...] = ()
    storage_location: str = ""
    status: BackupStatus = BackupStatus()

    @property
    def phase(self) -> str:
        """Empty until Velero has seen it."""
        return self.status.phase

    @property
    def waiting(self) -> bool:
        """Not begun."""
        return self.phase in WAITING

    @property
    def ended(self) -> bool:
        """Velero does no more to it."""
        return self.phase in ENDED

    @property
    def occupies(self) -> bool:
        """It holds one of its Velero's slots, or waits for one."""
        return not (self.ended or self.phase in POST_PROCESSING or self.phase == DELETING)

    @property
    def reason(self) -> str:
        """Why it failed, in Velero's words; empty where it says nothing."""
        return "; ".join(filter(None, (self.status.failure_reason, *self.status.validation_errors)))


class _WireSpec(msgspec.Struct, rename="camel"):
    included_namespaces: tuple[str, ...] | None = None
    excluded_namespaces: tuple[str, ...] | None = None
    storage_location: str = ""


class _WireBackup(msgspec.Struct):
    metadata: WireIdentity
    spec: _WireSpec | None = None
    status: BackupStatus | None = None


_DECODER: Final = msgspec.json.Decoder(_WireBackup)


def decode_backup(raw: bytes | msgspec.Raw) -> Backup:
    """Decode one Backup's JSON. Raises msgspec.MsgspecError if it is none."""
    wire = _DECODER.decode(raw)
    spec = wire.spec or _WireSpec()
    return Backup(
        name=wire.metadata.name,
        namespace=wire.metadata.namespace,
        uid=wire.metadata.uid,
        created=wire.metadata.creation_timestamp or "",
        labels=_shared(wire.metadata.labels),
        annotations=_shared(wire.metadata.annotations),
        included_namespaces=spec.included_namespaces or (),
        excluded_namespaces=spec.excluded_namespaces or (),
        storage_location=sys.intern(spec.storage_location),
        status=wire.status or BackupStatus(),
    )


def _shared(found: dict[str, str] | None) -> dict[str, str]:
    """Keys and values kept once: all Backups of a set bear its whole spec."""
    return {sys.intern(key): sys.intern(value) for key, value in (found or {}).items()}


def spec_hash(spec: dict[str, Any]) -> str:
    """Sixteen hex digits that tell one spec from another, whatever the order of its keys."""
    canonical = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
