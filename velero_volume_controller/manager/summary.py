"""What a configuration says, short enough for one line of log: only what is set."""

from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from typing import Any

from velero_volume_controller.api.configuration import Configuration, Names


def summary(configuration: Configuration) -> dict[str, Any]:
    """The fields of the line."""
    cluster = configuration.cluster
    return {
        "source": configuration.source,
        "mode": configuration.mode.value,
        "ownership": configuration.ownership.value,
        "lease": f"{cluster.lease_namespace}/{cluster.lease_name}",
        "default": configuration.default.value,
        "rules": [_plain(rule) for rule in configuration.rules],
    }


def _plain(value: object) -> Any:
    """A rule or a part of one as JSON can have it."""
    if isinstance(value, Names):
        return sorted(value.exact) + list(value.patterns)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value):
        found = {field: getattr(value, field.name) for field in fields(value)}
        return {field.name: _plain(each) for field, each in found.items() if each != _default(field)}
    return value


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()
