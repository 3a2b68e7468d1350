"""Every pod of the cluster, cut down to what decides, kept up to date by one watch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import structlog

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.watches import Applied, Deleted, Hooks, Key, Reflector, Synced
from velero_volume_controller.observe.metrics import Metrics
from velero_volume_controller.velero.model.pods import Pod, decode

PODS: Final = "/api/v1/pods"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class PodCache:
    """The pods as last seen. Every replica fills it, leading or not, so that a new leader can act at once."""

    def __init__(self, metrics: Metrics) -> None:
        self.synced = asyncio.Event()
        #: When the first page of pods came, on the monotonic clock.
        self.begun = float("inf")
        self._metrics = metrics
        self._pods: dict[Key, Pod] = {}
        self._listener: Callable[[Key], None] | None = None

    def get(self, key: Key) -> Pod | None:
        """The pod, or None if there is none."""
        return self._pods.get(key)

    def known(self) -> Iterable[Key]:
        """The keys of all pods, as of now."""
        return list(self._pods)

    def pods(self) -> list[Pod]:
        """All pods, as of now."""
        return list(self._pods.values())

    def __len__(self) -> int:
        return len(self._pods)

    def listen(self, listener: Callable[[Key], None] | None) -> None:
        """Calls this with the key of every pod that appears, changes or goes; None ends it."""
        self._listener = listener

    def replace(self, before: Pod, written: Pod) -> None:
        """We have made this of that. The watch will say so too, and then it is nothing new.

        Where the watch has been faster, it knows better.
        """
        key = Key(before.metadata.namespace, before.metadata.name)
        known = self._pods.get(key)
        if known is not None and known.metadata.resource_version == before.metadata.resource_version:
            self._pods[key] = written

    async def follow(self, client: Client) -> None:
        """Keeps the cache up to date for ever."""
        hooks = Hooks(
            restarted=lambda reason: self._metrics.watch_restarts.labels("pods", reason).inc(),
            undecodable=self._metrics.undecodable.labels("pods").inc,
        )
        async for event in Reflector(client, PODS, hooks).events():
            match event:
                case Applied(key, raw):
                    self._apply(key, raw)
                case Deleted(key):
                    self._remove(key)
                case Synced():
                    self.synced.set()
                    log.info("pods listed", pods=len(self._pods))

    def _apply(self, key: Key, raw: msgspec.Raw) -> None:
        try:
            pod = decode(raw)
        except msgspec.MsgspecError as error:
            log.warning(
                "a pod that can't be read is left alone",
                namespace=key.namespace,
                pod=key.name,
                error=str(error),
            )
            self._metrics.undecodable.labels("pods").inc()
            self._remove(key)
            return
        before = self._pods.get(key)
        if not self._pods:
            self.begun = min(self.begun, time.monotonic())
        self._pods[key] = pod
        # A list after a lost watch repeats what is known already.
        changed = before is None or before.metadata.resource_version != pod.metadata.resource_version
        if changed and self._listener is not None:
            self._listener(key)

    def _remove(self, key: Key) -> None:
        if self._pods.pop(key, None) is not None and self._listener is not None:
            self._listener(key)
