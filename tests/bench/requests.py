"""Many requests to an API server at the same time: what a benchmark makes before it measures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

import aiohttp

from tests.bench.rival import access

CONNECTIONS: Final = 24

T = TypeVar("T")


async def for_each(
    kubeconfig: Path, todo: Iterable[T], request: Callable[[aiohttp.ClientSession, T], Awaitable[None]]
) -> None:
    """Take up one after the other over all connections; the session's paths are the server's."""
    server, context = access(kubeconfig)
    connector = aiohttp.TCPConnector(ssl=context, limit=CONNECTIONS)
    left = iter(todo)
    async with aiohttp.ClientSession(connector=connector, base_url=server) as session:

        async def work() -> None:
            for each in left:
                await request(session, each)

        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
