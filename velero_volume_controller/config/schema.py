"""The JSON Schema of the native format, made from its definition."""

from collections.abc import Mapping
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
    tidied(definitions)
    root = definitions.pop(ControllerConfig.__name__)
    return {"$schema": _DIALECT, "title": ControllerConfig.__name__, **root, "$defs": definitions}


def tidied(definitions: dict[str, Any]) -> dict[str, Any]:
    """msgspec's definitions as what is said of a file that a person wrote: changed in place, and returned.

    A key that may be left out can't be null: whoever wrote it meant something.
    """
    for definition in definitions.values():
        _tidy(definition)
    return definitions


def _tidy(definition: dict[str, Any]) -> None:
    """Drop what msgspec adds and nobody needs: class names as titles, empty lists of required keys."""
    definition.pop("title", None)
    if not definition.get("required"):
        definition.pop("required", None)
    for described in definition.get("properties", {}).values():
        # An empty default says that the key may be left out; written out, it would be refused.
        if described.get("default", "") in ([], {}, "", None):
            described.pop("default", None)
        choices = [choice for choice in described.get("anyOf", ()) if choice != {"type": "null"}]
        if len(choices) == 1:
            del described["anyOf"]
            described.update({**choices[0], **described})


def boolean_keys(described: Mapping[str, Any]) -> frozenset[str]:
    """The keys that hold true or false in files of this schema."""
    sections = (described, *described["$defs"].values())
    return frozenset(
        key
        for section in sections
        for key, value in section.get("properties", {}).items()
        if value.get("type") == "boolean"
    )
