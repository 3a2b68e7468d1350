"""Whether each object of the backup is there again, and if not, whether that is all right. Pure.

What Velero leaves out is read from its source, 1.16 to 1.18: nonRestorableResources in
pkg/controller/restore_controller.go, pkg/restore/restore.go and the actions in pkg/restore/actions. What it
did to each object it says itself, in the Restore's list of resources.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.verify_scene import Scene
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.restored_files import CREATED, FAILED, SKIPPED, UPDATED
from velero_volume_controller.velero.model.restores import NEVER_RESTORED

_SECRET: Final = ("", "Secret")
_SERVICE_ACCOUNT: Final = ("", "ServiceAccount")
_API_SERVICE: Final = ("apiregistration.k8s.io", "APIService")
#: Made for their workload, and pruned by it.
_REVISIONS: Final = frozenset({kinds.REPLICA_SET, ("apps", "ControllerRevision")})
_SNAPSHOTS: Final = frozenset(
    {
        ("snapshot.storage.k8s.io", "VolumeSnapshot"),
        ("snapshot.storage.k8s.io", "VolumeSnapshotContent"),
    }
)
#: A controller makes them in every namespace as soon as there is one, before Velero comes to them.
_IN_EVERY_NAMESPACE: Final = frozenset(
    {
        ("", "ConfigMap", "kube-root-ca.crt"),
        ("", "ConfigMap", "openshift-service-ca.crt"),
        ("", "ServiceAccount", "default"),
    }
)

NEVER: Final = "Velero never restores objects of these kinds"
CONTROL_PLANE: Final = "controllers make and change them all the time; they were not looked for"
ENDED: Final = "Velero leaves out pods and Jobs that had ended when they were backed up"
MIRROR: Final = "Velero leaves out mirror pods; the kubelet makes them of its static pods"
REPLACED: Final = "the workload has made other pods in their place; these are counted, not named"
OF_JOBS: Final = "pods of Jobs, whose Job makes its own"
PROVISIONED: Final = (
    "for its claim Velero has a new PersistentVolume provisioned, or renames it; see the claims"
)
TOKENS: Final = "tokens of ServiceAccounts are made by the control plane, with a new value"
MANAGED: Final = "the API server registers these APIServices by itself"
REVISIONS: Final = "old revisions, which their workload prunes"
SNAPSHOTS: Final = "Velero makes snapshots anew under other names, to fill the claims from"


class State(Enum):
    """Of an object of the backup."""

    THERE = auto()
    KEPT = auto()
    LEFT_OUT = auto()
    DIFFERENT = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """``text`` is why it is all right that the object is not there, or the difference as a sentence."""

    state: State
    text: str = ""


_THERE: Final = Verdict(State.THERE)


def judge(scene: Scene, key: Key) -> Verdict:
    """What has become of an object that the backup holds."""
    for check in _CHECKS:
        verdict = check(scene, key)
        if verdict is not None:
            return verdict
    return _missing(scene, key)


def _never_restored(scene: Scene, key: Key) -> Verdict | None:
    """Velero's own objects belong to an installation, and ours to whoever made them."""
    del scene
    if kinds.of(key) in NEVER_RESTORED or kinds.veleros(key) or kinds.ours(key):
        return Verdict(State.LEFT_OUT, NEVER)
    return Verdict(State.LEFT_OUT, CONTROL_PLANE) if kinds.left_out(key) else None


def _there(scene: Scene, key: Key) -> Verdict | None:
    live = scene.live(key)
    if live is None:
        return None
    if key in scene.kept:
        return Verdict(State.KEPT)
    in_every = (*kinds.of(key), key.name) in _IN_EVERY_NAMESPACE
    if scene.told.get(key) != FAILED or in_every or scene.made_by_run(live) or _interchangeable(scene, key):
        return _THERE
    return _different(
        f"{key} was there before Velero came to it, and is not as it was backed up; delete it and restore"
        f" it again, or look at the difference ({scene.describe(key)})"
    )


def _interchangeable(scene: Scene, key: Key) -> bool:
    """A pod without data, one as good as the next that its workload makes."""
    if kinds.of(key) != kinds.POD or (key.namespace, key.name) in scene.data:
        return False
    return scene.maker(key) is not None


def _unseen(scene: Scene, key: Key) -> Verdict | None:
    cluster = scene.found.cluster
    silent = [each for each in cluster.unanswered if each.rpartition("/")[0] == key.group]
    if silent:
        return _different(
            f"{key} can't be seen: {', '.join(silent)} does not answer; kubectl get apiservice says why"
        )
    if kinds.of(key) in cluster.kinds or scene.told.get(key) in {CREATED, UPDATED}:
        return None
    kind = f"{key.kind}.{key.group}" if key.group else key.kind
    return _different(
        f"{key} is not there: this cluster does not serve {kind}; install the API as the backup's cluster had"
        " it, and restore it again"
    )


