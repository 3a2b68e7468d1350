"""What a BackupSet's steps and plans are made from: its lanes, their Backups, what runs in the cluster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from velero_volume_controller.backup import naming
from velero_volume_controller.backup.objects import BackupSet
from velero_volume_controller.backup.steps import Observed
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.events import Recorder
from velero_volume_controller.kube.resources import Resource
from velero_volume_controller.observe.metrics import Metrics
from velero_volume_controller.velero.client.installations import read_lane
from velero_volume_controller.velero.client.lanes import LaneWatch, missing
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.installations import for_location
from velero_volume_controller.velero.model.lanes import Lane
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.surroundings import Surroundings

#: How old what is known of a Velero's settings and health may be; for a plan it is asked anew. Seconds.
FRESH: Final = 10.0
ANEW: Final = 0.0
#: How long a step waits for a lane's Backups to be listed before others get their turn, and after how long
#: it is said that they can't be. Seconds.
LISTING: Final = 5.0
PATIENCE: Final = 30.0

#: Runs a coroutine for as long as this process leads.
Spawn = Callable[[Coroutine[Any, Any, None]], None]


@dataclass(frozen=True, slots=True)
class Ground:
    """What runs in the cluster, as the process follows it anyway.

    ``listed`` is set once ``pods`` are all of them. ``surroundings`` waits until what may be read has been
    listed.
    """

    pods: Callable[[], Iterable[Pod]]
    listed: asyncio.Event
    surroundings: Callable[[], Awaitable[Surroundings]]


@dataclass(frozen=True, slots=True)
class Means:
    """What the process lends to the loops of this room."""

    client: Client
    ground: Ground
    recorder: Recorder
    metrics: Metrics


class LaneHidden(KubeError):  # noqa: N818  (the name says what is the case)
    """A lane's Backups can't be seen or made: a right is missing. Nothing may be concluded about them."""


class NotListed(KubeError):  # noqa: N818
    """A lane's Backups have not all been listed yet."""


@dataclass(slots=True)
class _Known:
    watch: LaneWatch
    lane: Lane | None = None
    asked: float = float("-inf")
    since: float = field(default_factory=time.monotonic)
    followed: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Lanes:
    """The Velero installations that sets use. One that was used is followed as long as this process leads."""

    def __init__(
        self,
        means: Means,
        spawn: Spawn,
        backup_changed: Callable[[str, Backup], None],
        volumes_changed: Callable[[str, str], None],
    ) -> None:
        """The listeners are told the lane's namespace, and the Backup or its name."""
        self._client = means.client
        self._ground = means.ground
        self._metrics = means.metrics
        self._spawn = spawn
        self._backup_changed = backup_changed
        self._volumes_changed = volumes_changed
        self._known: dict[str, _Known] = {}

    async def observe(
        self, names: Iterable[str], uid: str, location: str | None, revision: str, fresh: float = FRESH
    ) -> Observed:
        """The lanes as they are now, with all Backups that bear this set's uid and those of others under way.

        ``location`` is the storage location that the Backups are for, None Velero's default; ``revision`` is
        etcd's; ``fresh`` is how old the lanes' settings may be, in seconds. Raises LaneHidden, NotListed, and
        as Client.request.
        """
        known = [await self._know(name, fresh) for name in names]
        backups = [
            backup
            for each in known
            for backup in each.watch.backups.values()
            if not backup.ended or backup.labels.get(naming.SET_UID) == uid
        ]
        ours = [backup for backup in backups if backup.labels.get(naming.SET_UID) == uid]
        watches = {each.watch.namespace: each.watch for each in known}
        volumes = [volume for backup in ours for volume in watches[backup.namespace].volumes(backup.name)]
        return Observed(
            backups=tuple(backups),
            volumes=tuple(volumes),
            lanes=tuple(for_location(each.lane, location) for each in known if each.lane is not None),
            revision=revision,
        )

    def past(self, names: Iterable[str]) -> tuple[list[Backup], list[PodVolumeBackup]]:
        """All Backups of these lanes and their volumes: what predictions are learnt from."""
        watches = [self._known[name].watch for name in names if name in self._known]
        backups = [backup for watch in watches for backup in watch.backups.values()]
        return backups, [volume for watch in watches for volume in watch.all_volumes()]

    async def _know(self, namespace: str, fresh: float) -> _Known:
        known = self._known.get(namespace)
        if known is None:
            watch = LaneWatch(
                namespace,
                self._metrics,
                lambda backup: self._backup_changed(namespace, backup),
                lambda backup: self._volumes_changed(namespace, backup),
            )
            known = self._known[namespace] = _Known(watch)
        async with known.lock:
            if time.monotonic() - known.asked > fresh:
                await self._ask(known)
        try:
            async with asyncio.timeout(LISTING):
                await known.watch.listed()
        except TimeoutError:
            if time.monotonic() - known.since > PATIENCE:
                raise LaneHidden(
                    f"Velero in {namespace} can't be used: its Backups and PodVolumeBackups could not be"
                    " listed so far; the log says why the watch broke"
                ) from None
            raise NotListed(f"the Backups in {namespace} have not all been listed yet") from None
        return known

    async def _ask(self, known: _Known) -> None:
        """Whether it may be used, and how it is set now. A watch that goes on needs no asking for rights."""
        namespace = known.watch.namespace
        if not known.followed or known.watch.forbidden:
            lacking = await missing(self._client, namespace)
            if lacking:
                raise LaneHidden(
                    f"Velero in {namespace} can't be used: this service account may not"
                    f" {'; '.join(str(each) for each in lacking)}. Bind ClusterRole"
                    f" velero-volume-controller-lane there, as the project's manifests do for one Velero"
                )
        if not known.followed:
            known.followed = True
            self._spawn(known.watch.follow(self._client))
            self._spawn(known.watch.follow_volumes(self._client))
        known.lane = await read_lane(self._client, namespace, self._ground.pods())
        known.asked = time.monotonic()


def lanes_of(found: BackupSet) -> list[str]:
    """The namespaces of the Velero installations that this set uses or has used, each once, in order.

    The set's own is always among them: the rights that are asked for there are what tells Velero's namespace
    from any other (``inputs.refuse_elsewhere``).
    """
    chosen = [found.namespace]
    if found.spec is not None:
        chosen += [lane.namespace for lane in found.spec.lanes]
    planned = [shard.lane for shard in found.status.shards if shard.lane]
    attempted = [attempt.lane for shard in found.status.shards for attempt in shard.attempts if attempt.lane]
    return list(dict.fromkeys([*chosen, *planned, *attempted]))


class _ListMetadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""


class _List(msgspec.Struct):
    metadata: _ListMetadata


async def revision(client: Client, resource: Resource, namespace: str) -> str:
    """etcd's revision now: the resourceVersion of any list (of one object, as it is cheap)."""
    path = resource.path(namespace)
    body = await client.request("GET", path, query={"limit": "1"})
    try:
        return msgspec.json.decode(body, type=_List).metadata.resource_version
    except msgspec.MsgspecError as error:
        raise ApiError("GET", path, 200, "", f"the answer is no list ({error})") from error
