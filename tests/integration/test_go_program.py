"""In the Go program's place: its arguments, its configurations, its pods, and what it left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import BACKUP_VOLUMES, Namespace, eventually
from tests.integration.process import Vvc

RECORDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "unit" / "data" / "go-program-decisions.json").read_text()
)
RAN = [record for record in RECORDED if record["exit"] is None]


def _title(record: dict[str, Any]) -> str:
    lines = [line.strip() for line in record["config"].splitlines()]
    return " ".join(line for line in lines if line[-1] != ":" and "Lock" not in line) or "nothing is set"


class Pods:
    """The pods of one recording, created in the real API server and looked at there."""

    def __init__(self, api: client.ApiClient, record: dict[str, Any]) -> None:
        self.core = client.CoreV1Api(api)
        self.record = record
        self.namespaces = sorted({pod["metadata"]["namespace"] for pod in record["pods"]} | {"test"})

    def create(self) -> None:
        for name in self.namespaces:
            try:
                self.core.create_namespace({"metadata": {"name": name}})
            except client.ApiException as error:
                if error.status != 409:
                    raise
        for pod in self.record["pods"]:
            metadata = pod["metadata"]
            body = {"metadata": metadata, "spec": pod["spec"]}
            self.core.create_namespaced_pod(metadata["namespace"], body)
            self.core.patch_namespaced_pod_status(
                metadata["name"], metadata["namespace"], {"status": pod["status"]}
            )

    def delete(self) -> None:
        for name in self.namespaces:
            self.core.delete_collection_namespaced_pod(name, grace_period_seconds=0)

    def annotations(self) -> dict[str, str | None]:
        """Velero's annotation of every pod, as the recording has it."""
        found = {}
        for name in self.namespaces:
            for pod in self.core.list_namespaced_pod(name).items:
                value = (pod.metadata.annotations or {}).get(BACKUP_VOLUMES)
                found[f"{name}/{pod.metadata.name}"] = value
        return found


@pytest.fixture(params=RAN, ids=_title)
def pods(api: client.ApiClient, request: pytest.FixtureRequest) -> Iterator[Pods]:
    pods = Pods(api, request.param)
    pods.create()
    yield pods
    pods.delete()


def test_legacy_mode_leaves_the_annotations_that_the_go_program_left(
    control_plane: ControlPlane, pods: Pods, tmp_path: Path
) -> None:
    config = tmp_path / "config.yml"
    text = pods.record["config"].replace("kubeConfig: \n", f"kubeConfig: {control_plane.kubeconfig}\n")
    assert str(control_plane.kubeconfig) in text
    config.write_text(text)
    program = Path(sys.executable).parent / "velero-volume-controller"
    arguments = ["-c", str(config), "-v", "4", "-logtostderr", "true"]
    ours = ["--ownership", "legacy", "--metrics-address", "off"]
    process = subprocess.Popen([program, *arguments, *ours], stderr=subprocess.PIPE, text=True)
    try:
        eventually(pods.annotations, pods.record["annotations"], within=30)
        process.terminate()
        _, log = process.communicate(timeout=10)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, log
    assert pods.annotations() == pods.record["annotations"]


def test_the_go_programs_own_cluster_role_suffices(
    control_plane: ControlPlane, namespace: Namespace, tmp_path: Path
) -> None:
    rbac = client.RbacAuthorizationV1Api(namespace.api)
    verbs = ["create", "get", "watch", "list", "delete", "patch", "update"]
    rules = [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs},
        {"apiGroups": [""], "resources": ["pods"], "verbs": verbs},
    ]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "leaselock"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "go-program"}
    rbac.create_cluster_role({"metadata": {"name": "leaselock"}, "rules": rules})
    rbac.create_cluster_role_binding(
        {"metadata": {"name": "leaselock"}, "roleRef": role, "subjects": [subject]}
    )
    vvc = Vvc.for_namespace(control_plane.kubeconfig_for("go-program"), namespace.name, tmp_path)
    try:
        namespace.create_pod("web")
        vvc.start_leading()
        eventually(lambda: namespace.value("web"), "data")
    finally:
        vvc.kill_all()