def _volume(scene: Scene, key: Key) -> Verdict | None:
    """restoreItem: a PersistentVolume whose data comes by a pod, by CSI, or that is deleted with its claim,
    is not restored but provisioned anew; one that is restored into a mapped namespace may get a new name."""
    if kinds.of(key) != kinds.VOLUME:
        return None
    renamed = any(source != target for source, target in scene.plan.targets.items())
    told = scene.told.get(key)
    if told in {None, SKIPPED} or (told == CREATED and renamed):
        return Verdict(State.LEFT_OUT, PROVISIONED)
    return None


def _by_its_nature(scene: Scene, key: Key) -> Verdict | None:
    """secret_action.go, apiservice_action.go, csi/volumesnapshotcontent_action.go."""
    told, kind = scene.told.get(key), kinds.of(key)
    if kind == _SECRET and told in {None, SKIPPED} and _of_account(scene, key):
        return Verdict(State.LEFT_OUT, TOKENS)
    if kind == _API_SERVICE and told == SKIPPED:
        return Verdict(State.LEFT_OUT, MANAGED)
    return Verdict(State.LEFT_OUT, SNAPSHOTS) if kind in _SNAPSHOTS and told != FAILED else None


def _of_account(scene: Scene, secret: Key) -> bool:
    """Velero knows them by their names: ACCOUNT-token-x7k2p."""
    account, dash, _ = secret.name.rpartition("-token-")
    key = Key(*_SERVICE_ACCOUNT, secret.namespace, account)
    return bool(dash) and (key in scene.expected or scene.live(key) is not None)


def _revision(scene: Scene, key: Key) -> Verdict | None:
    if kinds.of(key) not in _REVISIONS or scene.told.get(key) in {FAILED, SKIPPED}:
        return None
    # web-5d8f96 of Deployment web, db-6c4b of StatefulSet db.
    base = f"{key.name.rpartition('-')[0]}-"
    maker = scene.bases.get((key.namespace, base))
    return Verdict(State.LEFT_OUT, REVISIONS) if maker is not None else None


def _pod(scene: Scene, key: Key) -> Verdict | None:
    if kinds.of(key) != kinds.POD:
        return None
    told = scene.told.get(key)
    data = scene.data.get((key.namespace, key.name), ())
    if told == SKIPPED:
        return Verdict(State.LEFT_OUT, MIRROR)
    maker = scene.maker(key)
    if told == FAILED and not (maker is not None and key in scene.kept):
        return None
    if told is None and scene.whole:
        # What had data was running.
        return None if data else Verdict(State.LEFT_OUT, ENDED)
    if maker is not None and kinds.of(maker) == kinds.JOB:
        return Verdict(State.LEFT_OUT, OF_JOBS)
    if maker is None:
        return None if told or data else Verdict(State.UNKNOWN)
    lost = sorted(each.volume for each in data if not each.claim)
    if lost:
        return _different(
            f"{key} is gone since it was restored, and what was written into its volumes {', '.join(lost)},"
            f" which are of no claim, with it: {maker} has made another pod in its place; see why in the"
            f" Events of {maker}"
        )
    return Verdict(State.LEFT_OUT, REPLACED)


def _job(scene: Scene, key: Key) -> Verdict | None:
    if kinds.of(key) != kinds.JOB or scene.told.get(key) is not None:
        return None
    return Verdict(State.LEFT_OUT, ENDED) if scene.whole else Verdict(State.UNKNOWN)


_CHECKS: Final[tuple[Callable[[Scene, Key], Verdict | None], ...]] = (
    _never_restored,
    _there,
    _unseen,
    _volume,
    _by_its_nature,
    _revision,
    _pod,
    _job,
)


def _missing(scene: Scene, key: Key) -> Verdict:
    told = scene.told.get(key)
    look = f"see {scene.describe(key)}"
    if key in scene.kept:
        return _different(f"{key} was to be kept, and is gone; see who deleted it in the audit log")
    if told == FAILED:
        why = scene.said(key)
        because = f": {why}" if why else ""
        return _different(f"{key} was not restored, for Velero could not{because}; {look}")
    if told == SKIPPED:
        return _different(
            f"{key} is not there: a plugin of Velero's discards it, or it was there then and is gone since;"
            f" {look}"
        )
    if told in {CREATED, UPDATED}:
        return _different(
            f"{key} is gone since Velero restored it; see who deletes it: its Events, its operator, the audit"
            " log"
        )
    if scene.whole:
        return _different(f"{key} is not there: Velero did not come to it; {look}, and the Restore's log")
    return _different(f"{key} is not there; {look}")


def _different(text: str) -> Verdict:
    return Verdict(State.DIFFERENT, text)
