"""Velero in the lab: installed by its own installer, from images made of its own source."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hack.lab import cluster, images, kubectl, s3
from hack.lab.binaries import binary
from hack.lab.cluster import Lab
from hack.lab.progress import step, wait_until
from hack.lab.shell import run

DEFAULT = "1.18.3"
NODE_AGENT_CONFIG = "node-agent-config"


@dataclass(frozen=True)
class Knobs:
    """The three settings that decide how much Velero does at a time, and one of its patience.

    The defaults are its own. `concurrent_backups` is known since 1.18, `item_workers` since 1.16.
    `node_load` is how many volumes a node's agent takes at the same time. `prepare_timeout` is
    after what time it gives up a volume whose mover has not come up, in Go's notation; 30m else.
    """

    concurrent_backups: int = 1
    item_workers: int = 1
    node_load: int = 1
    prepare_timeout: str = ""

    def flags(self) -> list[str]:
        """As `velero install` takes them; nothing for what Velero does anyway."""
        flags = []
        if self.concurrent_backups != 1:
            flags.append(f"--concurrent-backups={self.concurrent_backups}")
        if self.item_workers != 1:
            flags.append(f"--item-block-worker-count={self.item_workers}")
        if self.node_load != 1:
            flags.append(f"--node-agent-configmap={NODE_AGENT_CONFIG}")
        return flags

    def node_agent_config(self) -> str:
        """What the node-agent's ConfigMap says."""
        return json.dumps({"loadConcurrency": {"globalConfig": self.node_load}})


@dataclass(frozen=True)
class Velero:
    """One version of Velero, where it lives, what moves its data and how much at a time."""

    version: str
    namespace: str
    uploader: str
    knobs: Knobs = Knobs()

    @property
    def prefix(self) -> str:
        """Its folder in the bucket; two installations must not share one."""
        return self.namespace

    def command(self, *arguments: str, timeout: float = 600) -> str:
        """Run this version's own command line against the lab."""
        program = [str(binary(f"velero-{self.version}")), f"--kubeconfig={kubectl.kubeconfig()}"]
        return run([*program, "--namespace", self.namespace, *arguments], timeout=timeout)


VERSIONS = {
    "1.18.3": Velero("1.18.3", "velero", "kopia"),
    "1.16.2": Velero("1.16.2", "velero-1-16", "restic"),
}
#: A second 1.16.2 beside the first, with a prefix of its own: two lanes for Backups.
SECOND_LANE = Velero("1.16.2", "velero-1-16-b", "restic")


def build(version: str) -> list[Path]:
    """Build what this version needs; returns its images' archives."""
    binary(f"velero-{version}")
    return [images.archive(images.velero(version)), images.archive(images.velero_plugin())]


def install(lab: Lab, version: str) -> Velero:
    """Install this version beside what is there, and wait until it takes backups."""
    return install_as(lab, VERSIONS[version])


def install_as(lab: Lab, velero: Velero) -> Velero:
    """Install this Velero, or change what is installed there to it, and wait until it takes backups."""
    version = velero.version
    archives = build(version)
    with step(f"installing Velero {version} with {velero.uploader} in {velero.namespace}"):
        cluster.load(lab, archives)
        if velero.knobs.node_load != 1:
            _configure_node_agent(velero)
        documents = _rendered(lab, velero)
        definitions = [item for item in documents if item["kind"] == "CustomResourceDefinition"]
        # The newest version's definitions serve both; never go back to an older one's.
        if version == max(VERSIONS) or not _defined():
            kubectl.apply(yaml.safe_dump_all(definitions))
            for item in definitions:
                name = f"crd/{item['metadata']['name']}"
                kubectl.kubectl("wait", "--for=condition=Established", name, "--timeout=60s")
        kubectl.apply(yaml.safe_dump_all(item for item in documents if item not in definitions))
        kubectl.rollout(velero.namespace, "deployment/velero")
        kubectl.rollout(velero.namespace, "daemonset/node-agent")
        wait_until(
            lambda: _location_available(velero), "the backup storage location is available", seconds=120
        )
    return velero


def _rendered(lab: Lab, velero: Velero) -> list[dict[str, Any]]:
    with tempfile.NamedTemporaryFile("w") as credentials:
        credentials.write(
            f"[default]\naws_access_key_id={s3.ACCESS_KEY}\naws_secret_access_key={s3.SECRET_KEY}\n"
        )
        credentials.flush()
        location = f"region=us-east-1,s3ForcePathStyle=true,s3Url={s3.url(lab.s3)}"
        text = velero.command(
            "install",
            "--dry-run",
            "--output=yaml",
            "--provider=aws",
            f"--image={images.REGISTRY}/velero:{velero.version}",
            f"--plugins={images.PLUGIN_REFERENCE}",
            f"--bucket={s3.BUCKET}",
            f"--prefix={velero.prefix}",
            f"--secret-file={credentials.name}",
            f"--backup-location-config={location}",
            "--use-volume-snapshots=false",
            "--use-node-agent",
            f"--uploader-type={velero.uploader}",
            # Two versions and their node-agents must fit two cores.
            "--velero-pod-cpu-request=50m",
            "--node-agent-pod-cpu-request=50m",
            *velero.knobs.flags(),
        )
    # 1.16 prints a line on restic's deprecation before the document.
    document = yaml.safe_load(text[text.index("apiVersion:") :])
    found: list[dict[str, Any]] = document["items"]
    return _marked(found, velero)


def _configure_node_agent(velero: Velero) -> None:
    """The ConfigMap, which the installer wants to be there already."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": velero.namespace}}
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NODE_AGENT_CONFIG, "namespace": velero.namespace},
        "data": {"config.json": velero.knobs.node_agent_config()},
    }
    kubectl.apply(yaml.safe_dump(namespace))
    kubectl.apply(yaml.safe_dump(config))


def _marked(documents: list[dict[str, Any]], velero: Velero) -> list[dict[str, Any]]:
    """With what the installer has no flag for.

    The node-agent reads its ConfigMap once, when it starts: a change of that must restart it.
    """
    for document in documents:
        if document["kind"] != "DaemonSet":
            continue
        template = document["spec"]["template"]
        if velero.knobs.prepare_timeout:
            option = f"--data-mover-prepare-timeout={velero.knobs.prepare_timeout}"
            template["spec"]["containers"][0]["args"].append(option)
        if velero.knobs.node_load != 1:
            metadata = template.setdefault("metadata", {})
            metadata.setdefault("annotations", {})["vvc-lab/node-agent-config"] = (
                velero.knobs.node_agent_config()
            )
    return documents


def _defined() -> bool:
    return kubectl.get("crd", "backups.velero.io") is not None


def _location_available(velero: Velero) -> bool:
    location = kubectl.get("-n", velero.namespace, "backupstoragelocation", "default")
    return bool(location and location.get("status", {}).get("phase") == "Available")
