"""Applications that are restored: deployed, filled with data, looked into, struck by a disaster."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hack.demo import data
from hack.demo.applications import Contents, Volume
from hack.demo.data import Digest
from hack.lab import kubectl
from hack.lab.progress import wait_until
from tests.e2e import restores_objects as make
from tests.e2e.restores_objects import Object

CONTENTS = Contents((0, 70_000, 1_000_000), 20)


@dataclass(frozen=True)
class Application:
    """What runs in one namespace. `pods` are pods by app label, or by name, with the volumes of each that
    hold data; `rollouts` what has to be ready, as kubectl names it."""

    namespace: str
    objects: tuple[Object, ...]
    rollouts: tuple[str, ...]
    volumes: Mapping[str, tuple[str, ...]]

    def deploy(self) -> None:
        """Create what is missing of it, and wait until it runs."""
        whole = (make.namespace(self.namespace), *self.objects)
        kubectl.apply("\n---\n".join(map(json.dumps, whole)))
        self.wait_until_running()

    def wait_until_running(self) -> None:
        """Wait until it does; raises LabError where it does not within three minutes."""
        for workload in self.rollouts:
            if workload.startswith("pod/"):
                at = ["-n", self.namespace, "wait", workload, "--for=condition=Ready", "--timeout=180s"]
                kubectl.kubectl(*at, timeout=200)
            else:
                kubectl.rollout(self.namespace, workload)

    def fill(self) -> dict[str, Digest]:
        """Write new data to every volume; what each holds then, by NAMESPACE/POD:VOLUME."""
        for pod, volume in self._found(self.namespace):
            data.write(pod, volume)
        return self.digests()

    def digests(self, namespace: str | None = None) -> dict[str, Digest]:
        """What every volume holds, by POD:VOLUME; in another namespace, if it came back there."""
        found = self._found(namespace or self.namespace)
        return {volume.key.partition("/")[2]: data.digest(pod, volume) for pod, volume in found}

    def damage(self) -> None:
        """Data is lost, written over and added in every volume."""
        for pod, volume in self._found(self.namespace):
            data.damage(pod, volume)

    def _found(self, namespace: str) -> list[tuple[Any, Volume]]:
        pods: dict[str, Any] = {}
        for pod in kubectl.items("-n", namespace, "pods", "--field-selector=status.phase=Running"):
            labels = pod["metadata"].get("labels", {})
            key = labels.get("statefulset.kubernetes.io/pod-name") or labels.get("app", "")
            if "deletionTimestamp" not in pod["metadata"]:
                pods[key] = pod
        return [
            (pods[key], Volume(f"{namespace}/{key}", name, "PVC", CONTENTS, True, "all are"))
            for key, names in self.volumes.items()
            for name in names
        ]


def shop(namespace: str, replicas: int = 2) -> Application:
    """A database: a StatefulSet with data, and what it reads."""
    objects = (
        make.plain("ServiceAccount", namespace, "worker"),
        make.plain("ConfigMap", namespace, "settings", data={"colour": "green"}),
        make.plain("Secret", namespace, "keys", stringData={"key": "as it was backed up"}),
        make.service(namespace, "database", "database", headless=True),
        make.stateful_set(namespace, "database", replicas),
    )
    volumes = {f"database-{number}": ("data",) for number in range(replicas)}
    return Application(namespace, objects, ("statefulset/database",), volumes)


def web(namespace: str, cron_seconds: int = 25) -> Application:
    """All kinds of workloads but a StatefulSet: a Deployment under an HPA, a CronJob, a DaemonSet, a pod."""
    objects = (
        make.claim(namespace, "uploads"),
        make.deployment(namespace, "site", {"uploads": "uploads"}),
        make.autoscaler(namespace, "site", 1, 3),
        make.service(namespace, "site", "site"),
        make.cron_job(namespace, "tick", cron_seconds),
        make.daemon_set(namespace, "agent"),
        make.claim(namespace, "lone"),
        make.pod(namespace, "lone", {"files": "lone"}),
    )
    rollouts = ("deployment/site", "daemonset/agent", "pod/lone")
    return Application(namespace, objects, rollouts, {"site": ("uploads",), "lone": ("files",)})


def pod_of(namespace: str, **rest: Any) -> Application:
    """The smallest that has data: one pod, one claim; of another storage class, with more, if asked for."""
    objects = (
        make.claim(namespace, "files", rest.get("storage_class")),
        make.deployment(namespace, "notes", {"files": "files"}),
        make.plain("ConfigMap", namespace, "settings", data={"colour": "green"}),
        *rest.get("more", ()),
    )
    return Application(namespace, objects, ("deployment/notes",), {"notes": ("files",)})


def remove(namespaces: Sequence[str]) -> None:
    """Delete the namespaces without waiting; finalizers that the tests have put on ConfigMaps go."""
    for namespace in namespaces:
        kubectl.kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")
        if kubectl.get("namespace", namespace) is not None:
            release(namespace)


def release(namespace: str) -> None:
    """Take the finalizers off ConfigMaps there: whoever was to do so does not exist."""
    for each in kubectl.items("-n", namespace, "configmaps"):
        if each["metadata"].get("finalizers"):
            off = ["--type=merge", "-p", json.dumps({"metadata": {"finalizers": None}})]
            kubectl.kubectl("-n", namespace, "patch", "configmap", each["metadata"]["name"], *off)


def wait_until_gone(namespaces: Sequence[str], seconds: float = 180) -> None:
    """Wait until the namespaces are gone, and the PersistentVolumes of their claims that go with them."""

    def gone() -> bool:
        there = {item["metadata"]["name"] for item in kubectl.items("namespaces")}
        volumes = [
            item
            for item in kubectl.items("persistentvolumes")
            if item["spec"].get("claimRef", {}).get("namespace") in namespaces
            and item["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
        ]
        return not (there & set(namespaces) or volumes)

    wait_until(gone, f"{', '.join(namespaces)} and their volumes are gone", seconds=seconds, every=0.5)


def differences(before: Mapping[str, Digest], after: Mapping[str, Digest]) -> dict[str, str]:
    """How volumes differ from what they were; those that are missing, too."""
    nothing = Digest({}, 0)
    found = {key: digest.difference(after.get(key, nothing)) for key, digest in before.items()}
    return {key: text for key, text in found.items() if text}
