"""One step of a BackupSet in the making: what it knows, and what it will answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from velero_volume_controller.api.backupset import BackupSetSpec, BackupSetStatus, Condition, PlanSummary
from velero_volume_controller.api.conditions import Truth, put
from velero_volume_controller.backup.attempts import View
from velero_volume_controller.backup.steps import Action, Situation, Step, Tell

#: Seconds until a set that can't be planned, or waits for what no watch tells of, looks again.
LOOK_AGAIN: Final = 60.0


@dataclass(slots=True)
class Run:
    """One step in the making."""

    situation: Situation
    status: BackupSetStatus
    view: View
    actions: list[Action] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)

    @property
    def spec(self) -> BackupSetSpec:
        """The set's, as it is now."""
        return self.situation.spec

    def condition(self, type_: str, status: Truth, reason: str, message: str) -> bool:
        """Whether it says something else than before."""
        new = Condition(
            type=type_,
            status=status,
            reason=reason,
            message=message,
            last_transition_time=self.situation.now,
            observed_generation=self.situation.identity.generation,
        )
        return put(self.status.conditions, new)

    def tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        """An Event on the set."""
        self.actions.append(Tell(reason, message, warning))

    def step(self) -> Step:
        """A wake that is past is due at once, but never busily."""
        again = max(1.0, min(self.wakes)) if self.wakes else None
        return Step(self.status, tuple(self.actions), again)


def view_of(situation: Situation, status: BackupSetStatus) -> View:
    """What is observed. The Backups of a set that was imported bear an earlier set's uid."""
    plan = status.plan or PlanSummary(hash="")
    owner = replace(situation.identity, uid=plan.owner or situation.identity.uid)
    return View.of(owner, plan.hash, situation.observed, situation.refused, situation.now)
