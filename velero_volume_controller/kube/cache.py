"""The objects of one resource as last seen, each cut down to what matters, kept up to date by one watch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec
import structlog

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.watches import Applied, Deleted, Hooks, Key, Reflector, Synced

K = TypeVar("K")
T = TypeVar("T")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kind(Generic[K, T]):
    """What is followed: where it is listed, the name that each object is kept by, and how it is read.

    ``decode`` raises msgspec.MsgspecError for what it can't read; that object counts as absent.
    ``version`` gives the resourceVersion where the object's form keeps it: then a version that is
    known already is not read a second time.
    """

    path: str
    name: Callable[[Key], K]
    decode: Callable[[msgspec.Raw], T]
    version: Callable[[T], str] | None = None


class Cache(Generic[K, T]):
    """Objects by their names. They go on changing under whoever holds ``objects``."""

    def __init__(self, kind: Kind[K, T], hooks: Hooks) -> None:
        self.kind = kind
        self.objects: dict[K, T] = {}
        self.synced = asyncio.Event()
        #: When the first object came, on the monotonic clock.
        self.begun = float("inf")
        self._hooks = hooks
        self._listener: Callable[[K], None] | None = None

    def __len__(self) -> int:
        return len(self.objects)

    def listen(self, listener: Callable[[K], None] | None) -> None:
        """Calls this with the name of every object that appears, changes or goes; None ends it.

        What is equal in all that is kept of it has not changed; so are most writes.
        """
        self._listener = listener

    async def follow(self, client: Client) -> None:
        """Keeps the objects up to date for ever."""
        async for event in Reflector(client, self.kind.path, self._hooks).events():
            match event:
                case Applied():
                    self._apply(event)
                case Deleted(key):
                    self.put(self.kind.name(key), None)
                case Synced():
                    self.synced.set()
                    log.info("listed", path=self.kind.path, objects=len(self.objects))

    def put(self, name: K, found: T | None) -> None:
        """The object is this now, or gone."""
        if self.objects.get(name) == found:
            return
        if not self.objects:
            self.begun = min(self.begun, time.monotonic())
        if found is None:
            del self.objects[name]
        else:
            self.objects[name] = found
        if self._listener is not None:
            self._listener(name)

    def _apply(self, event: Applied) -> None:
        name = self.kind.name(event.key)
        before = self.objects.get(name)
        if before is not None and self.kind.version and self.kind.version(before) == event.version:
            return
        try:
            found = self.kind.decode(event.raw)
        except msgspec.MsgspecError as error:
            log.warning(
                "an object that can't be read counts as absent",
                path=self.kind.path,
                namespace=event.key.namespace,
                name=event.key.name,
                error=str(error),
            )
            self._hooks.undecodable()
            self.put(name, None)
        else:
            self.put(name, found)
