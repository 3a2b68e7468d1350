"""What is shown of a CleanRestore: how far it is, what it found, what can be done next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import msgspec

from velero_volume_controller.api.cleanrestore import (
    PlanSummary,
    RehearsalStatus,
    RestorePhase,
    UndoStatus,
    Verified,
)
from velero_volume_controller.restore.objects import CleanRestore
from velero_volume_controller.velero.model.moving_volumes import ALMOST, VolumeView
from velero_volume_controller.velero.model.restore_runs import (
    COMPLETED,
    ENDED,
    PodVolumeRestore,
    Restore,
)

#: A CleanRestore that the controller has not looked at.
NEW: Final = "New"


@dataclass(frozen=True, slots=True)
class Seen:
    """What could be read. ``restores`` (by name) and ``volumes`` are None where they may not be read, and
    ``notes`` are sentences on that. ``run.spec`` is not None."""

    run: CleanRestore
    restores: Mapping[str, Restore] | None = None
    volumes: tuple[PodVolumeRestore, ...] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepView:
    """A phase that was gone through, or is gone through now (``ended`` None); ``seconds`` so far."""

    phase: str
    started: str
    ended: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class RestoreView:
    """A Restore of Velero's, or a Backup that none was made of yet (``name`` empty, ``phase`` Waiting)."""

    name: str
    backup: str
    phase: str
    attempt: int
    items: int
    items_total: int
    errors: int
    warnings: int
    reason: str
    seconds: float
    volumes: tuple[VolumeView, ...] = ()

    @property
    def running(self) -> bool:
        """Velero is at it."""
        return bool(self.name) and self.phase not in {*ENDED, "Lost"}

    @property
    def done(self) -> int:
        """Bytes written."""
        return sum(each.done for each in self.volumes)

    @property
    def total(self) -> int:
        """Bytes of the volumes found so far."""
        return sum(max(each.total, each.done) for each in self.volumes)

    @property
    def fraction(self) -> float:
        """From 0 to 1: of its objects, and then of its data, which Velero waits for at the end."""
        if self.phase == COMPLETED:
            return 1.0
        parts = [part / whole for part, whole in ((self.items, self.items_total),) if whole]
        if self.total:
            parts.append(sum(each.done for each in self.volumes) / self.total)
        return min(sum(parts) / len(parts), ALMOST) if parts else 0.0


@dataclass(frozen=True, slots=True)
class Next:
    """A command that makes sense now, and what it does."""

    command: str
    what: str


@dataclass(frozen=True, slots=True)
class RunView:
    """A CleanRestore at one moment.

    ``source`` is what is restored, in words; ``waiting`` what it does or waits for now; ``failure`` why it
    ended before its end. ``left`` is how many seconds the data that moves is likely to need, None where
    nothing can be said. ``problems`` stand against it, ``notes`` are sentences on what could not be read.
    """

    namespace: str
    name: str
    phase: str
    now: str
    source: str
    created: str
    started: str | None
    ended: str | None
    waiting: str
    failure: str
    reason: str
    resume_from: str | None
    undo_of: str | None
    plan: PlanSummary | None
    approved: bool
    steps: tuple[StepView, ...]
    gone: int
    to_go: int
    done: int
    total: int
    volumes_done: int
    volumes_total: int
    rate: float
    left: float | None
    restores: tuple[RestoreView, ...]
    undo: UndoStatus | None
    verify: Verified | None
    rehearsal: RehearsalStatus | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    next: tuple[Next, ...]

    @property
    def over(self) -> bool:
        """Nothing more happens by itself."""
        return self.phase in _ENDS

    @property
    def clears(self) -> bool:
        """Something is being deleted, or was."""
        return any(each.phase == RestorePhase.CLEARING for each in self.steps)


_ENDS: Final = frozenset(phase.value for phase in RestorePhase if phase.ended)


def document(view: RunView) -> dict[str, Any]:
    """As ``vvc restore status -o json`` prints it: times RFC 3339, seconds whole, sizes in bytes."""
    return {
        "namespace": view.namespace,
        "name": view.name,
        "phase": view.phase,
        "source": view.source,
        "started": view.started,
        "ended": view.ended,
        "waitingFor": view.waiting or None,
        "failure": {"reason": view.reason, "message": view.failure} if view.failure else None,
        "resumeFrom": view.resume_from,
        "undoOf": view.undo_of,
        "plan": msgspec.to_builtins(view.plan) if view.plan else None,
        "approved": view.approved,
        "steps": [{**asdict(each), "seconds": round(each.seconds)} for each in view.steps],
        "clearing": {"gone": view.gone, "toGo": view.to_go},
        "progress": {
            "bytesDone": view.done,
            "bytesTotal": view.total,
            "volumesDone": view.volumes_done,
            "volumesTotal": view.volumes_total,
            "bytesPerSecond": round(view.rate),
            "secondsLeft": None if view.left is None else round(view.left),
        },
        "restores": [_restore(each) for each in view.restores],
        "undo": msgspec.to_builtins(view.undo) if view.undo else None,
        "verify": msgspec.to_builtins(view.verify) if view.verify else None,
        "rehearsal": msgspec.to_builtins(view.rehearsal) if view.rehearsal else None,
        "problems": list(view.problems),
        "notes": list(view.notes),
        "next": [asdict(each) for each in view.next],
    }


def _restore(restore: RestoreView) -> dict[str, Any]:
    return {
        "name": restore.name or None,
        "backup": restore.backup,
        "phase": restore.phase,
        "attempt": restore.attempt,
        "itemsDone": restore.items,
        "itemsTotal": restore.items_total,
        "errors": restore.errors,
        "warnings": restore.warnings,
        "reason": restore.reason,
        "seconds": round(restore.seconds),
        "volumes": [each.document() for each in restore.volumes],
    }
