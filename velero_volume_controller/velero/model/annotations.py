"""The annotations that decide what Velero's file-system backup takes."""

from collections.abc import Mapping
from typing import Final

#: What Velero reads in opt-in mode: volume names joined by ``,``. Velero splits
#: on the comma and does not trim, so a space would name a volume that is not there.
BACKUP_VOLUMES: Final = "backup.velero.io/backup-volumes"

#: What Velero reads when it runs with ``defaultVolumesToFsBackup``: the volumes it leaves out.
BACKUP_VOLUMES_EXCLUDES: Final = "backup.velero.io/backup-volumes-excludes"

#: The markers beside them: the value that this controller wrote last. An annotation
#: is ours as long as it equals its marker.
MARKERS: Final = {
    BACKUP_VOLUMES: "vvc.velero.io/backup-volumes",
    BACKUP_VOLUMES_EXCLUDES: "vvc.velero.io/backup-volumes-excludes",
}

#: On a PVC, a pod or a namespace: ``"true"`` or ``"false"``; on a pod also the names of
#: the volumes to back up, joined by ``,``. Beats the rules.
BACKUP: Final = "vvc.velero.io/backup"

#: On a PVC or PV, as forks of the Go program read them.
FORK_BACKUP: Final = "vvc.velero.io/backup-volume"
FORK_EXCLUDE: Final = "vvc.velero.io/backup-volume-exclude"

#: On a PVC, as velero-pvc-watcher reads it.
WATCHER_EXCLUDED: Final = "backup.velero.io/backup-excluded"

#: Set by the kubelet on the mirror of a static pod.
MIRROR_POD: Final = "kubernetes.io/config.mirror"

#: An annotation whose key starts with one of these is kept when an object is
#: decoded. The rest can be large (``last-applied-configuration``) and decides nothing.
KEPT_PREFIXES: Final = ("backup.velero.io/", "vvc.velero.io/", MIRROR_POD)


def kept(annotations: Mapping[str, str]) -> dict[str, str]:
    """Those that decide something."""
    return {key: value for key, value in annotations.items() if key.startswith(KEPT_PREFIXES)}
