"""Which planned volumes no Backup of a set holds, though they are still there. Pure.

Velero takes volumes of running pods and skips all others with a warning: the Backup ends Completed
(pkg/podvolume/backupper.go, 1.14 to 1.18). So what the plan counted is compared with the PodVolumeBackups.

A status has no room for the names of 20,000 volumes. It keeps four bytes of each one's hash; the names are
those of the claims and pods that the cluster has when the set ends. One whose claim is gone by then was
deleted, and is not missed; nor is an emptyDir, which is gone with its pod.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from velero_volume_controller.api.backupset import Missing
from velero_volume_controller.backup.steps import Cluster
from velero_volume_controller.backup.work import VolumeKey
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.pods import Pod

#: How the reason of each such volume begins; by it the set knows these again.
NOT_TAKEN: Final = "planned and not taken"
#: Bytes of a hash that are kept: of a million volumes that were not planned less than five are taken for one
#: of 20,000 that were.
_KEPT: Final = 4
#: Pods in these phases never run again, and their emptyDirs are of no more use.
_OVER: Final = frozenset({"Succeeded", "Failed"})
#: Fields of a template with which volumes may be left out, or get a snapshot, without being missed.
_DECIDING: Final = ("resourcePolicy", "labelSelector", "orLabelSelectors")
_ALL_OR_PODS: Final = frozenset({"*", "pods", "pod", "po"})


def fingerprints(keys: Iterable[VolumeKey]) -> str:
    """Base64 of four bytes for each volume, in the order of their values."""
    return base64.b64encode(b"".join(sorted(map(_fingerprint, keys)))).decode()


def decides_otherwise(template: Mapping[str, Any]) -> bool:
    """Whether a Backup of this template may leave out planned volumes on purpose.

    The plan reads annotations and Velero's default; it knows no volume policies and no filters.
    """
    if any(template.get(key) for key in _DECIDING):
        return True
    included = template.get("includedNamespaceScopedResources") or ()
    if included and not _names_pods(included):
        return True
    lists = ("excludedNamespaceScopedResources", "excludedResources")
    return any(_names_pods(template.get(key) or ()) for key in lists)


def _names_pods(resources: Iterable[object]) -> bool:
    return any(str(each).partition(".")[0] in _ALL_OR_PODS for each in resources)


@dataclass(frozen=True, slots=True)
class There:
    """What is in each namespace: its claims, what pods mount them by which of their volumes, and the volumes
    of pods that have no claim. ``claims`` is None where they may not be listed."""

    claims: Mapping[str, Sequence[str]] | None
    mounts: Mapping[str, Mapping[str, Sequence[Mount]]]
    others: Mapping[str, Sequence[Mount]]

    @classmethod
    def of(cls, cluster: Cluster) -> There:
        """One pass over the pods and one over the claims, however many shards ask."""
        claims: dict[str, list[str]] = {}
        for namespace, name in cluster.claims or ():
            claims.setdefault(namespace, []).append(name)
        mounts: dict[str, dict[str, list[Mount]]] = {}
        others: dict[str, list[Mount]] = {}
        for pod in cluster.pods:
            namespace = pod.metadata.namespace
            for volume in pod.spec.volumes:
                if volume.claim is not None:
                    of_claim = mounts.setdefault(namespace, {}).setdefault(volume.claim, [])
                    of_claim.append((pod, volume.name))
                elif pod.status.phase not in _OVER and not pod.terminating:
                    others.setdefault(namespace, []).append((pod, volume.name))
        return cls(None if cluster.claims is None else claims, mounts, others)


#: A pod, and the name of one of its volumes.
Mount = tuple[Pod, str]


def not_taken(
    kept: str, namespaces: Iterable[str], taken: Sequence[PodVolumeBackup], there: There
) -> Iterator[Missing]:
    """The planned volumes of these namespaces that are there, and of which no PodVolumeBackup was made.

    ``kept`` are the fingerprints. What a PodVolumeBackup was made of and failed is told elsewhere.
    """
    planned = _read(kept)
    known = {_fingerprint(VolumeKey(each.pod_namespace, each.claim)) for each in taken if each.claim}
    known |= {_fingerprint(_of_pod(each.pod_namespace, each.pod, each.volume)) for each in taken}
    missed = planned - known
    if not missed:
        return
    seen = {(each.pod_namespace, each.pod, each.volume) for each in taken}
    for namespace in sorted(namespaces):
        mounts = there.mounts.get(namespace, {})
        for claim in sorted(mounts if there.claims is None else there.claims.get(namespace, ())):
            mark = _fingerprint(VolumeKey(namespace, claim))
            users = sorted(mounts.get(claim, ()), key=_name)
            if mark in missed and not any(_at(user) in seen for user in users):
                yield _missing(namespace, users, claim)
            missed.discard(mark)
        for mount in sorted(there.others.get(namespace, ()), key=_name):
            mark = _fingerprint(_of_pod(*_at(mount)))
            if mark in missed:
                yield _missing(namespace, [mount])
            missed.discard(mark)
    if missed and there.claims is None:
        yield Missing(
            namespace="",
            reason=f"{NOT_TAKEN}: {len(missed)} that no pod mounts now; which of them were deleted can't be"
            " told, for PersistentVolumeClaims may not be listed",
        )


def still_not_taken(missing: Missing, taken: Iterable[PodVolumeBackup]) -> bool:
    """Whether one that was told of is still so; PodVolumeBackups may be seen late."""
    if not missing.claim and not missing.volume:
        return True
    return not any(
        each.pod_namespace == missing.namespace
        and (
            (bool(missing.claim) and each.claim == missing.claim)
            or (each.pod, each.volume) == (missing.pod, missing.volume)
        )
        for each in taken
    )


def _missing(namespace: str, users: Sequence[Mount], claim: str = "") -> Missing:
    pod, volume = (users[0][0].metadata.name, users[0][1]) if users else ("", "")
    reason = _why([pod for pod, _ in users])
    return Missing(namespace=namespace, pod=pod, volume=volume, claim=claim, reason=reason)


def _at(mount: Mount) -> tuple[str, str, str]:
    pod, volume = mount
    return pod.metadata.namespace, pod.metadata.name, volume


def _name(mount: Mount) -> tuple[str, str]:
    return mount[0].metadata.name, mount[1]


def _of_pod(namespace: str, pod: str, volume: str) -> VolumeKey:
    return VolumeKey(namespace, "", pod, volume)


def _why(users: Sequence[Pod]) -> str:
    """What is the case when the set ends; what was when the Backup was at it, only its log tells."""
    running = [pod for pod in users if pod.status.phase == "Running" and not pod.terminating]
    if running:
        now = (
            f"pod {running[0].metadata.name}, which mounts it, runs now: it did not then, or its annotations"
            " have changed, or its node has no node-agent"
        )
    elif users:
        pod = users[0]
        phase = "terminating" if pod.terminating else pod.status.phase or "in no phase"
        now = f"pod {pod.metadata.name}, which mounts it, is {phase} now"
    else:
        now = "no pod mounts it now"
    return f"{NOT_TAKEN}: Velero made no PodVolumeBackup of it, as of volumes whose pod does not run; {now}"


def _fingerprint(key: VolumeKey) -> bytes:
    text = "\0".join((key.namespace, key.claim, key.pod, key.volume))
    return hashlib.sha256(text.encode()).digest()[:_KEPT]


def _read(kept: str) -> set[bytes]:
    """Nothing where somebody has edited the status."""
    try:
        whole = base64.b64decode(kept, validate=True)
    except (binascii.Error, ValueError):
        return set()
    return {whole[start : start + _KEPT] for start in range(0, len(whole), _KEPT)}
