"""What decisions need besides the pods: namespaces, claims and volumes, where they may be read.

Each is optional. What may not be read is None in ``Surroundings``, and what hangs
on it goes unchecked; a configuration whose rules cannot be decided without it is
refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import structlog

from velero_volume_controller.api.configuration import Configuration
from velero_volume_controller.kube.cache import Cache, Kind
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.permissions import Permission, allowed
from velero_volume_controller.kube.watches import Hooks, Key
from velero_volume_controller.observe.metrics import Metrics
from velero_volume_controller.policy.needs import needs
from velero_volume_controller.velero.model.claims import Claim, PersistentVolume, decode_claim, decode_volume
from velero_volume_controller.velero.model.namespaces import Namespace, decode_namespace
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.surroundings import Surroundings
from velero_volume_controller.velero.model.unseen import UNSEEN
from velero_volume_controller.velero.model.versions import NEWEST, Version

#: What following a resource takes.
VERBS: Final = ("list", "watch")

#: Runs a coroutine for as long as the process works.
Spawn = Callable[[Coroutine[Any, Any, None]], None]

K = TypeVar("K")
T = TypeVar("T")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Forbidden(KubeError):  # noqa: N818  (the name says what is the case)
    """The rules ask for what this user or service account may not read."""


@dataclass
class Changes:
    """What has changed, collected by a listener until it is dealt with."""

    namespaces: set[str] = field(default_factory=set)
    claims: set[tuple[str, str]] = field(default_factory=set)
    persistent_volumes: set[str] = field(default_factory=set)
    any: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self) -> Changes:
        """What was collected; collecting begins anew."""
        taken = Changes(self.namespaces.copy(), self.claims.copy(), self.persistent_volumes.copy())
        self.namespaces.clear()
        self.claims.clear()
        self.persistent_volumes.clear()
        self.any.clear()
        return taken


def users(pods: Iterable[Pod], changes: Changes, surroundings: Surroundings) -> Iterator[Key]:
    """The pods that use any of what has changed.

    A pass over all pods instead of an index from claims to pods: it takes some
    milliseconds for 10,000 pods and is made a few times a second at most, while an
    index would have to be kept with every pod.
    """
    claims = surroundings.claims or {}
    for pod in pods:
        namespace = pod.metadata.namespace
        if namespace in changes.namespaces:
            yield Key(namespace, pod.metadata.name)
            continue
        for volume in pod.spec.volumes:
            if volume.claim is None:
                continue
            claim = claims.get((namespace, volume.claim))
            if (namespace, volume.claim) in changes.claims or (
                claim is not None and claim.volume in changes.persistent_volumes
            ):
                yield Key(namespace, pod.metadata.name)
                break


class _Kept(Cache[K, T]):
    """A cache that may have to do without the right to fill it."""

    def __init__(self, resource: str, kind: Kind[K, T], metrics: Metrics) -> None:
        super().__init__(kind, Hooks(self._restarted, metrics.undecodable.labels(resource).inc))
        self.resource = resource
        self.followed = False
        #: What is followed may have been forbidden since: the watch then ends with 403 again and again.
        self.forbidden = False
        self.readable = False
        self._metrics = metrics

    @property
    def seen(self) -> dict[K, T] | None:
        """The objects, which go on changing; None if they may not be read."""
        return self.objects if self.readable else None

    def _restarted(self, reason: str) -> None:
        self.forbidden = reason == "forbidden"
        self._metrics.watch_restarts.labels(self.resource, reason).inc()


class LiveSurroundings:
    """Namespaces, claims and volumes as last seen, as far as the configuration asks for them."""

    def __init__(self, client: Client, metrics: Metrics, spawn: Spawn) -> None:
        self._client = client
        self._spawn = spawn
        self._said: frozenset[str] = frozenset()
        self._namespaces: _Kept[str, Namespace] = _Kept(
            "namespaces", Kind("/api/v1/namespaces", _name, decode_namespace), metrics
        )
        self._claims: _Kept[tuple[str, str], Claim] = _Kept(
            "persistentvolumeclaims", Kind("/api/v1/persistentvolumeclaims", _pair, decode_claim), metrics
        )
        self._volumes: _Kept[str, PersistentVolume] = _Kept(
            "persistentvolumes", Kind("/api/v1/persistentvolumes", _name, decode_volume), metrics
        )

    def listen(self, listener: Changes | None) -> None:
        """Collects there from now on what changes; None ends it."""
        if listener is None:
            for each in (self._namespaces, self._claims, self._volumes):
                each.listen(None)
            return
        self._namespaces.listen(_mark(listener, listener.namespaces))
        self._claims.listen(_mark(listener, listener.claims))
        self._volumes.listen(_mark(listener, listener.persistent_volumes))

    async def prepare(self, configuration: Configuration, velero: Version) -> Surroundings:
        """Follow what this configuration can use; return it when all of it has been listed.

        Legacy mode with the nine keys uses nothing. The right to what is not followed
        yet is asked for anew each time. Raises Forbidden if a rule can't be decided without something that
        may not be read, and KubeError if the API server can't be asked.
        """
        if configuration.as_go_program:
            return Surroundings(velero=velero)
        missing = await self._lacking()
        _refuse(configuration, missing)
        self._say(missing)
        return await self._followed(missing, velero)

    async def everything(self) -> Surroundings:
        """Follow all that may be read, whatever the configuration uses; return it when it has been listed.

        Raises KubeError if the API server can't be asked.
        """
        return await self._followed(await self._lacking(), NEWEST)

    @property
    def _kept(self) -> tuple[_Kept[Any, Any], ...]:
        return (self._namespaces, self._claims, self._volumes)

    async def _lacking(self) -> dict[str, list[Permission]]:
        return {each.resource: verbs for each in self._kept if (verbs := await self._missing(each))}

    async def _followed(self, missing: dict[str, list[Permission]], velero: Version) -> Surroundings:
        for each in self._kept:
            each.readable = each.resource not in missing
            if each.readable and not each.followed:
                each.followed = True
                self._spawn(each.follow(self._client))
        for each in self._kept:
            if each.readable:
                await each.synced.wait()
        return Surroundings(self._namespaces.seen, self._claims.seen, self._volumes.seen, velero)

    async def _missing(self, kept: _Kept[Any, Any]) -> list[Permission]:
        """The verbs that are not granted. Where the right to ask was taken away, a list is tried.

        Of what is followed the watch knows: an outage must not keep a new configuration waiting.
        """
        if kept.followed:
            return [Permission("watch", kept.resource)] if kept.forbidden else []
        try:
            wanted = [Permission(verb, kept.resource) for verb in VERBS]
            return [each for each in wanted if not await allowed(self._client, each)]
        except ApiError as error:
            if error.status != 403:
                raise
        try:
            await self._client.request("GET", kept.kind.path, query={"limit": "1"})
        except ApiError as error:
            if error.status != 403:
                raise
            return [Permission("list", kept.resource)]
        return []

    def _say(self, missing: dict[str, list[Permission]]) -> None:
        """One line for each resource, once."""
        for resource in missing.keys() - self._said:
            log.warning(
                "what may not be read goes unchecked",
                missing="; ".join(str(each) for each in missing[resource]),
                unchecked=UNSEEN[resource],
            )
        self._said = frozenset(missing)


def _mark(changes: Changes, collected: set[K]) -> Callable[[K], None]:
    def mark(name: K) -> None:
        collected.add(name)
        changes.any.set()

    return mark


def _name(key: Key) -> str:
    return key.name


def _pair(key: Key) -> tuple[str, str]:
    return key


def _refuse(configuration: Configuration, missing: dict[str, list[Permission]]) -> None:
    for rule, resource in needs(configuration):
        if resource in missing:
            raise Forbidden(
                f"{configuration.source}: rule {rule} cannot be decided without {resource}, and this user or"
                f" service account may not: {'; '.join(str(each) for each in missing[resource])}."
                " Grant it with a ClusterRole and a binding, as in the project's manifests,"
                " or take the condition out of the rule"
            )
