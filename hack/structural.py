"""From msgspec's JSON Schema to what a CustomResourceDefinition takes: a structural OpenAPI v3 schema.

Structural means: every value has one type, nothing is referred to, and the only union is
x-kubernetes-int-or-string (Kubernetes, "Specifying a structural schema").
"""

from collections.abc import Mapping
from typing import Any, Final

_NULL: Final = {"type": "null"}

#: For people who read error messages and not schemas; or said otherwise in a structural schema.
_LEFT_OUT: Final = frozenset({"title", "propertyNames", "required", "anyOf", "$ref", "default", "properties"})


def structural(
    node: Mapping[str, Any], definitions: Mapping[str, Any], *, defaults: bool = True
) -> dict[str, Any]:
    """The schema of one place. Without ``defaults`` none are written: a status holds what was put there.

    Raises ValueError for what no structural schema can say.
    """
    made: dict[str, Any] = {}
    for origin in _origins(node, definitions):
        made = _overlaid(made, _plain(origin, definitions, defaults=defaults))
    default = node.get("default")
    if defaults and default not in (None, [], {}, ""):
        made["default"] = default
    if not defaults:
        # A newer controller may know more values.
        made.pop("enum", None)
    return made


def _origins(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What is true of a place, from the general (a type's definition) to the particular (its own keys)."""
    origins: list[Mapping[str, Any]] = []
    if "$ref" in node:
        origins += _origins(definitions[node["$ref"].rpartition("/")[2]], definitions)
    choices = [choice for choice in node.get("anyOf", ()) if choice != _NULL]
    if len(choices) == 1:
        origins += _origins(choices[0], definitions)
    elif choices:
        if {choice.get("type", "string") for choice in choices} != {"integer", "string"}:
            raise ValueError(f"no structural schema holds this union: {node}")
        origins.append({"x-kubernetes-int-or-string": True})
    return [*origins, node]


def _plain(node: Mapping[str, Any], definitions: Mapping[str, Any], *, defaults: bool) -> dict[str, Any]:
    """One origin without its references: its own keys, with the places below it made structural."""
    made = {key: value for key, value in node.items() if key not in _LEFT_OUT}
    if "description" in made:
        made["description"] = " ".join(made["description"].split())
    if "enum" in made:
        made["type"] = "string"
    if made.get("type") == "integer":
        made["format"] = "int64"
    if "items" in made:
        made["items"] = structural(made["items"], definitions, defaults=defaults)
    if isinstance(made.get("additionalProperties"), Mapping):
        made["additionalProperties"] = structural(
            made["additionalProperties"], definitions, defaults=defaults
        )
    elif "additionalProperties" in made:
        del made["additionalProperties"]
    if node.get("required"):
        made["required"] = node["required"]
    if "properties" in node:
        made["properties"] = {
            key: _property(below, definitions, defaults=defaults) for key, below in node["properties"].items()
        }
    return made


def _property(node: Mapping[str, Any], definitions: Mapping[str, Any], *, defaults: bool) -> dict[str, Any]:
    """A key's schema. A map that may be left out is made, so that the defaults below it are in effect."""
    made = structural(node, definitions, defaults=defaults)
    optional = _NULL in node.get("anyOf", ())
    below = made.get("properties", {})
    if (
        defaults
        and not optional
        and not made.get("required")
        and any("default" in each for each in below.values())
    ):
        made["default"] = {}
    return made


def _overlaid(general: dict[str, Any], particular: dict[str, Any]) -> dict[str, Any]:
    """What is said nearer to the place beats what is said of its type; checks add up."""
    key = "x-kubernetes-validations"
    checks = [
        *general.get(key, ()),
        *(each for each in particular.get(key, ()) if each not in general.get(key, ())),
    ]
    return general | particular | ({key: checks} if checks else {})
