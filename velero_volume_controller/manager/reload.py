"""The configuration's file, watched: what is good in it takes effect, what is not is refused and told.

Looked at twice a second instead of by inotify: a mounted ConfigMap swaps a symlink
two folders up, editors replace files or write into them, and network file systems
notify nobody. A stat costs microseconds.
"""

from __future__ import annotations

import asyncio
import os
import stat
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import structlog

from velero_volume_controller.api.configuration import Configuration, Ownership
from velero_volume_controller.config import ConfigurationError, Loaded, load
from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.manager.summary import summary
from velero_volume_controller.observe.metrics import Metrics

#: How often the file is looked at; it must look the same twice before it is read, or a file that is just
#: being written would be read half-way, and an empty file is a legal configuration. Seconds.
PERIOD: Final = 0.5
#: A file that is gone for so long is worth a word; while it is being replaced it may be missing. Seconds.
MISSED: Final = 5.0
#: How soon a configuration that was refused is tried again although it looks the same. Seconds.
AGAIN: Final = 30.0


class _Look(NamedTuple):
    """What a file looks like from outside."""

    mode: int
    inode: int
    size: int
    modified: int
    #: Who may read it has changed, too.
    changed: int


#: Makes a configuration take effect. Raises KubeError if that can't be done; then nothing has changed.
Apply = Callable[[Configuration], Awaitable[None]]
#: Told of each outcome: whether the file was accepted, and one or two sentences about it.
Tell = Callable[[bool, str], Awaitable[None]]

T = TypeVar("T")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Reloader:
    """Keeps the configuration in force equal to the file, as far as the file can be used."""

    def __init__(
        self, path: Path, ownership: Ownership | None, apply: Apply, tell: Tell, metrics: Metrics
    ) -> None:
        self._path = path
        self._ownership = ownership
        self._apply = apply
        self._tell = tell
        self._metrics = metrics
        self._refused = ""
        self._warnings: tuple[str, ...] | None = None
        self._retry_at = float("inf")

    @property
    def refused(self) -> str:
        """Why the file as it is now is not in force; empty if it is."""
        return self._refused

    async def follow(self, current: Configuration) -> None:
        """Watches the file for ever, ``current`` having been read from it some time before."""
        self._metrics.configuration_valid.set(1)
        started = current
        read: _Look | None = _Look(0, 0, 0, 0, 0)
        first = last = self._look()
        since = time.monotonic()
        if first is not None and not stat.S_ISREG(first.mode):
            log.info("the configuration is no regular file, so it is not read again", path=str(self._path))
            return
        while True:
            await asyncio.sleep(PERIOD)
            now, look = time.monotonic(), self._look()
            if look != last:
                last, since = look, now
                continue
            if look is None and now - since < MISSED:
                continue
            if look == read and now < self._retry_at:
                continue
            read = look
            try:
                if look is not None and not stat.S_ISREG(look.mode):
                    await self._refuse(f"{self._path}: is no regular file any more. Put one in its place.")
                    continue
                loaded = await self._load()
                if loaded is None or self._look() != look:
                    continue
                if look is not None and look.size == 0 and loaded.configuration != current:
                    # At a start it means the defaults; in the place of a configuration it is a mishap: a
                    # full disk, a template that failed. The defaults would annotate every PVC.
                    await self._refuse(f"{self._path}: is empty now. If all defaults are meant, write {{}}.")
                else:
                    current = await self._adopt(loaded, current, started)
            except Exception as error:
                self._metrics.loop_errors.labels("configuration").inc()
                log.exception("reading the configuration failed", path=str(self._path))
                await self._refuse(f"{self._path}: cannot be read: {error!r}. Please report this.")

    def _look(self) -> _Look | None:
        """Through all links: what they lead to now."""
        try:
            found = os.stat(self._path)
        except (OSError, ValueError):
            return None
        return _Look(found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    async def _load(self) -> Loaded | None:
        """In a thread: a large file takes a second to parse, and the Lease is to be renewed meanwhile."""
        try:
            return await _beside(partial(load, self._path, self._ownership))
        except ConfigurationError as error:
            await self._refuse(str(error))
            return None

    async def _adopt(self, loaded: Loaded, current: Configuration, started: Configuration) -> Configuration:
        """The configuration that is in force afterwards."""
        configuration = loaded.configuration
        known, self._warnings = self._warnings, loaded.warnings
        if configuration == current and not self._refused:
            # The first look sees what the start has seen, and warned of.
            if known is not None:
                _warn(set(loaded.warnings) - set(known))
                log.info("the configuration's file has changed and means the same", path=str(self._path))
            return current
        try:
            await self._apply(configuration)
        except KubeError as error:
            await self._refuse(str(error))
            return current
        self._retry_at = float("inf")
        self._refused = ""
        self._metrics.configuration_valid.set(1)
        self._metrics.reloads.labels("success").inc()
        _warn(loaded.warnings)
        log.info("configuration reloaded", **summary(configuration))
        if configuration.cluster != started.cluster:
            log.warning(
                "what the configuration says of the API server and of leader election takes effect at the"
                " next start; restart all replicas",
                path=str(self._path),
            )
        await self._tell(True, f"{self._path} is in force.")
        return configuration

    async def _refuse(self, why: str) -> None:
        """The last good configuration stays in force. The same reason is told once, and the file tried again.

        An outage, a disk's error or a missing right passes without the file's changing.
        """
        self._retry_at = time.monotonic() + AGAIN
        self._metrics.configuration_valid.set(0)
        if why == self._refused:
            return
        self._refused = why
        self._metrics.reloads.labels("failure").inc()
        log.error("the configuration was refused; the last good one stays in force", error=why)
        await self._tell(False, why)


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        log.warning(warning)


async def _beside(work: Callable[[], T]) -> T:
    """What ``work`` returns, done in a thread of its own that nobody waits for when the process ends."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def finish(done: Callable[[Any], None], outcome: object) -> None:
        if not future.cancelled():
            done(outcome)

    def run() -> None:
        try:
            outcome = partial(finish, future.set_result, work())
        except Exception as error:  # noqa: BLE001  (raised where it is awaited)
            outcome = partial(finish, future.set_exception, error)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(outcome)

    threading.Thread(target=run, daemon=True).start()
    return await future
