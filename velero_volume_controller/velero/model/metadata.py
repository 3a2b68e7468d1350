"""What is read of an object's metadata."""

import msgspec


class WireMetadata(msgspec.Struct):
    """As the API server sends it. Maps may be null or absent."""

    name: str
    namespace: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class WireIdentity(WireMetadata, rename="camel"):
    """Of objects that are told from an earlier one of their name. ``creation_timestamp`` is RFC 3339."""

    uid: str = ""
    creation_timestamp: str | None = None
