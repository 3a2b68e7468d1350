"""What has to go, how far that is, and what stands in the way. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from velero_volume_controller.api.owned_names import label_value
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.planned import Action, Planned
from velero_volume_controller.restore.quiet import unchanged
from velero_volume_controller.restore.run import Run
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.restore_runs import RESTORE_LABEL

#: Who holds an object back by which finalizer, for people: by the finalizer's beginning.
_HOLDERS: Final = {
    "kubernetes.io/pvc-protection": "a pod that mounts it",
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
    """What is to go, sorted by how far it is.

    ``due`` may be told to go now: no earlier rank is left. ``stale`` have changed since the plan was made,
    ``remade`` are other objects under the same name.
    """

    gone: int = 0
    due: list[Live] = field(default_factory=list)
    going: list[Live] = field(default_factory=list)
    later: int = 0
    stale: list[Key] = field(default_factory=list)
    remade: list[Key] = field(default_factory=list)

    @property
    def untouched(self) -> bool:
        """Nothing of it has been deleted yet."""
        return not self.gone and not self.going


def look_over(run: Run) -> Ground:
    """How far the clearing is: of the plan, or of what Restores made that Velero failed."""
    return _restored(run) if run.status.clear_again else _planned(run)


def _planned(run: Run) -> Ground:
    found = Ground()
    rank: int | None = None
    for each in run.plan.clear:
        live = run.observed.live.get(each.key)
        if live is None:
            found.gone += 1
            continue
        if live.uid != each.uid:
            found.gone += 1
            found.remade.append(each.key)
            continue
        at = kinds.clearing_rank(each.key)
        rank = at if rank is None else rank
        if live.terminating:
            found.going.append(live)
        elif each.root and not unchanged(each, live, run.uid):
            found.stale.append(each.key)
        elif at == rank:
            found.due.append(live)
        else:
            found.later += 1
    return found


def _restored(run: Run) -> Ground:
    found = Ground()
    rank: int | None = None
    made = sorted(
        made_by(run, run.status.clear_again), key=lambda each: (kinds.clearing_rank(each.key), each.key)
    )
    for live in made:
        at = kinds.clearing_rank(live.key)
        rank = at if rank is None else rank
        if live.terminating:
            found.going.append(live)
        elif at == rank:
            found.due.append(live)
        else:
            found.later += 1
    return found


def made_by(run: Run, restores: list[str]) -> Iterator[Live]:
    """What these Restores made of what is to come back: nothing that somebody else made, or that stays.

    Velero puts the label on each object that it makes (restore.go, addRestoreLabels), and on no other, for
    an existingResourcePolicy is not passed on.
    """
    names = {label_value(name) for name in restores}
    coming = {each.key for each in run.plan.objects if each.action in {Action.DELETE, Action.CREATE}}
    planned = {each.uid for each in run.plan.objects if each.uid}
    for live in run.observed.live.values():
        made = live.labels.get(RESTORE_LABEL) in names and live.uid not in planned
        if made and live.key in coming and live.key.namespace:
            yield live


def still_there(run: Run) -> list[Live]:
    """What is to go and is not gone: what goes with others, and PersistentVolumes, too."""
    if run.status.clear_again:
        return list(made_by(run, run.status.clear_again))
    return [
        live
        for each in run.plan.objects
        if each.action is Action.DELETE
        and (live := run.observed.live.get(each.key)) is not None
        and live.uid == each.uid
    ]


def in_the_way(run: Run) -> list[Key]:
    """What is to come back and is there all the same: somebody has made it since."""
    if run.status.clear_again:
        return []
    return [each.key for each in run.plan.objects if _stands(each, run.observed.live.get(each.key))]


def _stands(planned: Planned, live: Live | None) -> bool:
    if live is None or live.terminating:
        return False
    if planned.action is Action.CREATE:
        return bool(planned.key.namespace)
    return planned.action is Action.DELETE and live.uid != planned.uid and planned.root


def held_by(live: Live) -> str:
    """The object with its finalizers, and who usually takes them off."""
    if not live.finalizers:
        return f"{live.key} (nothing holds it: its kubelet or controller has not finished)"
    told = [f"{each}, usually taken off by {_holder(each)}" for each in live.finalizers]
    return f"{live.key} (finalizer {'; '.join(told)})"


def _holder(finalizer: str) -> str:
    for start, holder in _HOLDERS.items():
        if finalizer.startswith(start):
            return holder
    domain = finalizer.partition("/")[0]
    return f"the operator of {domain}"
