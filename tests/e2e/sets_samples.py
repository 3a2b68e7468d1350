"""Applications for BackupSets: namespaces whose volumes are on known nodes and of known sizes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from hack.demo import data, ground
from hack.demo.applications import Contents, Volume
from hack.demo.data import Digest
from hack.lab import images, kubectl
from tests.e2e.samples import BACKUP

MB = 1_000_000
POD = "app-0"
#: A cluster-scoped object of the applications', which only a Backup of cluster resources holds.
CLUSTER_ROLE = "sets-reader"
SEVERAL = 4


@dataclass(frozen=True)
class App:
    """A namespace with one pod on one node, which has a claim of each of these sizes in bytes."""

    namespace: str
    node: str
    sizes: tuple[int, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def volumes(self) -> dict[str, int]:
        """The size of what is written to each volume, by its name, which is its claim's too."""
        return {f"data-{number}": size for number, size in enumerate(self.sizes)}


def namespaces(apps: Sequence[App]) -> tuple[str, ...]:
    """Their namespaces, in order."""
    return tuple(app.namespace for app in apps)


def deploy(apps: Sequence[App]) -> None:
    """Create what is missing of them and wait until every pod runs."""
    kubectl.apply("\n---\n".join(json.dumps(item) for app in apps for item in _objects(app)))
    kubectl.apply(json.dumps(_cluster_role()))
    wait_until_running(apps)


def wait_until_running(apps: Sequence[App]) -> None:
    """Wait until every pod is ready; raises LabError where one is not within three minutes."""
    for app in apps:
        at = ["-n", app.namespace, "wait", f"pod/{POD}", "--for=condition=Ready", "--timeout=180s"]
        kubectl.kubectl(*at, timeout=200)


def fill(apps: Sequence[App]) -> dict[str, Digest]:
    """Write new data to every volume, which no Backup has yet, and digest it."""
    return _each(apps, _filled)


def digests(apps: Sequence[App]) -> dict[str, Digest]:
    """What every volume holds, by NAMESPACE/POD:VOLUME."""
    return _each(apps, data.digest)


def remove(apps: Sequence[App]) -> None:
    """Delete the namespaces and the cluster role, and wait until the volumes are gone too."""
    kubectl.kubectl("delete", "clusterrole", CLUSTER_ROLE, "--ignore-not-found")
    ground.destroy(lambda _: None, namespaces(apps))


def volume_of(app: App, name: str) -> Volume:
    """A volume as the demo's helpers for data take it."""
    contents = Contents((app.volumes[name],), 20)
    return Volume(f"{app.namespace}/{POD}", name, "PVC", contents, True, "named by hand")


def persistent_volume(namespace: str, claim: str) -> str:
    """The PersistentVolume that a claim is bound to."""
    return str(kubectl.get("-n", namespace, "persistentvolumeclaim", claim)["spec"]["volumeName"])


def _each(apps: Sequence[App], act: Any) -> dict[str, Digest]:
    """Do the same with every volume, several at a time."""
    pods = {app.namespace: kubectl.get("-n", app.namespace, "pod", POD) for app in apps}
    jobs = [(pods[app.namespace], volume_of(app, name)) for app in apps for name in app.volumes]
    with ThreadPoolExecutor(SEVERAL) as pool:
        done = pool.map(lambda job: act(*job), jobs)
        return {volume.key: digest for (_, volume), digest in zip(jobs, done, strict=True)}


def _filled(pod: Any, volume: Volume) -> Digest:
    data.write(pod, volume)
    return data.digest(pod, volume)


def _cluster_role() -> dict[str, Any]:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": CLUSTER_ROLE},
        "rules": [rule],
    }


def _objects(app: App) -> Iterator[dict[str, Any]]:
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": app.namespace}}
    for name, size in app.volumes.items():
        storage = f"{size // 2**20 + 16}Mi"
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": app.namespace},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}},
        }
    yield _pod(app)


def _pod(app: App) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": images.BUSYBOX_REFERENCE,
        "imagePullPolicy": "Never",
        "command": ["sleep", "infinity"],
        "volumeMounts": [{"name": name, "mountPath": f"/volumes/{name}"} for name in app.volumes],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": POD,
            "namespace": app.namespace,
            "labels": {"app": "sets"},
            "annotations": {BACKUP: ",".join(app.volumes), **app.annotations},
        },
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": app.node},
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
            "volumes": [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in app.volumes],
        },
    }
