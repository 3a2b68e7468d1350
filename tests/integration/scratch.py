"""Rehearsals' namespaces on the real API server: the tests play the controllers of what is in them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from kubernetes import client

from velero_volume_controller.restore import naming


def of(core: client.CoreV1Api, shop: str) -> list[Any]:
    """Those that rehearsals have made for this one."""
    found = core.list_namespace(label_selector=naming.RUN_UID).items
    return [each for each in found if each.metadata.name.startswith(f"{shop}-rehearsal-")]


def play(core: client.CoreV1Api, shop: str) -> None:
    """One round: workloads say that they are ready; what is told to go goes, with all that is in it."""
    for each in of(core, shop):
        name = each.metadata.name
        if each.metadata.deletion_timestamp is None:
            _ready(client.AppsV1Api(core.api_client), name)
        else:
            _empty(core, name)
            body: Any = {"metadata": {"name": name}, "spec": {"finalizers": []}}
            with suppress(client.ApiException):
                core.replace_namespace_finalize(name, body)


def _ready(apps: client.AppsV1Api, namespace: str) -> None:
    for found in apps.list_namespaced_stateful_set(namespace).items:
        if found.status.observed_generation == found.metadata.generation:
            continue
        count = found.spec.replicas
        status: Any = {"observedGeneration": found.metadata.generation, "replicas": count}
        status |= {"readyReplicas": count, "availableReplicas": count, "updatedReplicas": count}
        apps.patch_namespaced_stateful_set_status(found.metadata.name, namespace, {"status": status})


def _empty(core: client.CoreV1Api, namespace: str) -> None:
    apps, networking = client.AppsV1Api(core.api_client), client.NetworkingV1Api(core.api_client)
    now: Any = {"grace_period_seconds": 0}
    core.delete_collection_namespaced_pod(namespace, **now)
    apps.delete_collection_namespaced_stateful_set(namespace)
    core.delete_collection_namespaced_config_map(namespace)
    core.delete_collection_namespaced_secret(namespace)
    networking.delete_collection_namespaced_network_policy(namespace)
    core.delete_collection_namespaced_persistent_volume_claim(namespace)
    for claim in core.list_namespaced_persistent_volume_claim(namespace).items:
        free: Any = {"metadata": {"finalizers": None}}
        core.patch_namespaced_persistent_volume_claim(claim.metadata.name, namespace, free)
