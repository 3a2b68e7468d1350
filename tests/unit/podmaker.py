"""Pods for tests, from the few words that a case is about."""

import json
from typing import Any

from velero_volume_controller.velero.model.pods import Pod, decode

#: Volume sources by a short word.
SOURCES: dict[str, dict[str, Any]] = {
    "pvc": {"persistentVolumeClaim": {"claimName": "claim"}},
    "emptyDir": {"emptyDir": {}},
    "hostPath": {"hostPath": {"path": "/"}},
    "secret": {"secret": {"secretName": "s"}},
    "configMap": {"configMap": {"name": "c"}},
    "projected": {"projected": {"sources": []}},
    "downwardAPI": {"downwardAPI": {"items": []}},
    "image": {"image": {"reference": "r"}},
    "nfs": {"nfs": {"server": "s", "path": "/"}},
    "ephemeral": {"ephemeral": {"volumeClaimTemplate": {}}},
}


def make_pod(
    *,
    namespace: str = "shop",
    phase: str = "Running",
    volumes: dict[str, str] | None = None,
    unmounted: frozenset[str] = frozenset(),
    devices: frozenset[str] = frozenset(),
    owner: tuple[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    node: str = "node1",
    terminating: bool = False,
) -> Pod:
    """Decode a pod as the API server would send it; ``volumes`` maps names to words of SOURCES."""
    volumes = {"data": "pvc"} if volumes is None else volumes
    metadata: dict[str, Any] = {"name": "web-0", "namespace": namespace, "uid": "u", "resourceVersion": "7"}
    if annotations is not None:
        metadata["annotations"] = annotations
    if owner is not None:
        metadata["ownerReferences"] = [{"apiVersion": "v1", "kind": owner[0], "name": owner[1], "uid": "o"}]
    if terminating:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    container = {
        "name": "web",
        "volumeMounts": [{"name": n, "mountPath": f"/{n}"} for n in volumes if n not in unmounted | devices],
        "volumeDevices": [{"name": n, "devicePath": f"/dev/{n}"} for n in devices],
    }
    spec = {
        "nodeName": node,
        "volumes": [{"name": name} | SOURCES[word] for name, word in volumes.items()],
        "containers": [container],
    }
    return decode(json.dumps({"metadata": metadata, "spec": spec, "status": {"phase": phase}}).encode())
