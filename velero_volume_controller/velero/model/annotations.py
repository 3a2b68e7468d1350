"""The annotations on a pod that decide what Velero's file-system backup takes."""

from typing import Final

#: What Velero reads in opt-in mode: volume names joined by ``,``. Velero splits
#: on the comma and does not trim, so a space would name a volume that is not there.
BACKUP_VOLUMES: Final = "backup.velero.io/backup-volumes"

#: The marker beside it: the value of ``BACKUP_VOLUMES`` that this controller
#: wrote last. The annotation is ours as long as the two are equal.
BACKUP_VOLUMES_MARKER: Final = "vvc.velero.io/backup-volumes"

#: Set by the kubelet on the mirror of a static pod.
MIRROR_POD: Final = "kubernetes.io/config.mirror"

#: An annotation whose key starts with one of these is kept when a pod is
#: decoded. The rest can be large (``last-applied-configuration``) and decides nothing.
KEPT_PREFIXES: Final = ("backup.velero.io/", "vvc.velero.io/", MIRROR_POD)
