"""What earlier Backups have cost, from the Backups and PodVolumeBackups that are still there. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from velero_volume_controller.backup.times import parse_time
from velero_volume_controller.backup.work import History, Overhead, Sample, VolumeKey
from velero_volume_controller.velero.model.backups import RESTORABLE, Backup
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup

_COMPLETED: Final = "Completed"


def history(backups: Iterable[Backup], volumes: Iterable[PodVolumeBackup]) -> History:
    """Samples of every volume that was taken completely, and what each Backup took beyond its volumes.

    Data movement is from a PodVolumeBackup's start, when its mover is ready and its turn has come, to its
    completion: time spent waiting for the node is no cost of the volume's.
    """
    taken: dict[tuple[str, str], list[PodVolumeBackup]] = {}
    samples: list[Sample] = []
    for volume in volumes:
        taken.setdefault((volume.namespace, volume.backup), []).append(volume)
        if (sample := _sample(volume)) is not None:
            samples.append(sample)
    overheads = [
        overhead
        for backup in backups
        if (overhead := _overhead(backup, taken.get((backup.namespace, backup.name), []))) is not None
    ]
    samples.sort(key=lambda each: (each.ended, each.key.namespace, each.key.claim, each.key.pod))
    overheads.sort(key=lambda each: (each.ended, each.lane, each.seconds))
    return History(tuple(samples), tuple(overheads))


def volume_key(volume: PodVolumeBackup) -> VolumeKey:
    """What its history is kept under: the claim where it has one, for pods come and go."""
    if volume.claim:
        return VolumeKey(volume.pod_namespace, volume.claim)
    return VolumeKey(volume.pod_namespace, "", volume.pod, volume.volume)


def _sample(volume: PodVolumeBackup) -> Sample | None:
    started, ended = _time(volume.started), _time(volume.completed)
    if volume.phase != _COMPLETED or started is None or ended is None or ended < started:
        return None
    return Sample(
        volume_key(volume),
        volume.namespace,
        (ended - started).total_seconds(),
        max(volume.bytes_done, volume.bytes_total),
        volume.completed or "",
        volume.node,
    )


def _overhead(backup: Backup, volumes: list[PodVolumeBackup]) -> Overhead | None:
    """From its start to its first volume, and from its last volume's end to its own."""
    started, ended = _time(backup.status.start_timestamp), _time(backup.status.completion_timestamp)
    if backup.phase not in RESTORABLE or started is None or ended is None:
        return None
    created = [time for each in volumes if (time := _time(each.created)) is not None]
    completed = [time for each in volumes if (time := _time(each.completed)) is not None]
    if not created or not completed:
        seconds = (ended - started).total_seconds()
    else:
        seconds = (min(created) - started + (ended - max(completed))).total_seconds()
    if seconds < 0:
        return None
    return Overhead(
        backup.namespace,
        seconds,
        backup.status.completion_timestamp or "",
        len(backup.included_namespaces) or None,
        bool(volumes),
    )


def _time(text: str | None) -> datetime | None:
    """None for none, and for what is no time: one odd object must not cost all predictions."""
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None
