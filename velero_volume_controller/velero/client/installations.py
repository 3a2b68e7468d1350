"""How a Velero is installed, asked for once: its Deployment, node-agents, their settings, its locations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import msgspec
import structlog

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.lists import pages
from velero_volume_controller.velero.client.lanes import STORAGE_LOCATIONS
from velero_volume_controller.velero.model.installations import (
    FIXED_AGENT_CONFIG,
    Installations,
    is_agent_pod,
    lanes,
)
from velero_volume_controller.velero.model.lanes import Lane, StorageLocation
from velero_volume_controller.velero.model.load_concurrency import AgentConfig, decode_agent_config
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.servers import (
    Agent,
    decode_agent,
    decode_location,
    decode_node,
    decode_server,
)

#: What is not there, or may not be read: the lane is told of without it.
_ABSENT: Final = frozenset({403, 404})

T = TypeVar("T")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def read_lane(client: Client, namespace: str, pods: Iterable[Pod]) -> Lane | None:
    """The Velero in this namespace as it is now, None if there is none; ``pods`` are the cluster's.

    What may not be read counts as Velero's own default, and the lane's notes say so. Raises as
    Client.request for anything but 403 and 404.
    """
    workloads = f"/apis/apps/v1/namespaces/{namespace}"
    servers = await _list(client, f"{workloads}/deployments", decode_server)
    if servers is None:
        note = (
            f"The Deployments in {namespace} may not be listed: Velero counts as the newest, with its default"
            " settings, one Backup at a time."
        )
        return Lane(namespace=namespace, notes=(note,))
    agents = [each for each in await _list(client, f"{workloads}/daemonsets", decode_agent) or [] if each]
    locations = await _list(client, STORAGE_LOCATIONS.path(namespace), decode_location)
    found = Installations(
        servers=tuple(each for each in servers if each is not None),
        agents=tuple(agents),
        configs=await _configs(client, namespace, agents),
        agent_pods=tuple(pod for pod in pods if pod.metadata.namespace == namespace and is_agent_pod(pod)),
        nodes=dict(listed) if (listed := await _list(client, "/api/v1/nodes", decode_node)) else None,
        locations=_by_namespace(locations),
    )
    return next(iter(lanes(found)), None)


async def _configs(
    client: Client, namespace: str, agents: Iterable[Agent]
) -> dict[tuple[str, str], AgentConfig] | None:
    """The ConfigMaps that node-agents name, and the one of before 1.15; None if one may not be read."""
    found: dict[tuple[str, str], AgentConfig] = {}
    for name in sorted({FIXED_AGENT_CONFIG, *(agent.config for agent in agents if agent.config)}):
        path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
        try:
            found[namespace, name] = decode_agent_config(await client.request("GET", path))
        except ApiError as error:
            if error.status == 403:
                return None
            if error.status != 404:
                raise
        except msgspec.MsgspecError as error:
            log.debug("a ConfigMap could not be read", namespace=namespace, name=name, error=str(error))
    return found


def _by_namespace(
    locations: list[tuple[str, StorageLocation]] | None,
) -> dict[str, tuple[StorageLocation, ...]] | None:
    if locations is None:
        return None
    found: dict[str, tuple[StorageLocation, ...]] = {}
    for namespace, location in locations:
        found[namespace] = (*found.get(namespace, ()), location)
    return found


async def _list(client: Client, path: str, decode: Callable[[msgspec.Raw], T]) -> list[T] | None:
    """What can be decoded of the list; None if there is no such resource or it may not be listed."""
    found: list[T] = []
    try:
        async for page in pages(client, path):
            for item in page.items:
                try:
                    found.append(decode(item))
                except msgspec.MsgspecError as error:
                    log.debug("an object could not be read", path=path, error=str(error))
    except ApiError as error:
        if error.status not in _ABSENT:
            raise
        log.debug("what could not be listed counts as not there", path=path, error=str(error))
        return None
    return found
