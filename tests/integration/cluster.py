"""A namespace of the real API server, and the pods in it, as a kubelet and a user would handle them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubernetes import client

BACKUP_VOLUMES = "backup.velero.io/backup-volumes"
MARKER = "vvc.velero.io/backup-volumes"


VELERO_GROUP = "velero.io"
VELERO_CRD = "backups.velero.io"


def install_velero(api: client.ApiClient) -> None:
    """What an API server shows of Velero: its API group. Nothing here asks more of it."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Backup", "listKind": "BackupList", "plural": "backups", "singular": "backup"}
    body = {
        "metadata": {"name": VELERO_CRD},
        "spec": {"group": VELERO_GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
    }
    client.ApiextensionsV1Api(api).create_custom_resource_definition(body)
    eventually(lambda: VELERO_GROUP in groups(api), True)


def groups(api: client.ApiClient) -> set[str]:
    return {group.name for group in client.ApisApi(api).get_api_versions().groups}


@dataclass(frozen=True)
class Namespace:
    api: client.ApiClient
    name: str

    @classmethod
    def create(cls, api: client.ApiClient, name: str) -> Namespace:
        client.CoreV1Api(api).create_namespace({"metadata": {"name": name}})
        return cls(api, name)

    @property
    def core(self) -> client.CoreV1Api:
        return client.CoreV1Api(self.api)

    def create_pod(
        self,
        name: str,
        claims: tuple[str, ...] = ("data",),
        *,
        phase: str = "Running",
        annotations: dict[str, str] | None = None,
        os: str = "linux",
    ) -> None:
        """A scheduled pod that mounts one volume for each claim, the volume named as the claim."""
        volumes = [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims]
        mounts = [{"name": claim, "mountPath": f"/{claim}"} for claim in claims]
        body = {
            "metadata": {"name": name, "annotations": annotations or {}},
            "spec": {
                "nodeName": "node1",
                "os": {"name": os},
                "containers": [{"name": "main", "image": "none", "volumeMounts": mounts}],
                "volumes": volumes,
            },
        }
        self.core.create_namespaced_pod(self.name, body)
        self.set_phase(name, phase)

    def create_claim(
        self,
        name: str = "data",
        volume: str = "",
        *,
        mode: str = "Filesystem",
        labels: dict[str, str] | None = None,
    ) -> None:
        """A claim of 1 GiB, bound to the PersistentVolume of that name if one is given."""
        spec: dict[str, Any] = {
            "accessModes": ["ReadWriteOnce"],
            "volumeMode": mode,
            "resources": {"requests": {"storage": "1Gi"}},
        }
        if volume:
            spec["volumeName"] = volume
        self.core.create_namespaced_persistent_volume_claim(
            self.name, {"metadata": {"name": name, "labels": labels or {}}, "spec": spec}
        )

    def annotate_claim(self, name: str, key: str, value: str | None) -> None:
        body = {"metadata": {"annotations": {key: value}}}
        self.core.patch_namespaced_persistent_volume_claim(name, self.name, body)

    def annotate_itself(self, key: str, value: str | None) -> None:
        self.core.patch_namespace(self.name, {"metadata": {"annotations": {key: value}}})

    def events(self, reason: str = "") -> list[Any]:
        """The Events of this namespace, all or those with this reason."""
        found = client.EventsV1Api(self.api).list_namespaced_event(self.name).items
        return [event for event in found if reason in {"", event.reason}]

    def set_phase(self, name: str, phase: str) -> None:
        self.core.patch_namespaced_pod_status(name, self.name, {"status": {"phase": phase}})

    def delete_pod(self, name: str) -> None:
        self.core.delete_namespaced_pod(name, self.name, grace_period_seconds=0)

    def annotate(self, name: str, key: str, value: str | None) -> None:
        self.core.patch_namespaced_pod(name, self.name, {"metadata": {"annotations": {key: value}}})

    def pod(self, name: str) -> Any:
        return self.core.read_namespaced_pod(name, self.name)

    def annotations(self, name: str) -> dict[str, str]:
        return dict(self.pod(name).metadata.annotations or {})

    def value(self, name: str) -> str | None:
        """What Velero would read."""
        return self.annotations(name).get(BACKUP_VOLUMES)

    def holder(self, lease: str) -> str | None:
        found = client.CoordinationV1Api(self.api).read_namespaced_lease(lease, self.name)
        holder: str | None = found.spec.holder_identity
        return holder


def eventually(read: Callable[[], Any], expected: Any, within: float = 10.0) -> float:
    """Reads until it is as expected; returns how long that took, in seconds."""
    start = time.monotonic()
    while True:
        found = read()
        elapsed = time.monotonic() - start
        if found == expected:
            return elapsed
        assert elapsed < within, f"still {found!r} after {within:g} s, expected {expected!r}"
        time.sleep(0.05)
