"""What a set has come to: its restore point, what that lacks and why, and how far it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from velero_volume_controller.api.backupset import (
    Attempt,
    Missing,
    PointBackup,
    Progress,
    RestorePoint,
    SetPhase,
    Shard,
)
from velero_volume_controller.backup import left_out
from velero_volume_controller.backup.attempts import View, done, skipped
from velero_volume_controller.backup.left_out import on_purpose
from velero_volume_controller.backup.planned_volumes import NOT_TAKEN, There, not_taken, still_not_taken
from velero_volume_controller.backup.steps import Cluster
from velero_volume_controller.velero.model.backups import COMPLETED, RESTORABLE
from velero_volume_controller.velero.model.pod_volume_backups import ENDED, PodVolumeBackup
from velero_volume_controller.velero.model.versions import Version

#: Up to here all of a Backup's volumes are lost when one runs into fs-backup-timeout (velero issue 9986).
_LOSES_ALL: Version = Version(1, 18, 2)
#: etcd takes no object of more than 1.5 MiB (--max-request-bytes), in which the names of thousands of
#: namespaces stand twice: what is missing gets so many bytes, and a reason so many characters.
_ROOM: Final = 256 * 1024
_LONGEST_REASON: Final = 400
#: Velero's annotation on a Backup that volume policies of all Backups had a say in (1.18.3,
#: labels_annotations.go): they may leave volumes out, or have snapshots taken of them.
GLOBAL_POLICY: Final = "velero.io/global-backup-volume-policy-configmap"
#: The last entry where there are more.
_UNNAMED: Final = " more, which find no room here: see the Backups of each shard and their PodVolumeBackups"


def best(shard: Shard) -> Attempt | None:
    """The attempt that stands: a Completed one, else the one with the most volumes; the newest of equals."""
    standing = [pair for pair in enumerate(shard.attempts) if pair[1].phase in RESTORABLE]
    if not standing:
        return None
    return max(standing, key=_standing)[1]


def _standing(numbered: tuple[int, Attempt]) -> tuple[bool, int, int, int]:
    number, attempt = numbered
    return attempt.phase == COMPLETED, attempt.volumes, attempt.bytes, number


def phase(shards: Sequence[Shard], point: RestorePoint) -> SetPhase:
    """How a set ends: Completed if it lacks nothing but what was deleted or excluded meanwhile."""
    if not any(best(shard) for shard in shards):
        return SetPhase.FAILED
    whole = all(done(shard) or skipped(shard) for shard in shards)
    if whole and all(on_purpose(each) for each in point.missing):
        return SetPhase.COMPLETED
    return SetPhase.PARTIALLY_FAILED


def restore_point(
    shards: Sequence[Shard],
    view: View,
    before: RestorePoint | None,
    unstarted: str,
    cluster: Cluster | None = None,
) -> RestorePoint:
    """The best Backup of each shard, and all that they lack.

    ``before`` keeps what was said of a Backup whose PodVolumeBackups are not seen just now. ``unstarted`` is
    why a shard has no Backup at all. ``cluster`` is given when the set ends: then it is seen which planned
    volumes are there and were not taken; later that is kept.
    """
    point = RestorePoint()
    there = There.of(cluster) if cluster is not None else None
    said = before.missing if before is not None else []
    left: list[Missing] = []
    unnamed = {0}
    for shard in shards:
        attempt = best(shard)
        if attempt is not None:
            names = left_out.held(shard, attempt)
            point.backups.append(
                PointBackup(name=attempt.backup, lane=attempt.lane, shard=shard.name, namespaces=names)
            )
            left.extend(left_out.missing(attempt))
            found, kept = _missing(shard, attempt, view, [each for each in said if _of(each, shard)], there)
            point.missing.extend(found)
            unnamed.update(_count_of_unnamed(each) for each in said if kept)
        elif skipped(shard):
            left.extend(left_out.missing(shard.attempts[-1]))
        else:
            point.missing.extend(_lost(shard, unstarted))
    if there is None:
        point.missing.extend(each for each in said if not each.namespace and _was_planned(each))
    # What is missing on purpose goes last, where the room may end.
    point.missing = _bounded([*point.missing, *left], max(unnamed))
    return point


def _missing(
    shard: Shard, attempt: Attempt, view: View, said: Sequence[Missing], there: There | None
) -> tuple[list[Missing], bool]:
    """What the Backup that stands lacks, and whether that is what was said before."""
    volumes = view.volumes.get((attempt.lane, attempt.backup), ())
    failed = [each for each in said if not _was_planned(each) and each.namespace not in attempt.left_out]
    planned = [each for each in said if _was_planned(each) and still_not_taken(each, volumes)]
    keep_failed = bool(failed) and not volumes and attempt.phase != COMPLETED
    if attempt.phase == COMPLETED:
        failed = []
    elif not keep_failed:
        failed = list(_lacks(shard, attempt, volumes, view))
    keep_planned = bool(planned)
    if there is not None and _all_seen(attempt, volumes, view):
        names = left_out.held(shard, attempt)
        planned, keep_planned = list(not_taken(shard.fingerprints, names, volumes, there)), False
    return failed + planned, keep_failed or keep_planned


def _was_planned(each: Missing) -> bool:
    return each.reason.startswith(NOT_TAKEN)


def lacks_planned(shard: Shard, point: RestorePoint | None) -> bool:
    """Whether volumes that were planned in it are there and were not taken."""
    missing = point.missing if point is not None else []
    return any(_was_planned(each) and _of(each, shard) for each in missing)


def _all_seen(attempt: Attempt, volumes: Sequence[PodVolumeBackup], view: View) -> bool:
    """Whether all PodVolumeBackups of it can be seen: its Velero may be gone, or they on their way out."""
    backup = view.backups.get((attempt.lane, attempt.backup))
    if backup is None or attempt.lane not in view.lanes or len(volumes) < attempt.volumes:
        return False
    return GLOBAL_POLICY not in backup.annotations


def _bounded(missing: Sequence[Missing], unnamed: int) -> list[Missing]:
    """As many as an object can hold; the last one says how many more there are."""
    found: list[Missing] = []
    room = _ROOM
    for each in missing:
        reason = each.reason if len(each.reason) <= _LONGEST_REASON else each.reason[:_LONGEST_REASON] + "…"
        short = msgspec.structs.replace(each, reason=reason)
        room -= len(msgspec.json.encode(short))
        if room < 0:
            break
        found.append(short)
    unnamed += len(missing) - len(found)
    if unnamed:
        found.append(Missing(namespace="", reason=f"{unnamed}{_UNNAMED}"))
    return found


def _count_of_unnamed(missing: Missing) -> int:
    count, is_one, _ = missing.reason.partition(_UNNAMED)
    return int(count) if is_one and not missing.namespace and count.isdecimal() else 0


def _of(missing: Missing, shard: Shard) -> bool:
    if _count_of_unnamed(missing):
        return False
    return missing.namespace in shard.namespaces or (shard.cluster and not missing.namespace)


def _lost(shard: Shard, unstarted: str) -> Iterator[Missing]:
    """All of a shard of which nothing can be restored."""
    last = shard.attempts[-1] if shard.attempts else None
    if last is None:
        why = unstarted
    elif last.backup:
        why = f"Backup {last.backup} is {last.phase or 'not begun'}: {last.reason or 'no reason given'}"
    else:
        why = last.reason
    if not shard.namespaces and not shard.cluster:
        yield Missing(namespace="", reason=f"shard {shard.name}: {why}")
    if shard.cluster:
        yield Missing(namespace="", reason=f"all cluster-scoped resources: {why}")
    for namespace in shard.namespaces:
        yield Missing(namespace=namespace, reason=why)


def _lacks(
    shard: Shard, attempt: Attempt, volumes: Sequence[PodVolumeBackup], view: View
) -> Iterator[Missing]:
    """What a PartiallyFailed Backup lacks: its volumes that were not taken; else what Velero says."""
    lane = view.lanes.get(attempt.lane)
    # One that had not ended when its Backup did was given up at fs-backup-timeout.
    given_up = any(each.phase not in ENDED for each in volumes)
    all_lost = given_up and lane is not None and lane.version <= _LOSES_ALL
    named = 0
    for volume in sorted(volumes, key=lambda each: (each.pod_namespace, each.pod, each.volume)):
        if volume.phase == COMPLETED and not all_lost:
            continue
        named += 1
        yield Missing(
            namespace=volume.pod_namespace,
            pod=volume.pod,
            volume=volume.volume,
            reason=_why(volume, all_lost),
        )
    backup = view.backups.get((attempt.lane, attempt.backup))
    # Velero logs an error for each volume that failed, and for each namespace that it did not find; what is
    # beyond that failed otherwise.
    named += list(attempt.left_out.values()).count(left_out.VANISHED)
    if not named or (backup is not None and backup.status.errors > named):
        yield _untold(shard, attempt)


def _untold(shard: Shard, attempt: Attempt) -> Missing:
    """No PodVolumeBackup is made for a volume on a node without a node-agent: the log alone tells of it."""
    where = shard.namespaces[0] if len(shard.namespaces) == 1 else ""
    several = f" of {', '.join(shard.namespaces)}" if len(shard.namespaces) > 1 else ""
    held = " of the cluster-scoped resources" if shard.cluster else several
    return Missing(
        namespace=where,
        reason=f"something{held} that no PodVolumeBackup tells of (an object, a hook, or a volume that none"
        f" was made for): Backup {attempt.backup} is PartiallyFailed: {attempt.reason or 'no reason given'}",
    )


def _why(volume: PodVolumeBackup, all_lost: bool) -> str:
    if volume.phase == COMPLETED:
        return (
            "Velero up to 1.18.2 loses all volumes of a Backup that ran into fs-backup-timeout (issue 9986)"
        )
    if volume.phase not in ENDED:
        return f"it was {volume.phase or 'not begun'} when Velero gave it up (fs-backup-timeout)"
    return volume.message or f"its PodVolumeBackup {volume.name} is {volume.phase}"


def progress(shards: Iterable[Shard], view: View) -> Progress:
    """The sum over the Backup of each shard that counts now: the best that ended, else the newest."""
    found = Progress()
    for shard in shards:
        attempt = best(shard) if done(shard) else (shard.attempts[-1] if shard.attempts else None)
        if attempt is None:
            continue
        volumes = view.volumes.get((attempt.lane, attempt.backup), ())
        if not volumes:
            found.bytes_done += attempt.bytes
            found.bytes_total += attempt.bytes
            found.volumes_done += attempt.volumes
            found.volumes_total += attempt.volumes
        for volume in volumes:
            found.bytes_done += volume.bytes_done
            found.bytes_total += max(volume.bytes_total, volume.bytes_done)
            found.volumes_done += volume.phase == COMPLETED
            found.volumes_total += 1
    return found


def expires(point: RestorePoint, view: View, before: str | None) -> str | None:
    """When the first Backup of the restore point expires, RFC 3339; ``before`` where none is seen."""
    found = [
        backup.status.expiration
        for each in point.backups
        if (backup := view.backups.get((each.lane, each.name))) and backup.status.expiration
    ]
    return min(found, default=before)
