"""BackupSets on the real API server: our CustomResourceDefinitions, and objects of them."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import yaml
from kubernetes import client

from hack.crds import FOLDER
from tests.integration.cluster import eventually

GROUP: Final = "vvc.velero.io"
VERSION: Final = "v1alpha1"


def install_crds(api: client.ApiClient) -> None:
    """The definitions as they are published; those that are there stay."""
    extensions = client.ApiextensionsV1Api(api)
    listed: Any = extensions.list_custom_resource_definition().items
    present = {crd.metadata.name for crd in listed}
    for path in sorted(FOLDER.glob("*s.yaml")):
        crd = yaml.safe_load(path.read_text())
        name = crd["metadata"]["name"]
        if name not in present:
            extensions.create_custom_resource_definition(crd)
        eventually(partial(_established, extensions, name), True)


def _established(extensions: client.ApiextensionsV1Api, name: str) -> bool:
    status: Any = extensions.read_custom_resource_definition(name).status
    return any(each.type == "Established" and each.status == "True" for each in status.conditions or ())


def make(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """An object of ours, as a person writes it."""
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": {"name": name}, "spec": spec}
