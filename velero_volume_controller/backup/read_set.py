"""A BackupSet as a person writes it: YAML or JSON in, its parts out. Pure.

Everything that is wrong with it is said at once, with file, line and key, before
anything is sent: the API server would say it in words for programmers, without a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal

import msgspec
import yaml
from msgspec import Meta

from velero_volume_controller.api import names
from velero_volume_controller.api.backupset import (
    MAX_NAME,
    BackupSetSpec,
    Name,
)
from velero_volume_controller.api.labels import LabelKey, LabelValue
from velero_volume_controller.backup.contradictions import contradictions
from velero_volume_controller.backup.render import TEMPLATE_FIELDS, check_template, unknown_fields
from velero_volume_controller.backup.work import PlanningError
from velero_volume_controller.backup.written import KIND, Written
from velero_volume_controller.config import document
from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.config.schema import boolean_keys, tidied
from velero_volume_controller.config.schema_problems import schema_problems
from velero_volume_controller.config.tree import Path, Tree, grow
from velero_volume_controller.dumps.typed import typed

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_SCHEDULE: Final = f"{KIND}Schedule"
_TEMPLATE: Final[Path] = ("spec", "template")

#: What to write for fields of Velero's BackupSpec that a set says itself.
_INSTEAD: Final = {
    "includedNamespaces": "Write selection.namespaces.include.",
    "excludedNamespaces": "Write selection.namespaces.exclude.",
    "includeClusterResources": "Write selection.clusterResources.",
}


class _Metadata(msgspec.Struct, rename="camel"):
    """What Kubernetes keeps of every object; more of it, as kubectl get prints it, is ignored."""

    name: Annotated[
        str,
        Meta(
            title=f"a name of at most {MAX_NAME} small letters, digits, dashes and dots",
            pattern=names.SUBDOMAIN,
            max_length=MAX_NAME,
        ),
    ] = ""
    namespace: Name = ""
    labels: dict[LabelKey, LabelValue] = {}
    annotations: dict[str, str] = {}


class _Document(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The file."""

    api_version: Literal["vvc.velero.io/v1alpha1"]
    kind: Literal["BackupSet"]
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: BackupSetSpec
    status: dict[str, Any] = {}


def read_set(text: str, file: str) -> Written:
    """The BackupSet in a file's text; ``file`` is what messages call it. Raises ConfigurationError."""
    root, more = document.compose(text, file)
    if root is None or document.is_null(root):
        raise ConfigurationError(
            f"{file}:1: is empty, expected a {KIND}: apiVersion, kind, metadata and spec."
        )
    tree = grow(root, file, boolean_keys(schema()))
    _refuse_other_kind(tree)
    if more:
        tree.add((), f"holds more than one YAML document. Give each {KIND} a file of its own.")
    _resolve(tree, root)
    for path, what in problems(tree.data):
        tree.add(path, what)
    if tree.problems:
        raise ConfigurationError(*tree.listed())
    found = msgspec.convert(tree.data, _Document)
    try:
        check_template(found.spec)
    except PlanningError as error:
        raise ConfigurationError(_placed(tree, str(error))) from None
    for path, what in contradictions(found.spec):
        tree.add(path, what)
    if tree.problems:
        raise ConfigurationError(*tree.listed())
    return Written(
        found.spec,
        found.metadata.name,
        found.metadata.namespace,
        found.metadata.labels,
        found.metadata.annotations,
        tuple(tree.sentence((*_TEMPLATE, key), what) for key, what in unknown_fields(found.spec.template)),
    )


def _refuse_other_kind(tree: Tree) -> None:
    """Of another kind nothing else is worth telling: all of its keys would be unknown."""
    kind = tree.data.get("kind") if isinstance(tree.data, dict) else None
    if isinstance(kind, str) and kind != KIND:
        hint = " Make one with kubectl apply -f." if kind == _SCHEDULE else ""
        raise ConfigurationError(
            tree.sentence(("kind",), f"expected {KIND}, found {document.quoted(kind)}.{hint}")
        )


def problems(data: Any) -> Iterator[tuple[Path, str]]:
    """(place, what is wrong there) in a whole BackupSet."""
    return schema_problems(data, schema(), _elsewhere)


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of the file. The same object each time: not to be changed."""
    made = msgspec.json.schema(_Document)
    definitions = tidied(made["$defs"])
    root = definitions.pop(_Document.__name__)
    return {**root, "$defs": definitions}


def _resolve(tree: Tree, root: yaml.Node) -> None:
    """Numbers where the schema has numbers, and in the template what Kubernetes reads there."""
    tree.data = _numbers(tree.data, schema())
    spec = tree.data.get("spec") if isinstance(tree.data, dict) else None
    if isinstance(spec, dict) and "template" in spec:
        node = document.top_level(document.top_level(root).get("spec")).get("template")
        spec["template"] = typed(spec["template"], node)


def _numbers(data: Any, described: Mapping[str, Any]) -> Any:
    if "$ref" in described:
        described = schema()["$defs"][described["$ref"].rpartition("/")[2]]
    if isinstance(data, dict):
        known = described.get("properties", {})
        return {key: _numbers(value, known.get(key, {})) for key, value in data.items()}
    if isinstance(data, list):
        return [_numbers(value, described.get("items", {})) for value in data]
    kinds = {described.get("type"), *(choice.get("type") for choice in described.get("anyOf", ()))}
    return int(data) if isinstance(data, str) and "integer" in kinds and _NUMBER.fullmatch(data) else data


def _elsewhere(key: str, path: Path) -> str | None:
    """What to do about a key that belongs below the template, where Velero's own fields stand."""
    if path not in {(), ("spec",), ("spec", "selection")}:
        return None
    if key in _INSTEAD:
        return _INSTEAD[key]
    if key in TEMPLATE_FIELDS:
        return "It is a field of Velero's; write it below spec.template."
    return None


def _placed(tree: Tree, sentence: str) -> str:
    """A sentence that begins with the path of a key, with the file and line of that key."""
    key, _, what = sentence.removeprefix("spec.template.").partition(" ")
    return tree.sentence((*_TEMPLATE, key), f"{what}." if what[-1:].isalnum() else what)
