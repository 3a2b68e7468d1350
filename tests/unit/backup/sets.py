"""BackupSets half-way, for what shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from velero_volume_controller.api.backupset import (
    Attempt,
    BackupSetSpec,
    BackupSetStatus,
    PlanSummary,
    SetPhase,
    Shard,
)
from velero_volume_controller.api.times import after
from velero_volume_controller.backup.views import Seen
from velero_volume_controller.velero.model.backups import Backup, BackupStatus
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup

BEGIN = "2026-11-24T02:00:00Z"
MIB = 1 << 20


def at(seconds: float) -> str:
    """So many seconds after the set began."""
    return after(BEGIN, seconds)


def attempt(shard: str, number: int = 1, **more: Any) -> Attempt:
    return Attempt(backup=f"nightly-0a1b2c3d-{shard}-{number}", lane="velero", **more)


def completed(shard: str, begun: float, ended: float, size: int = 0) -> Attempt:
    return attempt(shard, phase="Completed", started=at(begun), ended=at(ended), bytes=size, volumes=1)


def running(shard: str, begun: float, number: int = 1) -> Attempt:
    return attempt(shard, number, phase="InProgress", created=at(begun), started=at(begun))


def shard(name: str, predicted: int, *attempts: Attempt) -> Shard:
    return Shard(
        name=name, namespaces=[name], lane="velero", predicted_seconds=predicted, attempts=[*attempts]
    )


def volume(
    shard: str, name: str = "data", *, phase: str = "InProgress", number: int = 1, **more: Any
) -> PodVolumeBackup:
    given = {"pod": f"{shard}-0", "node": "node1", "started": BEGIN, **more}
    return PodVolumeBackup(
        name=f"{shard}-{name}-{number}",
        namespace="velero",
        backup=f"nightly-0a1b2c3d-{shard}-{number}",
        pod_namespace=shard,
        volume=name,
        phase=phase,
        **given,
    )


def backup(shard: str, phase: str, number: int = 1, **status: Any) -> Backup:
    name = f"nightly-0a1b2c3d-{shard}-{number}"
    return Backup(name=name, namespace="velero", status=BackupStatus(phase=phase, **status))


def seen(
    *shards: Shard,
    phase: SetPhase | None = SetPhase.RUNNING,
    makespan: int = 0,
    backups: Iterable[Backup] | None = None,
    volumes: Iterable[PodVolumeBackup] | None = None,
    **status: Any,
) -> Seen:
    whole = BackupSetStatus(
        phase=phase,
        started=BEGIN,
        plan=PlanSummary(hash="h", shards=len(shards), predicted_seconds=makespan, lower_bound_seconds=1),
        shards=[*shards],
        **status,
    )
    return Seen(
        namespace="velero",
        name="nightly",
        spec=BackupSetSpec(),
        status=whole,
        backups=None if backups is None else {(each.namespace, each.name): each for each in backups},
        volumes=None if volumes is None else tuple(volumes),
    )
