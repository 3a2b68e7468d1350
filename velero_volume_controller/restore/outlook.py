"""What there is to do for whoever wants a CleanRestore to go on. Pure."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from velero_volume_controller.api.cleanrestore import Approval, RestorePhase
from velero_volume_controller.api.conditions import find
from velero_volume_controller.restore.objects import CleanRestore
from velero_volume_controller.restore.run import COMPLETE, PLANNED

#: Reasons for which there is no plan, and not the CleanRestore is to be changed but the cluster.
ENVIRONMENT: Final = frozenset({"NotFetched", "RightsMissing", "Unreadable", "PlanNotKept"})

_P = RestorePhase


class Outlook(Enum):
    """What comes next."""

    WAIT = auto()
    """Its plan is being made, or was not begun."""
    REFUSED = auto()
    """There is no plan that may be carried out: ``why_refused``."""
    APPROVE = auto()
    """Its plan is to be looked at and approved."""
    PLAN_AGAIN = auto()
    """It failed, and is to be planned again."""
    RESUME = auto()
    """It failed, and can go on where it stopped, by the same plan."""
    FOLLOW = auto()
    """It goes on by itself."""
    OVER = auto()
    """Nothing more can happen to it."""


def outlook(run: CleanRestore, word: str = "") -> Outlook:
    """``word``: a demand to go on that was just made; until it is followed, the status is of before."""
    status = run.status
    if word and status.resumed != word:
        return Outlook.WAIT
    if status.phase is _P.FAILED and status.resume_from is not None:
        return Outlook.PLAN_AGAIN if status.resume_from is _P.PLANNING else Outlook.RESUME
    if status.phase is None:
        return Outlook.WAIT
    if status.phase.ended:
        return Outlook.OVER
    if run.spec is not None and run.spec.cancel and not status.phase.touches:
        return Outlook.OVER
    if status.phase is _P.PLANNING:
        # Of a planning before this one it would be True: only then it could go on.
        said = find(status.conditions, PLANNED)
        return Outlook.REFUSED if said is not None and said.status == "False" else Outlook.WAIT
    if status.phase is _P.AWAITING_APPROVAL:
        automatic = run.spec is not None and run.spec.approval is Approval.AUTOMATIC
        approved = run.spec is not None and status.plan is not None and run.spec.plan_hash == status.plan.hash
        return Outlook.FOLLOW if automatic or approved else Outlook.APPROVE
    return Outlook.FOLLOW


def why_refused(run: CleanRestore) -> tuple[str, tuple[str, ...]]:
    """The reason in one word, and what stands against it."""
    said = find(run.status.conditions, PLANNED)
    reason, message = (said.reason, said.message) if said is not None else ("", "")
    return reason, tuple(run.status.problems) or (message,)


def why_failed(run: CleanRestore) -> str:
    """Why it ended before its end, and what to do."""
    said = find(run.status.conditions, COMPLETE)
    return f"{said.reason}: {said.message}" if said is not None else str(run.status.phase or "New")
