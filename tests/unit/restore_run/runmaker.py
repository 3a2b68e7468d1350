"""Runs, situations and what is seen of them, for tests of the pure machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from tests.unit.backup.setmaker import at
from velero_volume_controller.api.cleanrestore import (
    CleanRestoreSpec,
    CleanRestoreStatus,
    PlanSummary,
    RestorePhase,
    RunProgress,
    RunStep,
    SourceBackup,
)
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.machine import step
from velero_volume_controller.restore.naming import labels
from velero_volume_controller.restore.planned import Action, Plan
from velero_volume_controller.restore.steps import (
    Delete,
    Make,
    Observed,
    PutBack,
    RunIdentity,
    Situation,
    Step,
    Still,
    Tell,
)
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.backups import Backup, BackupStatus
from velero_volume_controller.velero.model.restore_runs import Restore

IDENTITY = RunIdentity("velero", "rescue", "0f3c9d12-aaaa-bbbb-cccc-1234567890ab", 1)
LABELS = labels(IDENTITY)
P = RestorePhase
_T = TypeVar("_T")


def make_spec(**fields: Any) -> CleanRestoreSpec:
    """From fields as a person writes them; approved by itself unless told otherwise."""
    whole = {"source": {"backup": "b1"}, "approval": "automatic", **fields}
    return msgspec.convert(whole, CleanRestoreSpec)


def summary(plan: Plan, sources: Iterable[str] = ("b1",)) -> PlanSummary:
    """What the status says of a plan."""
    return PlanSummary(
        hash=plan.hash,
        delete=plan.count(Action.DELETE),
        namespaces=sorted(plan.targets.values()),
        backups=[SourceBackup(name=name, namespace="velero") for name in sources],
    )


def in_phase(phase: RestorePhase, plan: Plan | None = None, **fields: Any) -> CleanRestoreStatus:
    """A run that came into this phase at the begin."""
    status = CleanRestoreStatus(phase=phase, steps=[RunStep(phase=phase, started=at(0))], started=at(0))
    if plan is not None:
        status.plan = summary(plan, fields.pop("sources", ("b1",)))
        status.progress = RunProgress(to_go=plan.count(Action.DELETE))
    for name, value in fields.items():
        setattr(status, name, value)
    return status


def seen(*objects: Live) -> dict[Key, Live]:
    """Live objects by their keys."""
    return {each.key: each for each in objects}


def make_situation(
    status: CleanRestoreStatus,
    plan: Plan | None = None,
    *,
    now: float = 0,
    spec: CleanRestoreSpec | None = None,
    live: Mapping[Key, Live] | Iterable[Live] | None = None,
    restores: Iterable[Restore] | None = (),
    **fields: Any,
) -> Situation:
    """So many seconds after the begin."""
    observed = Observed(
        live=live if live is None or isinstance(live, Mapping) else seen(*live),
        restores=None if restores is None else {each.name: each for each in restores},
        **{
            name: fields.pop(name)
            for name in ("attachments", "undo", "taken", "snapshots", "backed_up", "restored")
            if name in fields
        },
    )
    return Situation(
        identity=fields.pop("identity", IDENTITY),
        spec=spec or make_spec(),
        status=status,
        now=at(now),
        observed=observed,
        plan=plan,
        **fields,
    )


def take(status: CleanRestoreStatus, plan: Plan | None = None, **fields: Any) -> Step:
    """One step."""
    return step(make_situation(status, plan, **fields))


def of(taken: Step, kind: type[_T]) -> list[_T]:
    """The step's actions of this kind."""
    return [each for each in taken.actions if isinstance(each, kind)]


def deletes(taken: Step) -> list[str]:
    """The objects that the step deletes, as ``Pod shop/web``."""
    return [str(each.key) for each in of(taken, Delete)]


def stills(taken: Step) -> dict[str, Mapping[str, Any]]:
    """The workloads that the step stills, and how."""
    return {str(each.key): each.spec for each in of(taken, Still)}


def puts_back(taken: Step) -> dict[str, Mapping[str, Any]]:
    """The workloads that the step puts back, and to what."""
    return {str(each.key): each.spec for each in of(taken, PutBack)}


def makes(taken: Step) -> list[Make]:
    """What the step hands to Velero."""
    return of(taken, Make)


def tells(taken: Step) -> list[str]:
    """The reasons of the Events that the step tells."""
    return [each.reason for each in of(taken, Tell)]


def said(taken: Step, type_: str = "Progressing") -> tuple[str, str, str]:
    """Status, reason and message of a condition; empty if it is not there."""
    for each in taken.status.conditions:
        if each.type == type_:
            return each.status, each.reason, each.message
    return "", "", ""


def outcome(taken: Step) -> tuple[str, str, str]:
    """How the run ends, or will end once what was stilled is put back: phase, reason and message."""
    if (left := taken.status.unwinding) is not None:
        return left.phase.value, left.reason, left.message
    _, reason, message = said(taken, "Complete")
    return taken.status.phase.value if taken.status.phase else "", reason, message


def backup(name: str, phase: str = "", **fields: Any) -> Backup:
    """A Backup that this run made, as Velero's API server holds it."""
    whole = {"name": name, "namespace": "velero", "uid": f"uid-{name}", "labels": LABELS}
    return Backup(**{**whole, "status": BackupStatus(phase=phase), **fields})


def restore(name: str, phase: str = "", **fields: Any) -> Restore:
    """A Restore that this run made, as Velero's API server holds it."""
    whole = {"name": name, "namespace": "velero", "uid": f"uid-{name}", "labels": LABELS, "phase": phase}
    return Restore(**{**whole, **fields})
