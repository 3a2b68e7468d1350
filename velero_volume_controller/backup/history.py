"""What earlier Backups have cost and how they ended, from the Backups and PodVolumeBackups that exist. Pure.

Nothing is kept beside them: Velero's sync brings them back after a loss of the cluster,
and what has expired is of no use for predictions either.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from velero_volume_controller.backup.work import History, Overhead, Sample, VolumeKey
from velero_volume_controller.velero.model import backups as phases
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup

#: Samples kept of each volume, the newest: older ones weigh next to nothing in a weighted mean.
NEWEST: Final = 8
#: Overheads kept of each lane.
OVERHEADS: Final = 32


def history(backups: Iterable[Backup], volumes: Iterable[PodVolumeBackup]) -> History:
    """Seconds and bytes of each volume, and what Backups took beyond their volumes.

    A volume's seconds are from ``startTimestamp``, which Velero sets when its data begins to move
    (pkg/controller/pod_volume_backup_controller.go: after the waiting for a free place on the node), to its
    completion. Only what completed counts.
    """
    taken = list(volumes)
    return History(_samples(taken), _overheads(backups, taken))


def last_lanes(volumes: Iterable[PodVolumeBackup]) -> dict[str, str]:
    """By namespace, the lane whose repository got its newest volume."""
    newest: dict[str, tuple[str, str]] = {}
    for each in volumes:
        if each.phase != phases.COMPLETED or each.completed is None:
            continue
        found = (each.completed, each.namespace)
        newest[each.pod_namespace] = max(found, newest.get(each.pod_namespace, found))
    return {namespace: lane for namespace, (_, lane) in newest.items()}


def failures(backups: Iterable[Backup], volumes: Iterable[PodVolumeBackup]) -> dict[str, int]:
    """By namespace, how many Backups in a row did not complete for it, up to now.

    Only Backups that name it count. Where the volumes tell which of the Backup's namespaces failed, the
    others did not.
    """
    broken: dict[tuple[str, str], set[str]] = {}
    for each in volumes:
        if each.phase in {"Failed", "Canceled"}:
            broken.setdefault((each.namespace, each.backup), set()).add(each.pod_namespace)
    found: dict[str, int] = {}
    ended = [backup for backup in backups if backup.ended and backup.status.completion_timestamp]
    for backup in sorted(ended, key=lambda each: each.status.completion_timestamp or ""):
        guilty = broken.get((backup.namespace, backup.name), set()) & set(backup.included_namespaces)
        for namespace in backup.included_namespaces:
            failed = backup.phase != phases.COMPLETED and (not guilty or namespace in guilty)
            found[namespace] = found.get(namespace, 0) + 1 if failed else 0
    return {namespace: count for namespace, count in found.items() if count and namespace != "*"}


def _samples(volumes: Iterable[PodVolumeBackup]) -> tuple[Sample, ...]:
    found: dict[VolumeKey, list[Sample]] = {}
    for each in volumes:
        began, ended = _instant(each.started), _instant(each.completed)
        if each.phase != phases.COMPLETED or began is None or ended is None or each.completed is None:
            continue
        key = VolumeKey(each.pod_namespace, each.claim)
        if not each.claim:
            key = VolumeKey(each.pod_namespace, "", each.pod, each.volume)
        size = max(each.bytes_done, each.bytes_total)
        sample = Sample(key, each.namespace, max(0.0, ended - began), size, each.completed, each.node)
        found.setdefault(key, []).append(sample)
    newest = (sorted(samples, key=_order)[-NEWEST:] for samples in found.values())
    return tuple(sorted((sample for samples in newest for sample in samples), key=_order))


def _overheads(backups: Iterable[Backup], volumes: Iterable[PodVolumeBackup]) -> tuple[Overhead, ...]:
    intervals: dict[tuple[str, str], tuple[float, float]] = {}
    for each in volumes:
        began, ended = _instant(each.created), _instant(each.completed)
        if began is not None and ended is not None:
            key = (each.namespace, each.backup)
            first, last = intervals.get(key, (began, ended))
            intervals[key] = (min(first, began), max(last, ended))
    found = [
        overhead
        for backup in backups
        if (overhead := _overhead(backup, intervals.get((backup.namespace, backup.name)))) is not None
    ]
    found.sort(key=lambda each: (each.lane, each.ended, each.seconds))
    lanes = groupby(found, key=lambda each: each.lane)
    return tuple(overhead for _, of_lane in lanes for overhead in list(of_lane)[-OVERHEADS:])


def _overhead(backup: Backup, data: tuple[float, float] | None) -> Overhead | None:
    """From its start to its first volume, and from its last volume's end to its own.

    What lies between is its pods', the item workers' looks at them included.
    """
    began = _instant(backup.status.start_timestamp)
    ended = _instant(backup.status.completion_timestamp)
    if backup.phase != phases.COMPLETED or began is None or ended is None:
        return None
    first, last = data or (began, began)
    return Overhead(
        backup.namespace,
        max(0.0, first - began + ended - last),
        backup.status.completion_timestamp or "",
        len(backup.included_namespaces) or None,
        data is not None,
    )


def _order(sample: Sample) -> tuple[str, str, str, str, str, str]:
    key = sample.key
    return sample.ended, key.namespace, key.claim, key.pod, key.volume, sample.lane


def _instant(stamp: str | None) -> float | None:
    """Seconds since 1970; None for what is no time."""
    if not stamp:
        return None
    try:
        found = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC).timestamp()
