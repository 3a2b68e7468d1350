"""Namespaces of a shard that a Backup does not name, because they are not there to be taken any more. Pure.

A Backup that names a namespace which is gone ends PartiallyFailed (item_collector.go, collectNamespaces), and
one that names a namespace with the label velero.io/exclude-from-backup fails validation with all that it
holds: Velero adds the namespace to the excluded ones, and refuses lists that contradict each other
(backup_controller.go, prepareBackupRequest, 1.16 to 1.18).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from velero_volume_controller.api.backupset import Attempt, Missing, Shard
from velero_volume_controller.backup.selection import EXCLUDE_LABEL
from velero_volume_controller.backup.steps import Cluster
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup

DELETED: Final = "Deleted"
EXCLUDED: Final = "Excluded"
#: One of both; the status that knew which was lost.
GONE: Final = "Gone"
#: It went after its Backup was made and before Velero came to it.
VANISHED: Final = "Vanished"

_SENTENCES: Final = {
    DELETED: "left out: the namespace was deleted after the set was planned",
    EXCLUDED: f"left out: the namespace got the label {EXCLUDE_LABEL}=true after the set was planned",
    GONE: f"left out: the namespace was deleted, or labelled {EXCLUDE_LABEL}=true, after the set was planned",
    VANISHED: "left out: the namespace was deleted before its Backup came to it",
}
_ON_PURPOSE: Final = frozenset(_SENTENCES[why] for why in (DELETED, EXCLUDED, GONE))


def left_out(shard: Shard, cluster: Cluster | None) -> dict[str, str]:
    """The namespaces that a Backup made now is not to name, and why. None where that can't be seen."""
    if cluster is None or cluster.namespaces is None:
        return {}
    found = {}
    for name in shard.namespaces:
        namespace = cluster.namespaces.get(name)
        if namespace is None or namespace.terminating:
            found[name] = DELETED
        elif namespace.labels.get(EXCLUDE_LABEL) == "true":
            found[name] = EXCLUDED
    return found


def vanished(
    attempt: Attempt,
    backup: Backup,
    volumes: Iterable[PodVolumeBackup],
    cluster: Cluster | None,
) -> dict[str, str]:
    """The namespaces for which alone this Backup is PartiallyFailed; to try it again would help nothing."""
    if cluster is None or cluster.namespaces is None:
        return {}
    taken = list(volumes)
    named = set(backup.included_namespaces) - {each.pod_namespace for each in taken}
    found = {name: VANISHED for name in sorted(named) if name not in cluster.namespaces}
    explained = 0 < backup.status.errors <= len(found) and all(each.phase == "Completed" for each in taken)
    return found if explained and attempt.phase == "PartiallyFailed" else {}


def not_named(shard: Shard, backup: Backup, cluster: Cluster | None) -> dict[str, str]:
    """The shard's namespaces that this Backup does not name, where the record of why was lost."""
    why = left_out(shard, cluster)
    out = [name for name in shard.namespaces if name not in backup.included_namespaces]
    return {name: why.get(name, GONE) for name in out}


def held(shard: Shard, attempt: Attempt) -> list[str]:
    """The namespaces that this Backup names."""
    return [name for name in shard.namespaces if name not in attempt.left_out]


def missing(attempt: Attempt) -> Iterator[Missing]:
    """Each namespace that was left out, with its reason."""
    for name, why in sorted(attempt.left_out.items()):
        yield Missing(namespace=name, reason=_SENTENCES.get(why, why))


def on_purpose(each: Missing) -> bool:
    """Whether it is missing because it was deleted or excluded: then nothing was to be taken there."""
    return each.reason in _ON_PURPOSE
