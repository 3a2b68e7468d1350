"""A rehearsal driven through the modelled cluster: scratch namespaces, and a Velero that knows none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from tests.unit.backup.setmaker import at
from tests.unit.restore.makers import contents
from tests.unit.restore_run.drive import Drive
from tests.unit.restore_run.restoremodel import Making, Velero
from tests.unit.restore_run.runmaker import IDENTITY, make_spec
from tests.unit.restore_run.shop import shop
from velero_volume_controller.api.cleanrestore import Clearing, Verified
from velero_volume_controller.restore import kinds, naming
from velero_volume_controller.restore.cluster import Cluster
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.machine import looks
from velero_volume_controller.restore.plan import make_plan
from velero_volume_controller.restore.planned import Input, Plan
from velero_volume_controller.restore.rehearsing import REHEARSED, mapped, rehearsed
from velero_volume_controller.restore.scratch import scratch_names
from velero_volume_controller.restore.steps import (
    Checked,
    Look,
    MakeLedger,
    MakeScratch,
    RemoveLedger,
    RemoveScratch,
    Scratch,
    Situation,
    Step,
)
from velero_volume_controller.velero.model.backup_contents import Key


@dataclass
class CarelessVelero(Velero):
    """It makes a namespace that is missing (restore.go 1.18, EnsureNamespaceExistsAndIsReady): ``opened``."""

    opened: list[str] = field(default_factory=list)

    def _order(self, each: Making) -> list[Live]:
        return [live for live in super()._order(each) if kinds.of(live.key) in REHEARSED]

    def _restore_one(self, each: Making) -> None:
        if not each.left:
            return
        name = each.left[0].key.namespace
        found = self.cluster.objects.get(Key(*kinds.NAMESPACE, "", name))
        if found is None:
            self.opened.append(name)
            self.cluster.make("Namespace", name, "")
        elif found.terminating:
            each.left.pop(0)
            return
        live = each.left[0]
        super()._restore_one(each)
        source = {target: name for name, target in each.spec["namespaceMapping"].items()}[name]
        for _, mounted in live.mounts:
            claim = self.cluster.objects.get(Key(*kinds.CLAIM, name, mounted))
            value = self.held[each.seen.backup].data.get((source, mounted))
            if claim is not None and value is not None and value[2] == live.key.name:
                self.written[claim.uid] = value[0]

    def _seen(self, each: Making, phase: str, reason: str = "") -> None:
        super()._seen(each, phase, reason)
        if each.seen.ended:
            each.seen = msgspec.structs.replace(each.seen, completed=at(self.cluster.now))


@dataclass
class Rehearsal(Drive):
    """``ledger``: there is the ConfigMap. ``closed`` are namespaces with the policy. ``stuck``: namespaces
    that never go. ``unready``: no pod of the rehearsal ever is."""

    ledger: bool = False
    closed: set[str] = field(default_factory=set)
    stuck: bool = False
    unready: bool = False
    removed: list[str] = field(default_factory=list)

    def carry_out(self, taken: Step, *, half: bool) -> None:
        super().carry_out(taken, half=half)
        for number, action in enumerate(taken.actions):
            if half and number % 2:
                continue
            match action:
                case MakeLedger():
                    self.ledger = True
                case MakeScratch():
                    self._make(action)
                case RemoveScratch():
                    self._remove(action)
                case RemoveLedger():
                    assert self.told(), "the ledger goes before what it tells of"
                    self.ledger = False

    def _make(self, action: MakeScratch) -> None:
        assert self.ledger, "something is made that is written down nowhere"
        assert self.status.rehearsal is not None
        key = Key(*kinds.NAMESPACE, "", action.name)
        found = self.cluster.objects.get(key)
        if found is None:
            more = {"labels": naming.labels(IDENTITY), "finalizers": ("kubernetes",)}
            found = self.cluster.make("Namespace", action.name, "", **more)
        if naming.ours(found.labels, IDENTITY):
            self.closed.add(action.name)

    def _remove(self, action: RemoveScratch) -> None:
        found = self.cluster.objects.get(Key(*kinds.NAMESPACE, "", action.name))
        if found is None or found.uid != action.uid:
            return
        assert naming.ours(found.labels, IDENTITY), f"{action.name} is not this run's"
        assert not any(not each.seen.ended for each in self.velero.making.values()), "Velero is at work"
        self.removed.append(action.name)
        self.cluster.begin(found)

    def told(self) -> bool:
        """Whether all that this run has made is gone, or was told to go."""
        assert self.status.rehearsal is not None
        made = {each.uid for each in self.status.rehearsal.namespaces}
        return all(each.terminating for each in self.mine() if each.uid in made)

    def mine(self) -> list[Live]:
        """The namespaces that this run has made and that are there."""
        return [
            each
            for each in self.cluster.objects.values()
            if kinds.of(each.key) == kinds.NAMESPACE and naming.ours(each.labels, IDENTITY)
        ]

    def inside(self) -> list[Key]:
        """What is in namespaces of rehearsals."""
        return [key for key in self.cluster.objects if "-rehearsal-" in key.namespace]

    def pass_by(self, seconds: float) -> None:
        for _ in range(round(seconds + 0.4)):
            super().pass_by(1.0)
            for each in self.mine():
                if each.terminating and not self.stuck:
                    self._empty(each)

    def _empty(self, namespace: Live) -> None:
        """As the controller of namespaces does: all that is in it, and then itself."""
        within = [key for key in self.cluster.objects if key.namespace == namespace.key.name]
        for key in within:
            if not self.cluster.objects[key].terminating:
                self.cluster.begin(self.cluster.objects[key])
        if not within:
            self.closed.discard(namespace.key.name)
            self.cluster.change(namespace.key, finalizers=())

    def situation(self) -> Situation:
        found = super().situation()
        if Look.SCRATCH not in looks(self.spec, self.status):
            return found
        scratch = {}
        for name in scratch_names(self.status, found.plan):
            live = self.cluster.objects.get(Key(*kinds.NAMESPACE, "", name))
            if live is not None:
                ours = naming.ours(live.labels, IDENTITY)
                scratch[name] = Scratch(live.uid, ours, live.terminating, name in self.closed)
        ledgers = frozenset({"velero"}) if self.ledger and self.status.rehearsal else frozenset()
        return replace(found, observed=replace(found.observed, scratch=scratch, ledgers=ledgers))

    def plan(self) -> Plan:
        held = [key for name in self.sources for key in self.velero.held[name].objects]
        data = [each for name in self.sources for each in self.velero.data(name)]
        wanted = Clearing(**{name: getattr(self.spec, name) for name in Clearing.__struct_fields__})
        cut = rehearsed(contents(held, data, backups=self.sources), ["velero"]).contents
        wanted = mapped(wanted, cut, IDENTITY.uid, ["velero"])
        seen = frozenset(map(kinds.of, self.cluster.objects)) | {kinds.NAMESPACE, kinds.POD}
        return make_plan(Input(wanted, cut, Cluster(objects=dict(self.cluster.objects), kinds=seen)))

    def checked(self) -> Checked:
        targets: Mapping[str, str] = self.plans[self.status.plan.hash].targets if self.status.plan else {}
        wanted = [
            msgspec.structs.replace(each, key=each.key._replace(namespace=targets[each.key.namespace]))
            for name in self.sources
            for each in self.velero.held[name].objects.values()
            if kinds.of(each.key) in REHEARSED and not each.ended
        ]
        missing = [each.key for each in wanted if each.key not in self.cluster.objects]
        data = [
            self.velero.written.get(claim.uid) == value
            for name in self.sources
            for (namespace, volume), (value, _, _) in self.velero.held[name].data.items()
            if (claim := self.cluster.objects.get(Key(*kinds.CLAIM, targets[namespace], volume))) is not None
        ]
        total = sum(len(self.velero.held[name].data) for name in self.sources)
        pods = [each for each in wanted if kinds.of(each.key) == kinds.POD]
        found = Verified(
            objects=len(wanted),
            missing=len(missing),
            volumes=total,
            volumes_done=sum(data),
            pods=len(pods),
            pods_ready=0 if self.unready else len(pods),
            differences=[f"{key} is missing" for key in missing],
        )
        return Checked(found, waiting=self.unready)


def backed_up(**more: object) -> Rehearsal:
    """The shop runs and was backed up."""
    cluster = shop()
    velero = CarelessVelero(cluster, **more)  # type: ignore[arg-type]
    velero.take("b1", "shop")
    return Rehearsal(cluster, velero, make_spec(approval="manual", rehearsal={}))
