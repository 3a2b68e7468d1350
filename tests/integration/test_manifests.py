"""What is installed, as a real API server sees it: its permissions suffice and its pods are restricted."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from hack.manifests import render
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import Vvc

ACCOUNT = "velero-volume-controller"

#: Each verb of each rule, as (kind of the role, resource, verb).
VERBS = [
    (document["kind"], rule["resources"][0], verb)
    for document in yaml.safe_load_all(render())
    if document["kind"] in {"ClusterRole", "Role"}
    for rule in document["rules"]
    for verb in rule["verbs"]
]


class Installed:
    """The roles and bindings of manifests/install.yaml in one namespace, and their account's kubeconfig."""

    def __init__(self, control_plane: ControlPlane, namespace: Namespace) -> None:
        self.rbac = client.RbacAuthorizationV1Api(namespace.api)
        self.namespace = namespace.name
        self.documents: dict[str, dict[str, Any]] = {
            document["kind"]: document for document in yaml.safe_load_all(render(namespace=namespace.name))
        }
        # A certificate of this name is the service account, as far as RBAC goes.
        made = control_plane.kubeconfig_for(f"system:serviceaccount:{namespace.name}:{ACCOUNT}")
        # Colons separate the files of a kubeconfig.
        self.kubeconfig = made.rename(made.with_name(f"{namespace.name}.kubeconfig"))

    def create(self) -> None:
        self.rbac.create_cluster_role(self.documents["ClusterRole"])
        self.rbac.create_cluster_role_binding(self.documents["ClusterRoleBinding"])
        self.rbac.create_namespaced_role(self.namespace, self.documents["Role"])
        self.rbac.create_namespaced_role_binding(self.namespace, self.documents["RoleBinding"])

    def delete(self) -> None:
        self.rbac.delete_cluster_role(self.documents["ClusterRole"]["metadata"]["name"])
        self.rbac.delete_cluster_role_binding(self.documents["ClusterRoleBinding"]["metadata"]["name"])

    def take_away(self, kind: str, resource: str, verb: str) -> None:
        role = copy.deepcopy(self.documents[kind])
        for rule in role["rules"]:
            if resource in rule["resources"]:
                rule["verbs"] = [kept for kept in rule["verbs"] if kept != verb]
        role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]
        if kind == "ClusterRole":
            self.rbac.replace_cluster_role(role["metadata"]["name"], role)
        else:
            self.rbac.replace_namespaced_role(role["metadata"]["name"], self.namespace, role)


@pytest.fixture
def installed(control_plane: ControlPlane, namespace: Namespace) -> Iterator[Installed]:
    installed = Installed(control_plane, namespace)
    installed.create()
    yield installed
    installed.delete()


@pytest.fixture
def confined(installed: Installed, namespace: Namespace, tmp_path: Path) -> Iterator[Vvc]:
    """`vvc run` with the permissions that are installed, and no others."""
    vvc = Vvc.for_namespace(installed.kubeconfig, namespace.name, tmp_path)
    yield vvc
    vvc.kill_all()


def test_the_permissions_that_are_installed_suffice(namespace: Namespace, confined: Vvc) -> None:
    namespace.create_pod("web")
    replica = confined.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    status, _ = replica.terminate()
    assert status == 0


@pytest.mark.parametrize(("kind", "resource", "verb"), VERBS, ids=[f"{v} {r}" for _, r, v in VERBS])
def test_without_one_verb_it_says_which_and_exits_with_1(
    kind: str, resource: str, verb: str, installed: Installed, confined: Vvc
) -> None:
    installed.take_away(kind, resource, verb)
    ended = confined.run_to_end()
    assert ended.returncode == 1
    assert f"{verb} {resource}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_pod_is_admitted_where_pod_security_restricted_is_enforced(api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    core.create_namespace({"metadata": {"name": "restricted", "labels": labels}})
    (deployment,) = [d for d in yaml.safe_load_all(render()) if d["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    del template["spec"]["priorityClassName"]  # not installed here
    body = {"metadata": {"name": "ours", "labels": template["metadata"]["labels"]}, "spec": template["spec"]}
    core.create_namespaced_pod("restricted", body, dry_run="All")
    template["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(client.ApiException, match="violates PodSecurity"):
        core.create_namespaced_pod("restricted", body, dry_run="All")
