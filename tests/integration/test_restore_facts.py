"""What must be known before a restore, read from the real API server, and what validation makes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from tests.integration import restore_ground as ground
from tests.integration.backup_sets import Installation
from tests.integration.cluster import Namespace
from velero_volume_controller.api.cleanrestore import CleanRestoreSpec, Source
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.credentials import Cluster as Target
from velero_volume_controller.restore.contents import Contents, stored
from velero_volume_controller.restore.facts import Facts
from velero_volume_controller.restore.gather import ReadForbidden, gather_cluster, namespaces_of
from velero_volume_controller.restore.gather_facts import Question, gather_facts
from velero_volume_controller.restore.plan import make_plan
from velero_volume_controller.restore.planned import Input
from velero_volume_controller.restore.validate import remarks, validate
from velero_volume_controller.velero.model.backup_contents import Key

VELERO = ("velero.io", "v1")


def stamp(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Scene:
    """A Velero with one Backup of one namespace, and all that a restore of it needs."""

    control_plane: ControlPlane
    velero: Namespace
    shop: Namespace
    resources: dict[str, list[str]]

    @property
    def custom(self) -> client.CustomObjectsApi:
        return client.CustomObjectsApi(self.velero.api)

    def change(self, plural: str, name: str, body: dict[str, Any]) -> None:
        self.custom.patch_namespaced_custom_object(*VELERO, self.velero.name, plural, name, body)

    def held(self) -> Contents:
        info = {
            "pvcName": "data",
            "pvcNamespace": self.shop.name,
            "backupMethod": "PodVolumeBackup",
            "result": "succeeded",
            "pvbInfo": {"podName": "web-0", "podNamespace": self.shop.name, "volumeName": "data"},
        }
        return stored(
            "nightly", "Completed", json.dumps(self.resources).encode(), json.dumps([info]).encode()
        )

    async def facts(self, user: str = "", **spec: Any) -> Facts:
        config = self.control_plane.kubeconfig_for(user) if user else self.control_plane.kubeconfig
        wanted = CleanRestoreSpec(source=Source(backup="nightly"), **spec)
        held = self.held()
        async with Client.connect(Target(self.control_plane.kubeconfig)) as connected:
            namespaces = namespaces_of(held, wanted)
            found = await gather_cluster(connected, namespaces, ["nightly"])
            plan = make_plan(Input(wanted, held, found, self.velero.name))
        assert not plan.refused, [each for each in plan.objects if each.action == "blocked"]
        async with Client.connect(Target(config)) as connected:
            asked = Question(wanted, plan, held, "uid-of-the-run")
            return await gather_facts(connected, self.velero.name, asked, datetime.now(UTC))


@pytest.fixture
def scene(control_plane: ControlPlane, velero: Installation) -> Iterator[Scene]:
    namespace = velero.namespace
    shop = Namespace.create(namespace.api, f"{namespace.name}-shop")
    resources = {
        "v1/Namespace": [shop.name],
        "v1/Pod": [f"{shop.name}/web-0"],
        "v1/PersistentVolumeClaim": [f"{shop.name}/data"],
        "apps/v1/Deployment": [f"{shop.name}/api"],
    }
    scene = Scene(control_plane, namespace, shop, resources)
    storage_class = {"metadata": {"name": f"fast-{shop.name}"}, "provisioner": "nobody.example.com"}
    client.StorageV1Api(namespace.api).create_storage_class(storage_class)
    claim: dict[str, Any] = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": f"fast-{shop.name}",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    shop.core.create_namespaced_persistent_volume_claim(shop.name, claim)
    shop.create_pod("web-0")
    ground.make(shop, ground.workload("Deployment", "api"))
    agent(namespace, "node-agent-1", f"node-{shop.name}")
    node(namespace.api, f"node-{shop.name}")
    scene.custom.create_namespaced_custom_object(
        *VELERO,
        namespace.name,
        "backups",
        {
            "apiVersion": "velero.io/v1",
            "kind": "Backup",
            "metadata": {"name": "nightly"},
            "spec": {"storageLocation": "default"},
            "status": {"phase": "Completed", "expiration": stamp(days=30)},
        },
    )
    status = {"status": {"phase": "Available", "lastValidationTime": stamp()}}
    scene.change("backupstoragelocations", "default", status)
    yield scene
    client.StorageV1Api(namespace.api).delete_storage_class(f"fast-{shop.name}")


def node(api: client.ApiClient, name: str) -> None:
    core = client.CoreV1Api(api)
    core.create_node({"metadata": {"name": name}})
    # The API server taints a node that has just been made (TaintNodesByCondition), until a controller looks.
    core.patch_node(name, {"spec": {"taints": None}})
    ready = {"type": "Ready", "status": "True", "reason": "r", "message": "m"}
    core.patch_node_status(name, {"status": {"conditions": [ready]}})


def agent(namespace: Namespace, name: str, node_name: str, *, ready: bool = True) -> None:
    body: dict[str, Any] = {
        "metadata": {"name": name, "labels": {"role": "node-agent", "name": "node-agent"}},
        "spec": {"nodeName": node_name, "containers": [ground.CONTAINER]},
    }
    namespace.core.create_namespaced_pod(namespace.name, body)
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    namespace.core.patch_namespaced_pod_status(
        name, namespace.name, {"status": {"phase": "Running", "conditions": [condition]}}
    )


async def test_nothing_stands_against_a_restore_when_all_is_well(scene: Scene) -> None:
    found = await scene.facts()
    assert validate(found) == []
    assert remarks(found) == []
    assert {each.key.name for each in found.coming} == {"web-0", "data", "api"}


async def test_what_is_wrong_is_found_where_it_is(scene: Scene) -> None:
    """Everything at once: each of it in an object of the real API server."""
    name = scene.shop.name
    scene.resources["absent.example.com/v9/Thing"] = [f"{name}/t"]
    scene.change("backups", "nightly", {"status": {"expiration": stamp(hours=1)}})
    scene.change(
        "backupstoragelocations", "default", {"status": {"phase": "Unavailable", "message": "no such bucket"}}
    )
    client.StorageV1Api(scene.shop.api).delete_storage_class(f"fast-{name}")
    scene.velero.delete_pod("node-agent-1")
    agent(scene.velero, "node-agent-2", f"node-{name}", ready=False)
    hook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "check.example.com",
                "clientConfig": {"service": {"namespace": scene.velero.name, "name": "hook"}},
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
                "rules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["deployments"],
                    }
                ],
            }
        ],
    }
    ground.make(scene.shop, hook)
    other = {
        "apiVersion": "velero.io/v1",
        "kind": "Restore",
        "metadata": {"name": "other"},
        "spec": {"backupName": "x", "includedNamespaces": [name]},
        "status": {"phase": "InProgress"},
    }
    ground.make_custom(scene.velero, "restores", other)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"count/deployments.apps": "0"}},
    }
    ground.make(scene.shop, quota)
    try:
        found = await scene.facts()
    finally:
        hooks = client.AdmissionregistrationV1Api(scene.shop.api)
        hooks.delete_mutating_webhook_configuration(name)
        client.StorageV1Api(scene.shop.api).create_storage_class(
            {"metadata": {"name": f"fast-{name}"}, "provisioner": "nobody.example.com"}
        )
    assert sorted(each.reason for each in validate(found)) == [
        "BackupExpires",
        "NodeAgentsMissing",
        "OtherRestore",
        "QuotaExceeded",
        "StorageClassMissing",
        "StorageLocationUnavailable",
        "UndoImpossible",
        "VersionNotServed",
        "WebhookUnavailable",
    ]


async def test_a_webhook_with_a_ready_endpoint_stands_in_nobody_s_way(scene: Scene) -> None:
    name = scene.shop.name
    service = {"namespace": scene.velero.name, "name": "hook"}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["pods"]}
    hook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "check.example.com",
                "clientConfig": {"service": service},
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
                "rules": [rule],
            }
        ],
    }
    ground.make(scene.shop, hook)
    try:
        assert [each.reason for each in validate(await scene.facts())] == ["WebhookUnavailable"]
        endpoints: dict[str, Any] = {
            "addressType": "IPv4",
            "metadata": {"name": "hook-1", "labels": {"kubernetes.io/service-name": "hook"}},
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
            "ports": [],
        }
        client.DiscoveryV1Api(scene.shop.api).create_namespaced_endpoint_slice(scene.velero.name, endpoints)
        assert validate(await scene.facts()) == []
    finally:
        client.AdmissionregistrationV1Api(scene.shop.api).delete_validating_webhook_configuration(name)


async def test_a_backup_that_is_deleted_meanwhile_is_missing(scene: Scene) -> None:
    scene.custom.delete_namespaced_custom_object(*VELERO, scene.velero.name, "backups", "nightly")
    assert [each.reason for each in validate(await scene.facts())] == ["BackupMissing"]


async def test_a_namespace_that_is_being_deleted_is_found(scene: Scene) -> None:
    found = await scene.facts()
    await asyncio.to_thread(scene.shop.core.delete_namespace, scene.shop.name)
    async with Client.connect(Target(scene.control_plane.kubeconfig)) as connected:
        asked = Question(found.spec, found.plan, found.contents)
        later = await gather_facts(connected, scene.velero.name, asked, datetime.now(UTC))
    assert [each.reason for each in validate(later)] == ["NamespaceTerminating"]


async def test_a_storage_class_that_velero_changes_is_looked_for_under_its_new_name(scene: Scene) -> None:
    labels = {"velero.io/plugin-config": "", "velero.io/change-storage-class": "RestoreItemAction"}
    changes = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "change-storage-class-config", "labels": labels},
        "data": {f"fast-{scene.shop.name}": "faster"},
    }
    ground.make(scene.velero, changes)
    (problem,) = validate(await scene.facts())
    assert (problem.reason, "no StorageClass faster" in problem.message) == ("StorageClassMissing", True)


async def test_who_may_not_look_is_told_what_grants_it(scene: Scene) -> None:
    with pytest.raises(ReadForbidden, match=r"may not list .* in every namespace.* ClusterRole"):
        await scene.facts(user="nobody-at-all")


async def test_what_is_read_is_the_same_at_any_order_of_time(scene: Scene) -> None:
    first, second = await scene.facts(), await scene.facts()
    assert replace(first, now=second.now) == second
    assert first.plan.hash == second.plan.hash
    assert Key("", "Pod", scene.shop.name, "web-0") in {each.key for each in first.going}
