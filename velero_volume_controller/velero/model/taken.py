"""Which volumes Velero's file-system backup takes: by annotations, Velero's default, and what it can take.

As internal/volumehelper (shouldPerformFSBackupLegacy) and pkg/backup/item_backupper.go of
1.14.1, 1.16.2, 1.17.2 and 1.18.3. A volume policy of the Backup, which would beat all
of this, is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from velero_volume_controller.velero.model.annotations import BACKUP_VOLUMES, BACKUP_VOLUMES_EXCLUDES
from velero_volume_controller.velero.model.pods import Pod, Volume
from velero_volume_controller.velero.model.surroundings import Surroundings
from velero_volume_controller.velero.model.volumes import ineligible_pod, ineligible_volume


def taken_volumes(pod: Pod, surroundings: Surroundings, *, default: bool) -> tuple[Volume, ...]:
    """The pod's volumes that a Backup takes. ``default`` is ``defaultVolumesToFsBackup``: all not excluded.

    What a volume is can't be seen where its claim is unknown: it is then taken for one that Velero takes.
    """
    if ineligible_pod(pod) is not None:
        return ()
    annotation = BACKUP_VOLUMES_EXCLUDES if default else BACKUP_VOLUMES
    # Velero splits on the comma and does not trim.
    named = set(pod.metadata.annotations.get(annotation, "").split(","))
    return tuple(
        volume
        for volume in pod.spec.volumes
        if (volume.name in named) != default and ineligible_volume(pod, volume, surroundings) is None
    )


def taken_of(
    pods: Iterable[Pod], surroundings: Surroundings, *, default: bool
) -> Iterator[tuple[Pod, tuple[Volume, ...]]]:
    """The pods of one Backup in its order (namespace, name), each with the volumes that are taken of it.

    A claim is taken once in a Backup, by the first pod that mounts it (podVolumeSnapshotTracker).
    """
    claims: set[tuple[str, str]] = set()
    for pod in sorted(pods, key=lambda each: (each.metadata.namespace, each.metadata.name)):
        namespace = pod.metadata.namespace
        found: list[Volume] = []
        for volume in taken_volumes(pod, surroundings, default=default):
            if volume.claim is not None:
                if (namespace, volume.claim) in claims:
                    continue
                claims.add((namespace, volume.claim))
            found.append(volume)
        yield pod, tuple(found)
