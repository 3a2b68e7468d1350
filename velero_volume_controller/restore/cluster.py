"""A cluster's live objects, and what they say of it; read here from what ``kubectl get`` printed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec

from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.dumps.documents import Item, items_of, read_items
from velero_volume_controller.dumps.objects import decoded
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.hosts import Hosts
from velero_volume_controller.restore.live import Live, decode_live
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.pod_volume_backups import (
    PodVolumeBackup,
    decode_pod_volume_backup,
)
from velero_volume_controller.velero.model.restores import VELERO_GROUP

#: How to get every object that a plan can ask about, for messages and help.
OBJECTS_COMMAND: Final = (
    "kubectl get $(kubectl api-resources --verbs=list -o name | paste -sd,) -A -o json > objects.json"
)
#: Objects between two tellings of how many have been read.
_OFTEN: Final = 500
#: The kind that tells whose claims a Backup has data of.
TAKEN: Final = (VELERO_GROUP, "PodVolumeBackup")


class _WireNames(msgspec.Struct, frozen=True):
    name: str = ""
    namespace: str = ""


class _WireNamed(msgspec.Struct, frozen=True):
    metadata: _WireNames = _WireNames()


_NAMED: Final = msgspec.json.Decoder(_WireNamed)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is known of a cluster.

    ``hosts`` are namespaces on which the cluster itself or Velero depends, with the sentence that says why.
    ``kinds`` are those of which there is an object: nothing is known of any other. ``taken`` are
    PodVolumeBackups, which tell whose claims a Backup has data of. ``unanswered`` are versions of groups of
    the API (``example.com/v1``) whose objects could not be seen.
    """

    objects: Mapping[Key, Live] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    kinds: frozenset[tuple[str, str]] = frozenset()
    taken: tuple[PodVolumeBackup, ...] = ()
    notes: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()


@dataclass
class Found:
    """What was seen of a cluster so far, whoever shows it. ``namespaces`` are those that hold something."""

    objects: dict[Key, Live] = field(default_factory=dict)
    hosts: Hosts = field(default_factory=Hosts)
    taken: list[PodVolumeBackup] = field(default_factory=list)
    namespaces: set[str] = field(default_factory=set)
    twice: int = 0

    def put(self, live: Live) -> None:
        """Add an object. Of two with one key the last counts: what is served in two versions comes twice."""
        known = self.objects.get(live.key)
        self.twice += known is not None and known.uid != live.uid
        self.objects[live.key] = live
        self.namespaces.add(live.key.namespace)

    def look(self, key: Key, raw: bytes | msgspec.Raw) -> None:
        """See what an object says of namespaces, and of Velero's data. Raises msgspec.MsgspecError."""
        self.hosts.look(key, raw)
        if kinds.of(key) == TAKEN:
            self.taken.append(decode_pod_volume_backup(raw))

    def look_at_name(self, group: str, kind: str, raw: bytes | msgspec.Raw) -> None:
        """See what an object says that is no business of a plan's. Raises likewise."""
        named = _NAMED.decode(raw).metadata
        self.hosts.look(Key(group, kind, named.namespace, named.name), raw)


def read_cluster(data: bytes, file: str, progress: Callable[[int], None] | None = None) -> Cluster:
    """Read what ``OBJECTS_COMMAND`` prints, as JSON or YAML. Raises ConfigurationError with file and line.

    ``progress`` is told now and then how many objects have been read.
    """
    found = Found()
    for number, item in enumerate(_items(data, file)):
        _take(found, item, file)
        if progress is not None and number % _OFTEN == 0:
            progress(number)
    if not found.objects:
        raise ConfigurationError(
            f"{file}:1: holds no objects, so what is live can't be told. Give what {OBJECTS_COMMAND} prints."
        )
    notes = []
    if found.twice:
        notes.append(
            f"{file}: holds {found.twice} objects that have another uid further down; the last counts."
        )
    return Cluster(
        found.objects,
        found.hosts.found(frozenset(found.namespaces)),
        frozenset(kinds.of(key) for key in found.objects),
        tuple(found.taken),
        tuple(notes),
    )


def _take(found: Found, item: Item, file: str) -> None:
    group = item.api_version.rpartition("/")[0]
    if kinds.left_out(Key(group, item.kind, "", "")):
        decoded(item, file, partial(found.look_at_name, group, item.kind))
        return
    live = decoded(item, file, partial(decode_live, group=group, kind=item.kind))
    found.put(live)
    decoded(item, file, partial(found.look, live.key))


def _items(data: bytes, file: str) -> Iterator[Item]:
    """The objects in a text. One JSON document, as kubectl prints it, is taken apart where it lies: a dump of
    a large cluster is some hundred megabytes, and every copy of it as much again."""
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
        whole = data.lstrip()[:1] == b"{"
    except (msgspec.MsgspecError, UnicodeDecodeError):
        whole = False
    if whole:
        for item in items_of(data, file, 1):
            yield Item(item.kind, item.api_version, item.raw, partial(_line, data, item.raw))
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{file}:{line}: is not UTF-8 text (byte 0x{data[error.start]:02x}). Save it as UTF-8."
        ) from None
    yield from read_items(text, file)


def _line(data: bytes, raw: bytes | msgspec.Raw) -> int:
    return data.count(b"\n", 0, max(data.find(bytes(raw)), 0)) + 1
