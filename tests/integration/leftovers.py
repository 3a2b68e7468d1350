"""What a test leaves, as far as others see it: every controller and every plan reads all of the cluster."""

from __future__ import annotations

from typing import Any, Final

from kubernetes import client

from tests.integration.cluster import Namespace

#: Group, version and plurals of the objects that are read in every namespace, or of Velero's there.
_CUSTOM: Final = (
    ("vvc.velero.io", "v1alpha1", ("backupsetschedules", "backupsets", "cleanrestores")),
    ("velero.io", "v1", ("backups", "restores", "podvolumebackups", "podvolumerestores")),
)


def clear(namespace: Namespace) -> None:
    """Nothing of it is left in this namespace and in those named after it; and no node at all."""
    core, custom = namespace.core, client.CustomObjectsApi(namespace.api)
    for group, version, plurals in _CUSTOM:
        for plural in plurals:
            try:
                custom.delete_collection_namespaced_custom_object(group, version, namespace.name, plural)
            except client.ApiException as error:
                if error.status != 404:  # not defined in this test
                    raise
    pods: Any = core.list_pod_for_all_namespaces().items
    for where in {pod.metadata.namespace for pod in pods}:
        if where == namespace.name or where.startswith(f"{namespace.name}-"):
            core.delete_collection_namespaced_pod(where, grace_period_seconds=0)
    core.delete_collection_node()
