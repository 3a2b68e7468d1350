"""`vvc backup tune` on the real API server: Velero as `velero install --dry-run` of 1.18.3 prints it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from tests.integration import velero_crds
from tests.integration.cluster import BACKUP_VOLUMES, Namespace
from velero_volume_controller.backup.settings import AFTER, BEFORE

SCRIPT = Path(sys.executable).parent / "vvc"
ARGUMENTS = ["server", "--features=", "--uploader-type=kopia"]
LABELS = {"component": "velero"}


@dataclass
class Installed:
    """A Velero in a namespace of the test's own; nothing runs there."""

    namespace: Namespace
    kubeconfig: Path

    @property
    def apps(self) -> client.AppsV1Api:
        return client.AppsV1Api(self.namespace.api)

    def install(self, *agent_flags: str) -> None:
        self._create(
            self.apps.create_namespaced_deployment, "velero", {"deploy": "velero"}, ["/velero"], ARGUMENTS
        )
        arguments = ["node-agent", "server", "--features=", *agent_flags]
        self._create(
            self.apps.create_namespaced_daemon_set,
            "node-agent",
            {"name": "node-agent"},
            ["/velero"],
            arguments,
        )

    def _create(
        self, create: Any, name: str, labels: dict[str, str], command: list[str], arguments: list[str]
    ) -> None:
        container = {
            "name": name,
            "image": "velero/velero:v1.18.3",
            "imagePullPolicy": "IfNotPresent",
            "command": command,
            "args": arguments,
            "env": [{"name": "VELERO_SCRATCH_DIR", "value": "/scratch"}],
        }
        template = {"metadata": {"labels": {**LABELS, **labels}}, "spec": {"containers": [container]}}
        spec = {"selector": {"matchLabels": labels}, "template": template}
        create(self.namespace.name, {"metadata": {"name": name, "labels": LABELS}, "spec": spec})

    def deployment(self) -> dict[str, Any]:
        """All of it but what the API server counts."""
        found: Any = self.apps.read_namespaced_deployment("velero", self.namespace.name)
        plain: dict[str, Any] = self.namespace.api.sanitize_for_serialization(found)
        for key in ("generation", "resourceVersion", "managedFields"):
            plain["metadata"].pop(key, None)
        return plain

    def arguments(self) -> list[str]:
        """The server's."""
        args: list[str] = self.deployment()["spec"]["template"]["spec"]["containers"][0]["args"]
        return args

    def config_maps(self) -> dict[str, dict[str, str]]:
        listed: Any = self.namespace.core.list_namespaced_config_map(self.namespace.name).items
        return {each.metadata.name: each.data for each in listed if "tune" in str(each.metadata.annotations)}

    def load(self) -> Any:
        """What the node-agent's ConfigMap says."""
        found: Any = self.namespace.core.read_namespaced_config_map("node-agent-config", self.namespace.name)
        return json.loads(next(iter(found.data.values())))

    def tune(self, *options: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        access = ["--kubeconfig", str(self.kubeconfig), "-n", self.namespace.name]
        return subprocess.run(
            [str(SCRIPT), "backup", "tune", *access, *options],
            capture_output=True,
            text=True,
            input=stdin,
            timeout=120,
            check=False,
            env={key: value for key, value in os.environ.items() if key != "COLUMNS"},
        )


@pytest.fixture
def velero(api: client.ApiClient, control_plane: ControlPlane, namespace: Namespace) -> Installed:
    """Four volumes are to be backed up, all of one node."""
    velero_crds.install(api)
    for number in range(4):
        namespace.create_claim(f"data-{number}")
        annotations = {BACKUP_VOLUMES: f"data-{number}"}
        namespace.create_pod(f"pod-{number}", (f"data-{number}",), annotations=annotations)
    return Installed(namespace, control_plane.kubeconfig)


def test_what_is_advised_is_set_and_put_back_exactly(velero: Installed) -> None:
    velero.install()
    before = velero.deployment()
    told = velero.tune()
    assert (told.returncode, told.stderr) == (0, "")
    assert (
        "--concurrent-backups=1, --item-block-worker-count=1, loadConcurrency.globalConfig=1" in told.stdout
    )
    assert "all of them together" in told.stdout
    assert "patch daemonset node-agent --type=json" in told.stdout
    assert velero.deployment() == before, "nothing is changed unasked"

    applied = velero.tune("--apply", "--yes")
    assert applied.returncode == 0, applied.stderr
    assert velero.arguments()[:3] == ARGUMENTS
    flags = [argument.partition("=")[0] for argument in velero.arguments()[3:]]
    assert flags
    assert set(flags) <= {"--concurrent-backups", "--item-block-worker-count"}
    assert velero.load()["loadConcurrency"]["globalConfig"] > 1
    for argument in velero.arguments()[3:]:
        assert f"+ {argument}" in applied.stdout
    assert {BEFORE, AFTER} <= set(velero.deployment()["metadata"]["annotations"])

    undone = velero.tune("--undo", "--yes")
    assert undone.returncode == 0, undone.stderr
    after = velero.deployment()
    assert after["spec"] == before["spec"]
    assert after["metadata"] == before["metadata"]
    assert velero.config_maps() == {}
    again = velero.tune("--undo", "--yes")
    assert (again.returncode, again.stdout) == (0, "Nothing was tuned here.\n")


def test_the_config_map_that_the_node_agent_names_is_changed_and_the_daemon_set_never(
    velero: Installed,
) -> None:
    velero.install("--node-agent-configmap=node-agent-config")
    data = {"my.json": '{"loadConcurrency": {"globalConfig": 1}, "podResources": {"cpuLimit": "2"}}'}
    core, name = velero.namespace.core, velero.namespace.name
    core.create_namespaced_config_map(name, {"metadata": {"name": "node-agent-config"}, "data": data})
    agent: Any = velero.apps.read_namespaced_daemon_set("node-agent", name)
    applied = velero.tune("--apply", "--yes")
    assert applied.returncode == 0, applied.stderr
    assert f"kubectl -n {name} rollout restart daemonset node-agent" in applied.stdout
    assert velero.load()["podResources"] == {"cpuLimit": "2"}
    assert velero.load()["loadConcurrency"]["globalConfig"] > 1
    now: Any = velero.apps.read_namespaced_daemon_set("node-agent", name)
    assert now.metadata.resource_version == agent.metadata.resource_version
    assert velero.tune("--undo", "--yes").returncode == 0
    restored: Any = core.read_namespaced_config_map("node-agent-config", name)
    assert restored.data == data
    assert not restored.metadata.annotations


def test_a_config_map_without_which_the_node_agent_would_not_start_stays(velero: Installed) -> None:
    velero.install()
    assert velero.tune("--apply", "--yes").returncode == 0
    velero.apps.delete_namespaced_daemon_set("node-agent", velero.namespace.name)
    velero.apps.delete_namespaced_deployment("velero", velero.namespace.name)
    velero.install("--node-agent-configmap=node-agent-config")
    refused = velero.tune("--undo", "--yes")
    assert refused.returncode == 2
    assert "Take --node-agent-configmap=node-agent-config from DaemonSet" in refused.stderr
    assert velero.load()["loadConcurrency"]["globalConfig"] > 1
    # What it says to do is enough.
    advised = json.loads(refused.stderr.split("-p '")[1].partition("'")[0])
    velero.apps.patch_namespaced_daemon_set("node-agent", velero.namespace.name, advised)
    assert velero.tune("--undo", "--yes").returncode == 0
    assert velero.config_maps() == {}


def test_a_set_can_be_named_or_described(velero: Installed) -> None:
    velero.install()
    told = velero.tune("--namespaces", velero.namespace.name)
    assert told.returncode == 0, told.stderr
    assert "As it is, this BackupSet takes about" in told.stdout
    assert "all of them together" in told.stdout
    nothing = velero.tune("--namespaces", "nowhere-*")
    assert (nothing.returncode, "no namespace" in nothing.stderr.lower()) == (2, True), nothing
    for options in (("nightly", "--undo"), ("--undo", "--namespaces", "a")):
        refused = velero.tune(*options)
        assert (refused.returncode, "--undo: puts back what was there" in refused.stderr) == (2, True)
    assert velero.arguments() == ARGUMENTS


def test_nobody_is_asked_where_there_is_no_terminal(velero: Installed) -> None:
    velero.install()
    refused = velero.tune("--apply", stdin="y\n")
    assert refused.returncode == 2
    assert "there is no terminal to ask on; add --yes" in refused.stderr
    assert velero.arguments() == ARGUMENTS


def test_velero_is_not_restarted_while_it_makes_a_backup(velero: Installed) -> None:
    velero.install()
    body = {
        "apiVersion": "velero.io/v1",
        "kind": "Backup",
        "metadata": {"name": "theirs"},
        "spec": {},
        "status": {"phase": "InProgress"},
    }
    client.CustomObjectsApi(velero.namespace.api).create_namespaced_custom_object(
        "velero.io", "v1", velero.namespace.name, "backups", body
    )
    refused = velero.tune("--apply", "--yes")
    assert refused.returncode == 1
    assert f"Backup {velero.namespace.name}/theirs is InProgress" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert velero.arguments() == ARGUMENTS
    assert velero.config_maps() == {}, "nothing is begun"


def test_a_helm_release_is_warned_of(velero: Installed) -> None:
    velero.install()
    metadata = {
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": "velero"},
    }
    velero.apps.patch_namespaced_deployment("velero", velero.namespace.name, {"metadata": metadata})
    applied = velero.tune("--apply", "--yes")
    assert applied.returncode == 0
    assert "Velero is kept by Helm release velero, which puts its own settings back" in applied.stderr


def test_where_there_is_no_velero_it_says_so(velero: Installed) -> None:
    for options in ((), ("--apply", "--yes"), ("--undo", "--yes")):
        refused = velero.tune(*options)
        assert refused.returncode == 1
        assert f"there is no Velero in namespace {velero.namespace.name}" in refused.stderr
