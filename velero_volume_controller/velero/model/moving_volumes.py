"""A volume whose data moves, out to a backup or back from it: how far it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from velero_volume_controller.api.times import seconds_between
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.restore_runs import (
    COMPLETED,
    VOLUME_ENDED,
    PodVolumeRestore,
)

#: Velero has not looked at it.
_NEW: Final = "New"
#: What of a volume is shown at most before it has ended: its last bytes are not its end.
ALMOST: Final = 0.99


@dataclass(frozen=True, slots=True)
class VolumeView:
    """A volume in bytes, as read or as written; ``seconds`` since its data began to move."""

    namespace: str
    pod: str
    volume: str
    node: str
    phase: str
    message: str
    done: int
    total: int
    seconds: float

    @classmethod
    def of(cls, volume: PodVolumeBackup | PodVolumeRestore, now: str) -> VolumeView:
        """As it is ``now`` (RFC 3339)."""
        seconds = 0.0
        if volume.started:
            seconds = max(seconds_between(volume.started, volume.completed or now), 0.0)
        return cls(
            namespace=volume.pod_namespace,
            pod=volume.pod,
            volume=volume.volume,
            node=volume.node,
            phase=volume.phase or _NEW,
            message=volume.message,
            done=volume.bytes_done,
            total=volume.bytes_total,
            seconds=seconds,
        )

    @property
    def fraction(self) -> float:
        """From 0 to 1; 1 only when it is complete."""
        if self.phase == COMPLETED:
            return 1.0
        return min(self.done / self.total, ALMOST) if self.total else 0.0

    @property
    def running(self) -> bool:
        """Its data moves."""
        return self.phase == "InProgress"

    @property
    def failed(self) -> bool:
        """It ended, and is not complete."""
        return self.phase in VOLUME_ENDED and self.phase != COMPLETED

    @property
    def rate(self) -> float:
        """Bytes a second while it runs."""
        return self.done / self.seconds if self.running and self.seconds > 0 else 0.0

    def document(self) -> dict[str, Any]:
        """As programs are told: sizes in bytes, seconds whole."""
        return {
            "namespace": self.namespace,
            "pod": self.pod,
            "volume": self.volume,
            "node": self.node,
            "phase": self.phase,
            "message": self.message,
            "bytesDone": self.done,
            "bytesTotal": self.total,
            "seconds": round(self.seconds),
            "bytesPerSecond": round(self.rate),
        }
