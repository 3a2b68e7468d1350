"""A lane: one Velero installation that can run Backups, and how much at a time."""

from typing import Final

import msgspec

from velero_volume_controller.velero.model.versions import NEWEST, Version

#: Item workers of a Velero that hands over the volumes of all pods at once and waits at the end (1.14, 1.15).
UNBOUNDED: Final = 1_000_000


class StorageLocation(msgspec.Struct, frozen=True, kw_only=True):
    """A BackupStorageLocation. Two lanes on one bucket and prefix would collect each other's Backups.

    ``endpoint`` is where the bucket is (``s3Url`` or ``region`` of its config): two providers may have
    buckets of one name.
    """

    name: str
    provider: str = ""
    bucket: str = ""
    prefix: str = ""
    endpoint: str = ""
    default: bool = False
    read_only: bool = False
    available: bool = True
    message: str = ""


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A Velero server.

    ``slots``: Backups that it runs at the same time (``--concurrent-backups``, since 1.18; else 1).
    ``item_workers``: pods that one Backup works on at the same time (``--item-block-worker-count``, 1.16).
    ``load``: volumes that a node's agent takes at the same time, by node; ``default_load`` where a node
    is not named (node-agent-config, ``loadConcurrency``). ``nodes``: where a node-agent runs and is ready;
    None if that is not known. ``default_location``: the location of Backups that name none.
    ``fs_backup_default``: all volumes are taken unless excluded (``--default-volumes-to-fs-backup``);
    ``fs_backup_timeout`` in seconds. ``problem`` is one sentence on why it takes no Backups now; None if it
    does. ``notes`` are sentences on settings that Velero does not heed.
    """

    namespace: str
    version: Version = NEWEST
    slots: int = 1
    item_workers: int = 1
    default_load: int = 1
    load: dict[str, int] = {}
    nodes: frozenset[str] | None = None
    locations: tuple[StorageLocation, ...] = ()
    default_location: str = "default"
    fs_backup_default: bool = False
    fs_backup_timeout: float = 14400.0
    uploader: str = "kopia"
    problem: str | None = None
    notes: tuple[str, ...] = ()

    def capacity(self, node: str) -> int:
        """Volumes that this node's agent takes at the same time."""
        return self.load.get(node, self.default_load)

    def location(self, name: str | None) -> StorageLocation | None:
        """The one so called, or the one that Backups go to that name none; None if it is not there."""
        if not name:
            marked = next((each.name for each in self.locations if each.default), None)
            name = marked or self.default_location
        return next((each for each in self.locations if each.name == name), None)
