"""Reading a cluster once, when the server forgets the list between two pages or sends what is no pod."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import Namespace
from tests.integration.test_portal import between
from velero_volume_controller.annotate.snapshot import TRIES, take
from velero_volume_controller.api.configuration import Configuration
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.credentials import Cluster
from velero_volume_controller.kube.errors import ApiError

#: Pods alone, so that every request is one for pods.
PODS = Configuration(as_go_program=True)
COUNT = 505


@pytest.fixture
async def direct(control_plane: ControlPlane) -> AsyncIterator[Client]:
    async with Client.connect(Cluster(control_plane.kubeconfig)) as client:
        yield client


@pytest.fixture
def crowd(namespace: Namespace) -> Namespace:
    """More pods than a page holds."""
    for number in range(COUNT):
        spec = {"containers": [{"name": "main", "image": "none"}]}
        body = {"metadata": {"name": f"pod-{number}"}, "spec": spec}
        namespace.core.create_namespaced_pod(namespace.name, body)
    return namespace


def silent(resource: str, read: int, total: int | None) -> None:
    """No progress is shown."""


@pytest.mark.parametrize("forgotten", [1, TRIES - 1, TRIES])
async def test_a_list_that_is_forgotten_half_way_is_begun_anew(
    forgotten: int, direct: Client, crowd: Namespace, tmp_path: Path
) -> None:
    times = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal times
        if "continue" in request.query:
            times += 1
            if times <= forgotten:
                status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
                return web.json_response(status, status=410)
        return web.Response(body=await direct.request("GET", request.path, query=dict(request.query)))

    told: list[tuple[int, int | None]] = []
    async with between(answer, tmp_path) as cluster, Client.connect(cluster) as client:
        reading = take(client, PODS, lambda _, read, total: told.append((read, total)), namespace=crowd.name)
        if forgotten < TRIES:
            assert len((await reading).pods) == COUNT
            assert told[-1] == (COUNT, None)
            assert told[0] == (500, COUNT)
        else:
            with pytest.raises(ApiError, match="410 Expired"):
                await reading


async def test_an_object_that_is_no_pod_costs_a_warning(
    direct: Client, namespace: Namespace, tmp_path: Path
) -> None:
    namespace.create_pod("web")

    async def answer(request: web.Request) -> web.Response:
        found = json.loads(await direct.request("GET", request.path, query=dict(request.query)))
        found["items"].append({"metadata": {"name": 5, "namespace": "shop"}})
        found["items"].append({"metadata": {"name": "odd", "namespace": "shop"}, "spec": {"volumes": [{}]}})
        return web.json_response(found)

    async with between(answer, tmp_path) as cluster, Client.connect(cluster) as client:
        objects = await take(client, PODS, silent, namespace=namespace.name)
    assert [pod.metadata.name for pod in objects.pods] == ["web"]
    assert "one of the pods, without a name, can't be read" in objects.warnings[0]
    assert "one of the pods, shop/odd, can't be read" in objects.warnings[1]
