"""What the Backups of one restore point hold, from the files in which Velero tells of it. Pure."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.dumps.documents import complaint
from velero_volume_controller.velero.model.backup_contents import (
    Key,
    VolumeData,
    decode_description,
    decode_resource_list,
    decode_volume_infos,
)
from velero_volume_controller.velero.model.backups import COMPLETED, RESTORABLE
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.stored_files import (
    LackingVolume,
    decode_held_versions,
    decode_lacking,
)

#: How to get what a Backup holds, for messages and help.
CONTENTS_COMMAND: Final = "velero backup describe NAME --details -o json"
_ADVICE: Final = f"Give what {CONTENTS_COMMAND} prints, or the Backup's resource list"

_GZIP: Final = b"\x1f\x8b"
#: Where a tar archive says that it is one.
_TAR: Final = slice(257, 262)

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Contents:
    """What one restore point holds.

    ``items`` are its objects, under the names they had. ``data`` is what it holds of volumes; where
    ``data_known`` is false, there may be more. ``backups`` are the names of its Backups as far as they are
    told; ``notes`` are complete sentences. ``versions`` are the (group, version, kind) of its objects and
    ``lacking`` the volumes whose data it does not hold in full, as far as they are told.
    """

    items: frozenset[Key]
    data: tuple[VolumeData, ...] = ()
    data_known: bool = False
    backups: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    versions: frozenset[tuple[str, str, str]] = frozenset()
    lacking: tuple[LackingVolume, ...] = ()


class _Head(msgspec.Struct, rename="camel"):
    """By this the forms are told apart; a resource list has none of these keys."""

    metadata: Any = None
    phase: Any = None
    kind: str | None = None


_HEAD: Final = msgspec.json.Decoder(_Head)


def read_contents(files: Iterable[tuple[bytes, str]]) -> Contents:
    """Read (data, what messages call the file) of every Backup of one restore point.

    Each is a resource list, volume information, or a description, gzipped or not. Raises
    ConfigurationError with file and line.
    """
    found = _Found()
    for data, file in files:
        found.take(_unzipped(data, file), file)
    if not found.files:
        raise ConfigurationError(
            f"{found.first}:1: tells of volumes alone, and not which objects the Backup holds. {_ADVICE}."
        )
    return Contents(
        frozenset(found.items),
        tuple(sorted(found.data, key=msgspec.structs.astuple)),
        found.silent <= found.infos,
        tuple(sorted(found.backups)),
        tuple(found.notes),
    )


def unrestorable(name: str, phase: str) -> str | None:
    """Why nothing can be restored from a Backup in this phase, or None."""
    if phase in RESTORABLE:
        return None
    return (
        f"Backup {name} is in phase {phase or 'New'}, and only a Completed one can be restored (or in part a"
        " PartiallyFailed one). Choose another."
    )


def _partial(name: str, phase: str) -> list[str]:
    if phase == COMPLETED:
        return []
    return [f"Backup {name} is {phase}: what failed in it is not in it, and does not come back."]


def stored(
    name: str, phase: str, resources: bytes, volumes: bytes | None, taken: Iterable[PodVolumeBackup] = ()
) -> Contents:
    """What one Backup holds, from its resource list and its volume information as Velero keeps them.

    ``volumes`` is None where there is none: before 1.14 Velero kept none. Then ``taken``, the Backup's
    PodVolumeBackups in the cluster, tell of some data. Raises msgspec.MsgspecError.
    """
    return Contents(
        frozenset(decode_resource_list(resources)),
        decode_volume_infos(volumes) if volumes is not None else tuple(_data_taken(taken)),
        volumes is not None,
        (name,),
        tuple(_partial(name, phase)),
        decode_held_versions(resources),
        decode_lacking(volumes) if volumes is not None else (),
    )


def _data_taken(taken: Iterable[PodVolumeBackup]) -> Iterator[VolumeData]:
    for each in taken:
        if each.phase == COMPLETED:
            yield VolumeData(namespace=each.pod_namespace, claim=each.claim, pod=each.pod, volume=each.volume)


def joined(parts: Iterable[Contents]) -> Contents:
    """What several Backups hold that are one restore point."""
    each = list(parts)
    return Contents(
        frozenset[Key]().union(*(part.items for part in each)),
        tuple(sorted({data for part in each for data in part.data}, key=msgspec.structs.astuple)),
        all(part.data_known for part in each),
        tuple(sorted(name for part in each for name in part.backups)),
        tuple(note for part in each for note in part.notes),
        frozenset[tuple[str, str, str]]().union(*(part.versions for part in each)),
        tuple(volume for part in each for volume in part.lacking),
    )


class _Found:
    """What was read so far. ``files`` list objects, ``silent`` of them say nothing of volumes."""

    def __init__(self) -> None:
        self.items: set[Key] = set()
        self.data: set[VolumeData] = set()
        self.backups: set[str] = set()
        self.notes: list[str] = []
        self.files = self.silent = self.infos = 0
        self.first = ""

    def take(self, data: bytes, file: str) -> None:
        """Read one file, of whichever form."""
        self.first = self.first or file
        start = data.lstrip()[:1]
        if start == b"[":
            self.data.update(_decoded(data, file, decode_volume_infos))
            self.infos += 1
            return
        if start != b"{":
            what = "is empty" if not start else "is not JSON"
            if data[_TAR] == b"ustar":
                what = "is the Backup's whole archive, as velero backup download gives it"
            raise ConfigurationError(f"{file}:1: {what}. {_ADVICE}.")
        head = _decoded(data, file, _HEAD.decode)
        if head.kind is not None:
            raise ConfigurationError(
                f"{file}:1: is a Kubernetes object of kind {head.kind}, and does not say what a Backup holds."
                f" {_ADVICE}."
            )
        self.files += 1
        if head.metadata is not None or head.phase is not None:
            self._describe(data, file)
        else:
            self.items.update(_decoded(data, file, decode_resource_list))
            self.silent += 1

    def _describe(self, data: bytes, file: str) -> None:
        told = _decoded(data, file, decode_description)
        if (why := unrestorable(told.name, told.phase)) is not None:
            raise ConfigurationError(f"{file}:1: {why}")
        if told.items is None:
            why = told.missing or "it was described without --details"
            raise ConfigurationError(
                f"{file}:1: does not list what Backup {told.name} holds: {why}. {_ADVICE}."
            )
        self.notes += _partial(told.name, told.phase)
        self.backups.add(told.name)
        self.items.update(told.items)
        self.data.update(told.data or ())
        self.silent += told.data is None


def _unzipped(data: bytes, file: str) -> bytes:
    if not data.startswith(_GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        raise ConfigurationError(
            f"{file}:1: begins as a gzip file and can't be unpacked. Fetch it once more."
        ) from None


def _decoded(data: bytes, file: str, decoder: Callable[[bytes], V]) -> V:
    try:
        return decoder(data)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"{file}:1: expected what a Backup holds, {complaint(error)}. {_ADVICE}."
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}:{_line(data, error)}: is not JSON. {_ADVICE}.") from None


def _line(data: bytes, error: Exception) -> int:
    """Of the byte that the decoder stopped at; the last one if it ran out of them."""
    said = str(error).rpartition("(byte ")[2].rstrip(")")
    return data.count(b"\n", 0, int(said) if said.isdecimal() else len(data.rstrip())) + 1
