"""A loop that runs whenever the cluster has what it needs, and is begun anew when it fails.

Where CustomResourceDefinitions or rights are missing, one line of the log says so, everything else works on,
and what appears later is picked up without a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.kube.waiting import first_of

#: How often what is missing is looked for. Seconds.
LOOK_AGAIN: Final = 10.0
#: After a watch broke, before it is asked whether that was for good. Seconds.
IN_DOUBT: Final = 1.0

#: One sentence on what is missing; None if nothing is.
Missing = Callable[[], Awaitable[str | None]]
#: Runs a coroutine for as long as the loop runs.
Spawn = Callable[[Coroutine[Any, Any, None]], None]

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Loop(Protocol):
    """A loop over one resource. ``doubted`` is set when its watch breaks."""

    doubted: asyncio.Event

    async def follow(self, client: Client) -> None:
        """Keeps the cache up to date for ever."""

    async def run(self, stop: asyncio.Event) -> None:
        """Works until ``stop``, and finishes what is in hand."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """``failed`` is told of each error that nothing expected."""

    client: Client
    failed: Callable[[], None]

    async def keep(
        self,
        what: str,
        missing: Missing,
        make: Callable[[Spawn, asyncio.Event], Loop],
        stop: asyncio.Event,
    ) -> None:
        """Runs the loop whenever nothing is missing, until ``stop``."""
        said = ""
        while not stop.is_set():
            try:
                lacking = await missing()
                if lacking is None:
                    said = ""
                    log.info("carried out from now on", what=what)
                    await self._session(missing, make, stop)
                    continue
                if lacking != said:
                    said = lacking
                    log.warning("not carried out; it is looked for again", what=what, missing=lacking)
            except KubeError as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("could not ask whether it can be carried out", what=what, error=said)
            except Exception:
                self.failed()
                log.exception("a loop failed; it is begun anew", what=what)
            await first_of(stop, timeout=LOOK_AGAIN)

    async def _session(
        self, missing: Missing, make: Callable[[Spawn, asyncio.Event], Loop], stop: asyncio.Event
    ) -> None:
        """Until ``stop``, or until something is missing."""
        tasks: list[asyncio.Task[None]] = []
        gone, ending = asyncio.Event(), asyncio.Event()

        def spawn(coroutine: Coroutine[Any, Any, None]) -> None:
            tasks.append(group.create_task(coroutine))

        async with asyncio.TaskGroup() as group:
            loop = make(spawn, ending)
            spawn(loop.follow(self.client))
            spawn(_until_missing(loop, missing, gone))
            working = group.create_task(loop.run(ending))
            await first_of(stop, gone)
            ending.set()
            await working
            for task in tasks:
                task.cancel()


async def _until_missing(loop: Loop, missing: Missing, gone: asyncio.Event) -> None:
    """Sets ``gone`` when the loop's watch broke because what it needs is there no more."""
    while True:
        await loop.doubted.wait()
        await asyncio.sleep(IN_DOUBT)
        loop.doubted.clear()
        try:
            if await missing() is not None:
                gone.set()
                return
        except KubeError:
            continue  # an outage, in which the watch breaks again
