"""Which volumes Velero's file-system backup can take, and why not.

The checks are those of Velero's pkg/podvolume/backupper.go and
internal/volumehelper, compared in 1.14.1, 1.16.2, 1.17.2 and 1.18.3. Velero skips
most such volumes with no more than a line in its log, and some make the Backup
PartiallyFailed, so they are told apart here, before anything is annotated.

What differs between versions:

- Windows: since 1.17 (its changelog; 1.16.2 fails in backupper.go, ``IsLinuxNode``;
  before 1.16 no node-agent runs there, which fails too).
- Up to 1.13 the annotation could name Secrets, ConfigMaps and projected volumes, and
  Velero took them; it restores the objects themselves, so they are never named.
- Unmounted volumes are skipped since 1.9, pods that do not run without an error since
  1.12 (changelogs); before, each cost an error.
"""

from typing import Final

from velero_volume_controller.api.volume_types import PERSISTENT_VOLUME_CLAIM
from velero_volume_controller.velero.model.pods import Pod, Volume
from velero_volume_controller.velero.model.surroundings import Surroundings
from velero_volume_controller.velero.model.versions import WINDOWS_SINCE

#: Types that are never taken, and the reason a person is given.
_NEVER: Final = {
    "configMap": "a configMap volume: Velero backs up the ConfigMap object itself",
    "downwardAPI": "a downwardAPI volume: the kubelet writes it anew in every pod",
    # pkg/util/kube GetVolumeDirectory takes the volume's own name, the kubelet the PersistentVolume's: no
    # folder matches (pkg/exposer GetPodVolumeHostPath) and the PodVolumeBackup fails.
    "ephemeral": "an ephemeral volume: Velero looks for its folder under the wrong name and fails",
    "hostPath": "a hostPath volume: it lies outside the folder that Velero's node-agent can read",
    "image": "an image volume: its content is pulled from a registry",
    "projected": "a projected volume: the kubelet writes it anew in every pod",
    "secret": "a secret volume: Velero backs up the Secret object itself",
}

#: Velero leaves out any volume so called, in both modes (internal/volumehelper, shouldIncludeVolumeInBackup).
_DEFAULT_TOKEN: Final = "default-token"  # noqa: S105 (a volume's name, no password)

#: Types that Velero leaves out by itself (internal/volumehelper, shouldIncludeVolumeInBackup).
_LEFT_OUT: Final = frozenset({"configMap", "downwardAPI", "hostPath", "projected", "secret"})


def ineligible_pod(pod: Pod) -> str | None:
    """Why Velero would take no volume of this pod, or None if it would.

    Velero takes only pods that run, are scheduled and are not terminating, and
    skips the rest with a warning. Mirror pods it never restores.
    """
    if pod.status.phase != "Running":
        return f"the pod is {pod.status.phase or 'in no phase'}: Velero takes volumes of Running pods only"
    if not pod.scheduled:
        return "the pod has no node: Velero reads volumes through the node-agent of the pod's node"
    if pod.terminating:
        return "the pod is terminating: Velero skips it"
    if pod.mirror:
        return "the pod mirrors a static pod: Velero never restores those"
    return None


def ineligible_volume(pod: Pod, volume: Volume, surroundings: Surroundings) -> str | None:
    """Why Velero would not take this volume of a running pod, or None if it would."""
    if pod.spec.windows and surroundings.velero < WINDOWS_SINCE:
        return f"the pod runs on Windows: Velero {surroundings.velero} takes volumes of Linux pods only"
    if volume.type in _NEVER:
        return _NEVER[volume.type]
    if volume.name.startswith(_DEFAULT_TOKEN):
        return (
            f"its name begins with {_DEFAULT_TOKEN}: Velero takes it for a service account token and leaves"
            " it out"
        )
    claim = surroundings.claim(pod, volume)
    if volume.name in pod.spec.devices or (claim is not None and claim.block):
        return "a block device: Velero's file-system backup reads file systems only"
    if volume.name not in pod.spec.mounted:
        return "no regular container mounts it: its folder does not exist on the node"
    bound = surroundings.persistent_volume(claim)
    if bound is not None and bound.host_path:
        return (
            f"PersistentVolume {bound.name} is a hostPath: it lies outside the folder that"
            " Velero's node-agent can read"
        )
    return None


def left_out_anyway(volume: Volume) -> bool:
    """Whether Velero leaves the volume out in opt-out mode although nothing tells it to.

    Every other volume that it can't take must be named in ``backup-volumes-excludes``.
    A PVC that is not named there gets no snapshot either, whether or not its files
    are taken (internal/volumehelper, ShouldPerformSnapshot); an ephemeral or image
    volume makes the Backup PartiallyFailed.
    """
    return volume.type in _LEFT_OUT


def unchecked(volume: Volume, pod: Pod, surroundings: Surroundings) -> str | None:
    """What could not be seen of a volume that ``ineligible_volume`` lets pass, or None."""
    if volume.type != PERSISTENT_VOLUME_CLAIM:
        return None
    claim = surroundings.claim(pod, volume)
    if claim is None:
        return (
            f"PersistentVolumeClaim {volume.claim} could not be read: it may be a block device or a hostPath"
        )
    if claim.volume and surroundings.persistent_volume(claim) is None:
        return f"PersistentVolume {claim.volume} could not be read: it may be a hostPath"
    return None
