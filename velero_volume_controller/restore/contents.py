"""What the Backups of one restore point hold, from the files in which Velero tells of it. Pure."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

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
    told; ``notes`` are complete sentences.
    """

    items: frozenset[Key]
    data: tuple[VolumeData, ...] = ()
    data_known: bool = False
    backups: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _Head(msgspec.Struct, rename="camel"):
    """By this the forms are told apart; a resource list has none of these keys."""

    metadata: msgspec.Raw | None = None
    phase: msgspec.Raw | None = None
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
        if told.phase not in RESTORABLE:
            raise ConfigurationError(
                f"{file}:1: Backup {told.name} is in phase {told.phase or 'New'}, and only a Completed one"
                " can be restored (or in part a PartiallyFailed one). Choose another."
            )
        if told.items is None:
            why = told.missing or "it was described without --details"
            raise ConfigurationError(
                f"{file}:1: does not list what Backup {told.name} holds: {why}. {_ADVICE}."
            )
        if told.phase != COMPLETED:
            self.notes.append(
                f"Backup {told.name} is {told.phase}: what failed in it is not in it, and does not come back."
            )
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
