"""Asking the lab's API server from one connection: a kubectl every quarter of a second would be felt."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from kubernetes import client, config

from hack.lab import kubectl
from hack.lab.shell import LabError

VELERO = ("velero.io", "v1")
OURS = ("vvc.velero.io", "v1alpha1")
EVERY = 0.25


@cache
def _objects() -> client.CustomObjectsApi:
    return client.CustomObjectsApi(config.new_client_from_config(kubectl.kubeconfig()))


def create(group: tuple[str, str], namespace: str, plural: str, body: Mapping[str, Any]) -> None:
    """Make an object."""
    _objects().create_namespaced_custom_object(*group, namespace, plural, dict(body))


def get(group: tuple[str, str], namespace: str, plural: str, name: str) -> dict[str, Any]:
    """An object as it is."""
    found: dict[str, Any] = _objects().get_namespaced_custom_object(*group, namespace, plural, name)
    return found


def items(group: tuple[str, str], namespace: str, plural: str) -> list[dict[str, Any]]:
    """All objects of a namespace."""
    found: list[dict[str, Any]] = _objects().list_namespaced_custom_object(*group, namespace, plural)["items"]
    return found


def awaited(ask: Callable[[], dict[str, Any] | None], what: str, seconds: float) -> dict[str, Any]:
    """The first answer that is not None; raises LabError after so many seconds."""
    deadline = time.monotonic() + seconds
    while (answer := ask()) is None:
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not so after {seconds:.0f} s")
        time.sleep(EVERY)
    return answer
