"""When Velero last looked whether a storage location can be reached."""

from __future__ import annotations

from typing import Final

import msgspec

from velero_volume_controller.velero.model.arguments import seconds


class Validation(msgspec.Struct, frozen=True):
    """``time`` is RFC 3339, None if never; ``every`` is in seconds: 0 for never again, None for as often as
    the server does it for all (``--store-validation-frequency``)."""

    location: str
    time: str | None = None
    every: float | None = None


class _WireMetadata(msgspec.Struct):
    name: str


class _WireSpec(msgspec.Struct, rename="camel", frozen=True):
    validation_frequency: str | None = None


class _WireStatus(msgspec.Struct, rename="camel", frozen=True):
    last_validation_time: str | None = None


class _WireLocation(msgspec.Struct):
    metadata: _WireMetadata
    spec: _WireSpec | None = None
    status: _WireStatus | None = None


_LOCATION: Final = msgspec.json.Decoder(_WireLocation)


def decode_validation(raw: bytes | msgspec.Raw) -> Validation:
    """Decode a BackupStorageLocation. Raises msgspec.MsgspecError if it is none."""
    wire = _LOCATION.decode(raw)
    spec, status = wire.spec or _WireSpec(), wire.status or _WireStatus()
    every = None
    if spec.validation_frequency is not None:
        try:
            every = seconds({"": spec.validation_frequency}, "", 0.0)
        except ValueError:
            every = None  # negative, which counts as none (1.18, internal/storage, IsReadyToValidate)
    return Validation(wire.metadata.name, status.last_validation_time, every)
