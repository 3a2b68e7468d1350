"""A report as it is kept: canonical JSON, gzipped, small enough for one ConfigMap. Pure.

Long lists are cut, those first that can be had elsewhere (the plan is kept whole): what differs goes last.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from velero_volume_controller.restore.report import Because, Report, decode_report, encode_report

#: Bytes. A ConfigMap holds 1 MiB (pkg/apis/core/types.go, MaxSecretSize), its other keys counted.
LARGEST: Final = 900 * 1024
#: Unpacked, none is larger.
_UNPACKED: Final = 512 * 2**20
_GZIP: Final = 16 + zlib.MAX_WBITS
#: To how many entries a list is cut, one after the other, until all fits.
_LENGTHS: Final = (10_000, 1_000, 100, 10)

_Cut = Callable[[Report, int], Report]


class UnreadableReport(Exception):  # noqa: N818  (the name says what is the case)
    """What is kept is no report. One sentence without its full stop."""


def pack(report: Report, largest: int = LARGEST) -> bytes:
    """The report in at most so many bytes; the same report gives the same bytes."""
    packed = _zipped(report)
    for smaller in _smaller(report):
        if len(packed) <= largest:
            break
        packed = _zipped(smaller)
    return packed


def unpack(data: bytes) -> Report:
    """The report. Raises UnreadableReport."""
    try:
        return decode_report(zlib.decompressobj(_GZIP).decompress(data, _UNPACKED))
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UnreadableReport(
            f"the report can't be read ({error}); another version wrote it, or somebody changed it"
        ) from None


def _zipped(report: Report) -> bytes:
    return gzip.compress(encode_report(report), mtime=0)


def _smaller(report: Report) -> Iterator[Report]:
    """Ever smaller ones."""
    for length in _LENGTHS:
        for cut in (_lists, _lines, _differences):
            report = cut(report, length)
            yield report


def _lists(report: Report, length: int) -> Report:
    """Objects by their reasons."""

    cut = dict(report.cut)

    def short(name: str, told: tuple[Because, ...]) -> tuple[Because, ...]:
        if len(told) > length:
            # A reason that names an object is a reason of one alone.
            cut[name] = cut.get(name, 0) + sum(each.count for each in told[length:])
        return tuple(_shorter(each, length) for each in told[:length])

    return msgspec.structs.replace(
        report,
        deleted=short("deleted", report.deleted),
        kept=short("kept", report.kept),
        left_out=short("leftOut", report.left_out),
        restored=_shorter(report.restored, length),
        cut=cut,
    )


def _shorter(told: Because, length: int) -> Because:
    rest = max(0, len(told.objects) - length)
    return msgspec.structs.replace(told, objects=told.objects[:length], more=told.more + rest)


def _lines(report: Report, length: int) -> Report:
    """Volumes that came back well go before one that did not."""
    volumes = tuple(sorted(report.volumes, key=lambda each: each.done))[:length]
    cut = dict(report.cut)
    for name, before, after in (
        ("volumes", len(report.volumes), len(volumes)),
        ("warnings", len(report.warnings), min(len(report.warnings), length)),
        ("notes", len(report.notes), min(len(report.notes), length)),
    ):
        if before > after:
            cut[name] = cut.get(name, 0) + before - after
    return msgspec.structs.replace(
        report,
        volumes=volumes if len(volumes) < len(report.volumes) else report.volumes,
        warnings=report.warnings[:length],
        notes=report.notes[:length],
        cut=cut,
    )


def _differences(report: Report, length: int) -> Report:
    rest = len(report.differences) - length
    if rest <= 0:
        return report
    cut = {**report.cut, "differences": report.cut.get("differences", 0) + rest}
    return msgspec.structs.replace(report, differences=report.differences[:length], cut=cut)
