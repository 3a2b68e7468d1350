"""From what runs in a cluster to what a plan is made of: selected namespaces with the volumes taken. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from velero_volume_controller.api.backupset import BackupSetSpec
from velero_volume_controller.backup.work import Namespace, Volume
from velero_volume_controller.velero.model.backups import COMPLETED, RESTORABLE, Backup
from velero_volume_controller.velero.model.lanes import Lane
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.pods import Volume as PodVolume
from velero_volume_controller.velero.model.surroundings import Surroundings
from velero_volume_controller.velero.model.taken import taken_of


def takes_by_default(spec: BackupSetSpec, lanes: Sequence[Lane]) -> bool:
    """Whether volumes are taken unless excluded: by the template, else by the first lane's Velero."""
    said = spec.template.get("defaultVolumesToFsBackup")
    if isinstance(said, bool):
        return said
    return bool(lanes) and lanes[0].fs_backup_default


def inventory(
    names: Iterable[str],
    pods: Iterable[Pod],
    surroundings: Surroundings,
    past: Mapping[str, Past] | None = None,
    *,
    default: bool,
) -> tuple[Namespace, ...]:
    """These namespaces with the volumes that Backups will take. ``default``: as ``takes_by_default`` says."""
    wanted = dict.fromkeys(names)
    running: dict[str, int] = {}
    volumes: dict[str, list[Volume]] = {}
    chosen = [pod for pod in pods if pod.metadata.namespace in wanted]
    for pod, taken in taken_of(chosen, surroundings, default=default):
        name = pod.metadata.namespace
        running[name] = running.get(name, 0) + (pod.status.phase == "Running")
        volumes.setdefault(name, []).extend(_volume(pod, volume, surroundings) for volume in taken)
    known = past or {}
    return tuple(
        Namespace(
            name,
            running.get(name, 0),
            tuple(volumes.get(name, ())),
            known[name].failures if name in known else 0,
            known[name].lane if name in known else None,
        )
        for name in sorted(wanted)
    )


def _volume(pod: Pod, volume: PodVolume, surroundings: Surroundings) -> Volume:
    claim = surroundings.claim(pod, volume)
    bound = surroundings.persistent_volume(claim)
    return Volume(
        namespace=pod.metadata.namespace,
        pod=pod.metadata.name,
        volume=volume.name,
        node=pod.spec.node_name,
        claim=volume.claim or "",
        bytes=claim.size if claim is not None else None,
        shared=(bound.shared or None) if bound is not None else None,
    )


class Past:
    """What earlier Backups say of one namespace: how often it failed since it last completed, and where."""

    __slots__ = ("_settled", "failures", "lane")

    def __init__(self) -> None:
        self.failures = 0
        self.lane: str | None = None
        self._settled = False

    def add(self, backup: Backup, failed: bool | None) -> None:
        """The next older Backup. ``failed`` is None where it can't be told whether it was this namespace."""
        if self.lane is None and backup.phase in RESTORABLE:
            self.lane = backup.namespace
        if not self._settled and failed is not None:
            self.failures += failed
            self._settled = not failed


def past(backups: Iterable[Backup], volumes: Iterable[PodVolumeBackup]) -> dict[str, Past]:
    """By namespace, from Backups that name their namespaces.

    A Backup of several namespaces that failed counts against those whose volumes failed; where no volume
    did, none can be blamed.
    """
    culprits: dict[tuple[str, str], set[str]] = {}
    for volume in volumes:
        if volume.phase in {"Failed", "Canceled"}:
            culprits.setdefault((volume.namespace, volume.backup), set()).add(volume.pod_namespace)
    found: dict[str, Past] = {}
    ended = [each for each in backups if each.ended]
    for backup in sorted(ended, key=lambda each: (each.created, each.name), reverse=True):
        blamed = culprits.get((backup.namespace, backup.name), set())
        for name in backup.included_namespaces:
            if "*" in name:
                continue
            failed: bool | None = name in blamed
            if not blamed and backup.phase != COMPLETED:
                failed = True if len(backup.included_namespaces) == 1 else None
            found.setdefault(name, Past()).add(backup, failed)
    return found
