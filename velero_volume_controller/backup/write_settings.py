"""Reading and writing Velero's settings: its Deployment and its node-agent's ConfigMap, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from velero_volume_controller.backup.settings import Edit
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.lists import pages
from velero_volume_controller.velero.client.lanes import BACKUPS
from velero_volume_controller.velero.model.backups import DELETING, decode_backup
from velero_volume_controller.velero.model.installations import (
    AGENT_CONFIG_FLAG_SINCE,
    FIXED_AGENT_CONFIG,
)
from velero_volume_controller.velero.model.servers import decode_agent, decode_server
from velero_volume_controller.velero.model.versions import Version

JSON_PATCH: Final = "application/json-patch+json"

#: Phases of Backups that a restart of Velero does not harm.
_UNTOUCHED: Final = frozenset({"", "New", "Queued", DELETING})


class Busy(KubeError):  # noqa: N818  (the name says what is the case)
    """Velero is at work; what is to be done would fail that work."""


class NoVelero(KubeError):  # noqa: N818
    """There is no Velero in this namespace."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is there, as the API server has it; ``config_map`` None: there is none called ``config_name``.

    ``named``: the node-agent is told of that ConfigMap; else it reads none. ``agent`` is its DaemonSet, empty
    if there is none, ``flag`` the JSON pointer to the argument that names the ConfigMap, empty if not known.
    """

    deployment: dict[str, Any]
    config_map: dict[str, Any] | None
    config_name: str
    named: bool
    agent: str
    flag: str = ""


async def find(client: Client, namespace: str, version: Version) -> Found:
    """Velero's settings in this namespace. Raises NoVelero, and KubeError."""
    workloads = f"/apis/apps/v1/namespaces/{namespace}"
    servers = [item async for item in _list(client, f"{workloads}/deployments") if decode_server(item)]
    if not servers:
        raise NoVelero(f"there is no Velero in namespace {namespace}; name another with -n")
    daemon_sets = [item async for item in _list(client, f"{workloads}/daemonsets") if decode_agent(item)]
    agents = [agent for item in daemon_sets if (agent := decode_agent(item))]
    named = next((agent.config for agent in agents if agent.config), "")
    fixed = version < AGENT_CONFIG_FLAG_SINCE
    name = FIXED_AGENT_CONFIG if fixed or not named else named
    return Found(
        deployment=msgspec.json.decode(servers[0]),
        config_map=await _config_map(client, namespace, name),
        config_name=name,
        named=fixed or bool(named),
        agent=agents[0].name if agents else "",
        flag=_place(daemon_sets[0], name) if agents else "",
    )


def _place(daemon_set: msgspec.Raw, config: str) -> str:
    """Where a node-agent is told of its ConfigMap in one argument, as ``Found.flag``."""
    template = msgspec.json.decode(daemon_set)["spec"]["template"]["spec"]
    for number, container in enumerate(template["containers"]):
        for place, argument in enumerate(container.get("args") or ()):
            if argument == f"--node-agent-configmap={config}":
                return f"/spec/template/spec/containers/{number}/args/{place}"
    return ""


async def apply(client: Client, edits: Iterable[Edit]) -> None:
    """Carries them out in this order. Raises Busy if Velero has a Backup in hand, and KubeError.

    Nothing is begun while it has. A changed Deployment restarts Velero, and what it has in hand then fails
    (pkg/cmd/server, markInProgressCRsFailed).
    """
    wanted = list(edits)
    for edit in wanted:
        if edit.kind == "Deployment":
            await _idle(client, edit.namespace)
    for edit in wanted:
        path = _path(edit)
        try:
            if edit.patch is not None:
                body = msgspec.json.encode(edit.patch)
                await client.request("PATCH", path, body=body, content_type=JSON_PATCH)
            elif edit.body is not None:
                document = {"apiVersion": "v1", "kind": edit.kind, **edit.body}
                folder = path.rpartition("/")[0]
                await client.request("POST", folder, body=msgspec.json.encode(document))
            else:
                options = {"preconditions": {"uid": edit.uid}}
                await client.request("DELETE", path, body=msgspec.json.encode(options))
        except ApiError as error:
            # 422: a test of the JSON patch did not hold.
            if error.status not in {409, 422}:
                raise
            raise KubeError(
                f"{edit.kind} {edit.namespace}/{edit.name} was changed by somebody else meanwhile"
                f" ({error.message}); nothing of it is changed. Run the command again"
            ) from None


async def _idle(client: Client, namespace: str) -> None:
    async for item in _list(client, BACKUPS.path(namespace)):
        backup = decode_backup(item)
        # One that is New or Queued is taken up again after a restart; of a ReadyToStart one 1.18 loses track.
        if not backup.ended and backup.phase not in _UNTOUCHED:
            raise Busy(
                f"Backup {namespace}/{backup.name} is {backup.phase}, and new arguments restart Velero, which"
                " would fail it. Wait for its end, or pause the set that made it"
            )


def _path(edit: Edit) -> str:
    root = "/apis/apps/v1" if edit.kind == "Deployment" else "/api/v1"
    plural = "deployments" if edit.kind == "Deployment" else "configmaps"
    return f"{root}/namespaces/{edit.namespace}/{plural}/{edit.name}"


async def _config_map(client: Client, namespace: str, name: str) -> dict[str, Any] | None:
    try:
        found = await client.request("GET", f"/api/v1/namespaces/{namespace}/configmaps/{name}")
    except ApiError as error:
        if error.status == 404:
            return None
        raise
    return msgspec.json.decode(found, type=dict[str, Any])


async def _list(client: Client, path: str) -> AsyncIterator[msgspec.Raw]:
    async for page in pages(client, path):
        for item in page.items:
            yield item
