"""One step of a CleanRestore in the making: what all phases do alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from velero_volume_controller.api.backupset import Condition
from velero_volume_controller.api.cleanrestore import (
    CleanRestoreSpec,
    CleanRestoreStatus,
    RestorePhase,
    RunProgress,
    RunStep,
    UndoStatus,
    Unwinding,
)
from velero_volume_controller.api.conditions import Truth, put
from velero_volume_controller.api.times import seconds_between
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.planned import Plan
from velero_volume_controller.restore.steps import Action, Observed, Scratch, Situation, Step, Tell
from velero_volume_controller.restore.undoing import by_hand
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.backups import COMPLETED, RESTORABLE
from velero_volume_controller.velero.model.restore_runs import Restore

#: True once there is a plan that can be approved; False says why there is none.
PLANNED: Final = "Planned"
#: True once the plan that there is has been approved.
APPROVED: Final = "Approved"
#: True while it goes on; False says what it waits for, or that it ended.
PROGRESSING: Final = "Progressing"
#: Unknown until the end; then True if all has come back. For ``kubectl wait``.
COMPLETE: Final = "Complete"
#: There only where it was asked for too late.
CANCELLED: Final = "Cancelled"

#: Our phase beside Velero's: what was made is gone.
LOST: Final = "Lost"
#: Seconds for which what Velero was seen to have must be missing to count as lost: what is seen may be old.
LOST_AFTER: Final = 30.0
#: While these last, workloads may stand still that nobody has deleted yet.
_STILLING: Final = frozenset({RestorePhase.QUIESCING, RestorePhase.CLEARING, RestorePhase.WAITING_GONE})

#: Names that a sentence tells before it says how many more there are.
_FEW: Final = 5
#: Problems that a status tells: it has to fit into etcd, and nobody reads as many.
_MOST: Final = 20


@dataclass(slots=True)
class Run:
    """``status`` is a copy that the step may change."""

    situation: Situation
    status: CleanRestoreStatus
    actions: list[Action] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, situation: Situation) -> Run:
        """The situation is left as it is."""
        status = msgspec.json.decode(msgspec.json.encode(situation.status), type=CleanRestoreStatus)
        status.observed_generation = situation.identity.generation
        return cls(situation, status)

    @property
    def spec(self) -> CleanRestoreSpec:
        """What the person wants."""
        return self.situation.spec

    @property
    def observed(self) -> Observed:
        """The cluster as last seen."""
        return self.situation.observed

    @property
    def live(self) -> Mapping[Key, Live]:
        """The live objects. Only where they were looked at."""
        assert self.observed.live is not None, "a phase that needs the live objects is given them"
        return self.observed.live

    @property
    def restores(self) -> Mapping[str, Restore]:
        """Velero's Restores. Only where they were looked at."""
        assert self.observed.restores is not None, "a phase that needs the Restores is given them"
        return self.observed.restores

    @property
    def scratch(self) -> Mapping[str, Scratch]:
        """A rehearsal's namespaces. Only where they were looked at."""
        assert self.observed.scratch is not None, "a phase that needs a rehearsal's namespaces is given them"
        return self.observed.scratch

    @property
    def rehearses(self) -> bool:
        """Nothing that exists is touched; what was made is removed before the run ends."""
        return self.spec.rehearsal is not None

    @property
    def go_on(self) -> str:
        """The command by which a run goes on that has failed; a rehearsal is made anew."""
        name = self.situation.identity.name
        return "vvc restore rehearse, anew" if self.rehearses else f"vvc restore apply {name}"

    @property
    def now(self) -> str:
        """RFC 3339, UTC."""
        return self.situation.now

    @property
    def uid(self) -> str:
        """By which what this run does is told from what others do."""
        return self.situation.identity.uid

    @property
    def plan(self) -> Plan:
        """The plan that is carried out. Only where there is one."""
        assert self.situation.plan is not None, "a phase that needs the plan is given it"
        return self.situation.plan

    @property
    def progress(self) -> RunProgress:
        """How far it is."""
        if self.status.progress is None:
            self.status.progress = RunProgress()
        return self.status.progress

    @property
    def so_far(self) -> str:
        """How much has become of the cluster's objects."""
        if self.rehearses:
            return "nothing that was there before was touched"
        if self.status.deleted:
            return f"{self.progress.gone} of {self.progress.to_go} objects are gone"
        touched = self.status.phase is not None and self.status.phase.touches
        return "nothing was deleted" if touched else "nothing was touched"

    @property
    def way_back(self) -> str:
        """What else can be done once something is gone; empty where nothing is, or there is no way back."""
        undo = self.undo_backup
        if not self.status.deleted or undo is None:
            return ""
        if undo.phase != COMPLETED:
            return f", or {by_hand(undo.backup)}"
        return f", or bring back what was there with vvc restore undo {self.situation.identity.name}"

    @property
    def undo_backup(self) -> UndoStatus | None:
        """The undo backup, if anything can be restored from it. An undo takes a Completed one alone."""
        undo = self.status.undo
        if undo is None or undo.phase not in RESTORABLE:
            return None
        expired = undo.expires is not None and seconds_between(undo.expires, self.now) >= 0
        return None if expired else undo

    def age(self, since: str | None) -> float:
        """Seconds; none where there is no time to count from. A clock that was ahead gives none either."""
        return max(0.0, seconds_between(since, self.now)) if since else 0.0

    def in_phase(self) -> float:
        """For how many seconds it has been in this phase."""
        return self.age(self.status.steps[-1].started) if self.status.steps else 0.0

    def enter(self, phase: RestorePhase, message: str = "") -> None:
        """Go on to this phase. Its own step comes next, for it may have to look at something else."""
        self._close()
        self.status.phase = phase
        self.status.steps.append(RunStep(phase=phase, started=self.now))
        self.progressing("True", phase.value, message or "it goes on")
        self.wakes.append(0.0)

    def _close(self) -> None:
        if self.status.steps and self.status.steps[-1].ended is None:
            self.status.steps[-1].ended = self.now

    def condition(self, type_: str, status: Truth, reason: str, message: str) -> bool:
        """Whether it says something else than before."""
        new = Condition(
            type=type_,
            status=status,
            reason=reason,
            message=message,
            last_transition_time=self.now,
            observed_generation=self.situation.identity.generation,
        )
        return put(self.status.conditions, new)

    def progressing(self, status: Truth, reason: str, message: str) -> None:
        """What it does, or waits for. Told by an Event if that is something else than before."""
        if self.condition(PROGRESSING, status, reason, message):
            self.tell(reason, message, warning=status == "False" and not self._ended_well())

    def _ended_well(self) -> bool:
        return self.status.phase is RestorePhase.COMPLETED

    def tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        """An Event."""
        self.actions.append(Tell(reason, message, warning))

    def fail(self, reason: str, message: str, resume_from: RestorePhase) -> None:
        """End as Failed; where nothing has been deleted yet, what was stilled is put back before.

        Putting it back changes it, so such a run has to be planned again. What is stilled when something is
        gone stays so: its data is the same as in the undo backup until the run goes on.
        ``message`` says what happened, to which object, and what to do.
        """
        put_back = self.status.phase in _STILLING and not self.status.deleted
        again = RestorePhase.PLANNING if put_back else resume_from
        self.leave(RestorePhase.FAILED, reason, message, again, put_back=put_back)

    def leave(
        self,
        phase: RestorePhase,
        reason: str,
        message: str,
        resume_from: RestorePhase | None = None,
        *,
        put_back: bool = False,
    ) -> None:
        """End before the end; at once, or when what was stilled is as it was."""
        if put_back:
            self.status.unwinding = Unwinding(
                phase=phase, reason=reason, message=message, resume_from=resume_from, since=self.now
            )
            self.wakes.append(0.0)
            return
        self.end(phase, reason, message)
        self.status.resume_from = None if self.rehearses else resume_from

    def end(self, phase: RestorePhase, reason: str, message: str) -> None:
        """Nothing more happens; of a rehearsal, once what it made is removed."""
        made = self.status.rehearsal
        if made is not None and made.namespaces and made.removed is None:
            self.status.unwinding = Unwinding(phase=phase, reason=reason, message=message, since=self.now)
            self.enter(RestorePhase.CLEANING_UP, "what the rehearsal made is removed")
            return
        self._close()
        self.status.phase, self.status.ended = phase, self.now
        self.status.quiet_since = None
        whole = phase is RestorePhase.COMPLETED
        self.condition(COMPLETE, "True" if whole else "False", reason, message)
        self.progressing("False", reason, message)

    def step(self) -> Step:
        """A wake that is past is due at once."""
        return Step(self.status, tuple(self.actions), max(0.0, min(self.wakes)) if self.wakes else None)


def few(names: Sequence[object]) -> str:
    """Some of them, and how many more there are."""
    told = ", ".join(map(str, names[:_FEW]))
    return f"{told} and {len(names) - _FEW} more" if len(names) > _FEW else told


def most(sentences: Sequence[str]) -> list[str]:
    """As many as a status tells."""
    rest = len(sentences) - _MOST
    return [*sentences[:_MOST], f"and {rest} more"] if rest > 0 else list(sentences)
