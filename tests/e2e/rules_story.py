"""What is seen of one mode, and of a change from one to the other."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from hack.demo import movement
from hack.demo.data import Digest
from hack.demo.movement import Movement
from hack.lab import controller, kubectl, velero
from hack.lab.progress import step, wait_until
from hack.lab.shell import run
from tests.e2e import samples, standing
from tests.e2e.samples import BACKUP

# The kubelet looks at a pod's ConfigMaps about once a minute, and then at a cache.
KUBELET_SECONDS = 150
SETTLING_SECONDS = 3


@dataclass(frozen=True)
class Taken:
    """What one version of Velero took, and what came back of it."""

    backup: Movement
    restore: Movement
    after: Mapping[str, Digest]


@dataclass(frozen=True)
class Stage:
    """One mode: the annotations, what `vvc plan` said, and what each Velero took."""

    annotations: Mapping[str, Mapping[str, str]]
    plan: Mapping[str, Any]
    before: Mapping[str, Digest]
    taken: Mapping[str, Taken]


@dataclass(frozen=True)
class Switch:
    """A change of the ConfigMap, as the leader lived through it.

    Seconds: `kubelet` from the change to the new file in the pod, `controller` from
    there to the last annotation.
    """

    before: Mapping[str, Mapping[str, str]]
    after: Mapping[str, Mapping[str, str]]
    replicas: tuple[Mapping[str, Any], Mapping[str, Any]]
    kubelet: float
    controller: float

    def __str__(self) -> str:
        return (
            f"{self.kubelet + self.controller:.1f} s from the ConfigMap to the last annotation:"
            f" {self.kubelet:.1f} s until the kubelet wrote the file, {self.controller:.2f} s after that"
        )


def leader() -> str:
    """The name of the pod that leads; a holder is `pod_uuid`."""
    lease = kubectl.get("-n", controller.NAMESPACE, "lease", controller.NAME) or {"spec": {}}
    return str(lease["spec"].get("holderIdentity", "")).rpartition("_")[0]


def replicas() -> dict[str, Any]:
    """Each replica's pod's name and how often it was restarted."""
    pods = kubectl.items("-n", controller.NAMESPACE, "pods", f"-l=app={controller.NAME}")
    return {
        pod["metadata"]["name"]: sum(each["restartCount"] for each in pod["status"]["containerStatuses"])
        for pod in pods
    }


def lines(pod: str) -> list[dict[str, Any]]:
    """A replica's log."""
    text = kubectl.kubectl("-n", controller.NAMESPACE, "logs", pod)
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def configure(text: str) -> None:
    """Edit the ConfigMap, as people do."""
    kubectl.apply(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": controller.NAME, "namespace": controller.NAMESPACE},
                "data": {"config.yml": text},
            }
        )
    )


def switch(text: str, expected: Mapping[str, Mapping[str, str]]) -> Switch:
    """Edit the ConfigMap and wait until the annotations are what they should be, and stay so."""
    before, running, pod = standing.annotated(), replicas(), leader()
    changed = datetime.now(UTC)
    configure(text)
    wait_until(lambda: standing.annotated() == expected, "the annotations", seconds=KUBELET_SECONDS, every=1)
    time.sleep(SETTLING_SECONDS)
    folder = controller_path().parent
    written = kubectl.kubectl(
        "-n", controller.NAMESPACE, "exec", pod, "--", "stat", "--format=%.6Y", str(folder / "..data")
    )
    swapped = datetime.fromtimestamp(float(written), UTC)
    told = [line for line in lines(pod) if line["message"].startswith("annotation: ")]
    last = max(datetime.fromisoformat(line["time"]) for line in told)
    return Switch(
        before,
        standing.annotated(),
        (running, replicas()),
        (swapped - changed).total_seconds(),
        (last - swapped).total_seconds(),
    )


def controller_path() -> Path:
    """Where the deployed controller reads its configuration."""
    deployment = kubectl.get("-n", controller.NAMESPACE, "deployment", controller.NAME)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return Path(next(each for each in container["args"] if each.startswith("--config=")).partition("=")[2])


def plan(folder: Path, text: str) -> dict[str, Any]:
    """What `vvc plan` says of this configuration and the cluster as it is now."""
    file = folder / "config.yml"
    file.write_text(text)
    command = [sys.executable, "-m", "velero_volume_controller", "plan", "-c", str(file), "-o", "json"]
    document: dict[str, Any] = json.loads(run([*command, "--kubeconfig", kubectl.kubeconfig()]))
    return document


def planned(document: Mapping[str, Any]) -> list[str]:
    """The volumes of the samples that a Backup takes, by `vvc plan`."""
    taken = []
    for pod in document["pods"]:
        if pod["namespace"] not in samples.NAMESPACES:
            continue
        names = [volume["name"] for volume in pod["volumes"] if volume["decision"] == "backup"]
        if pod["action"] == "foreign":
            listed = pod["after"].split(",")
            every = [
                volume["name"] for volume in pod["volumes"] if not volume["name"].startswith("kube-api-")
            ]
            names = listed if pod["key"] == BACKUP else [name for name in every if name not in listed]
        taken += [f"{pod['namespace']}/{pod['name']}:{name}" for name in names]
    return sorted(taken)


def moved(found: Movement) -> list[str]:
    """The volumes of a Backup or a Restore, all of them complete."""
    assert {volume.phase for volume in found.volumes} == {"Completed"}
    return sorted(f"{volume.pod}:{volume.volume}" for volume in found.volumes)


def stage(folder: Path, text: str, *options: str) -> Stage:
    """Back up, destroy and restore with each Velero; afterwards all samples but those of ODD stand again."""
    annotations, document, before = standing.annotated(), plan(folder, text), standing.digests()
    mode = yaml.safe_load(text)["annotator"]["mode"]
    name = f"rules-{mode}-{datetime.now(UTC):%H%M%S}"
    backups = {}
    for version, used in velero.VERSIONS.items():
        with step(f"Velero {version} takes Backup {name}") as say:
            backups[version] = movement.back_up(used, name, samples.NAMESPACES, say, *options)
    taken = {}
    for version, used in velero.VERSIONS.items():
        with step(f"Velero {version} restores {name}") as say:
            standing.destroy(say)
            without = f"--exclude-namespaces={samples.ODD}"
            restore = movement.restore(used, f"{name}-restore", name, say, without)
            standing.wait_until_running(tuple(each for each in samples.NAMESPACES if each != samples.ODD))
            taken[version] = Taken(backups[version], restore, standing.digests())
    return Stage(annotations, document, before, taken)
