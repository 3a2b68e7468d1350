"""A resource followed: listed once, then watched, through everything that breaks watches.

The library's own watch took a proxy's HTML page for an event, reconnected 890
times a second when cut at once, and gave up on its second 410.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec
import structlog

from velero_volume_controller.kube.backoff import Backoff
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError, KubeconfigError, Unreachable
from velero_volume_controller.kube.lists import pages

#: The server ends a watch after this many seconds; random, so that not all of them end together.
LIFETIME: Final = (290, 600)
#: The server sends a bookmark about once a minute; a watch silent for longer is dead. Seconds.
SILENCE: Final = (75.0, 90.0)

#: While the server can't be reached or answers with errors, it is tried at least this often, so that
#: work goes on soon after it is back; a failed attempt costs the server next to nothing. Seconds.
OUTAGE: Final = 6.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Key(NamedTuple):
    """Which object of a resource. ``namespace`` is empty for what belongs to none."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The object is there: new, changed, or seen in a list. ``version`` is its resourceVersion."""

    key: Key
    version: str
    raw: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Deleted:
    """The object is gone."""

    key: Key


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything that the list held has been handed over."""


Event = Applied | Deleted | Synced


class _Expired(Exception):  # noqa: N818
    """The server no longer knows the version to resume from: list again."""


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    resource_version: str = ""


class _Object(msgspec.Struct):
    metadata: _Metadata


class _WatchEvent(msgspec.Struct):
    type: str
    object: msgspec.Raw


_OBJECT: Final = msgspec.json.Decoder(_Object)
_EVENT: Final = msgspec.json.Decoder(_WatchEvent)


@dataclass(frozen=True, slots=True)
class Hooks:
    """For the metrics: why a watch begins again: end, expired, error, forbidden; a skipped object."""

    restarted: Callable[[str], None]
    undecodable: Callable[[], None]


class Reflector:
    """Follows one resource for ever. Events of one object come in order; a list repeats what is known."""

    def __init__(self, client: Client, path: str, hooks: Hooks) -> None:
        self._client = client
        self._path = path
        self._hooks = hooks
        self._known: set[Key] = set()
        self._version = ""

    async def events(self) -> AsyncGenerator[Event, None]:
        """Applied and Deleted as they happen; Synced after each complete list. Never ends, never raises."""
        backoff = Backoff()
        while True:
            started = time.monotonic()
            reason, asked = "end", 0.0
            try:
                if not self._version:
                    async with aclosing(self._list()) as listed:
                        async for event in listed:
                            yield event
                # Closed with this generator, not by the collector some time later: it holds a connection.
                async with aclosing(self._watch()) as watched:
                    async for event in watched:
                        yield event
            except _Expired:
                reason = "expired"
                log.info("the watch's version expired; listing again", path=self._path)
                self._version = ""
            except (ApiError, Unreachable, KubeconfigError) as error:
                forbidden = isinstance(error, ApiError) and error.status == 403
                reason = "forbidden" if forbidden else "error"
                asked = (error.retry_after or 0.0) if isinstance(error, ApiError) else 0.0
                log.warning("the watch broke; it will be resumed", path=self._path, error=str(error))
            self._hooks.restarted(reason)
            lived = time.monotonic() - started
            delay = backoff.after(lived)
            if lived >= backoff.healthy:
                delay = 0.0
            elif reason in {"error", "forbidden"}:
                delay = min(delay, OUTAGE)
            await asyncio.sleep(max(asked, delay))

    async def _list(self) -> AsyncGenerator[Event, None]:
        seen: set[Key] = set()
        version = ""
        try:
            async for page in pages(self._client, self._path):
                version = page.resource_version
                for raw in page.items:
                    metadata = self._metadata(raw)
                    if metadata is not None:
                        key = Key(metadata.namespace, metadata.name)
                        seen.add(key)
                        self._known.add(key)
                        yield Applied(key, metadata.resource_version, raw)
                # A page is some milliseconds of work: let the Lease be renewed in between.
                await asyncio.sleep(0)
        except ApiError as error:
            if error.status == 410:
                raise _Expired from error
            raise
        for gone in self._known - seen:
            yield Deleted(gone)
        self._known = seen
        self._version = version
        yield Synced()

    async def _watch(self) -> AsyncGenerator[Event, None]:
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(random.randint(*LIFETIME)),  # noqa: S311
        }
        try:
            async with self._client.stream(self._path, query, random.uniform(*SILENCE)) as chunks:  # noqa: S311
                async for line in lines(chunks):
                    event = self._interpret(line)
                    if event is not None:
                        yield event
        except ApiError as error:
            if error.status == 410:
                raise _Expired from error
            raise

    def _interpret(self, line: bytes) -> Event | None:
        try:
            event = _EVENT.decode(line)
        except msgspec.MsgspecError as error:
            # Not Kubernetes's: a proxy answers 200 with a page of its own.
            text = line[:120].decode(errors="replace")
            raise ApiError("WATCH", self._path, 200, "", f"no watch event: {text!r} ({error})") from error
        if event.type == "ERROR":
            raise ApiError.from_event(self._path, event.object)
        metadata = self._metadata(event.object)
        if metadata is None:
            return None
        self._version = metadata.resource_version or self._version
        key = Key(metadata.namespace, metadata.name)
        if event.type in {"ADDED", "MODIFIED"}:
            self._known.add(key)
            return Applied(key, metadata.resource_version, event.object)
        if event.type == "DELETED":
            self._known.discard(key)
            return Deleted(key)
        return None  # BOOKMARK: it only brings the version forward

    def _metadata(self, raw: msgspec.Raw) -> _Metadata | None:
        try:
            return _OBJECT.decode(raw).metadata
        except msgspec.MsgspecError as error:
            log.warning("an object that can't be read was skipped", path=self._path, error=str(error))
            self._hooks.undecodable()
            return None


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Whole lines, however long. What follows the last newline when the stream ends was cut off: dropped."""
    parts: list[bytes] = []
    async for chunk in chunks:
        *complete, rest = chunk.split(b"\n")
        for line in complete:
            whole = b"".join([*parts, line]) if parts else line
            parts.clear()
            if whole:
                yield whole
        if rest:
            parts.append(rest)
