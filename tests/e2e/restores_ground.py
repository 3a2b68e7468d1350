"""What the tests of CleanRestores stand on: one Velero, the controller beside it, Backups, the audit log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import pytest

from hack.demo.ground import KNOBS
from hack.demo.movement import ENDED
from hack.lab import audit, controller, faults, kubectl
from hack.lab import velero as veleros
from hack.lab.cluster import Lab
from hack.lab.progress import wait_until
from hack.lab.velero import VERSIONS, Knobs, Velero
from tests.e2e import restores_audit, restores_operator, restores_samples, sets_restoring, sets_running
from tests.e2e import restores_objects as make
from tests.e2e.restores_audit import Allowed
from tests.e2e.restores_running import RunningRestore
from tests.e2e.restores_samples import Application

BACKUP_SECONDS = 300


#: For a test that says nothing of the version: with the newest Velero alone.
newest = pytest.mark.parametrize("ground", ["1.18.3"], indirect=True)


@dataclass(frozen=True)
class Ground:
    """One Velero with the controller beside it. `used` are namespaces that are removed at the end."""

    lab: Lab
    velero: Velero
    used: set[str] = field(default_factory=set)

    @property
    def namespace(self) -> str:
        """Where CleanRestores count: the controller's own, which is Velero's."""
        return self.velero.namespace

    def name(self, stem: str) -> str:
        """A namespace of this test's own, which is removed when all are through."""
        found = f"cr-{stem}-{uuid4().hex[:5]}"
        self.used.add(found)
        return found

    def backup(
        self, *namespaces: str, expect: str = "Completed", spec: Mapping[str, Any] | None = None
    ) -> str:
        """A Backup of these namespaces with all their volumes, once it has ended as expected; its name."""
        name = f"before-{uuid4().hex[:6]}"
        kubectl.apply(_backup(self.namespace, name, namespaces, spec or {}))

        def ended() -> bool:
            found = kubectl.get("-n", self.namespace, "backups.velero.io", name)
            return found.get("status", {}).get("phase", "") in ENDED

        wait_until(ended, f"Backup {name} ends", seconds=BACKUP_SECONDS, every=0.5)
        status = kubectl.get("-n", self.namespace, "backups.velero.io", name)["status"]
        assert status["phase"] == expect, status
        return name

    @contextmanager
    def restore(self, spec: Mapping[str, Any], *, name: str | None = None) -> Iterator[RunningRestore]:
        """A CleanRestore that has just been made; in the end nothing was deleted that no plan of it names."""
        run = RunningRestore(self.namespace) if name is None else RunningRestore(self.namespace, name)
        run.create(spec)
        yield run
        self.judge(run)
        run.remove()

    def judge(self, run: RunningRestore) -> None:
        """Compare the audit log with its plans. Raises AssertionError with what no plan names."""
        allowed = Allowed(
            controller=controller.user(self.namespace),
            velero=f"system:serviceaccount:{self.namespace}:velero",
            plans=tuple(run.plans),
            restores=frozenset(
                each["metadata"]["name"] for each in kubectl.items("-n", self.namespace, "restores.velero.io")
            ),
        )
        found = restores_audit.not_planned(self._log(), run.since, allowed)
        assert not found, "\n".join(found)

    def deleted_by_controller(self, run: RunningRestore) -> list[audit.Deletion]:
        """What the controller itself has deleted in the tests' namespaces since the run was made."""
        found = restores_audit.by_user(self._log(), run.since, controller.user(self.namespace))
        return [each for each in found if each.namespace in self.used]

    def kill_controller(self) -> None:
        """Both replicas at once; new ones come, for kubelet would pause before it restarts them."""
        replicas = f"app={controller.NAME}"
        faults.crash(self.lab, self.namespace, replicas)
        away = ["delete", "pods", "-l", replicas, "--force", "--grace-period=0"]
        kubectl.kubectl("-n", self.namespace, *away)
        kubectl.rollout(self.namespace, f"deployment/{controller.NAME}")

    def restart_velero(self) -> None:
        """For it to see kinds that were defined since: it looks every five minutes (1.18, server.go)."""
        kubectl.kubectl("-n", self.namespace, "rollout", "restart", "deployment/velero")
        kubectl.rollout(self.namespace, "deployment/velero")

    @contextmanager
    def defined(self, version: str) -> Iterator[None]:
        """The cluster knows Widgets in this version alone; afterwards not at all, and Velero neither: as long
        as it believes in them, each of its Backups is PartiallyFailed (1.18, item_collector.go)."""
        definition = make.definition(restores_operator.GROUP, "Widget", [version])
        name = definition["metadata"]["name"]
        kubectl.apply(json.dumps(definition))
        kubectl.kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=60s")
        try:
            yield
        finally:
            kubectl.kubectl("delete", "crd", name)
            self.restart_velero()

    @contextmanager
    def without_velero(self) -> Iterator[Callable[[], None]]:
        """No server of Velero's runs, until what is given is called, or until the end."""

        def scale(replicas: int) -> None:
            kubectl.kubectl("-n", self.namespace, "scale", "deployment", "velero", f"--replicas={replicas}")
            kubectl.rollout(self.namespace, "deployment/velero")

        scale(0)
        try:
            yield lambda: scale(1)
        finally:
            scale(1)

    def vvc(self, *arguments: str, status: int = 0) -> str:
        """Run the command line against the lab, and expect this exit status; what it prints."""
        command = [sys.executable, "-m", "velero_volume_controller", *arguments]
        environment = {**os.environ, "KUBECONFIG": kubectl.kubeconfig()}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == status, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _log(self) -> Any:
        return audit.folder(self.lab.control_plane)


