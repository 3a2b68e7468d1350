"""Reports for tests: of a run with everything in it, and of one without a fault."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.restore.makers import claim, deployment, fs_data, key, live, pod, volume
from tests.unit.restore_verify.makers import World, restored
from velero_volume_controller.api.cleanrestore import (
    CleanRestoreStatus,
    PlanSummary,
    RestorePhase,
    RunRestore,
    RunStep,
    SourceBackup,
    Uncovered,
    UndoStatus,
)
from velero_volume_controller.restore.planned import Action, Planned
from velero_volume_controller.restore.report import Report, make_report
from velero_volume_controller.restore.steps import RunIdentity
from velero_volume_controller.velero.model.restored_files import Messages

VERSIONS = {"velero-volume-controller": "0.1.0", "Velero": "v1.18.3", "Kubernetes": "v1.34.4"}
DB = live("StatefulSet db")
WORLD = restored(
    [
        *deployment("web", pods=2),
        DB,
        pod("db-0", "data", controller=DB),
        claim("data"),
        volume("data"),
        live("ConfigMap settings"),
        live("Job nightly", ended=True),
    ],
    [fs_data("db-0", "data", "data"), fs_data("web-5d8f96-x0000", "cache")],
)
PLANNED = (
    Planned(key("Deployment web"), Action.DELETE, "the backup holds it"),
    Planned(key("StatefulSet db"), Action.DELETE, "the backup holds it"),
    Planned(key("PersistentVolumeClaim data"), Action.DELETE, "the backup has data of it"),
    Planned(key("PersistentVolume pv-data"), Action.KEEP, "it stays Released, with its data"),
    Planned(key("ConfigMap settings"), Action.CREATE, "it is not there"),
)


def faulty() -> World:
    """Something of each kind is amiss."""
    world = WORLD.objects("ConfigMap settings").volume("pvr-db-0-data", phase="Failed", message="disk full")
    world = world.state("Deployment web", desired=2, ready=1).state(
        "Pod web-5d8f96-x0001", ready=False, why="container app: ImagePullBackOff"
    )
    warned = Messages(namespaces={"shop": ("could not restore, ConfigMap:kube-root-ca.crt already exists",)})
    return world.says(warnings=warned, errors=Messages(general=("pod volume restore failed: disk full",)))


def report(world: World = WORLD, *, ended: str = "Completed", undo: bool = True) -> Report:
    """Of a run that took five minutes."""
    at = ("00:00", "00:05", "01:05", "01:15", "01:40", "01:50", "04:10")
    phases = (
        *(RestorePhase.VALIDATING, RestorePhase.UNDO_BACKUP, RestorePhase.QUIESCING, RestorePhase.CLEARING),
        *(RestorePhase.WAITING_GONE, RestorePhase.RESTORING, RestorePhase.VERIFYING),
    )
    times = [f"2026-11-24T02:{each}Z" for each in at]
    steps = [
        RunStep(phase=phase, started=start, ended=end)
        for phase, start, end in zip(phases, times, [*times[1:], None], strict=True)
    ]
    status = CleanRestoreStatus(
        started=times[0],
        remarks=["no node-agent runs on gpu"],
        plan=PlanSummary(
            hash=world.plan.hash,
            made="2026-11-24T01:58:00Z",
            backups=[SourceBackup(name="nightly-1", namespace="velero")],
            predicted_seconds=120.0,
        ),
        steps=steps,
        restores=[
            RunRestore(
                name="back-1",
                namespace="velero",
                backup="nightly-1",
                phase=ended,
                created=times[5],
                started=times[5],
                ended=times[6],
                errors=int(ended != "Completed"),
                warnings=1,
            )
        ],
        undo=UndoStatus(
            backup="back-undo-1",
            namespace="velero",
            phase="Completed",
            expires="2026-12-24T02:00:05Z",
            uncovered=[Uncovered(namespace="shop", claim="scratch")],
        )
        if undo
        else None,
    )
    planned = replace(world.plan, objects=PLANNED)
    return make_report(
        RunIdentity("velero", "back", "7d0c5a1e-0000-4000-8000-000000000000"),
        status,
        planned,
        world.findings(),
        "2026-11-24T02:05:00Z",
        VERSIONS,
    )
