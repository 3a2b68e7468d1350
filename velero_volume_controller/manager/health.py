"""/livez, /readyz and /metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.manager.settings import ListenAddress
from velero_volume_controller.observe.metrics import Metrics

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class CannotListen(KubeError):  # noqa: N818  (the name says what is the case)
    """The address for health and metrics can't be had."""


@asynccontextmanager
async def serve(
    address: ListenAddress | None, ready: Callable[[], bool], metrics: Metrics
) -> AsyncIterator[None]:
    """Answers as long as the context lasts. Raises CannotListen.

    Answering at all is being alive: the event loop turns. Ready is when the caches
    are synced; a replica that doesn't lead is ready too, or no rollout would end.
    """
    if address is None:
        yield
        return

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        if ready():
            return web.Response(text="ok\n")
        return web.Response(status=503, text="the cluster's objects have not all been listed yet\n")

    async def exposition(_: web.Request) -> web.Response:
        body, content_type = metrics.exposition()
        return web.Response(body=body, headers={"Content-Type": content_type})

    application = web.Application()
    application.add_routes(
        [web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", exposition)]
    )
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address.host or None, address.port)
        try:
            await site.start()
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that DNS can't hold
            reason = getattr(error, "strerror", None) or error
            raise CannotListen(
                f"--metrics-address {address.host}:{address.port}: {reason}; choose another address, or off"
            ) from error
        for bound in runner.addresses:
            log.info("serving health and metrics", host=bound[0], port=bound[1])
        yield
    finally:
        await runner.cleanup()
