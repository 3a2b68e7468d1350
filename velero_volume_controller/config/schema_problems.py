"""What the JSON Schema finds wrong, in words for the person who wrote it."""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from velero_volume_controller.api.volume_types import PERSISTENT_VOLUME_CLAIM
from velero_volume_controller.config.document import quoted
from velero_volume_controller.config.tree import Path

#: What people call things, beside their names.
_ALSO: Final = {"pvc": PERSISTENT_VOLUME_CLAIM}

#: Of longer lists of choices the title is given, not the list.
_FEW: Final = 5

#: How much a key must resemble another to be taken for it, from 0 to 1; more where it is a key elsewhere.
_SIMILAR: Final = 0.6
_ALIKE: Final = 0.7

#: Longer text is not written out again. Characters.
_SHORT: Final = 80


#: What to do about a key that is none here, at this place, because it belongs to something else; or None.
Elsewhere = Callable[[str, Path], str | None]


@dataclass(frozen=True, slots=True)
class _Failure:
    """A value that a keyword of the schema refuses; ``wanted`` is what stands at the keyword."""

    path: Path
    keyword: str
    wanted: Any
    schema: Mapping[str, Any]
    instance: Any
    root: Mapping[str, Any]
    elsewhere: Elsewhere


def schema_problems(data: Any, schema: Mapping[str, Any], elsewhere: Elsewhere) -> Iterator[tuple[Path, str]]:
    """(place, what is wrong there), one for each place: a second look at one value tells nothing new."""
    seen: set[Path] = set()
    for error in _VALIDATOR(schema).iter_errors(data):
        for path, what in _explain(_failure(error, schema, elsewhere)):
            if path not in seen:
                seen.add(path)
                yield path, what


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    """As the schema's ``pattern``, but for Python's ``$`` that lets a line break pass at the end."""
    if isinstance(instance, str) and (instance.endswith("\n") or not re.search(pattern, instance)):
        yield ValidationError(f"{instance!r} does not match")


_VALIDATOR: Final[Any] = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def _failure(error: Any, schema: Mapping[str, Any], elsewhere: Elsewhere) -> _Failure:
    path = tuple(error.absolute_path)
    if "propertyNames" in error.absolute_schema_path:
        path = (*path, error.instance)
    return _Failure(
        path, error.validator, error.validator_value, error.schema, error.instance, schema, elsewhere
    )


def _explain(failure: _Failure) -> Iterator[tuple[Path, str]]:
    if failure.keyword == "additionalProperties":
        yield from _unknown_keys(failure)
    elif failure.instance is None:
        yield failure.path, "is empty. Give it a value, or remove it; the word null stands in quotes."
    else:
        yield failure.path, _SENTENCES[failure.keyword](failure)


def _wrong_type(failure: _Failure) -> str:
    instance, described = failure.instance, failure.schema
    found = _kind(instance)
    match failure.wanted:
        case "object":
            known = ", ".join(described.get("properties", {}))
            return f"expected keys below it, found {found}." + (f" Known keys: {known}." if known else "")
        case "array":
            return f"expected a list, found {found}.{_as_list(instance)}"
        case "boolean":
            in_quotes = instance in ("true", "false")
            return f"expected true or false, found {found}" + (
                " in quotes. Remove the quotes." if in_quotes else "."
            )
        case _:
            return _wrong_choice(failure) if "enum" in described else _wrong_text(failure)


def _as_list(instance: Any) -> str:
    """How to write a text as a list; whoever comes from the nine keys joins names by commas."""
    if not isinstance(instance, str) or not instance.isprintable() or len(instance) > _SHORT:
        return ""
    names = [name.strip() for name in instance.split(",") if name.strip()]
    return f" Write {json.dumps(names, ensure_ascii=False)}." if names else ""


def _wrong_choice(failure: _Failure) -> str:
    choices = list(failure.schema["enum"])
    expected = _one_of(choices) if len(choices) <= _FEW else failure.schema["title"]
    near = _nearest(failure.instance, {*choices, *_ALSO}) if isinstance(failure.instance, str) else None
    near = _ALSO.get(near, near) if near else None
    hint = f" Did you mean {near}?" if near in choices and len(choices) > 1 else ""
    if not hint and len(choices) > _FEW:
        hint = f" Known are {', '.join(choices)}."
    return f"expected {expected}, found {_kind(failure.instance)}.{hint}"


