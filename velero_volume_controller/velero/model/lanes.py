"""A lane: one Velero installation that can run Backups, and how much at a time."""

import msgspec

from velero_volume_controller.velero.model.versions import NEWEST, Version


class StorageLocation(msgspec.Struct, frozen=True, kw_only=True):
    """A BackupStorageLocation. Two lanes on one bucket and prefix would collect each other's Backups."""

    name: str
    provider: str = ""
    bucket: str = ""
    prefix: str = ""
    default: bool = False
    read_only: bool = False
    available: bool = True
    message: str = ""


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A Velero server.

    ``slots``: Backups that it runs at the same time (``--concurrent-backups``, since 1.18; else 1).
    ``item_workers``: pods that one Backup works on at the same time (``--item-block-worker-count``, 1.16).
    ``load``: volumes that a node's agent takes at the same time, by node; ``default_load`` where a node
    is not named (node-agent-config, ``loadConcurrency``). ``nodes``: where a node-agent runs and is ready.
    ``problem`` is one sentence on why it takes no Backups now; None if it does.
    """

    namespace: str
    version: Version = NEWEST
    slots: int = 1
    item_workers: int = 1
    default_load: int = 1
    load: dict[str, int] = {}
    nodes: frozenset[str] = frozenset()
    locations: tuple[StorageLocation, ...] = ()
    problem: str | None = None

    def capacity(self, node: str) -> int:
        """Volumes that this node's agent takes at the same time."""
        return self.load.get(node, self.default_load)
