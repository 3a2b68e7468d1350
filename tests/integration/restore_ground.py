"""A cluster in which something is to be restored: many kinds, owners, finalizers, and whom all depend on."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

from kubernetes import client, utils

from hack.lab.controlplane import component_command
from tests.integration.cluster import Namespace, eventually

GROUP: Final = "restore.example.com"
ANY_SCHEMA: Final = {
    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}
CONTAINER: Final = {"name": "main", "image": "none"}


def definition(kind: str, scope: str, *versions: str, group: str = GROUP) -> dict[str, Any]:
    """A CustomResourceDefinition; the first version is the one that is stored."""
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [
                {"name": name, "served": True, "storage": name == versions[0], "schema": ANY_SCHEMA}
                for name in versions
            ],
        },
    }


def define(api: client.ApiClient, body: dict[str, Any]) -> None:
    extensions = client.ApiextensionsV1Api(api)
    name = body["metadata"]["name"]
    extensions.create_custom_resource_definition(body)

    def established() -> bool:
        status: Any = extensions.read_custom_resource_definition(name).status
        return any(each.type == "Established" and each.status == "True" for each in status.conditions or ())

    eventually(established, True)


def workload(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [CONTAINER]}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }


def owner(kind: str, api_version: str, name: str, uid: str, *, controller: bool = True) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": controller}


def widget(name: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Widget",
        "metadata": {"name": name, **metadata},
        "spec": {"a": 1},
    }


def make(namespace: Namespace, *bodies: dict[str, Any]) -> None:
    """Create them in the namespace; cluster-scoped ones anywhere."""
    for body in bodies:
        utils.create_from_dict(namespace.api, body, namespace=namespace.name)


def make_custom(namespace: Namespace, plural: str, body: dict[str, Any]) -> Any:
    group, _, version = body["apiVersion"].partition("/")
    custom = client.CustomObjectsApi(namespace.api)
    return custom.create_namespaced_custom_object(group, version, namespace.name, plural, body)


def job(name: str) -> dict[str, Any]:
    template = {"spec": {"containers": [CONTAINER], "restartPolicy": "Never"}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template},
    }


def fill(shop: Namespace, elsewhere: Namespace) -> None:
    """An application in ``shop``; in ``elsewhere`` what it must not take along, and others' secrets."""
    make(
        shop,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "password"},
            "stringData": {"p": "hunter2"},
        },
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"ports": [{"port": 80}]},
        },
        workload("Deployment", "web", replicas=3),
        workload("StatefulSet", "db", replicas=2, serviceName="db"),
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "nightly"},
            "spec": {"schedule": "0 2 * * *", "suspend": True, "jobTemplate": {"spec": job("x")["spec"]}},
        },
        job("migrate"),
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "web", "labels": {"vvc.velero.io/protect": "true"}},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        },
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "shop-lock"},
            "spec": {"holderIdentity": "me"},
        },
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "few"},
            "spec": {"hard": {"pods": "9"}},
        },
    )
    shop.create_claim("data", f"pv-{shop.name}")
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"pv-{shop.name}"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": "/nowhere"},
            "claimRef": {"namespace": shop.name, "name": "data"},
        },
    }
    make(shop, volume)
    apps = client.AppsV1Api(shop.api)
    deployment: Any = apps.read_namespaced_deployment("web", shop.name)
    owned = [owner("Deployment", "apps/v1", "web", deployment.metadata.uid)]
    replicas = workload("ReplicaSet", "web-5d8f96", replicas=3)
    replicas["metadata"]["ownerReferences"] = owned
    make(shop, replicas)
    replica_set: Any = apps.read_namespaced_replica_set("web-5d8f96", shop.name)
    shop.create_pod("web-5d8f96-x7k2p")
    by = [owner("ReplicaSet", "apps/v1", "web-5d8f96", replica_set.metadata.uid)]
    shop.core.patch_namespaced_pod("web-5d8f96-x7k2p", shop.name, {"metadata": {"ownerReferences": by}})
    make_custom(shop, "widgets", widget("kept", finalizers=["restore.example.com/slow"]))
    make(
        elsewhere,
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "dependent", "ownerReferences": owned, "labels": {"far": "away"}},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "foreign"},
            "stringData": {"p": "hunter3"},
        },
        workload("Deployment", "other"),
    )
    elsewhere.create_pod("lonely")


def release(shop: Namespace) -> None:
    """Finalizers go, so that what was made can."""
    custom = client.CustomObjectsApi(shop.api)
    body = {"metadata": {"finalizers": None}}
    custom.patch_namespaced_custom_object(GROUP, "v1", shop.name, "widgets", "kept", body)


def dependencies(hooks: Namespace, storage: Namespace) -> None:
    """What makes these two namespaces indispensable."""
    service = {"namespace": hooks.name, "name": "hook"}
    make(
        hooks,
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": hooks.name},
            "webhooks": [
                {
                    "name": "check.example.com",
                    "clientConfig": {"service": service},
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    # Nothing is ever of this group.
                    "rules": [
                        {
                            "apiGroups": ["nothing.example.com"],
                            "apiVersions": ["*"],
                            "operations": ["CREATE"],
                            "resources": ["*"],
                        }
                    ],
                }
            ],
        },
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": storage.name},
            "provisioner": f"{storage.name}.example.com/lock",
        },
        workload("Deployment", "hook"),
    )
    make(
        storage,
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": f"{storage.name}.example.com-lock"},
        },
        workload("Deployment", "minio"),
    )


def dump(kubeconfig: Path) -> bytes:
    """What ``restore.cluster.OBJECTS_COMMAND`` prints."""

    def kubectl(*arguments: str) -> bytes:
        command = [*component_command("kubectl"), *arguments]
        found = subprocess.run(
            command, capture_output=True, check=True, env={**os.environ, "KUBECONFIG": str(kubeconfig)}
        )
        return found.stdout

    names = kubectl("api-resources", "--verbs=list", "-o", "name").decode().split()
    printed = kubectl("get", ",".join(names), "-A", "-o", "json")
    json.loads(printed)
    return printed
