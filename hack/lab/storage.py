"""The default StorageClass: local-path-provisioner, whose volumes really come and go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hack.lab import binaries, images, kubectl
from hack.lab.shell import run

MODULE = "github.com/rancher/local-path-provisioner"
NAMESPACE = "local-path-storage"


def install() -> None:
    """Apply the provisioner's own manifest with our images, and wait until it runs."""
    manifest = yaml.safe_dump_all([_adapted(document) for document in _documents()])
    kubectl.apply(manifest)
    kubectl.rollout(NAMESPACE, "deployment/local-path-provisioner")


def _documents() -> list[dict[str, Any]]:
    go_list = ["go", "list", "-m", "-f", "{{.Dir}}", MODULE]
    folder = run(go_list, directory=binaries.MODULES / "local-path-provisioner").strip()
    text = (Path(folder) / "deploy/local-path-storage.yaml").read_text()
    return [document for document in yaml.safe_load_all(text) if document]


def _adapted(document: dict[str, Any]) -> dict[str, Any]:
    kind = document["kind"]
    if kind == "Deployment":
        container = document["spec"]["template"]["spec"]["containers"][0]
        container["image"] = images.PROVISIONER_REFERENCE
    elif kind == "StorageClass":
        # Its default, hostPath volumes, are those that Velero skips with only a log line
        # while the Backup says Completed.
        document["metadata"]["annotations"] = {
            "defaultVolumeType": "local",
            "storageclass.kubernetes.io/is-default-class": "true",
        }
    elif kind == "ConfigMap":
        helper = yaml.safe_load(document["data"]["helperPod.yaml"])
        helper["spec"]["containers"][0]["image"] = images.BUSYBOX_REFERENCE
        document["data"]["helperPod.yaml"] = yaml.safe_dump(helper)
    return document
