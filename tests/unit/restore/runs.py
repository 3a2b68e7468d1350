"""CleanRestores half-way, for what shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from velero_volume_controller.api.backupset import Condition
from velero_volume_controller.api.cleanrestore import (
    CleanRestoreSpec,
    CleanRestoreStatus,
    PlanSummary,
    RestorePhase,
    RunProgress,
    RunRestore,
    RunStep,
    Source,
    SourceBackup,
    UndoStatus,
)
from velero_volume_controller.api.conditions import Truth
from velero_volume_controller.api.times import after
from velero_volume_controller.restore.objects import CleanRestore
from velero_volume_controller.restore.views import Seen
from velero_volume_controller.velero.model.restore_runs import PodVolumeRestore, Restore

BEGIN = "2026-11-24T02:00:00Z"
MIB = 1 << 20
HASH = f"sha256:{'a' * 64}"

P = RestorePhase
ORDER = (
    *(P.PLANNING, P.AWAITING_APPROVAL, P.VALIDATING, P.UNDO_BACKUP, P.QUIESCING, P.CLEARING),
    *(P.WAITING_GONE, P.RESTORING, P.VERIFYING),
)


def at(seconds: float) -> str:
    """So many seconds after it was approved."""
    return after(BEGIN, seconds)


def steps(last: RestorePhase, ended: float | None = None) -> list[RunStep]:
    """All up to this one, ten seconds each; Validating begins at 0."""
    phases = ORDER[: ORDER.index(last) + 1]
    made = []
    for number, phase in enumerate(phases, -2):
        over = phase is not last
        made.append(
            RunStep(
                phase=phase,
                started=at(number * 10),
                ended=at(number * 10 + 10) if over else at(ended) if ended is not None else None,
            )
        )
    return made


def plan(**more: Any) -> PlanSummary:
    given = {
        "hash": HASH, "delete": 40, "keep": 12, "create": 3, "namespaces": ["bank", "shop"],
        "backups": [SourceBackup(name=name, namespace="velero") for name in ("night-1", "night-2")],
        "config_maps": ["a"], **more,
    }  # fmt: skip
    return PlanSummary(**given)


def said(type_: str, status: Truth, reason: str, message: str) -> Condition:
    return Condition(type=type_, status=status, reason=reason, message=message, last_transition_time=BEGIN)


def undo(**more: Any) -> UndoStatus:
    given = {
        "backup": "back-0a1b2c3d-undo-1", "namespace": "velero", "uid": "u", "phase": "Completed",
        "kept": True, "expires": after(BEGIN, 30 * 86400), **more,
    }  # fmt: skip
    return UndoStatus(**given)


def made(backup: str, phase: str = "", **more: Any) -> RunRestore:
    given = {"name": f"back-{backup}", "namespace": "velero", "backup": backup, "phase": phase, **more}
    return RunRestore(**given)


def restore(backup: str, phase: str, items: int = 0, total: int = 0, **more: Any) -> Restore:
    given = {"started": at(60), **more}
    return Restore(
        name=f"back-{backup}", namespace="velero", backup=backup, phase=phase, items=items, items_total=total,
        **given,
    )  # fmt: skip


def volume(backup: str, pod: str, phase: str = "InProgress", **more: Any) -> PodVolumeRestore:
    given = {"node": "node1", "started": at(60), "volume": "data", **more}
    return PodVolumeRestore(
        name=f"{backup}-{pod}", namespace="velero", restore=f"back-{backup}", pod_namespace="shop", pod=pod,
        phase=phase, **given,
    )  # fmt: skip


def run(phase: RestorePhase | None, *, spec: CleanRestoreSpec | None = None, **status: Any) -> CleanRestore:
    given: dict[str, Any] = {"phase": phase, **status}
    if phase is not None and not phase.ended:
        given.setdefault("steps", steps(phase))
    if phase is not None and phase is not P.PLANNING:
        given.setdefault("plan", plan())
    if phase is not None and phase not in {P.PLANNING, P.AWAITING_APPROVAL}:
        given.setdefault("started", BEGIN)
    return CleanRestore(
        name="back",
        namespace="velero",
        uid="0a1b2c3d-0000-0000-0000-000000000000",
        created=at(-20),
        spec=spec or CleanRestoreSpec(source=Source(backup_set="night"), plan_hash=HASH),
        status=CleanRestoreStatus(**given),
    )


def seen(
    phase: RestorePhase | None,
    *,
    live: Iterable[Restore] | None = (),
    volumes: Iterable[PodVolumeRestore] | None = (),
    notes: tuple[str, ...] = (),
    **status: Any,
) -> Seen:
    found = None if live is None else {each.name: each for each in live}
    return Seen(run(phase, **status), found, None if volumes is None else tuple(volumes), notes)


def restoring(**more: Any) -> Seen:
    """The first Backup is back, of the second one volume is written, one moves, and one failed."""
    return seen(
        P.RESTORING,
        undo=undo(),
        progress=RunProgress(gone=40, to_go=40, volumes_done=1, volumes_total=3),
        restores=[made("night-1", "Completed", started=at(50), ended=at(60)), made("night-2", "InProgress")],
        live=[
            restore("night-1", "Completed", 20, 20, started=at(50), completed=at(60)),
            restore("night-2", "InProgress", 30, 30),
        ],
        volumes=[
            volume(
                "night-2", "db-0", "Completed", bytes_done=10 * MIB, bytes_total=10 * MIB, completed=at(65)
            ),
            volume("night-2", "db-1", bytes_done=20 * MIB, bytes_total=80 * MIB),
            volume("night-2", "web-0", "Failed", message="no\x1b[2Jgood", bytes_total=5 * MIB),
        ],
        conditions=[said("Progressing", "True", "Restoring", "Restore velero/back-night-2 is InProgress")],
        **more,
    )
