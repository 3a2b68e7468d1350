"""The JSON Schema of the native format, made from its definition."""

from functools import cache
from typing import Any, Final

import msgspec

from velero_volume_controller.api.configuration import Action, Mode, Operator, Ownership
from velero_volume_controller.config.native import ControllerConfig

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


@cache
def schema() -> dict[str, Any]:
    """The schema (draft 2020-12). The same object each time: not to be changed."""
    made = msgspec.json.schema(ControllerConfig)
    definitions = made["$defs"]
    for choice in (Action, Mode, Operator, Ownership):
        # In the order of the code, and without the docstring, which speaks to programmers.
        definitions[choice.__name__] = {"type": "string", "enum": [member.value for member in choice]}
    for definition in definitions.values():
        _tidy(definition)
    root = definitions.pop(ControllerConfig.__name__)
    return {"$schema": _DIALECT, "title": ControllerConfig.__name__, **root, "$defs": definitions}


def _tidy(definition: dict[str, Any]) -> None:
    """Drop what msgspec adds and nobody needs: class names as titles, empty lists of required keys."""
    definition.pop("title", None)
    if not definition.get("required"):
        definition.pop("required", None)
    for described in definition.get("properties", {}).values():
        # An empty default says that the key may be left out; written out, it would be refused.
        if described.get("default") in ([], {}, ""):
            del described["default"]


@cache
def boolean_keys() -> frozenset[str]:
    """The keys that hold true or false. Everything else that is not a list or a map is text."""
    sections = (schema(), *schema()["$defs"].values())
    return frozenset(
        key
        for section in sections
        for key, described in section.get("properties", {}).items()
        if described.get("type") == "boolean"
    )
