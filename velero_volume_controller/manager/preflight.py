"""What must hold before it makes sense to start, asked once, so that a mistake is one message and no loop."""

from __future__ import annotations

from typing import Final

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


async def check(client: Client, lease: tuple[str, str] | None) -> None:
    """Raises KubeError if the API server can't be reached or forbids what is needed.

    That Velero is absent is only a warning: it may be installed later.

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
    await _look_for_velero(client)


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


async def _look_for_velero(client: Client) -> None:
    try:
        await client.request("GET", "/apis/velero.io")
    except ApiError as error:
        if error.status == 404:
            log.warning(
                "Velero is not installed in this cluster (there is no API group velero.io): pods are"
                " annotated, but nothing backs up their volumes until it is"
            )
        else:
            log.warning("could not see whether Velero is installed", error=str(error))
