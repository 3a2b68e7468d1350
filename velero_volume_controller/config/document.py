"""From text to YAML nodes that remember their lines, without guessing types.

``yaml.safe_load`` would turn ``no`` into False, ``0123`` into 83 and
``2020-01-01`` into a date. All of these are names of namespaces, so scalars stay
the text that was typed.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from velero_volume_controller.config.errors import ConfigurationError

_NULL_TAG: Final = "tag:yaml.org,2002:null"
_NULLS: Final = ("", "~", "null", "Null", "NULL")

#: Half of a pair of surrogates, which an escape can write and no encoding of text can.
_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")

#: What ends a value outside quotes: in brackets or braces, and elsewhere.
_END_IN_BRACKETS: Final = re.compile(r"[,\]}\s]")
_END: Final = re.compile(r"[\r\n]|\s#|:\s")

#: White space behind text that holds a tab. YAML allows it there; PyYAML, unlike Go's library, does not.
_TAB_BEHIND_TEXT: Final = re.compile(r"(?<=\S)[ \t]*\t[ \t]*")

NO_MERGE_KEYS: Final = "merge keys are not read. Write the keys out in each section."

#: The longest text that a message shows whole, in characters, and how much of a value is looked at.
_SHOWN: Final = 80
_LOOKED_AT: Final = 200


class _Loader(yaml.SafeLoader):
    """Refuses scalars that are not what they seem as soon as they are read."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text)
        self._file = file

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        node = super().compose_scalar_node(anchor)
        where = f"{self._file}:{line_of(node)}:"
        if _HALF_CHARACTER.search(node.value):
            raise ConfigurationError(
                f"{where} holds half a character (an escape \\ud800 to \\udfff). Write the character itself."
            )
        if node.tag == _NULL_TAG and (node.value if node.style else node.value not in _NULLS):
            # Taken for null, a namespace to be included would open all namespaces.
            raise ConfigurationError(
                f"{where} !!null stands before {quoted(node.value)}, which is not null. Remove !!null."
            )
        return node


def compose(text: str, file: str) -> tuple[yaml.Node | None, bool]:
    """The root of the first YAML document that is not empty (None for none), and whether more follow.

    Raises ConfigurationError with file and line for text that is not YAML.
    """
    loader = None
    try:
        loader = _Loader(text, file)
        root = None
        while (root is None or is_null(root)) and loader.check_node():
            root = loader.get_node()
        return root, loader.check_node()
    except yaml.MarkedYAMLError as error:
        spaced = _TAB_BEHIND_TEXT.sub(lambda tab: " " * len(tab[0]), text)
        if "'\\t'" in (error.problem or "") and spaced != text:
            return compose(spaced, file)
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigurationError(f"{file}:{line}: {_explain(text, line, error)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigurationError(
            f"{file}:{line}: holds a character that YAML does not allow (#x{error.character:04x}). Remove it."
        ) from None
    except RecursionError:
        raise ConfigurationError(
            f"{file}:1: is nested too deeply to be read. Nothing in a configuration is nested so."
        ) from None
    except (ValueError, OverflowError):
        # PyYAML lets Python's own errors pass for a \U escape or a %YAML version that is too large.
        line = loader.line + 1 if loader is not None else 1
        raise ConfigurationError(
            f"{file}:{line}: is not YAML: a number in an escape or in a %YAML line is too large. Correct it."
        ) from None


def _explain(text: str, line: int, error: yaml.MarkedYAMLError) -> str:
    """Say what a YAML error most likely means, by the line it was noticed on."""
    for mark in (error.context_mark, error.problem_mark):
        if mark is not None and text[mark.index : mark.index + 1] == "*":
            return _alias(text, mark)
    source = (text.splitlines() or [""])[min(line, len(text.splitlines()) or 1) - 1]
    if "\t" in source[: len(source) - len(source.lstrip())]:
        return "is indented with a tab, which YAML does not allow. Indent with spaces."
    return (
        f"is not YAML: {error.problem or 'it cannot be parsed'}. Correct the line {quoted(source.strip())}."
    )


def _alias(text: str, mark: yaml.Mark) -> str:
    """What to write instead of the value that begins with an asterisk here."""
    before = text[mark.index - mark.column : mark.index]
    in_brackets = before.count("[") + before.count("{") > before.count("]") + before.count("}")
    rest = text[mark.index : mark.index + _LOOKED_AT]
    value = (_END_IN_BRACKETS if in_brackets else _END).split(rest, maxsplit=1)[0].rstrip(", \t]}")
    plain = value.isprintable() and len(value) <= _SHOWN and not {'"', "\\"}.intersection(value)
    advice = f'Write "{value}".' if plain else "Put it in quotes."
    return f"{shown(value)} is not in quotes, and to YAML an unquoted * is an alias. {advice}"


def is_null(node: yaml.Node) -> bool:
    """Empty, ``~`` or ``null``, not in quotes."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL_TAG


def line_of(node: yaml.Node) -> int:
    """Where the node begins, counted from 1."""
    return int(node.start_mark.line) + 1


def top_level(root: yaml.Node | None) -> dict[str, yaml.Node]:
    """The outermost keys and their values; of a repeated key the last. Nothing if it is no map."""
    if not isinstance(root, yaml.MappingNode):
        return {}
    return {key.value: value for key, value in root.value if isinstance(key, yaml.ScalarNode)}


def text(node: yaml.Node | None) -> str:
    """A scalar's text; of anything else none."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def is_merge(key: yaml.ScalarNode) -> bool:
    """The key ``<<`` not in quotes, which would copy another map's keys to here."""
    return key.value == "<<" and key.style is None


def entries(node: yaml.MappingNode, file: str, known: frozenset[str]) -> Iterator[tuple[str, int, yaml.Node]]:
    """The mapping's (key, line, value) in the order they were written, repeated keys included."""
    for key, value in node.value:
        line = line_of(key)
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigurationError(
                f"{file}:{line}: expected a key, found {kind(key)}. Known keys: {', '.join(sorted(known))}."
            )
        if is_merge(key):
            raise ConfigurationError(f"{file}:{line}: key <<: {NO_MERGE_KEYS}")
        yield key.value, line, value


def kind(node: yaml.Node) -> str:
    """What a node is, in a person's words."""
    if isinstance(node, yaml.MappingNode):
        return "a map"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return "nothing" if is_null(node) else f"the text {quoted(node.value)}"


def quoted(text: str) -> str:
    """Text in quotes, on one line, its end cut off where it is long."""
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}…"


def shown(key: str) -> str:
    """A key as it is, unless it would break the message's line."""
    return key if key and key.isprintable() and len(key) <= _SHOWN else quoted(key)
