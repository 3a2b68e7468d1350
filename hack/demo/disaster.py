"""The disaster: data overwritten, objects lost, changed and added; and what tells that no trace is left."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from hack.demo import data
from hack.demo.applications import NAMESPACES, VOLUMES
from hack.lab import images, kubectl

#: Volumes that are damaged.
HIT = frozenset({"demo-shop/database-0:data", "demo-shop/database-1:data", "demo-web/web:uploads"})
#: What a plan has to say of objects: of those that the disaster lost, changed and added, and of what is to be
#: left alone.
PLANNED = {
    "demo-shop/Service/database": "create",
    "demo-scratch/Deployment/wiki": "create",
    "demo-shop/ConfigMap/database": "delete",
    "demo-shop/StatefulSet/database": "delete",
    "demo-shop/PersistentVolumeClaim/data-database-0": "delete",
    "demo-web/Deployment/miner": "delete",
    "demo-web/ConfigMap/ransom-note": "delete",
    "demo-scratch/Deployment/builds": "keep",
    "demo-scratch/PersistentVolumeClaim/workspace": "keep",
    "demo-web/ConfigMap/kube-root-ca.crt": "keep",
}
KINDS = "configmaps,services,deployments,statefulsets,jobs,persistentvolumeclaims"
#: Kinds whose spec a restore gives back as it was; of others Kubernetes writes into it.
COMPARED = frozenset({"ConfigMap", "Service", "Deployment", "StatefulSet"})


def strike(pods: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Let it happen."""
    for volume in VOLUMES:
        if volume.key in HIT:
            say(f"overwriting {volume.key}")
            data.damage(pods[volume.pod], volume)
    say("deleting, changing and adding objects")
    kubectl.kubectl("-n", "demo-shop", "delete", "service", "database")
    kubectl.kubectl("-n", "demo-scratch", "delete", "deployment", "wiki", "--cascade=foreground")
    kubectl.apply("\n---\n".join(map(json.dumps, (_settings(), _note(), _miner()))))
    kubectl.rollout("demo-web", "deployment/miner")


def objects() -> dict[str, str]:
    """The objects of the sample namespaces as NAMESPACE/KIND/NAME, each with a digest of what it says."""
    return {
        f"{namespace}/{item['kind']}/{item['metadata']['name']}": _digest(item)
        for namespace in NAMESPACES
        for item in kubectl.items("-n", namespace, KINDS)
        if item["metadata"]["name"] != "kube-root-ca.crt"
    }


def planned(document: Any) -> dict[str, str]:
    """What a plan, as `vvc restore plan -o json` prints it, does with each object."""
    return {
        f"{each['namespace']}/{each['kind']}/{each['name']}": each["action"] for each in document["objects"]
    }


def _digest(item: Any) -> str:
    if item["kind"] not in COMPARED:
        return "there"
    said = json.dumps([item.get("data"), item.get("spec")], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _settings() -> Any:
    return _config_map("demo-shop", "database", {"database.conf": "shared_buffers = 1kB\n"})


def _note() -> Any:
    return _config_map("demo-web", "ransom-note", {"read-me.txt": "pay, or it is gone\n"})


def _config_map(namespace: str, name: str, said: dict[str, str]) -> Any:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": said}


def _miner() -> Any:
    labels = {"app": "miner"}
    container = {
        "name": "miner",
        "image": images.BUSYBOX_REFERENCE,
        "imagePullPolicy": "Never",
        "command": ["sleep", "infinity"],
    }
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "miner", "namespace": "demo-web"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
