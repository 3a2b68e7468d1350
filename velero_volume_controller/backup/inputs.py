"""From a cluster's objects to what the planner is told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from velero_volume_controller.api.backupset import BackupSetSpec
from velero_volume_controller.backup.history import failures, history, last_lanes
from velero_volume_controller.backup.selection import EXCLUDE_LABEL, select
from velero_volume_controller.backup.work import Input, Namespace, PlanningError, Volume
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.lanes import Lane
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.pods import Volume as PodVolume
from velero_volume_controller.velero.model.surroundings import Surroundings
from velero_volume_controller.velero.model.taken import taken_of


@dataclass(frozen=True, slots=True)
class Seen:
    """A cluster's objects. ``backups`` and ``volumes`` are all that the lanes hold, for what they teach."""

    pods: Iterable[Pod]
    surroundings: Surroundings
    lanes: Sequence[Lane]
    backups: Sequence[Backup] = ()
    volumes: Sequence[PodVolumeBackup] = ()


def build(spec: BackupSetSpec, namespace: str, seen: Seen) -> Input:
    """What is planned for a set in this namespace.

    Raises PlanningError if nothing is selected, the namespaces can't be seen, or as ``refuse_elsewhere``.
    """
    refuse_elsewhere(spec, namespace)
    surroundings = seen.surroundings
    if surroundings.namespaces is None:
        raise PlanningError(
            "NamespacesHidden",
            "the namespaces can't be listed, so none can be selected; grant list and watch on namespaces, as"
            " the project's manifests do",
        )
    # A Backup that names a namespace which is gone when its turn comes ends PartiallyFailed.
    there = [each for each in surroundings.namespaces.values() if not each.terminating]
    selected = select(spec.selection.namespaces, there)
    notes = []
    if selected.left_out:
        names = ", ".join(selected.left_out)
        notes.append(f"Velero leaves out namespaces with the label {EXCLUDE_LABEL}=true: {names}.")
    if selected.absent:
        notes.append(
            f"There is no namespace {', '.join(selected.absent)}, which spec.selection.namespaces.include"
            " names: the restore point will lack it."
        )
    if surroundings.claims is None:
        notes.append("PersistentVolumeClaims can't be listed: the sizes of volumes are guessed.")
    return Input(
        spec=spec,
        namespaces=_namespaces(spec, selected.names, seen),
        lanes=tuple(seen.lanes),
        history=history(seen.backups, seen.volumes),
        namespace=namespace,
        notes=tuple(notes),
        absent=selected.absent,
    )


def refuse_elsewhere(spec: BackupSetSpec, namespace: str) -> None:
    """Raises PlanningError for a set that lies in none of its lanes' namespaces.

    A Backup reads every namespace, and its hooks run commands in every pod. Who may make a BackupSet where
    no Velero is must not get that way what takes rights in Velero's namespace.
    """
    names = [lane.namespace for lane in spec.lanes]
    if names and namespace not in names:
        raise PlanningError(
            "LanesElsewhere",
            f"spec.lanes does not name {namespace}, where this set is; make it in the namespace of one of its"
            f" lanes ({', '.join(names)})",
        )


def takes_all(template: Mapping[str, Any], lanes: Iterable[Lane]) -> bool:
    """Whether Backups take all volumes that are not excluded: as the template says, else as Velero is set."""
    for key in ("defaultVolumesToFsBackup", "defaultVolumesToRestic"):
        said = template.get(key)
        if isinstance(said, bool):
            return said
    return any(lane.fs_backup_default for lane in lanes)


def _namespaces(spec: BackupSetSpec, names: Iterable[str], seen: Seen) -> tuple[Namespace, ...]:
    volumes: dict[str, list[Volume]] = {name: [] for name in names}
    running = dict.fromkeys(volumes, 0)
    chosen = [
        pod
        for pod in seen.pods
        # Velero takes nothing of a pod with this label (item_backupper.go, itemInclusionChecks).
        if pod.metadata.namespace in volumes and pod.metadata.labels.get(EXCLUDE_LABEL) != "true"
    ]
    for pod, taken in taken_of(chosen, seen.surroundings, default=takes_all(spec.template, seen.lanes)):
        running[pod.metadata.namespace] += pod.status.phase == "Running"
        volumes[pod.metadata.namespace].extend(_volumes(pod, taken, seen.surroundings))
    lanes, failed = last_lanes(seen.volumes), failures(seen.backups, seen.volumes)
    return tuple(
        Namespace(name, running[name], tuple(found), failed.get(name, 0), lanes.get(name))
        for name, found in volumes.items()
    )


def _volumes(pod: Pod, taken: Iterable[PodVolume], surroundings: Surroundings) -> Iterator[Volume]:
    for volume in taken:
        claim = surroundings.claim(pod, volume)
        bound = surroundings.persistent_volume(claim)
        yield Volume(
            namespace=pod.metadata.namespace,
            pod=pod.metadata.name,
            volume=volume.name,
            node=pod.spec.node_name,
            claim=volume.claim or "",
            bytes=claim.size if claim else None,
            shared=(bound.shared or None) if bound else None,
        )
