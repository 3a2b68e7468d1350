"""One Velero installation, followed: its Backups and PodVolumeBackups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from velero_volume_controller.kube.cache import Cache, Kind
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.permissions import Permission, allowed
from velero_volume_controller.kube.resources import Resource
from velero_volume_controller.kube.watches import Hooks, Key
from velero_volume_controller.observe.metrics import Metrics
from velero_volume_controller.velero.model.backups import Backup, decode_backup
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup, decode_pod_volume_backup

VELERO: Final = ("velero.io", "v1")
BACKUPS: Final = Resource(*VELERO, "backups", "Backup")
POD_VOLUME_BACKUPS: Final = Resource(*VELERO, "podvolumebackups", "PodVolumeBackup")
STORAGE_LOCATIONS: Final = Resource(*VELERO, "backupstoragelocations", "BackupStorageLocation")

#: What a lane is used for, without which no Backup is made in it.
VERBS: Final = (
    ("list", BACKUPS),
    ("watch", BACKUPS),
    ("create", BACKUPS),
    ("patch", BACKUPS),
    ("get", BACKUPS),
    ("list", POD_VOLUME_BACKUPS),
    ("watch", POD_VOLUME_BACKUPS),
)


class _Backups(Cache[str, Backup]):
    def __init__(self, namespace: str, hooks: Hooks, changed: Callable[[Backup], None]) -> None:
        super().__init__(Kind(BACKUPS.path(namespace), _name, decode_backup), hooks)
        self._changed = changed

    def put(self, name: str, found: Backup | None) -> None:
        before = self.objects.get(name)
        super().put(name, found)
        if (last := found or before) is not None and found != before:
            self._changed(last)


class _Volumes(Cache[str, PodVolumeBackup]):
    """Also by their Backups: a cluster may hold a hundred thousand of them."""

    def __init__(self, namespace: str, hooks: Hooks, changed: Callable[[str], None]) -> None:
        super().__init__(Kind(POD_VOLUME_BACKUPS.path(namespace), _name, decode_pod_volume_backup), hooks)
        self._changed = changed
        self._of_backup: dict[str, dict[str, PodVolumeBackup]] = {}

    def of(self, backup: str) -> Iterable[PodVolumeBackup]:
        """The volumes of this Backup, as last seen."""
        return self._of_backup.get(backup, {}).values()

    def put(self, name: str, found: PodVolumeBackup | None) -> None:
        before = self.objects.get(name)
        super().put(name, found)
        if found == before:
            return
        if before is not None:
            volumes = self._of_backup[before.backup]
            del volumes[name]
            if not volumes:
                del self._of_backup[before.backup]
            if found is None or found.backup != before.backup:
                self._changed(before.backup)
        if found is not None:
            self._of_backup.setdefault(found.backup, {})[name] = found
            self._changed(found.backup)


class LaneWatch:
    """What this Velero's namespace holds, kept up to date while ``follow`` and ``follow_volumes`` run.

    ``backup_changed`` is told each Backup that appears, changes or goes, ``volumes_changed`` the
    name of a Backup of which a volume has.
    """

    def __init__(
        self,
        namespace: str,
        metrics: Metrics,
        backup_changed: Callable[[Backup], None],
        volumes_changed: Callable[[str], None],
    ) -> None:
        self.namespace = namespace
        self._metrics = metrics
        self._forbidden: set[str] = set()
        self._backups = _Backups(namespace, self._hooks(BACKUPS), backup_changed)
        self._volumes = _Volumes(namespace, self._hooks(POD_VOLUME_BACKUPS), volumes_changed)

    async def follow(self, client: Client) -> None:
        """For ever."""
        await self._backups.follow(client)

    async def follow_volumes(self, client: Client) -> None:
        """For ever."""
        await self._volumes.follow(client)

    @property
    def forbidden(self) -> bool:
        """The right to look was lost: what is held here grows old."""
        return bool(self._forbidden)

    async def listed(self) -> None:
        """Waits until both have been listed once; before, what is not seen may be there."""
        await self._backups.synced.wait()
        await self._volumes.synced.wait()

    @property
    def backups(self) -> Mapping[str, Backup]:
        """By name; they go on changing."""
        return self._backups.objects

    def volumes(self, backup: str) -> Iterable[PodVolumeBackup]:
        """Those of one Backup."""
        return self._volumes.of(backup)

    def _hooks(self, resource: Resource) -> Hooks:
        def restarted(reason: str) -> None:
            change = self._forbidden.add if reason == "forbidden" else self._forbidden.discard
            change(resource.plural)
            self._metrics.watch_restarts.labels(resource.plural, reason).inc()

        return Hooks(restarted, self._metrics.undecodable.labels(resource.plural).inc)

    def all_volumes(self) -> Iterable[PodVolumeBackup]:
        """Those of all Backups."""
        return list(self._volumes.objects.values())


async def missing(client: Client, namespace: str) -> list[Permission]:
    """The rights that this client lacks for making Backups there.

    Where the right to ask was taken away, nothing counts as missing. Raises as Client.request else.
    """
    wanted = [Permission(verb, resource.plural, resource.group, namespace) for verb, resource in VERBS]
    try:
        return [each for each in wanted if not await allowed(client, each)]
    except ApiError as error:
        if error.status != 403:
            raise
        return []


def _name(key: Key) -> str:
    return key.name
