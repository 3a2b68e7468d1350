"""Our objects as the API server holds them: decoded, or said why not. Pure."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import msgspec

S = TypeVar("S")
T = TypeVar("T")


class Object(msgspec.Struct, Generic[S, T], frozen=True, kw_only=True):
    """One of our objects. ``version`` is its resourceVersion, ``created`` RFC 3339 of the API server's clock.

    ``spec`` is None where it or the status can't be read, and ``problem`` says why: the CRD that is
    installed may be older or newer than this program. Such an object is left as it is: a set whose
    status was taken for empty would be planned a second time.
    """

    name: str
    namespace: str
    uid: str = ""
    version: str = ""
    generation: int = 0
    created: str = ""
    deleting: bool = False
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    spec: S | None = None
    status: T
    problem: str | None = None


class _WireMetadata(msgspec.Struct, rename="camel"):
    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class _Wire(msgspec.Struct):
    metadata: _WireMetadata
    spec: msgspec.Raw = msgspec.Raw(b"{}")
    status: msgspec.Raw = msgspec.Raw(b"{}")


_WIRE: Final = msgspec.json.Decoder(_Wire)
_NULL: Final = b"null"


def decode_object(
    raw: bytes | msgspec.Raw, spec_type: type[S], status_type: type[T], blank: T
) -> Object[S, T]:
    """Decode an object's JSON. Raises msgspec.MsgspecError if it is not even an object with a name."""
    wire = _WIRE.decode(raw)
    spec, problem = _part("spec", wire.spec, spec_type)
    status, status_problem = _part("status", wire.status, status_type)
    if status is None:
        spec, problem = None, problem or status_problem
    metadata = wire.metadata
    return Object(
        name=metadata.name,
        namespace=metadata.namespace,
        uid=metadata.uid,
        version=metadata.resource_version,
        generation=metadata.generation,
        created=metadata.creation_timestamp or "",
        deleting=metadata.deletion_timestamp is not None,
        labels=metadata.labels or {},
        annotations=metadata.annotations or {},
        spec=spec,
        status=blank if status is None else status,
        problem=problem,
    )


def _part(name: str, raw: msgspec.Raw, kind: type[T]) -> tuple[T | None, str | None]:
    document = b"{}" if bytes(raw) == _NULL else raw
    try:
        return msgspec.json.decode(document, type=kind), None
    except msgspec.MsgspecError as error:
        # "… - at `$.retry.limit`" in msgspec's words.
        said, _, where = str(error).partition(" - at `$")
        key = f"{name}{where.rstrip('`')}"
        return None, f"{key}: {said[:1].lower()}{said[1:]}; correct it, or update the CRDs with the program"


def plain(status: msgspec.Struct) -> dict[str, Any]:
    """A status as JSON has it."""
    found: dict[str, Any] = msgspec.to_builtins(status)
    return found
