"""A plan as it is kept: canonical JSON, gzipped, in parts that ConfigMaps take. Pure.

Whoever reads it back gets the plan that was stored, or none: the digest in the CleanRestore's status is of
all the parts, and the plan's hash is the one that was approved.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from velero_volume_controller.restore.planned import Plan

#: Bytes of one part. A ConfigMap holds 1 MiB (pkg/apis/core/types.go, MaxSecretSize), its other keys counted.
PART: Final = 900 * 1024
#: Unpacked, no plan is larger: 50,000 objects are some 15 MiB.
_LARGEST: Final = 512 * 2**20
#: zlib's sign for a stream with gzip's header.
_GZIP: Final = 16 + zlib.MAX_WBITS

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DECODER: Final = msgspec.json.Decoder(Plan)


class Damaged(Exception):  # noqa: N818  (the name says what is the case)
    """What was kept is not the plan that was stored. One sentence without its full stop."""


@dataclass(frozen=True, slots=True)
class Stored:
    """``digest`` is sha256 of the parts together."""

    digest: str
    parts: tuple[bytes, ...]


def store(plan: Plan) -> Stored:
    """The same plan gives the same bytes."""
    packed = gzip.compress(_ENCODER.encode(plan), mtime=0)
    parts = tuple(packed[start : start + PART] for start in range(0, len(packed), PART))
    return Stored(_digest(parts), parts)


def load(parts: Iterable[bytes], digest: str, plan_hash: str) -> Plan:
    """The plan with this hash, from parts with this digest. Raises Damaged."""
    kept = tuple(parts)
    if _digest(kept) != digest:
        raise Damaged("the plan that is kept is not the one that was stored: its digest is another")
    unzip = zlib.decompressobj(_GZIP)
    try:
        unpacked = unzip.decompress(b"".join(kept), _LARGEST)
        plan = _DECODER.decode(unpacked)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(f"the plan that is kept can't be read ({error}); another version wrote it") from None
    if plan.hash != plan_hash:
        raise Damaged("the plan that is kept is not the one that was approved: its hash is another")
    return plan


def _digest(parts: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return f"sha256:{whole.hexdigest()}"
