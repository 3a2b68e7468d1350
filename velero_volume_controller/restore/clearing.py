"""What has to go, how far that is, and what stands in the way. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from velero_volume_controller.api.owned_names import label_value
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.drift import protected
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.planned import Action, Planned
from velero_volume_controller.restore.run import Run
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.restore_runs import RESTORE_LABEL

PVC_PROTECTION: Final = "kubernetes.io/pvc-protection"
#: Who holds an object back by which finalizer, for people: by the finalizer's beginning.
_HOLDERS: Final = {
    PVC_PROTECTION: "a pod that mounts it",
    "kubernetes.io/pv-protection": "the claim that is bound to it",
    "foregroundDeletion": "what it owns",
    "orphan": "the garbage collector",
    "batch.kubernetes.io/job-tracking": "the Job controller",
    "service.kubernetes.io/load-balancer-cleanup": "the cloud's load balancer controller",
    "external-attacher/": "its CSI driver, which detaches it",
    "external-provisioner.volume.kubernetes.io/finalizer": "its CSI driver, which deletes the volume",
    "snapshot.storage.kubernetes.io/": "the snapshot controller",
}


@dataclass(slots=True)
class Ground:
    """What is to go, sorted by how far it is. ``due`` may be told to go now: no earlier rank is left."""

    due: list[Live] = field(default_factory=list)
    going: list[Live] = field(default_factory=list)
    later: int = 0


def look_over(run: Run) -> Ground:
    """How far the clearing is: of the plan, or of what Restores made that Velero failed."""
    if run.status.clear_again:
        return _sorted(made_by(run, run.status.clear_again))
    planned = ((each, run.live.get(each.key)) for each in run.plan.clear)
    return _sorted(live for each, live in planned if live is not None and live.uid == each.uid)


def _sorted(found: Iterable[Live]) -> Ground:
    ground = Ground()
    rank: int | None = None
    for live in sorted(found, key=lambda each: (kinds.clearing_rank(each.key), each.key)):
        at = kinds.clearing_rank(live.key)
        rank = at if rank is None else rank
        if live.terminating:
            ground.going.append(live)
        elif at == rank:
            ground.due.append(live)
        else:
            ground.later += 1
    return ground


def made_by(run: Run, restores: list[str]) -> Iterator[Live]:
    """What these Restores made of what is to come back: nothing that somebody else made, that stays, or that
    is protected.

    Velero puts the label on each object that it makes (restore.go, addRestoreLabels), and on no other, for
    an existingResourcePolicy is not passed on.
    """
    names = {label_value(name) for name in restores}
    planned = {each.uid for each in run.plan.objects if each.uid}
    for each in _coming_back(run):
        live = run.live.get(each.key)
        if live is None or live.uid in planned or live.labels.get(RESTORE_LABEL) not in names:
            continue
        if protected(run, live) is None:
            yield live


def _coming_back(run: Run) -> Iterator[Planned]:
    coming = {Action.DELETE, Action.CREATE}
    return (each for each in run.plan.objects if each.action in coming and each.key.namespace)


def still_there(run: Run) -> list[Live]:
    """What is to go and is not gone: what goes with others, and PersistentVolumes, too."""
    if run.status.clear_again:
        return list(made_by(run, run.status.clear_again))
    return [
        live
        for each in run.plan.objects
        if each.action is Action.DELETE
        and (live := run.live.get(each.key)) is not None
        and live.uid == each.uid
    ]


def _strangers(run: Run) -> Iterator[tuple[Planned, Live]]:
    """What has the name of what is to come back, and is not what was there when it was planned."""
    for each in _coming_back(run):
        live = run.live.get(each.key)
        if live is not None and live.uid != each.uid:
            yield each, live


def strangers_going(run: Run) -> list[Live]:
    """Those that go by themselves: Velero finds their name taken until they are gone. One that was planned to
    go with its owner, and was made again before that was gone, has lost its maker."""
    if run.status.clear_again:
        return [live for _, live in _strangers(run) if live.terminating]
    return [
        live
        for each, live in _strangers(run)
        if live.terminating or (each.action is Action.DELETE and live.controller is not None)
    ]


def in_the_way(run: Run) -> list[str]:
    """What is to come back and is there all the same, and will not go: the object, and why it is there."""
    found = []
    ours = {label_value(each.name) for each in run.status.restores} if run.status.clear_again else set()
    for each, live in _strangers(run):
        if live.terminating:
            continue
        if live.labels.get(RESTORE_LABEL) in ours:
            why = protected(run, live) if live.labels[RESTORE_LABEL] in again_of(run) else None
            if why is not None and kinds.of(live.key) in {kinds.POD, kinds.CLAIM}:
                found.append(f"{live.key}, which is half restored, is protected now ({why})")
        elif live.controller is None:
            what = "deleted and somebody has made it again" if each.uid else "made since the plan"
            found.append(f"{live.key} was {what}")
    return found


def again_of(run: Run) -> set[str]:
    """By what label that which is cleared away again is known."""
    return {label_value(name) for name in run.status.clear_again}


def held_by(live: Live, there: Mapping[Key, Live]) -> str:
    """The object with its finalizers, and who usually takes them off."""
    users = _users(live, there) if kinds.of(live.key) == kinds.CLAIM else []
    if users:
        return (
            f"{live.key} (finalizer {PVC_PROTECTION}, until {' and '.join(users)} is gone, which mounts it)"
        )
    if not live.finalizers:
        return f"{live.key} ({_nobody(live, there)})"
    told = [f"{each}, usually taken off by {_holder(each)}" for each in live.finalizers]
    operator = ", which was stilled if it runs in these namespaces" if kinds.custom(live.key) else ""
    return f"{live.key} (finalizer {'; '.join(told)}{operator})"


def _users(claim: Live, there: Mapping[Key, Live]) -> list[str]:
    return [
        str(pod.key)
        for pod in there.values()
        if pod.key.namespace == claim.key.namespace and any(name == claim.key.name for _, name in pod.mounts)
    ]


def _nobody(live: Live, there: Mapping[Key, Live]) -> str:
    if kinds.of(live.key) == kinds.VOLUME:
        return "its claim is gone: its provisioner has not deleted it"
    if live.controller is not None and not live.terminating:
        if not any(each.uid == live.controller.uid for each in there.values()):
            return f"its {live.controller.kind} is gone: the garbage collector has not deleted it"
        return f"made by {live.controller.kind} {live.controller.name}"
    return "nothing holds it: its kubelet or controller has not finished"


def _holder(finalizer: str) -> str:
    for start, holder in _HOLDERS.items():
        if finalizer.startswith(start):
            return holder
    domain = finalizer.partition("/")[0]
    return f"the operator of {domain}"
