"""What is read of any object's metadata before rules and overrides are asked."""

import msgspec


class WireMetadata(msgspec.Struct):
    """As the API server sends it. Maps may be null or absent."""

    name: str
    namespace: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
