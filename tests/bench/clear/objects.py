"""What is cleared away: 40 objects in each of 50 namespaces, their workloads standing still.

That is how a CleanRestore finds them when it begins to clear: workloads at no replicas, their pods gone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import uvloop

from tests.bench.requests import for_each
from tests.bench.rival import access

#: In each namespace. Each Deployment has a ReplicaSet, which goes with it.
COUNTS: Final = {
    "Deployment": 6,
    "Service": 6,
    "ConfigMap": 12,
    "Secret": 6,
    "ServiceAccount": 2,
    "Role": 1,
    "RoleBinding": 1,
}
OWNED: Final = {"ReplicaSet": COUNTS["Deployment"]}
IN_A_NAMESPACE: Final = sum(COUNTS.values()) + sum(OWNED.values())
VERSIONS: Final = {
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
}


def namespaces(count: int) -> list[str]:
    """Their names."""
    return [f"team-{number:02}" for number in range(count)]


def names(kind: str) -> list[str]:
    """The objects of one kind in each namespace."""
    return [f"app-{number}" for number in range((COUNTS | OWNED)[kind])]


def listed(spaces: list[str]) -> dict[str, list[str]]:
    """What Velero's list of the resources of a Backup of it says."""
    found = {"v1/Namespace": spaces}
    for kind in COUNTS | OWNED:
        version = VERSIONS.get(kind, "v1")
        found[f"{version}/{kind}"] = [f"{space}/{name}" for space in spaces for name in names(kind)]
    return found


def make(kubeconfig: Path, spaces: list[str]) -> None:
    """Make what is missing of it."""
    uvloop.run(_make(kubeconfig, spaces))


def left(kubeconfig: Path, spaces: list[str]) -> int:
    """How many of them are there."""
    return uvloop.run(_left(kubeconfig, spaces))


async def _make(kubeconfig: Path, spaces: list[str]) -> None:
    await for_each(kubeconfig, spaces, _namespace)
    todo = ((space, kind, name) for space in spaces for kind in COUNTS for name in names(kind))
    await for_each(kubeconfig, todo, _one)


async def _namespace(session: aiohttp.ClientSession, space: str) -> None:
    async with session.post("/api/v1/namespaces", json={"metadata": {"name": space}}) as answer:
        assert answer.status in {201, 409}, await answer.text()


async def _one(session: aiohttp.ClientSession, which: tuple[str, str, str]) -> None:
    space, kind, name = which
    made = await _post(session, space, _object(kind, name))
    if kind == "Deployment":
        await _post(session, space, _replica_set(name, made["metadata"]["uid"]))


async def _post(session: aiohttp.ClientSession, space: str, body: Any) -> Any:
    url = f"{_path(body['kind'])}/namespaces/{space}/{body['kind'].lower()}s"
    async with session.post(url, json=body) as answer:
        answer.raise_for_status()
        return await answer.json()


async def _left(kubeconfig: Path, spaces: list[str]) -> int:
    server, context = access(kubeconfig)
    found = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        for kind in COUNTS | OWNED:
            async with session.get(f"{server}{_path(kind)}/{kind.lower()}s") as answer:
                answer.raise_for_status()
                items = (await answer.json())["items"]
            places = ((item["metadata"]["namespace"], item["metadata"]["name"]) for item in items)
            found += sum(space in spaces and name in names(kind) for space, name in places)
    return found


def _path(kind: str) -> str:
    version = VERSIONS.get(kind, "v1")
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _object(kind: str, name: str) -> dict[str, Any]:
    """One of them, as large as they are in common."""
    labels = {"app": name, "app.kubernetes.io/managed-by": "Helm"}
    body: dict[str, Any] = {
        "apiVersion": VERSIONS.get(kind, "v1"),
        "kind": kind,
        "metadata": {"name": name, "labels": labels},
    }
    match kind:
        case "Deployment" | "ReplicaSet":
            body["spec"] = _workload(name)
        case "Service":
            body["spec"] = {"selector": {"app": name}, "ports": [{"port": 80}]}
        case "ConfigMap":
            body["data"] = {"config": "key: value\n" * 60}
        case "Secret":
            body["stringData"] = {"password": "secret" * 8}
        case "Role":
            body["rules"] = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
        case "RoleBinding":
            body["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    return body


def _workload(name: str) -> dict[str, Any]:
    variables = [{"name": f"VARIABLE_{number}", "value": "a value"} for number in range(10)]
    container = {"name": "main", "image": "registry.example.com/app:1.2.3", "env": variables}
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}


def _replica_set(name: str, uid: str) -> dict[str, Any]:
    body = _object("ReplicaSet", name)
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": uid}
    body["metadata"]["ownerReferences"] = [{**owner, "controller": True, "blockOwnerDeletion": True}]
    return body


def by_kind() -> Iterator[str]:
    """What is deleted by name in each namespace, as kubectl takes it."""
    return itertools.chain.from_iterable(
        (f"{kind.lower()}/{name}" for name in names(kind)) for kind in COUNTS
    )
