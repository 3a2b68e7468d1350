"""BackupSets on the real API server, with nobody behind it: what Velero would write, the tests write.

That shows what we do; what Velero makes of it is tested on the lab (tests/e2e).
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from kubernetes import client

from tests.integration.cluster import Namespace, eventually
from tests.integration.sets import GROUP, VERSION, make
from velero_volume_controller.backup import naming

VELERO: Final = ("velero.io", "v1")


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Installation:
    """A namespace in which a Velero is installed, as far as the API server knows."""

    namespace: Namespace
    #: The namespaces of applications.
    made: list[Namespace] = field(default_factory=list)

    @classmethod
    def install(cls, namespace: Namespace, *, slots: int = 2, version: str = "v1.18.3") -> Installation:
        installation = cls(namespace)
        labels = {"deploy": "velero"}
        arguments = ["server", f"--concurrent-backups={slots}"]
        container = {
            "name": "velero",
            "image": f"velero/velero:{version}",
            "command": ["/velero"],
            "args": arguments,
        }
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"selector": {"matchLabels": labels}, "template": template}
        deployment: Any = {"metadata": {"name": "velero"}, "spec": spec}
        client.AppsV1Api(namespace.api).create_namespaced_deployment(namespace.name, deployment)
        installation.ready(1)
        location = {
            "apiVersion": "velero.io/v1",
            "kind": "BackupStorageLocation",
            "metadata": {"name": "default"},
            "spec": {
                "provider": "aws",
                "default": True,
                "objectStorage": {"bucket": "b", "prefix": namespace.name},
            },
        }
        custom = installation.custom
        custom.create_namespaced_custom_object(*VELERO, namespace.name, "backupstoragelocations", location)
        installation.location("Available")
        return installation

    @property
    def custom(self) -> client.CustomObjectsApi:
        return client.CustomObjectsApi(self.namespace.api)

    def applications(self, *names: str) -> dict[str, Any]:
        """Namespaces of this test's own, so named, each with a running pod; the spec that selects them."""
        for name in names:
            application = Namespace.create(self.namespace.api, f"{self.namespace.name}-{name}")
            self.made.append(application)
            application.create_claim()
            application.create_pod("web", annotations={"backup.velero.io/backup-volumes": "data"})
        include = [f"{self.namespace.name}-{name}" for name in names]
        return {"selection": {"namespaces": {"include": include}}, "isolate": include}

    def ready(self, replicas: int) -> None:
        """So many of the server's Pods are ready."""
        status = {"status": {"replicas": 1, "readyReplicas": replicas, "availableReplicas": replicas}}
        client.AppsV1Api(self.namespace.api).patch_namespaced_deployment_status(
            "velero", self.namespace.name, status
        )

    def node_agent(self, concurrency: dict[str, Any], node: str) -> None:
        """A node-agent whose ConfigMap says this of ``loadConcurrency``, and a Node."""
        core, labels = self.namespace.core, {"name": "node-agent"}
        config: Any = {
            "metadata": {"name": "load"},
            "data": {"config": json.dumps({"loadConcurrency": concurrency})},
        }
        core.create_namespaced_config_map(self.namespace.name, config)
        container = {
            "name": "node-agent",
            "image": "velero/velero",
            "args": ["node-agent", "server", "--node-agent-configmap=load"],
        }
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        body: Any = {
            "metadata": {"name": "node-agent"},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        }
        client.AppsV1Api(self.namespace.api).create_namespaced_daemon_set(self.namespace.name, body)
        with contextlib.suppress(client.ApiException):
            metadata: Any = {"metadata": {"name": node}}
            core.create_node(metadata)

    def location(self, phase: str) -> None:
        """The default storage location is in this phase."""
        self.custom.patch_namespaced_custom_object(
            *VELERO, self.namespace.name, "backupstoragelocations", "default", {"status": {"phase": phase}}
        )

    def backups(self) -> dict[str, Any]:
        """All Backups by name."""
        found: Any = self.custom.list_namespaced_custom_object(*VELERO, self.namespace.name, "backups")
        return {each["metadata"]["name"]: each for each in found["items"]}

    def of(self, name: str) -> dict[str, Any]:
        """The Backups of this set, by shard and attempt."""
        return {
            f"{labels[naming.SHARD]}-{labels[naming.ATTEMPT]}": each
            for each in self.backups().values()
            if (labels := each["metadata"].get("labels", {})).get(naming.SET) == name
        }

    def phases(self, name: str) -> dict[str, str]:
        """The phases of its Backups, as we have put them."""
        return {key: each.get("status", {}).get("phase", "") for key, each in self.of(name).items()}

    def foreign(self, name: str, namespaces: Iterable[str] = (), **metadata: Any) -> None:
        """A Backup that somebody else makes."""
        body = {
            "apiVersion": "velero.io/v1",
            "kind": "Backup",
            "metadata": {"name": name, **metadata},
            "spec": {"includedNamespaces": list(namespaces)},
        }
        self.custom.create_namespaced_custom_object(*VELERO, self.namespace.name, "backups", body)

    def report(self, name: str, phase: str, *, taken: bool = True, **more: Any) -> None:
        """Velero's word on a Backup. A Completed one has taken the volumes of the applications, unless said
        otherwise."""
        if phase == "Completed" and taken:
            self._take(name)
        status: dict[str, Any] = {"phase": phase, "version": 1, **more}
        if phase != "FailedValidation":
            status.setdefault("startTimestamp", now())
        if phase in {"Completed", "PartiallyFailed", "Failed"}:
            status.setdefault("completionTimestamp", now())
            status.setdefault("expiration", "2099-01-01T00:00:00Z")
        self.custom.patch_namespaced_custom_object(
            *VELERO, self.namespace.name, "backups", name, {"status": status}
        )

    def volume(self, backup: str, namespace: str, phase: str, *, done: int = 0, total: int = 0) -> None:
        """A node-agent's word on the volume ``data`` of pod ``web``."""
        body = {
            "apiVersion": "velero.io/v1",
            "kind": "PodVolumeBackup",
            "metadata": {
                "generateName": f"{backup}-",
                "labels": {"velero.io/backup-name": backup},
                "annotations": {"velero.io/pvc-name": "data"},
            },
            "spec": {
                "node": "node1",
                "pod": {"kind": "Pod", "namespace": namespace, "name": "web"},
                "volume": "data",
                "backupStorageLocation": "default",
                "repoIdentifier": "",
                "tags": {"backup": backup},
            },
            "status": {
                "phase": phase,
                "startTimestamp": now(),
                "progress": {"bytesDone": done, "totalBytes": total},
            },
        }
        self.custom.create_namespaced_custom_object(*VELERO, self.namespace.name, "podvolumebackups", body)

    def _take(self, backup: str) -> None:
        """Each volume of its namespaces that was not reported yet is Completed."""
        found: Any = self.custom.list_namespaced_custom_object(
            *VELERO,
            self.namespace.name,
            "podvolumebackups",
            label_selector=f"velero.io/backup-name={backup}",
        )
        known = {each["spec"]["pod"]["namespace"] for each in found["items"]}
        there = {application.name for application in self.made}
        for namespace in namespaces_of(self.backups()[backup]):
            if namespace in there - known:
                self.volume(backup, namespace, "Completed", done=1, total=1)

    def end_all(self, name: str, phase: str = "Completed") -> None:
        """Ends in this phase what runs of the set."""
        for each in self.of(name).values():
            if each.get("status", {}).get("phase", "") in {"", "New", "InProgress"}:
                self.report(each["metadata"]["name"], phase)

    def run_to_end(self, name: str, within: float = 60.0) -> dict[str, Any]:
        """Completes every Backup of the set as it comes, until the set has ended; its status."""

        def ended() -> bool:
            self.end_all(name)
            return self.phase(name) in {"Completed", "PartiallyFailed", "Failed"}

        eventually(ended, True, within)
        return self.status(name)

    def forget(self, name: str) -> None:
        """The Backup was never made."""
        self.custom.delete_namespaced_custom_object(*VELERO, self.namespace.name, "backups", name)

    def rewind(self, name: str) -> None:
        """The set's status as it was before any of its Backups was seen."""
        found = self.set(name)
        for shard in found["status"]["shards"]:
            for attempt in shard.get("attempts", []):
                attempt.pop("uid", None)
                attempt["phase"] = ""
        self.custom.replace_namespaced_custom_object_status(
            GROUP, VERSION, self.namespace.name, "backupsets", name, found
        )

    def create_set(self, name: str, spec: dict[str, Any], **metadata: Any) -> None:
        body = make("BackupSet", name, spec)
        body["metadata"].update(metadata)
        self.custom.create_namespaced_custom_object(GROUP, VERSION, self.namespace.name, "backupsets", body)

    def patch_set(self, name: str, body: dict[str, Any]) -> None:
        self.custom.patch_namespaced_custom_object(
            GROUP, VERSION, self.namespace.name, "backupsets", name, body
        )

    def delete_set(self, name: str) -> None:
        self.custom.delete_namespaced_custom_object(GROUP, VERSION, self.namespace.name, "backupsets", name)

    def set(self, name: str) -> dict[str, Any]:
        found: Any = self.custom.get_namespaced_custom_object(
            GROUP, VERSION, self.namespace.name, "backupsets", name
        )
        return dict(found)

    def sets(self) -> dict[str, Any]:
        """All of this namespace by name."""
        found: Any = self.custom.list_namespaced_custom_object(
            GROUP, VERSION, self.namespace.name, "backupsets"
        )
        return {each["metadata"]["name"]: each for each in found["items"]}

    def status(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.set(name).get("status", {})
        return found

    def run_to_end_or_gone(self, name: str, within: float = 60.0) -> bool:
        """As ``run_to_end``, for a set that may be removed once it has ended."""

        def ended() -> bool:
            self.end_all(name)
            found = self.sets().get(name)
            return found is None or found.get("status", {}).get("phase") in {"Completed", "Failed"}

        eventually(ended, True, within)
        return True

    def create_schedule(self, name: str, **spec: Any) -> None:
        self.custom.create_namespaced_custom_object(*self._schedules(), make("BackupSetSchedule", name, spec))

    def patch_schedule(self, name: str, body: dict[str, Any]) -> None:
        self.custom.patch_namespaced_custom_object(*self._schedules(), name, body)

    def patch_schedule_status(self, name: str, status: dict[str, Any]) -> None:
        self.custom.patch_namespaced_custom_object_status(*self._schedules(), name, {"status": status})

    def schedule(self, name: str) -> dict[str, Any]:
        found: Any = self.custom.get_namespaced_custom_object(*self._schedules(), name)
        return dict(found)

    def schedule_condition(self, name: str) -> tuple[str, str]:
        """Status and reason of its condition Scheduled."""
        conditions = self.schedule(name).get("status", {}).get("conditions", [])
        return next(((each["status"], each["reason"]) for each in conditions), ("", ""))

    def _schedules(self) -> tuple[str, str, str, str]:
        return GROUP, VERSION, self.namespace.name, "backupsetschedules"

    def phase(self, name: str) -> str:
        return str(self.status(name).get("phase", ""))

    def condition(self, name: str, type_: str) -> tuple[str, str]:
        """Its status and reason; empty ones if there is none."""
        for each in self.status(name).get("conditions", []):
            if each["type"] == type_:
                return each["status"], each["reason"]
        return "", ""

    def message(self, name: str, type_: str) -> str:
        return next(
            (each["message"] for each in self.status(name).get("conditions", []) if each["type"] == type_), ""
        )


def stays(read: Callable[[], Any], expected: Any, seconds: float) -> None:
    """Fails if it changes within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert read() == expected
        time.sleep(0.1)


def namespaces_of(backup: dict[str, Any]) -> list[str]:
    return sorted(backup["spec"].get("includedNamespaces", []))
