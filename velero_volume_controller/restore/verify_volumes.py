"""Whether each volume that the backup has data of was written. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.api.words import part
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.verify_found import Written
from velero_volume_controller.restore.verify_scene import Scene
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData
from velero_volume_controller.velero.model.names import backup_label
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.restore_runs import COMPLETED, VOLUME_ENDED, PodVolumeRestore
from velero_volume_controller.velero.model.restored_files import FAILED, SKIPPED

#: Kopia counts a symbolic link that it knows from the snapshot before, and none when it writes a volume
#: (snapshot/upload/upload.go, snapshot/restore/restore.go): less than both of these is no loss.
_SLACK: Final = 64 * 1024
_SHARE: Final = 0.99
#: What restic's PodVolumeBackup says of such a volume (1.16 to 1.18, pod_volume_backup_controller.go).
_EMPTY: Final = "volume was empty so no snapshot was taken"

_Which = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Volumes:
    """``differences`` and ``notes`` are sentences. ``starved`` are pods whose data will not come any more."""

    written: tuple[Written, ...]
    differences: tuple[str, ...]
    notes: tuple[str, ...]
    starved: frozenset[Key]


def volumes(scene: Scene) -> Volumes:
    """Look for each of them."""
    written, differences, starved = [], [], set()
    for line, why, pod in _judged(scene):
        written.append(line)
        if why:
            differences.append(why)
        if pod is not None:
            starved.add(pod)
    notes, lacking = [], []
    for each in scene.contents.lacking:
        if each.namespace not in scene.plan.targets:
            continue
        if each.reason.startswith("skipped"):
            notes.append(f"The backup has no data of {each} ({each.reason}): it came back empty.")
        else:
            lacking.append(f"{each} came back without its data, for the backup lacks it: {each.reason}")
    if not scene.contents.data_known:
        notes.append("The backup does not tell of all volumes: whether it has data of others can't be known.")
    return Volumes(tuple(written), (*differences, *lacking), tuple(notes), frozenset(starved))


def _judged(scene: Scene) -> Iterator[tuple[Written, str, Key | None]]:
    """Each volume, what differs, and the pod that waits for its data in vain."""
    seen, taken = _seen(scene), _taken(scene)
    done: set[tuple[str, ...]] = set()
    for each in sorted(scene.contents.data, key=lambda data: (data.namespace, data.pod, data.volume)):
        target = scene.plan.targets.get(each.namespace)
        if target is None:
            continue
        if each.snapshot:
            if each.claim and (target, each.claim) not in done:
                done.add((target, each.claim))
                yield (*_snapshot(scene, each, target), None)
        elif each.pod and (target, each.pod, each.volume) not in done:
            done.add((target, each.pod, each.volume))
            restored = seen.get((target, each.pod, each.volume))
            backed_up = taken.get((each.namespace, each.pod, each.volume))
            if restored is None and backed_up is not None and backed_up.message == _EMPTY:
                yield _empty(each, target), "", None
            else:
                told = _files(scene, each, target, restored, backed_up.bytes_total if backed_up else None)
                pod = Key(*kinds.POD, target, each.pod)
                yield (*told, pod if _starved(scene, pod, restored, backed_up) else None)


def _starved(
    scene: Scene, pod: Key, restored: PodVolumeRestore | None, backed_up: PodVolumeBackup | None
) -> bool:
    """Whether the pod is as Velero made it, whose init container lets no other one start before the data
    of each volume has come (pkg/restore/actions/pod_volume_restore_action.go), and that of one never will."""
    if restored is None:
        # Without a PodVolumeBackup, Velero lets the pod start at once (pkg/podvolume/util.go).
        over = backed_up is not None
    else:
        over = restored.phase in VOLUME_ENDED and restored.phase != COMPLETED
    live = scene.live(pod)
    return over and live is not None and scene.made_by_run(live)


def _seen(scene: Scene) -> Mapping[_Which, PodVolumeRestore]:
    """Of the Restores that count; a completed one before any other of the same volume."""
    labels = {backup_label(each.restore.name) for each in scene.found.outcomes}
    found: dict[_Which, PodVolumeRestore] = {}
    for each in sorted(scene.found.volumes, key=lambda volume: (volume.phase == COMPLETED, volume.name)):
        if backup_label(each.restore) in labels:
            found[each.pod_namespace, each.pod, each.volume] = each
    return found


def _taken(scene: Scene) -> Mapping[_Which, PodVolumeBackup]:
    return {
        (each.pod_namespace, each.pod, each.volume): each
        for each in scene.found.cluster.taken
        if each.backup in scene.contents.backups and each.phase == COMPLETED
    }


def _empty(data: VolumeData, target: str) -> Written:
    """There was nothing in it, and so there is nothing to write (pkg/podvolume/util.go, SnapshotID)."""
    pod = Key(*kinds.POD, target, data.pod)
    return Written(f"{data.volume} of {pod}", data.claim, "files", "empty", 0, 0)


def _files(
    scene: Scene, data: VolumeData, target: str, restored: PodVolumeRestore | None, expected: int | None
) -> tuple[Written, str]:
    pod = Key(*kinds.POD, target, data.pod)
    shown = f"{data.volume} of {pod}"
    name = f"volume {shown}"
    if restored is None:
        why = f"{name} was not written: {_why_none(scene, pod)}"
        return Written(shown, data.claim, "files", "not written", 0, expected, done=False), why
    why = _shortfall(name, restored, expected)
    line = Written(
        shown, data.claim, "files", restored.phase or "New", restored.bytes_done, expected, done=not why
    )
    return line, why


def _shortfall(name: str, restored: PodVolumeRestore, expected: int | None) -> str:
    which = f"PodVolumeRestore {restored.namespace}/{restored.name}"
    if restored.phase != COMPLETED:
        said = f": {restored.message}" if restored.message else ""
        still = "" if restored.phase in VOLUME_ENDED else ", though its Restore has ended"
        return (
            f"{name} was not written in full: {which} is {restored.phase or 'New'}{still}{said}; see the log"
            " of the node-agent on its node"
        )
    whole = restored.bytes_total if expected is None else expected
    short = whole - restored.bytes_done
    if short > 0 and (not restored.bytes_done or (short > _SLACK and restored.bytes_done < _SHARE * whole)):
        return (
            f"{name} was written with {part(restored.bytes_done, whole)}, though {which} is {COMPLETED};"
            " compare its files with those of the backup"
        )
    return ""


def _why_none(scene: Scene, pod: Key) -> str:
    live = scene.found.cluster.objects.get(pod)
    told = scene.told.get(pod)
    if live is not None and not scene.made_by_run(live):
        return (
            f"{pod} was there when Velero came to it, and Velero writes no data into a pod that exists; stop"
            " what makes it, and restore again"
        )
    if told == FAILED:
        said = scene.said(pod)
        return f"Velero could not restore its pod{': ' + said if said else ''}; see {scene.describe(pod)}"
    if told == SKIPPED or live is None:
        return f"its pod was not restored; see {scene.describe()}"
    return f"there is no PodVolumeRestore of it; see the errors of {scene.describe(pod)}"


def _snapshot(scene: Scene, data: VolumeData, target: str) -> tuple[Written, str]:
    """A claim that is there already keeps its data, and Velero makes no volume of the snapshot."""
    claim = Key(*kinds.CLAIM, target, data.claim)
    name, how = f"snapshot of {claim}", "native snapshot" if data.native else "CSI snapshot"
    live, told = scene.live(claim), scene.told.get(claim)
    why = ""
    if live is None:
        why = f"{name} was not restored: the claim is not there; see {scene.describe(claim)}"
    elif told in {FAILED, SKIPPED} or not scene.made_by_run(live):
        why = (
            f"{name} was not restored: the claim was there when Velero came to it, and keeps the data that it"
            " had; delete it, and restore again"
        )
    state = "not restored" if why else scene.found.claims[claim].phase if claim in scene.found.claims else ""
    return Written(str(claim), data.claim, how, state, done=not why), why
