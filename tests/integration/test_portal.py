"""Something in between answers writes in the API server's stead: 200 and a page. Nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import BACKUP_VOLUMES, Namespace
from velero_volume_controller.annotate.apply import read, write
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.credentials import Cluster
from velero_volume_controller.kube.election import Candidate, Elector, lease_limits
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.fence import Fence
from velero_volume_controller.kube.lease import ElectionTimes
from velero_volume_controller.kube.watches import Hooks, Key, Reflector

PAGE = "<html><body>Welcome! Please log in to use this network.</body></html>"


LIMITS = lease_limits(ElectionTimes())


@asynccontextmanager
async def between(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], folder: Path
) -> AsyncIterator[Cluster]:
    """What answers so stands where the API server should."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(
        f"clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{runner.addresses[0][1]}'}}}}]\n"
        "contexts: [{name: c, context: {cluster: c}}]\ncurrent-context: c\nusers: []\n"
    )
    try:
        yield Cluster(kubeconfig)
    finally:
        await runner.cleanup()


@pytest.fixture
async def direct(control_plane: ControlPlane) -> AsyncIterator[Client]:
    async with Client.connect(Cluster(control_plane.kubeconfig)) as client:
        yield client


@pytest.fixture
async def portal(direct: Client, tmp_path: Path) -> AsyncIterator[Client]:
    """A client whose reads get through, and whose writes end at the portal."""

    async def answer(request: web.Request) -> web.Response:
        if request.method != "GET":
            return web.Response(text=PAGE, content_type="text/html")
        try:
            return web.Response(body=await direct.request("GET", request.path))
        except ApiError as error:
            body = {"kind": "Status", "reason": error.reason, "message": error.message}
            return web.json_response(body, status=error.status)

    async with between(answer, tmp_path) as cluster, Client.connect(cluster, LIMITS) as client:
        yield client


async def test_an_annotation_is_not_taken_for_written(portal: Client, namespace: Namespace) -> None:
    namespace.create_pod("web")
    pod = await read(portal, Key(namespace.name, "web"))
    assert pod is not None
    with pytest.raises(ApiError, match="the answer is no pod"):
        await write(portal, pod, {BACKUP_VOLUMES: "data"})
    assert namespace.annotations("web") == {}


@pytest.mark.parametrize("exists", [False, True], ids=["not there yet", "held by another until now"])
async def test_a_lease_is_not_taken_for_held(
    direct: Client, portal: Client, namespace: Namespace, exists: bool
) -> None:
    if exists:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace.name}/leases"
        await direct.request("POST", path, body=b'{"metadata":{"name":"it"},"spec":{"holderIdentity":""}}')
    led, stop = False, asyncio.Event()

    async def lead() -> None:
        nonlocal led
        led = True

    elector = Elector(portal, Candidate(namespace.name, "it", "me", ElectionTimes()), Fence(), lambda _: None)
    running = asyncio.create_task(elector.run(lead, stop))
    await asyncio.sleep(1)
    stop.set()
    await running
    assert not led


async def test_a_watch_that_is_told_when_to_come_back_comes_no_sooner(direct: Client, tmp_path: Path) -> None:
    watches = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal watches
        if "watch" not in request.query:
            return web.Response(body=await direct.request("GET", request.path))
        watches += 1
        return web.Response(status=429, headers={"Retry-After": "60"})

    async with between(answer, tmp_path) as cluster, Client.connect(cluster, LIMITS) as client:
        reflector = Reflector(client, "/api/v1/pods", Hooks(lambda _: None, lambda: None))
        async with aclosing(reflector.events()) as events:

            async def follow() -> None:
                async for _ in events:
                    pass

            with pytest.raises(TimeoutError):
                await asyncio.wait_for(follow(), 3)
    assert watches == 1
