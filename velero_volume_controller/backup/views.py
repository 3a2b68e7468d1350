"""A BackupSet as a person is shown it at one moment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from velero_volume_controller.api.backupset import (
    BackupSetSpec,
    BackupSetStatus,
    PointBackup,
    SetPhase,
)
from velero_volume_controller.backup.attempts import OVER
from velero_volume_controller.backup.failures import Failure
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.moving_volumes import VolumeView
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup

#: A shard that nothing was handed over for yet, and a set that the controller has not looked at.
WAITING: Final = "Waiting"
NEW: Final = "New"

_ENDS: Final = frozenset(phase.value for phase in SetPhase if phase.ended)


@dataclass(frozen=True, slots=True)
class Seen:
    """What could be read. ``backups`` (by lane and name) and ``volumes`` are None where they may not be read.

    ``notes`` are sentences on that. ``created`` is when the set was made, ``demanded`` the last demand to try
    again (``Situation.retry``).
    """

    namespace: str
    name: str
    spec: BackupSetSpec
    status: BackupSetStatus
    created: str = ""
    demanded: str = ""
    backups: Mapping[tuple[str, str], Backup] | None = None
    volumes: tuple[PodVolumeBackup, ...] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShardView:
    """A shard, by the Backup of it that is complete, else its newest; ``attempt`` 0 before the first.

    ``fraction`` is of its predicted time, ``seconds`` how long it has run or ran, ``left`` how much longer it
    is likely to. ``due``: when the next is made; None for never, empty for as soon as there is a slot.
    """

    name: str
    namespaces: tuple[str, ...]
    cluster: bool
    lane: str
    backup: str
    phase: str
    attempt: int
    fraction: float
    done: int
    total: int
    seconds: float
    left: float
    due: str | None
    volumes: tuple[VolumeView, ...]

    @property
    def running(self) -> bool:
        """Handed over, and not ended."""
        return self.attempt > 0 and self.phase not in OVER


@dataclass(frozen=True, slots=True)
class SetView:
    """A set at one moment. ``ends`` is when it is likely to end, or ended; ``rate`` bytes a second.

    ``predicted`` and ``lower_bound`` are the plan's, in seconds. ``notes`` are sentences on what holds it up,
    and on what could not be read; ``missing`` on what the restore point lacks. ``point`` is its Backups in
    the order in which to restore them: the cluster's own resources first.
    """

    namespace: str
    name: str
    phase: str
    now: str
    started: str | None
    ended: str | None
    ends: str | None
    predicted: int
    lower_bound: int
    fraction: float
    done: int
    total: int
    volumes_done: int
    volumes_total: int
    rate: float
    shards: tuple[ShardView, ...]
    failures: tuple[Failure, ...]
    point: tuple[PointBackup, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def over(self) -> bool:
        """Nothing more happens by itself."""
        return self.phase in _ENDS


def document(view: SetView) -> dict[str, Any]:
    """The set as ``vvc backup status -o json`` prints it: times RFC 3339, seconds whole, sizes in bytes."""
    return {
        "namespace": view.namespace,
        "name": view.name,
        "phase": view.phase,
        "started": view.started,
        "ended": view.ended,
        "predictedEnd": None if view.over else view.ends,
        "predictedSeconds": view.predicted,
        "lowerBoundSeconds": view.lower_bound,
        "fraction": round(view.fraction, 3),
        "bytesPerSecond": round(view.rate),
        "progress": {
            "bytesDone": view.done,
            "bytesTotal": view.total,
            "volumesDone": view.volumes_done,
            "volumesTotal": view.volumes_total,
        },
        "shards": [_shard(each) for each in view.shards],
        "failures": [
            {
                "what": each.what,
                "phase": each.phase,
                "reason": each.reason,
                "advice": each.advice,
                "mended": each.mended,
            }
            for each in view.failures
        ],
        "restorePoint": [
            {
                "lane": each.lane,
                "backup": each.name,
                "shard": each.shard,
                "namespaces": list(each.namespaces),
            }
            for each in view.point
        ],
        "missing": list(view.missing),
        "notes": list(view.notes),
    }


def _shard(shard: ShardView) -> dict[str, Any]:
    return {
        "name": shard.name,
        "namespaces": list(shard.namespaces),
        "clusterResources": shard.cluster,
        "lane": shard.lane,
        "backup": shard.backup or None,
        "attempt": shard.attempt,
        "phase": shard.phase,
        "fraction": round(shard.fraction, 3),
        "bytesDone": shard.done,
        "bytesTotal": shard.total,
        "seconds": round(shard.seconds),
        "secondsLeft": round(shard.left),
        "volumes": [each.document() for each in shard.volumes],
    }
