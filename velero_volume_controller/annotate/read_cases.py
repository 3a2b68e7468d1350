"""Reading test cases: YAML in, cases out. Pure.

A file holds one case, or a list of them. Everything that is wrong with it is said at
once; a typing error must not turn a test into one that expects nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import yaml

from velero_volume_controller.annotate.cases import Case, Check
from velero_volume_controller.annotate.plan import PlanAction
from velero_volume_controller.api.configuration import Action, Ownership
from velero_volume_controller.config import document
from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.config.tree import Path, Tree, grow
from velero_volume_controller.dumps.documents import Item, items_of
from velero_volume_controller.dumps.typed import typed
from velero_volume_controller.velero.model.versions import NEWEST, Version, parse_version

_CASE_KEYS: Final = ("name", "objects", "expect", "ownership", "veleroVersion")
_POD_KEYS: Final = ("value", "after", "action", "volumes", "rules")


def read_cases(text: str, file: str) -> tuple[Case, ...]:
    """The cases in a file's text; ``file`` is what messages call it. Raises ConfigurationError."""
    root, more = document.compose(text, file)
    if root is None or document.is_null(root):
        raise ConfigurationError(f"{file}:1: is empty, expected a case: a map with name, objects and expect.")
    tree = grow(root, file, frozenset())
    if more:
        tree.add((), "holds more than one YAML document. Write the cases as one list.")
    written = tree.data if isinstance(tree.data, list) else [tree.data]
    if not written:
        tree.add((), "expected a case, found an empty list. Write a map with name, objects and expect.")
    one = not isinstance(tree.data, list)
    nodes = [root] if one else root.value
    cases = [_Reader(tree, () if one else (at,), nodes[at]).case(each) for at, each in enumerate(written)]
    if tree.problems:
        raise ConfigurationError(*(text for _, text in sorted(tree.problems, key=lambda each: each[0])))
    return tuple(case for case in cases if case is not None)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the case that stands at one place of a file; what is wrong is noted in the tree."""

    tree: Tree
    at: Path
    node: yaml.Node

    def case(self, written: Any) -> Case | None:
        if not self._is_map(self.at, written, "with name, objects and expect"):
            return None
        self._only(self.at, written, _CASE_KEYS)
        for key in ("name", "objects", "expect"):
            if written.get(key) in (None, "", [], {}):
                self.tree.add(
                    self.at, f"{key} is missing or empty. Write it: a case that lacks it tests nothing."
                )
        objects = written.get("objects")
        return Case(
            name=self._text((*self.at, "name"), written.get("name")) or "",
            file=self.tree.file,
            line=self.tree.line(self.at),
            items=tuple(self._items(objects)) if isinstance(objects, list) else (),
            objects_file=None if isinstance(objects, list) else self._text((*self.at, "objects"), objects),
            ownership=self._ownership(written.get("ownership")),
            velero=self._velero(written.get("veleroVersion")),
            checks=tuple(self._checks(written.get("expect"))),
        )

    def _items(self, objects: list[Any]) -> Iterator[Item]:
        written = typed(objects, document.top_level(self.node)["objects"])
        for position, each in enumerate(written):
            path = (*self.at, "objects", position)
            raw = msgspec.json.encode(each)
            yield from items_of(raw, self.tree.file, self.tree.line(path))

    def _ownership(self, written: Any) -> Ownership | None:
        choices = [ownership.value for ownership in Ownership]
        chosen = self._choice((*self.at, "ownership"), written, choices) if written is not None else None
        return None if chosen is None else Ownership(chosen)

    def _velero(self, written: Any) -> Version:
        path = (*self.at, "veleroVersion")
        text = self._text(path, written)
        try:
            return NEWEST if text is None else parse_version(text)
        except ValueError as error:
            self.tree.add(path, f"{error}.")
            return NEWEST

    def _checks(self, expect: Any) -> Iterator[Check]:
        path = (*self.at, "expect")
        if expect is None or not self._is_map(path, expect, "of pods, each as NAMESPACE/NAME"):
            return
        for name, expected in expect.items():
            here = (*path, name)
            namespace, slash, pod = name.partition("/")
            if not (namespace and slash and pod) or "/" in pod:
                self.tree.add(here, "expected a pod as NAMESPACE/NAME.")
            elif self._is_map(here, expected, f"with some of {', '.join(_POD_KEYS)}"):
                if not expected:
                    self.tree.add(here, f"expects nothing. Write some of {', '.join(_POD_KEYS)}.")
                yield from self._pod_checks(here, (namespace, pod), expected)

    def _pod_checks(self, path: Path, pod: tuple[str, str], expected: dict[str, Any]) -> Iterator[Check]:
        self._only(path, expected, _POD_KEYS)
        for key in ("value", "after"):
            if key in expected:
                here = (*path, key)
                yield Check(pod, key, self._text(here, expected[key]), self.tree.line(here))
        if "action" in expected:
            here = (*path, "action")
            chosen = self._choice(here, expected["action"], [action.value for action in PlanAction])
            yield Check(pod, "action", chosen, self.tree.line(here))
        for key in ("volumes", "rules"):
            if key not in expected or not self._is_map((*path, key), expected[key], "of volumes by name"):
                continue
            if not expected[key]:
                self.tree.add((*path, key), "expects nothing. Name a volume, or remove it.")
            for volume, value in expected[key].items():
                here = (*path, key, volume)
                actions = [action.value for action in Action]
                said = self._choice(here, value, actions) if key == "volumes" else self._text(here, value)
                yield Check(pod, key, said, self.tree.line(here), volume)

    def _is_map(self, path: Path, value: Any, of_what: str) -> bool:
        if not isinstance(value, dict):
            self.tree.add(path, f"expected a map {of_what}, found {_kind(value)}.")
        return isinstance(value, dict)

    def _only(self, path: Path, value: dict[str, Any], known: tuple[str, ...]) -> None:
        for key in value:
            if key not in known:
                near = difflib.get_close_matches(key.lower(), {name.lower(): name for name in known}, n=1)
                names = {name.lower(): name for name in known}
                hint = f"Did you mean {names[near[0]]}?" if near else f"Known keys: {', '.join(known)}."
                self.tree.add((*path, key), f"is unknown. {hint}")

    def _text(self, path: Path, value: Any) -> str | None:
        if value is None or isinstance(value, str):
            return value
        self.tree.add(path, f"expected text, found {_kind(value)}.")
        return None

    def _choice(self, path: Path, value: Any, choices: list[str]) -> str | None:
        if value in choices:
            return str(value)
        self.tree.add(path, f"expected {' or '.join(choices)}, found {_kind(value)}.")
        return None


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"the text {document.quoted(value)}"
    return "a map" if isinstance(value, dict) else "a list"
