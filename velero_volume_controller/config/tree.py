"""From YAML nodes to plain data, and back from any place in the data to its line.

Scalars stay the text that was typed, but for null and for the keys that hold true
or false. Aliases are followed, up to a limit: a few lines of them can stand for
billions of nodes.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from velero_volume_controller.config import document

#: Where something stands in the data: keys and positions in lists, from the root.
Path = tuple[str | int, ...]

#: More than a ConfigMap's 1 MiB can hold without aliases, of anything that is a configuration.
_MOST_NODES: Final = 200_000
#: The format's own depth is 9.
_DEEPEST: Final = 40

#: Nobody reads more.
_MOST_PROBLEMS: Final = 100

_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass
class Tree:
    """Data with its lines, and what is wrong with it: complete sentences by line."""

    file: str
    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of a place or, where the file lacks it, of what it would stand in."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def sentence(self, path: Path, what: str, line: int | None = None) -> str:
        """``FILE:LINE: key PATH: WHAT``."""
        where = f"{self.file}:{line or self.line(path)}:"
        return f"{where} key {dotted(path)}: {what}" if path else f"{where} {what}"

    def add(self, path: Path, what: str, line: int | None = None) -> None:
        """Note a problem, at the place's own line unless another is given."""
        self.problems.append((line or self.line(path), self.sentence(path, what, line)))

    def listed(self) -> Iterator[str]:
        """The problems by line; of a file that is something else altogether, the first of them."""
        problems = sorted(self.problems, key=lambda each: each[0])
        yield from (text for _, text in problems[:_MOST_PROBLEMS])
        if len(problems) > _MOST_PROBLEMS:
            line, _ = problems[_MOST_PROBLEMS]
            left = len(problems) - _MOST_PROBLEMS
            yield f"{self.file}:{line}: from here on {left} more problems. Correct those above first."


def dotted(path: Path) -> str:
    """The path as people write it: ``annotator.rules[0].name``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.isidentifier():
            text += f".{step}" if text else step
        else:
            text += f"[{document.quoted(step)}]" if text else document.shown(step)
    return text


def grow(root: yaml.Node, file: str, booleans: Set[str]) -> Tree:
    """Turn nodes into data; the values of the keys ``booleans`` become true or false."""
    tree = Tree(file)
    tree.data = _Grower(tree, booleans).data(root, ())
    return tree


@dataclass
class _Grower:
    tree: Tree
    booleans: Set[str]
    nodes: int = 0
    over: bool = False

    def data(self, node: yaml.Node, path: Path) -> Any:
        self.nodes += 1
        self.tree.lines.setdefault(path, document.line_of(node))
        if self.nodes > _MOST_NODES or len(path) > _DEEPEST:
            self._refuse(path)
            return None
        if isinstance(node, yaml.MappingNode):
            return self._map(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for position, item in enumerate(node.value):
                if self.over:
                    break
                items.append(self.data(item, (*path, position)))
            return items
        if document.is_null(node) or not isinstance(node, yaml.ScalarNode):
            return None
        if path and path[-1] in self.booleans and node.style is None and node.value in _BOOLEANS:
            return _BOOLEANS[node.value]
        return str(node.value)

    def _map(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            if self.over:
                break
            line = document.line_of(key)
            if not isinstance(key, yaml.ScalarNode):
                self.tree.add(path, f"expected a key, found {document.kind(key)}. Write a word here.", line)
                continue
            here = (*path, key.value)
            if document.is_merge(key):
                self.tree.add(here, document.NO_MERGE_KEYS, line)
            elif here in self.tree.lines:
                first = self.tree.lines[here]
                self.tree.add(here, f"is set twice (first on line {first}). Remove one of the two.", line)
            else:
                self.tree.lines[here] = line
                data[key.value] = self.data(value, here)
        return data

    def _refuse(self, path: Path) -> None:
        """Stop here, once: what is beyond is not looked at."""
        if not self.over:
            self.over = True
            what = "is nested too deeply, or its aliases stand for too much. Write it out."
            self.tree.add(path[:1], what)
