"""Velero's own CustomResourceDefinitions, of 1.18.3, from the Go module that the lab builds it from."""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from hack.lab.binaries import MODULES
from hack.lab.shell import run
from tests.integration.cluster import eventually

VELERO = "github.com/vmware-tanzu/velero"


@cache
def definitions() -> tuple[dict[str, Any], ...]:
    """The definitions; the module is fetched first where it is not in Go's cache."""
    fetched = run(["go", "mod", "download", "-json", VELERO], directory=MODULES / "velero-1.18")
    folder = Path(json.loads(fetched)["Dir"]) / "config" / "crd" / "v1" / "bases"
    return tuple(yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yaml")))


def install(api: client.ApiClient) -> None:
    """All of them, over whatever is there of them."""
    extensions = client.ApiextensionsV1Api(api)
    for definition in definitions():
        eventually(partial(_put, extensions, definition), True)
        eventually(partial(_established, extensions, definition["metadata"]["name"]), True)


def _put(extensions: client.ApiextensionsV1Api, definition: dict[str, Any]) -> bool:
    """Whether it is there as it is wanted; not if the API server was changing it at the same time."""
    name = definition["metadata"]["name"]
    body: Any = definition
    try:
        found: Any = extensions.read_custom_resource_definition(name)
    except client.ApiException as error:
        if error.status != 404:
            raise
        extensions.create_custom_resource_definition(body)
        return True
    version = {"name": name, "resourceVersion": found.metadata.resource_version}
    body = {**definition, "metadata": version}
    try:
        extensions.replace_custom_resource_definition(name, body)
    except client.ApiException as error:
        if error.status != 409:
            raise
        return False
    return True


def _established(extensions: client.ApiextensionsV1Api, name: str) -> bool:
    status: Any = extensions.read_custom_resource_definition(name).status
    return any(each.type == "Established" and each.status == "True" for each in status.conditions or ())
