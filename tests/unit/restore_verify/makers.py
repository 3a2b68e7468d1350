"""Restored clusters for tests: what Velero would have made of a whole backup, and what is missing of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from tests.unit.restore.makers import SHOP, clearing, contents, key, live
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.cluster import Cluster
from velero_volume_controller.restore.contents import Contents
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.planned import Action, Plan, Planned
from velero_volume_controller.restore.verify import verify
from velero_volume_controller.restore.verify_found import Findings, Found, Outcome
from velero_volume_controller.restore.verify_states import COUNTED, ClaimState, PodState, WorkloadState
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.restore_runs import RESTORE_LABEL, PodVolumeRestore, Restore
from velero_volume_controller.velero.model.restored_files import CREATED, Messages, RestoreResults

RESTORE = "back-1"
BYTES = 5000


@dataclass(frozen=True)
class World:
    """A backup, and the cluster into which all of it has been restored."""

    plan: Plan
    contents: Contents
    found: Found
    told: dict[Key, str] = field(default_factory=dict)

    def findings(self) -> Findings:
        return verify(self.plan, self.contents, self.found)

    def differences(self) -> tuple[str, ...]:
        return self.findings().differences

    def objects(self, *gone: str, add: Iterable[Live] = (), change: Mapping[str, Any] | None = None) -> World:
        """The cluster without these, with those, each object of ``change`` with other fields."""
        left = dict(self.found.cluster.objects)
        for text in gone:
            del left[key(text)]
        for each in add:
            left[each.key] = each
        for text, fields in (change or {}).items():
            left[key(text)] = msgspec.structs.replace(left[key(text)], **fields)
        found = replace(
            self.found,
            cluster=replace(self.found.cluster, objects=left),
            pods={which: state for which, state in self.found.pods.items() if which in left},
            workloads={which: state for which, state in self.found.workloads.items() if which in left},
            claims={which: state for which, state in self.found.claims.items() if which in left},
        )
        return replace(self, found=found)

    def says(self, *, errors: Messages | None = None, warnings: Messages | None = None) -> World:
        """In Velero's words."""
        return self._outcome(results=RestoreResults(warnings or Messages(), errors or Messages()))

    def tells(self, told: Mapping[str, str | None]) -> World:
        """Velero did this to these objects; None: it did not come to them."""
        (outcome,) = self.found.outcomes
        known = dict(outcome.told or {})
        for text, action in told.items():
            known.pop(key(text), None)
            if action is not None:
                known[key(text)] = action
        return self._outcome(told=known)

    def unreadable(self) -> World:
        """The list of what was restored can't be read."""
        return self._outcome(told=None, unread="It is not there.")

    def _outcome(self, **fields: Any) -> World:
        (outcome,) = self.found.outcomes
        return replace(self, found=replace(self.found, outcomes=(replace(outcome, **fields),)))

    def volume(self, name: str, **fields: Any) -> World:
        """One PodVolumeRestore otherwise."""
        changed = tuple(
            msgspec.structs.replace(each, **fields) if each.name == name else each
            for each in self.found.volumes
        )
        return replace(self, found=replace(self.found, volumes=changed))

    def without_volumes(self) -> World:
        """No PodVolumeRestore is there."""
        return replace(self, found=replace(self.found, volumes=()))

    def taken(self, **fields: Any) -> World:
        """The PodVolumeBackups otherwise."""
        changed = tuple(msgspec.structs.replace(each, **fields) for each in self.found.cluster.taken)
        return self._cluster(taken=changed)

    def forgotten(self) -> World:
        """No PodVolumeBackup is there any more."""
        return self._cluster(taken=())

    def without_kinds(self) -> World:
        """The API server serves none of their kinds."""
        return self._cluster(kinds=frozenset())

    def unanswered(self, *versions: str) -> World:
        """These APIs do not answer."""
        return self._cluster(kinds=frozenset(), unanswered=versions)

    def _cluster(self, **fields: Any) -> World:
        return replace(self, found=replace(self.found, cluster=replace(self.found.cluster, **fields)))

    def state(self, text: str, **fields: Any) -> World:
        """A pod, workload or claim in another state."""
        which = key(text)
        name = "pods" if which.kind == "Pod" else "workloads"
        name = "claims" if which.kind == "PersistentVolumeClaim" else name
        states = dict(getattr(self.found, name))
        states[which] = msgspec.structs.replace(states[which], **fields)
        return replace(self, found=replace(self.found, **{name: states}))

    def keeps(self, *texts: str) -> World:
        """The plan kept these."""
        kept = tuple(Planned(key(text), Action.KEEP, "somebody protects it") for text in texts)
        return replace(self, plan=replace(self.plan, objects=(*self.plan.objects, *kept)))

    def of(self, **fields: Any) -> World:
        """The backup holds something else."""
        return replace(self, contents=replace(self.contents, **fields))


