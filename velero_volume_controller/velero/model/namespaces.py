"""Namespaces, cut down to what selectors and overrides ask of them."""

from typing import Final

import msgspec

from velero_volume_controller.velero.model.annotations import kept
from velero_volume_controller.velero.model.metadata import WireMetadata


class Namespace(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A namespace with its labels and those of its annotations that decide something.

    ``terminating``: it was deleted, and goes as soon as what it holds has gone.
    """

    name: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    terminating: bool = False


class _WireMetadata(WireMetadata, rename="camel"):
    deletion_timestamp: str | None = None


class _WireNamespace(msgspec.Struct):
    metadata: _WireMetadata


_DECODER: Final = msgspec.json.Decoder(_WireNamespace)


def decode_namespace(raw: bytes | msgspec.Raw) -> Namespace:
    """Decode one Namespace's JSON. Raises msgspec.MsgspecError if it is none."""
    metadata = _DECODER.decode(raw).metadata
    return Namespace(
        name=metadata.name,
        labels=metadata.labels or {},
        annotations=kept(metadata.annotations or {}),
        terminating=metadata.deletion_timestamp is not None,
    )