def _wrong_text(failure: _Failure) -> str:
    return f"expected {failure.schema['title']}, found {_kind(failure.instance)}."


def _lacks(failure: _Failure) -> str:
    lacking = [key for key in failure.wanted if key not in failure.instance]
    if lacking == ["values"]:
        operator = failure.instance["operator"]
        return f"operator {operator} needs values. Add them: values: [a, b]."
    what = "the key" if len(lacking) == 1 else "the keys"
    return f"lacks {what} {' and '.join(lacking)}. Add what is missing."


def _empty_list(failure: _Failure) -> str:
    if failure.path[-1] == "values":
        return "is an empty list, which no label can match. Name values, or use Exists or DoesNotExist."
    if failure.wanted > 1:
        return f"expected at least {failure.wanted} entries, found {len(failure.instance)}."
    return "is an empty list, which would match nothing. Remove the key to match all."


def _long_list(failure: _Failure) -> str:
    return f"expected at most {failure.wanted} entries, found {len(failure.instance)}."


def _no_values(_: _Failure) -> str:
    """There is one ``not`` in the schema: of the two operators without values."""
    return "operators Exists and DoesNotExist take no values. Remove the key, or use In or NotIn."


_SENTENCES: Final[Mapping[str, Callable[[_Failure], str]]] = {
    "type": _wrong_type,
    "enum": _wrong_choice,
    "pattern": _wrong_text,
    "minLength": _wrong_text,
    "maxLength": _wrong_text,
    "required": _lacks,
    "minimum": _wrong_text,
    "maximum": _wrong_text,
    "anyOf": _wrong_text,
    "minItems": _empty_list,
    "maxItems": _long_list,
    "maxProperties": _long_list,
    "not": _no_values,
}


def _unknown_keys(failure: _Failure) -> Iterator[tuple[Path, str]]:
    known = list(failure.schema["properties"])
    unset = [key for key in known if key not in failure.instance]
    for key in failure.instance:
        if key not in known:
            yield (*failure.path, key), f"is unknown. {_advice(key, known, unset, failure)}"


def _advice(key: str, known: list[str], unset: list[str], failure: _Failure) -> str:
    """Of the keys here only one that is not set yet can be what was meant."""
    if (meant := failure.elsewhere(key, failure.path)) is not None:
        return meant
    owners = _owners(failure.root).get(key)
    near = _nearest(key, unset, _ALIKE if owners else _SIMILAR)
    hints = [f"Did you mean {near}?"] if near else []
    if owners:
        hints.append(f"The key {key} belongs in {_one_of(owners)}.")
    return " ".join(hints) or f"Known keys: {', '.join(known)}."


def _owners(root: Mapping[str, Any]) -> dict[str, list[str]]:
    """For each key the keys that it may stand below."""
    sections = {"": root, **root["$defs"]}
    parents: dict[str, list[str]] = {}
    for section in sections.values():
        for key, described in section.get("properties", {}).items():
            reference = described.get("$ref") or described.get("items", {}).get("$ref", "")
            parents.setdefault(reference.rpartition("/")[2], []).append(key)
    owners: dict[str, list[str]] = {}
    for name, section in sections.items():
        for key in section.get("properties", {}) if name else ():
            already = owners.setdefault(key, [])
            already.extend(parent for parent in dict.fromkeys(parents[name]) if parent not in already)
    return owners


def _nearest(text: str, known: Iterable[str], likeness: float = _SIMILAR) -> str | None:
    by_lower_case = {name.lower(): name for name in known}
    near = difflib.get_close_matches(text.lower(), by_lower_case, n=1, cutoff=likeness)
    return by_lower_case[near[0]] if near else None


def _one_of(choices: list[str]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"


def _kind(instance: Any) -> str:
    match instance:
        case dict():
            return "a map"
        case list():
            return "a list"
        case bool():
            return str(instance).lower()
        case _:
            return quoted(str(instance))
