"""The samples as Kubernetes objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hack.lab import images, kubectl
from tests.e2e.samples import FAST, NAMESPACES, ODD, PODS, SAYS, Pod

#: Claims by namespace: name, size, storage class (empty: the default's), annotations.
_CLAIMS: Mapping[str, tuple[tuple[str, str, str, Mapping[str, str]], ...]] = {
    "rules-shop": (
        ("database", "64Mi", FAST, {}),
        ("logs", "64Mi", "", {}),
        ("queue", "64Mi", "", {}),
        ("spare", "64Mi", "", {}),
    ),
    "rules-web": (
        ("data-uploads", "64Mi", "", {}),
        ("data-media", "200Mi", "", {}),
        ("data-private", "64Mi", "", {SAYS: "false"}),
        ("index", "64Mi", "", {}),
    ),
    "rules-notes": (("draft", "64Mi", "", {SAYS: "false"}),),
    "rules-tmp": (("workspace", "64Mi", FAST, {}),),
    "rules-odd": (("result", "64Mi", FAST, {}),),
}


def objects(device: str, node: str) -> Iterator[dict[str, Any]]:
    """All of it; the block device is `device` on `node`."""
    default = kubectl.get("storageclass", "local-path")
    copied = {name: default[name] for name in ("provisioner", "reclaimPolicy", "volumeBindingMode")}
    volume_type = {"defaultVolumeType": "local"}
    yield {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": FAST, "annotations": volume_type},
        **copied,
    }
    for namespace in NAMESPACES:
        spoken = {SAYS: "true"} if namespace == "rules-notes" else {}
        yield {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "annotations": spoken},
        }
    settings = {"name": "settings", "namespace": "rules-shop"}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": settings, "data": {"colour": "green"}}
    for namespace, claims in _CLAIMS.items():
        for name, size, storage_class, spoken_by in claims:
            yield _claim_object(namespace, name, size, storage_class, spoken_by)
    yield from _raw(device, node)
    yield from map(_pod, PODS)


def _claim_object(
    namespace: str, name: str, size: str, storage_class: str, spoken: Mapping[str, str]
) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace, "annotations": dict(spoken)},
        "spec": spec | ({"storageClassName": storage_class} if storage_class else {}),
    }


def _raw(device: str, node: str) -> Iterator[dict[str, Any]]:
    """A volume that is a block device, and its claim."""
    term = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    here = {"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}}
    alike = {"accessModes": ["ReadWriteOnce"], "volumeMode": "Block", "storageClassName": ""}
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "rules-raw"},
        "spec": alike | {"capacity": {"storage": "16Mi"}, "local": {"path": device}, "nodeAffinity": here},
    }
    wanted = {"volumeName": "rules-raw", "resources": {"requests": {"storage": "16Mi"}}}
    metadata = {"name": "raw", "namespace": ODD}
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": alike | wanted,
    }


def _pod(pod: Pod) -> dict[str, Any]:
    namespace, name = pod.key.split("/")
    mounted = [sample for sample in pod.volumes if sample.mounted and sample.name != "raw"]
    devices = [sample for sample in pod.volumes if sample.name == "raw"]
    container = {
        "name": "main",
        "image": images.BUSYBOX_REFERENCE,
        "imagePullPolicy": "Never",
        "command": ["true"] if pod.ends else ["sleep", "infinity"],
        "volumeMounts": [{"name": each.name, "mountPath": f"/volumes/{each.name}"} for each in mounted],
        "volumeDevices": [{"name": each.name, "devicePath": f"/dev/{each.name}"} for each in devices],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"ends": "yes" if pod.ends else "no", **pod.labels},
            "annotations": dict(pod.annotations),
        },
        "spec": {
            "restartPolicy": "Never" if pod.ends else "Always",
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
            "volumes": [{"name": each.name, **each.source} for each in pod.volumes],
        },
    }