@contextmanager
def standing(lab: Lab, version: str) -> Iterator[Ground]:
    """All but the applications; afterwards Velero is as the other tests have it, and the rest is gone."""
    velero = replace(VERSIONS[version], knobs=KNOBS[VERSIONS[version].uploader])
    with ExitStack() as after:
        veleros.install_as(lab, velero)
        after.callback(veleros.install_as, lab, replace(velero, knobs=Knobs()))
        after.callback(sets_running.delete_backups, velero)
        after.callback(sets_restoring.remove_restores, velero)
        after.callback(controller.remove, velero.namespace)
        controller.deploy(lab, namespace=velero.namespace, restores=True)
        ground = Ground(lab, velero)
        after.callback(lambda: restores_samples.wait_until_gone(sorted(ground.used)))
        after.callback(lambda: restores_samples.remove(sorted(ground.used)))
        yield ground


def filled(*applications: Application) -> dict[str, dict[str, Any]]:
    """Have them run with new data; what each volume holds, by namespace."""
    for each in applications:
        each.deploy()
    return {each.namespace: each.fill() for each in applications}


def _backup(where: str, name: str, namespaces: Sequence[str], more: Mapping[str, Any]) -> str:
    spec = {"includedNamespaces": list(namespaces), "defaultVolumesToFsBackup": True, **more}
    manifest = {
        "apiVersion": "velero.io/v1",
        "kind": "Backup",
        "metadata": {"name": name, "namespace": where, "labels": {"velero.io/storage-location": "default"}},
        "spec": spec,
    }
    return json.dumps(manifest)


@contextmanager
def retaining() -> Iterator[str]:
    """A StorageClass whose volumes stay when their claims are gone. Those that are left are deleted."""
    name = "cr-retain"
    found = kubectl.get("storageclass", "local-path")
    kept = {key: found[key] for key in ("apiVersion", "kind", "provisioner", "volumeBindingMode")}
    metadata = {"name": name, "annotations": {"defaultVolumeType": "local"}}
    kubectl.apply(json.dumps({**kept, "metadata": metadata, "reclaimPolicy": "Retain"}))
    try:
        yield name
    finally:
        kubectl.kubectl("delete", "storageclass", name)
        for each in kubectl.items("persistentvolumes"):
            if each["spec"].get("storageClassName") == name:
                delete_volume(each["metadata"]["name"])


def volume_of(where: str, claim: str) -> str:
    """The PersistentVolume that a claim is bound to."""
    return str(kubectl.get("-n", where, "persistentvolumeclaim", claim)["spec"]["volumeName"])


def delete_volume(name: str) -> None:
    """Delete a PersistentVolume that was retained, with its data: its provisioner does so if it may."""
    may = json.dumps({"spec": {"persistentVolumeReclaimPolicy": "Delete"}})
    kubectl.kubectl("patch", "persistentvolume", name, "--type=merge", "-p", may)
