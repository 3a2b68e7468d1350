"""What it is measured on: a control plane with the garbage collector, and a controller that restores."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from kubernetes import client, config

from hack.lab.controlplane import (
    ControlPlane,
    component_command,
    controller_manager_arguments,
    spawn_bound,
)
from tests.bench.clear import objects
from tests.integration import velero_crds
from tests.integration.backup_sets import Installation
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import Replica, Vvc
from tests.integration.restore_stage import Stage, packed, staged
from tests.integration.sets import install_crds

NAMESPACE: Final = "velero"
BACKUP: Final = "b1"
#: Those that take part when something is deleted. The others would ask for nodes and pods.
CONTROLLERS: Final = "garbage-collector-controller,endpointslice-controller,endpoints-controller"
#: What else Velero would do is not measured: it signs addresses, and that is all.
NOT_PLAYED: Final = frozenset({"undo", "restores", "controllers", "gc"})
WITHIN: Final = 900.0


@dataclass(frozen=True)
class Ground:
    """The cluster, the namespaces of what is cleared away, and a controller that leads."""

    plane: ControlPlane
    spaces: list[str]
    stage: Stage
    replica: Replica

    def clean_restore(self, name: str) -> tuple[float, float]:
        """Carry one out until it would restore; the seconds that clearing took, and until all was gone."""
        self.stage.create(name, undo="none", namespaces={"include": self.spaces})
        self.stage.approve(name, within=120)
        begun, told, gone = (self._entered(name, phase) for phase in ("Clearing", "WaitingGone", "Restoring"))
        self.stage.custom.delete_namespaced_custom_object(
            "vvc.velero.io", "v1alpha1", NAMESPACE, "cleanrestores", name
        )
        self.stage.custom.delete_collection_namespaced_custom_object("velero.io", "v1", NAMESPACE, "restores")
        return told - begun, gone - begun

    def _entered(self, name: str, phase: str) -> float:
        line = self.replica.line("CleanRestore", within=WITHIN, clean_restore=name, phase=phase)
        return datetime.fromisoformat(line["time"]).timestamp()


@contextmanager
def ground(count: int) -> Iterator[Ground]:
    """All of it, with so many namespaces; ended afterwards."""
    with (
        ControlPlane() as plane,
        config.new_client_from_config(str(plane.kubeconfig)) as api,
        tempfile.TemporaryDirectory() as folder,
        _controllers(plane, Path(folder)),
    ):
        velero_crds.install(api)
        install_crds(api)
        installation = Installation.install(Namespace.create(api, NAMESPACE))
        spaces = objects.namespaces(count)
        _until_collected(api)
        with contextmanager(staged)(installation, Namespace(api, spaces[0])) as stage:
            stage.absent |= NOT_PLAYED
            _back_up(stage, spaces)
            vvc = Vvc.for_namespace(plane.kubeconfig, NAMESPACE, Path(folder))
            try:
                yield Ground(plane, spaces, stage, stage.started(vvc))
            finally:
                vvc.kill_all()


@contextmanager
def _controllers(plane: ControlPlane, folder: Path) -> Iterator[None]:
    arguments = controller_manager_arguments(plane.authority, plane.kubeconfig, folder / "controller-manager")
    command = [*component_command("kube-controller-manager"), *arguments]
    with (folder / "controller-manager.log").open("wb") as log:
        process = spawn_bound([*command, "--secure-port=0", f"--controllers={CONTROLLERS}"], log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _until_collected(api: client.ApiClient) -> None:
    """Wait until the garbage collector is at work: an object that waits for its dependents goes."""
    core = client.CoreV1Api(api)
    core.create_namespaced_config_map("default", {"metadata": {"name": "probe"}})
    core.delete_namespaced_config_map("probe", "default", propagation_policy="Foreground")

    def there() -> bool:
        found: list[client.V1ConfigMap] = core.list_namespaced_config_map("default").items
        return any(each.metadata is not None and each.metadata.name == "probe" for each in found)

    eventually(there, False, within=60)


def _back_up(stage: Stage, spaces: list[str]) -> None:
    """A Backup of all of it, as Velero leaves one behind."""
    stage.velero.foreign(BACKUP, spaces)
    location = {"spec": {"storageLocation": "default"}}
    stage.custom.patch_namespaced_custom_object("velero.io", "v1", NAMESPACE, "backups", BACKUP, location)
    stage.files[BACKUP, "BackupResourceList"] = packed(objects.listed(spaces))
    stage.files[BACKUP, "BackupVolumeInfos"] = packed([])
    stage.velero.report(BACKUP, "Completed", taken=False)
