"""Which live claims a backup has data of. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.cluster import Cluster
from velero_volume_controller.restore.contents import Contents
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData
from velero_volume_controller.velero.model.backups import COMPLETED


@dataclass(frozen=True, slots=True)
class Data:
    """What comes back into volumes, under the names that it comes back to.

    ``claims`` are those with data, and whether it comes back by a snapshot. ``pods`` are those into whose
    volumes Velero writes, with the names of the claims that are known to be behind them; a pod in
    ``unresolved`` has data of a volume whose claim, if it has one, can't be told. ``known``: there is no
    other data. ``native`` are the claims that come back by a snapshot of a volume plugin's, not by CSI, with
    the name of the PersistentVolume that was backed up, empty if it is not told.
    """

    known: bool
    claims: Mapping[tuple[str, str], bool]
    pods: Mapping[tuple[str, str], frozenset[str]]
    unresolved: frozenset[tuple[str, str]]
    native: Mapping[tuple[str, str], str] = field(default_factory=dict)


def coming_back(contents: Contents, targets: Mapping[str, str], cluster: Cluster) -> Data:
    """Find the claims: as the backup tells, else by its PodVolumeBackups, else by the pods that are live."""
    told = _claims_taken(contents, cluster)
    claims: dict[tuple[str, str], bool] = {}
    pods: dict[tuple[str, str], frozenset[str]] = {}
    native: dict[tuple[str, str], str] = {}
    unresolved = set()
    for each in contents.data:
        if each.snapshot and not each.claim:
            for bound in _bound(each, targets, cluster):
                claims[bound] = True
                native[bound] = each.persistent_volume
        if each.namespace not in targets:
            continue
        target = targets[each.namespace]
        pod = (target, each.pod)
        claim, sure = _behind(each, told, pod, cluster)
        if not sure:
            unresolved.add(pod)
        if claim:
            claims[target, claim] = each.snapshot
            # With a mapping, Velero restores under a new name what is there (shouldRenamePV).
            if each.native and target == each.namespace:
                native[target, claim] = each.persistent_volume
        if each.pod and not each.snapshot:
            pods[pod] = pods.get(pod, frozenset()) | ({claim} if claim else set())
    return Data(contents.data_known, claims, pods, frozenset(unresolved), native)


def _claims_taken(contents: Contents, cluster: Cluster) -> dict[tuple[str, str, str], str]:
    """The claims behind (namespace, pod, volume), as PodVolumeBackups of these very Backups have it."""
    return {
        (taken.pod_namespace, taken.pod, taken.volume): taken.claim
        for taken in cluster.taken
        if taken.backup in contents.backups and taken.phase == COMPLETED
    }


def _behind(
    data: VolumeData,
    told: Mapping[tuple[str, str, str], str],
    pod: tuple[str, str],
    cluster: Cluster,
) -> tuple[str, bool]:
    """The claim behind a volume, empty if it has none or nobody knows; and whether that is sure."""
    source = (data.namespace, data.pod, data.volume)
    claim = data.claim or told.get(source, "")
    if claim or not data.pod:
        return claim, True
    if (live := cluster.objects.get(Key(*kinds.POD, *pod))) is not None:
        return dict(live.mounts).get(data.volume, ""), True
    if source not in told:
        return "", False
    # A PodVolumeBackup without a claim is of a volume that has none, or of an ephemeral one, whose claim
    # bears its name (Velero 1.18.3 and 1.16.2, pkg/podvolume/backupper.go).
    name = f"{data.pod}-{data.volume}"
    return (name if Key(*kinds.CLAIM, pod[0], name) in cluster.objects else ""), True


def _bound(data: VolumeData, targets: Mapping[str, str], cluster: Cluster) -> Iterator[tuple[str, str]]:
    """The claim of a PersistentVolume, if it comes back where it was."""
    live = cluster.objects.get(Key(*kinds.VOLUME, "", data.persistent_volume))
    if live is not None and live.claim is not None and targets.get(live.claim[0]) == live.claim[0]:
        yield live.claim
