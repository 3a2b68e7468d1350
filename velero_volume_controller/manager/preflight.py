"""What must hold before it makes sense to start, asked once, so that a mistake is one message and no loop."""

from __future__ import annotations

from typing import Final

import msgspec
import structlog

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.permissions import Permission, allowed

#: What the annotator does with pods; the Go program's own ClusterRole grants it.
POD_VERBS: Final = ("get", "list", "watch", "patch")
LEASE_VERBS: Final = ("get", "create", "update")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Forbidden(KubeError):  # noqa: N818  (the name says what is the case)
    """Verbs are missing without which nothing can work."""


class Absent(KubeError):  # noqa: N818
    """Something is not in the cluster without which nothing can work."""


async def check(client: Client, lease: tuple[str, str] | None) -> None:
    """Raises KubeError if the API server can't be reached, forbids what is needed, or lacks it.

    ``lease`` is the Lease's namespace and name, or None when there is no election.
    """
    needed = [Permission(verb, "pods") for verb in POD_VERBS]
    if lease is not None:
        needed += [_on_lease(verb, *lease) for verb in LEASE_VERBS]
    missing = await _missing(client, needed)
    if missing:
        raise Forbidden(
            f"this user or service account may not: {'; '.join(missing)}."
            " Grant it with a ClusterRole and a binding, as in the project's manifests"
        )
    if lease is not None:
        await _require_namespace_of(client, *lease)
    await _require_velero(client)


async def _missing(client: Client, needed: list[Permission]) -> list[str]:
    """Where the right to ask (role system:basic-user) was taken away, nothing counts as missing."""
    try:
        return [str(permission) for permission in needed if not await allowed(client, permission)]
    except ApiError as error:
        if error.status != 403:
            raise
        log.warning("could not ask which verbs are granted; going on as if all were", error=str(error))
        return []


def _on_lease(verb: str, namespace: str, name: str) -> Permission:
    """RBAC cannot limit ``create`` to a name: the object has none yet when it is asked."""
    return Permission(verb, "leases", "coordination.k8s.io", namespace, "" if verb == "create" else name)


async def _require_namespace_of(client: Client, namespace: str, name: str) -> None:
    """Without it no replica would ever lead. Asked by a creation that is not carried out."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}}
    try:
        await client.request("POST", path, query={"dryRun": "All"}, body=msgspec.json.encode(lease))
    except ApiError as error:
        if error.status == 404:
            raise Absent(
                f"namespace {namespace}, where the Lease is kept, does not exist;"
                " create it or correct leaseLockNamespace"
            ) from error
        if error.status != 409:  # the Lease is there already
            log.warning("could not try whether a Lease can be made", namespace=namespace, error=str(error))


async def _require_velero(client: Client) -> None:
    """Annotations that nothing reads would only look like protection."""
    try:
        await client.request("GET", "/apis/velero.io")
    except ApiError as error:
        if error.status == 404:
            raise Absent(
                "Velero is not installed in this cluster (there is no API group velero.io), so nothing would"
                " back up the annotated volumes; install Velero, or correct the kubeconfig if this is"
                " another cluster"
            ) from error
        log.warning("could not see whether Velero is installed", error=str(error))
