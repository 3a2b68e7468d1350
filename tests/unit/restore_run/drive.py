"""The machine at work on the modelled cluster: status first, then actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.unit.restore.makers import contents
from tests.unit.restore_run.kubernetesmodel import Kubernetes
from tests.unit.restore_run.restoremodel import Velero
from tests.unit.restore_run.runmaker import IDENTITY, P, at, make_spec
from velero_volume_controller.api.cleanrestore import (
    CleanRestoreSpec,
    CleanRestoreStatus,
    Clearing,
    SourceBackup,
    Undo,
    Verified,
)
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.cluster import Cluster
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.machine import looks, step
from velero_volume_controller.restore.plan import make_plan
from velero_volume_controller.restore.planned import Action, Input, Plan
from velero_volume_controller.restore.quiet import unchanged
from velero_volume_controller.restore.steps import (
    Checked,
    Delete,
    Fresh,
    Look,
    Make,
    Observed,
    PutBack,
    Situation,
    Step,
    Still,
)
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.restore_runs import RESTORE_LABEL, Restore

#: A run takes a minute or two; what is not over after so long never is.
LONGEST = 4000.0
Said = tuple[dict[str, Backup], dict[str, Restore]]
#: Of what Velero showed up to now, which is told to the machine.
Show = Callable[[list[Said]], Said]


@dataclass
class Drive:
    """``meddle`` is asked before each step: what others do meanwhile."""

    cluster: Kubernetes
    velero: Velero
    spec: CleanRestoreSpec = field(default_factory=make_spec)
    sources: tuple[str, ...] = ("b1",)
    show: Show = lambda history: history[-1]
    meddle: Callable[[Drive], None] = lambda drive: None
    status: CleanRestoreStatus = field(default_factory=CleanRestoreStatus)
    resume: str = ""
    steps: int = 0
    history: list[Said] = field(default_factory=list)
    plans: dict[str, Plan] = field(default_factory=dict)
    effects: list[int] = field(default_factory=list)
    """Steps after which a crash makes a difference."""
    validated: bool = False

    def __post_init__(self) -> None:
        self.cluster.guard = self._allow

    def _allow(self, live: Live) -> None:
        """What must be so when anything is deleted."""
        assert self.status.phase is P.CLEARING, f"{live.key} is deleted in {self.status.phase}"
        assert self.status.deleted, "it is not recorded that something is deleted"
        assert self.status.plan is not None
        plan = self.plans[self.status.plan.hash]
        assert self.spec.approval.value == "automatic" or self.spec.plan_hash == plan.hash, "not approved"
        assert self.validated, "not validated"
        assert not live.protected, f"{live.key} is protected"
        if self.spec.undo is Undo.REQUIRED and plan.count(Action.DELETE):
            undo = self.status.undo
            assert undo is not None, "no undo backup"
            assert self.velero.held[undo.backup].backup.phase == "Completed", "no complete undo backup"
        named = {each.uid: each for each in plan.objects if each.action is Action.DELETE}
        if live.uid in named:
            each = named[live.uid]
            assert not each.root or unchanged(each, live, IDENTITY.uid), f"{live.key} changed since the plan"
            if kinds.of(live.key) == kinds.CLAIM and self.spec.undo is Undo.REQUIRED:
                self._undoable(live)
            return
        made = {each.name for each in self.status.restores}
        assert live.labels.get(RESTORE_LABEL) in made, f"{live.key} {live.uid} is in no plan"

    def _undoable(self, claim: Live) -> None:
        assert self.status.undo is not None
        held = self.velero.held[self.status.undo.backup]
        _, uid, _ = held.data.get((claim.key.namespace, claim.key.name), ("", "", ""))
        assert uid == claim.uid, f"{claim.key} is deleted, and the undo backup does not have its data"

    def to_the_end(self, cut: tuple[int, str] | None = None) -> CleanRestoreStatus:
        """Until it has ended, and some seconds more. ``cut``: after which step it is killed, and how."""
        while not self.over():
            assert self.cluster.now < LONGEST, f"never ends: {self.status.phase} {self.status.conditions}"
            self.once(cut[1] if cut is not None and cut[0] == self.steps else "both")
        for _ in range(5):
            self.pass_by(1.0)
        return self.status

    def over(self) -> bool:
        """Whether it has ended, and is not told to go on, once others have done what they do."""
        self.meddle(self)
        return self.ended()

    def ended(self) -> bool:
        """Without others."""
        ended = self.status.phase is not None and self.status.phase.ended
        demanded = self.resume not in {"", self.status.resumed} and self.status.resume_from is not None
        return ended and not demanded

    def once(self, how: str = "both") -> Step:
        """One step, and the time until the next. ``how``: all of it, or ``nothing`` of it is written, or the
        ``status`` alone, or the status and ``some`` of the actions."""
        situation = self.situation()
        before = msgspec.json.encode(situation.status)
        taken = step(situation)
        assert msgspec.json.encode(situation.status) == before, "the situation was changed"
        if self.status.phase is P.VALIDATING and taken.status.phase is not P.VALIDATING:
            self.validated = taken.status.phase in {P.UNDO_BACKUP, P.QUIESCING}
        if taken.actions or taken.status != self.status:
            self.effects.append(self.steps)
        self.steps += 1
        if how != "nothing":
            self.status = msgspec.json.decode(msgspec.json.encode(taken.status), type=CleanRestoreStatus)
        if how in {"both", "some"}:
            self.carry_out(taken, half=how == "some")
        self.pass_by(0.0 if taken.again == 0.0 else 1.0 if taken.again is None else min(taken.again, 2.0))
        return taken

    def carry_out(self, taken: Step, *, half: bool) -> None:
        """Its actions, or every second of them."""
        for number, action in enumerate(taken.actions):
            if half and number % 2:
                continue
            match action:
                case Make():
                    self.velero.make(action)
                case Still():
                    self.cluster.still(action)
                case PutBack():
                    self.cluster.put_back(action)
                case Delete():
                    self.cluster.delete(action)

    def pass_by(self, seconds: float) -> None:
        """Time passes, for all."""
        for _ in range(round(seconds + 0.4)):
            self.cluster.tick()
            self.velero.tick()
            self.history.append(self._velero())

    def _velero(self) -> Said:
        return {name: held.backup for name, held in self.velero.held.items()}, self.velero.seen()

    def situation(self) -> Situation:
        """What the machine is told, if it asks for it."""
        status = self.status
        wanted = looks(self.spec, status)
        backups, restores = self.show([*self.history, self._velero()])
        undo = backups.get(status.undo.backup) if status.undo else None
        observed = Observed(
            live=dict(self.cluster.objects) if Look.LIVE in wanted else None,
            attachments=self.cluster.attachments() if Look.LIVE in wanted else {},
            undo=undo if Look.UNDO in wanted else None,
            taken=self.velero.taken(undo.name) if Look.UNDO in wanted and undo and undo.ended else (),
            backed_up=frozenset(self.velero.held[undo.name].objects)
            if Look.UNDO in wanted and undo and undo.ended
            else frozenset(),
            restores={each.name: restores[each.name] for each in status.restores if each.name in restores}
            if Look.RESTORES in wanted
            else None,
        )
        fresh = None
        if Look.PLAN in wanted:
            plan = self.plan()
            self.plans[plan.hash] = plan
            sources = tuple(SourceBackup(name=name, namespace="velero") for name in self.sources)
            fresh = Fresh(plan, sources)
        stored = None
        if status.plan is not None and status.phase not in {P.PLANNING, P.AWAITING_APPROVAL}:
            stored = self.plans[status.plan.hash]
        return Situation(
            identity=IDENTITY,
            spec=self.spec,
            status=status,
            now=at(self.cluster.now),
            observed=observed,
            plan=stored,
            fresh=fresh,
            problems=() if Look.VALIDATION in wanted else None,
            checked=self.checked() if Look.CHECK in wanted else None,
            resume=self.resume,
        )

    def plan(self) -> Plan:
        """As the planner has it."""
        held = [key for name in self.sources for key in self.velero.held[name].objects]
        data = [each for name in self.sources for each in self.velero.data(name)]
        wanted = Clearing(**{name: getattr(self.spec, name) for name in Clearing.__struct_fields__})
        seen = frozenset(map(kinds.of, self.cluster.objects)) | {kinds.NAMESPACE, kinds.POD}
        cluster = Cluster(objects=dict(self.cluster.objects), kinds=seen)
        return make_plan(Input(wanted, contents(held, data, backups=self.sources), cluster))

    def checked(self) -> Checked:
        """What has come back."""
        wanted = [
            each
            for name in self.sources
            for each in self.velero.held[name].objects.values()
            if not each.ended
        ]
        missing = [each.key for each in wanted if each.key not in self.cluster.objects]
        unready = [
            each.key
            for each in wanted
            if kinds.of(each.key) == kinds.POD
            and (live := self.cluster.objects.get(each.key)) is not None
            and not live.scheduled
        ]
        data = [
            self.velero.written.get(claim.uid) == value
            for name in self.sources
            for (namespace, volume), (value, _, _) in self.velero.held[name].data.items()
            if (claim := self.cluster.objects.get(Key(*kinds.CLAIM, namespace, volume))) is not None
        ]
        found = Verified(
            objects=len(wanted),
            missing=len(missing),
            volumes=len(data),
            volumes_done=sum(data),
            differences=[f"{key} is missing" for key in missing],
        )
        return Checked(found, waiting=bool(unready))

    def approve(self) -> None:
        """A person does."""
        assert self.status.plan is not None
        fields: dict[str, Any] = {"plan_hash": self.status.plan.hash}
        self.spec = msgspec.structs.replace(self.spec, **fields)

    def cancel(self) -> None:
        """A person does."""
        self.spec = msgspec.structs.replace(self.spec, cancel=True)
