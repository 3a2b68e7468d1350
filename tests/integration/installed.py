"""The permissions that are installed, and a user who has them and no others."""

from __future__ import annotations

import copy
from typing import Any

import yaml
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from hack.manifests import render
from tests.integration.cluster import Namespace

ACCOUNT = "velero-volume-controller"


class Installed:
    """The roles and bindings of manifests/install.yaml in one namespace, and their account's kubeconfig."""

    def __init__(self, control_plane: ControlPlane, namespace: Namespace) -> None:
        self.rbac = client.RbacAuthorizationV1Api(namespace.api)
        self.namespace = namespace.name
        self.documents: list[dict[str, Any]] = list(yaml.safe_load_all(render(namespace=namespace.name)))
        # A certificate of this name is the service account, as far as RBAC goes.
        made = control_plane.kubeconfig_for(f"system:serviceaccount:{namespace.name}:{ACCOUNT}")
        # Colons separate the files of a kubeconfig.
        self.kubeconfig = made.rename(made.with_name(f"{namespace.name}.kubeconfig"))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [document for document in self.documents if document["kind"] == kind]

    def create(self) -> None:
        for role in self.of("ClusterRole"):
            self.rbac.create_cluster_role(role)
        for binding in self.of("ClusterRoleBinding"):
            self.rbac.create_cluster_role_binding(binding)
        for role in self.of("Role"):
            self.rbac.create_namespaced_role(self.namespace, role)
        for binding in self.of("RoleBinding"):
            self.rbac.create_namespaced_role_binding(self.namespace, binding)

    def delete(self) -> None:
        for role in self.of("ClusterRole"):
            self.rbac.delete_cluster_role(role["metadata"]["name"])
        for binding in self.of("ClusterRoleBinding"):
            self.rbac.delete_cluster_role_binding(binding["metadata"]["name"])

    def give_back(self) -> None:
        """All that was installed."""
        for role in self.of("ClusterRole"):
            self.rbac.replace_cluster_role(role["metadata"]["name"], role)
        for role in self.of("Role"):
            self.rbac.replace_namespaced_role(role["metadata"]["name"], self.namespace, role)

    def take_away(self, resource: str, verb: str) -> None:
        for kind in ("ClusterRole", "Role"):
            for role in copy.deepcopy(self.of(kind)):
                if not any(resource in rule["resources"] for rule in role["rules"]):
                    continue
                for rule in role["rules"]:
                    if resource in rule["resources"]:
                        rule["verbs"] = [kept for kept in rule["verbs"] if kept != verb]
                role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]
                if kind == "ClusterRole":
                    self.rbac.replace_cluster_role(role["metadata"]["name"], role)
                else:
                    self.rbac.replace_namespaced_role(role["metadata"]["name"], self.namespace, role)
