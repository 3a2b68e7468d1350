"""A CleanRestore as a person writes it: YAML or JSON in, its parts out. Pure.

Everything that is wrong with it is said at once, with file, line and key, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal

import msgspec
import yaml
from msgspec import Meta

from velero_volume_controller.api import names
from velero_volume_controller.api.backupset import MAX_NAME, Name
from velero_volume_controller.api.cleanrestore import CleanRestoreSpec, Clearing
from velero_volume_controller.api.labels import LabelKey, LabelValue
from velero_volume_controller.config import document
from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.config.schema import boolean_keys, tidied
from velero_volume_controller.config.schema_problems import schema_problems
from velero_volume_controller.config.tree import Path, Tree, grow
from velero_volume_controller.dumps.typed import typed
from velero_volume_controller.restore.contradictions import PASSED_ON, clearing_contradictions, contradictions
from velero_volume_controller.restore.objects import KIND
from velero_volume_controller.restore.written import WrittenRestore
from velero_volume_controller.velero.model.restores import NOT_PASSED_ON

_BACKUP_SET: Final = "BackupSet"
_VELEROS: Final = "Restore"


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
    kind: Literal["CleanRestore"]
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: CleanRestoreSpec
    status: dict[str, Any] = {}


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    """What a plan is made from alone: nobody says a source where the contents are given."""

    spec: Clearing


def read_restore(text: str, file: str) -> WrittenRestore:
    """The CleanRestore in a file's text; ``file`` is what messages call it. Raises ConfigurationError."""
    root, more = document.compose(text, file)
    if root is None or document.is_null(root):
        raise ConfigurationError(
            f"{file}:1: is empty, expected a {KIND}: apiVersion, kind, metadata and spec."
        )
    tree = grow(root, file, boolean_keys(schema()))
    _refuse_other_kind(tree)
    if more:
        tree.add((), f"holds more than one YAML document. Give each {KIND} a file of its own.")
    _resolve_template(tree, root)
    for path, what in schema_problems(tree.data, schema(), _elsewhere):
        tree.add(path, what)
    if tree.problems:
        raise ConfigurationError(*tree.listed())
    found = msgspec.convert(tree.data, _Document)
    for path, what in contradictions(found.spec):
        tree.add(path, what)
    if tree.problems:
        raise ConfigurationError(*tree.listed())
    metadata = found.metadata
    return WrittenRestore(
        found.spec, metadata.name, metadata.namespace, metadata.labels, metadata.annotations
    )


def read_clearing(spec: Mapping[str, Any]) -> Clearing | list[tuple[Path, str]]:
    """What a plan is made from, in the CleanRestore's own keys; or (place, what is wrong there)."""
    data = {"spec": dict(spec)}
    wrong = list(schema_problems(data, _part_schema(), lambda key, path: None))
    if wrong:
        return wrong
    found = msgspec.convert(data, _Part).spec
    return list(clearing_contradictions(found)) or found


def read_data(data: Mapping[str, Any]) -> WrittenRestore | list[tuple[Path, str]]:
    """A CleanRestore from its own keys; or (place, what is wrong there)."""
    wrong = list(schema_problems(data, schema(), lambda key, path: None))
    if wrong:
        return wrong
    found = msgspec.convert(data, _Document)
    metadata = found.metadata
    return list(contradictions(found.spec)) or WrittenRestore(found.spec, metadata.name, metadata.namespace)


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of the file. The same object each time: not to be changed."""
    return _schema_of(_Document)


@cache
def _part_schema() -> dict[str, Any]:
    return _schema_of(_Part)


def _schema_of(shape: type[msgspec.Struct]) -> dict[str, Any]:
    made = msgspec.json.schema(shape)
    definitions = tidied(made["$defs"])
    root = definitions.pop(shape.__name__)
    return {**root, "$defs": definitions}


def _refuse_other_kind(tree: Tree) -> None:
    """Of another kind nothing else is worth telling: all of its keys would be unknown."""
    kind = tree.data.get("kind") if isinstance(tree.data, dict) else None
    if not isinstance(kind, str) or kind == KIND:
        return
    hint = {
        _BACKUP_SET: " Name it in a CleanRestore's spec.source.backupSet.",
        _VELEROS: " A Restore of Velero's clears nothing away: write a CleanRestore.",
    }.get(kind, "")
    raise ConfigurationError(
        tree.sentence(("kind",), f"expected {KIND}, found {document.quoted(kind)}.{hint}")
    )


def _resolve_template(tree: Tree, root: yaml.Node) -> None:
    """In the template what Kubernetes reads there: numbers, true and false."""
    spec = tree.data.get("spec") if isinstance(tree.data, dict) else None
    if isinstance(spec, dict) and "restoreTemplate" in spec:
        node = document.top_level(document.top_level(root).get("spec")).get("restoreTemplate")
        spec["restoreTemplate"] = typed(spec["restoreTemplate"], node)


def _elsewhere(key: str, path: Path) -> str | None:
    """What to do about a key of Velero's RestoreSpec that stands beside ours."""
    if path != ("spec",):
        return None
    if key in PASSED_ON:
        return "It is a field of Velero's; write it below spec.restoreTemplate."
    return NOT_PASSED_ON.get(key) or None