def restored(
    held: Iterable[Live | str],
    data: Iterable[VolumeData] = (),
    *,
    targets: Mapping[str, str] | None = None,
    everything: bool = False,
) -> World:
    """All that is held has been restored, runs, and has its data."""
    names = {SHOP: SHOP} if targets is None else targets
    objects = [each if isinstance(each, Live) else live(each) for each in held]
    volumes = tuple(data)
    made = [_made(each, names) for each in objects]
    plan = Plan(
        clearing(), ("b1",), (), (), (), f"sha256:{'0' * 64}", targets=dict(names), everything=everything
    )
    there = {each.key: each for each in made if not each.ended}
    told = {each.key: CREATED for each in made if not each.ended}
    found = Found(
        Cluster(there, kinds=frozenset(kinds.of(each.key) for each in made), taken=_taken(volumes)),
        (Outcome(Restore(name=RESTORE, namespace="velero", backup="b1", phase="Completed"), told),),
        tuple(_volumes(volumes, names)),
        {each: _pod(there[each]) for each in there if kinds.of(each) == kinds.POD},
        {
            each: WorkloadState(key=each, uid=there[each].uid, desired=1, ready=1)
            for each in there
            if kinds.of(each) in COUNTED
        },
        {each: ClaimState(key=each, phase="Bound") for each in there if kinds.of(each) == kinds.CLAIM},
    )
    return World(plan, contents(objects, volumes), found, told)


def _made(each: Live, names: Mapping[str, str]) -> Live:
    """With Velero's label, where it comes back."""
    if each.key.namespace:
        named = each.key._replace(namespace=names.get(each.key.namespace, each.key.namespace))
    elif kinds.of(each.key) == kinds.NAMESPACE:
        named = each.key._replace(name=names.get(each.key.name, each.key.name))
    else:
        named = each.key
    return msgspec.structs.replace(each, key=named, labels={**each.labels, RESTORE_LABEL: RESTORE})


def _pod(each: Live) -> PodState:
    controller = each.controller
    return PodState(
        key=each.key,
        phase="Running",
        ready=True,
        controller=controller.uid if controller else "",
        maker=controller.kind if controller else "",
    )


def _volumes(data: Iterable[VolumeData], names: Mapping[str, str]) -> Iterable[PodVolumeRestore]:
    for each in data:
        if each.pod and not each.snapshot:
            yield PodVolumeRestore(
                name=f"pvr-{each.pod}-{each.volume}",
                namespace="velero",
                restore=RESTORE,
                pod_namespace=names.get(each.namespace, each.namespace),
                pod=each.pod,
                volume=each.volume,
                phase="Completed",
                bytes_done=BYTES,
                bytes_total=BYTES,
            )


def _taken(data: Iterable[VolumeData]) -> tuple[PodVolumeBackup, ...]:
    return tuple(
        PodVolumeBackup(
            name=f"pvb-{each.pod}-{each.volume}",
            namespace="velero",
            backup="b1",
            pod_namespace=each.namespace,
            pod=each.pod,
            volume=each.volume,
            phase="Completed",
            bytes_total=BYTES,
        )
        for each in data
        if each.pod and not each.snapshot
    )
