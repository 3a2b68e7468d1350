"""From text to Kubernetes objects, one by one, whatever kubectl or a person wrote them as. Pure.

JSON is taken apart without being decoded (10,000 pods are some 57 MB). YAML is
read as a stream of events: nothing here recurses with the text's nesting, on
which libyaml's own composer overruns the C stack.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec
import yaml

from velero_volume_controller.config.errors import ConfigurationError

#: How to get objects that can be read, for the end of a message.
ADVICE: Final = "Give what kubectl get pods,pvc,pv,ns,sc -A -o json prints"

#: JSON begins so. A map of YAML's may begin with a brace too, but not with a quoted key after it.
_JSON: Final = re.compile(r"\s*(\{\s*[\"}]|\[\s*[\[{\"\]])")
_SPACE: Final = re.compile(r"\s*")
_BYTE: Final = re.compile(r" ?\(byte (\d+)\)$")

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
#: YAML 1.1's, which Kubernetes reads; a label ``yes`` is therefore no text, to its API server either.
_BOOLEANS: Final = {
    word: truth
    for truth, words in {True: "true yes on", False: "false no off"}.items()
    for lower in words.split()
    for word in (lower, lower.capitalize(), lower.upper())
}
_NUMBER: Final = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Item:
    """One object: what it says it is, its JSON, and the line of the text that it begins on."""

    kind: str
    api_version: str
    raw: bytes | msgspec.Raw
    line: Callable[[], int]


class _Header(msgspec.Struct, rename="camel"):
    kind: str | None = None
    api_version: str | None = None
    items: list[msgspec.Raw] | None = None


class _Mapping(dict[str, object]):
    """A map of YAML's while it is read: ``key`` waits for its value."""

    __slots__ = ("key", "line")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.key: str | None = None
        self.line = line


@dataclass(frozen=True, slots=True)
class _Piece:
    """A list's item, put away as JSON: it takes a tenth of the memory."""

    raw: bytes
    line: int


_HEADER: Final = msgspec.json.Decoder(_Header | list[msgspec.Raw])
_YAML_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_items(text: str, file: str) -> Iterator[Item]:
    """Every object in JSON (one document, several, or a line for each) or in YAML; lists are taken apart.

    Raises ConfigurationError with file and line for what is neither, and for
    what is no Kubernetes object.
    """
    # A lone surrogate can't be encoded; nothing that was read from a file holds one.
    data = text.encode("utf-8", "replace")
    try:
        if _JSON.match(text):
            yield from _read_json(data, file)
        else:
            yield from _read_yaml(data, file)
    except RecursionError:
        raise ConfigurationError(f"{file}:1: is nested too deeply to be read. {ADVICE}.") from None


def items_of(raw: bytes, file: str, line: int) -> Iterator[Item]:
    """The objects in one JSON document that stands on this line of a file. Raises ConfigurationError."""
    try:
        yield from _take_apart(raw, "", file, _always(line))
    except RecursionError:
        raise ConfigurationError(f"{file}:{line}: is nested too deeply to be read. {ADVICE}.") from None


def _read_json(data: bytes, file: str) -> Iterator[Item]:
    try:
        _HEADER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Several documents, or none that can be read: the standard library tells where one ends or breaks.
        documents = _json_documents(data.decode(), file)
    else:
        documents = iter([(data, 1)])
    for document, first_line in documents:
        yield from _take_apart(document, "", file, partial(_line_of, document, first_line))


def _json_documents(text: str, file: str) -> Iterator[tuple[bytes, int]]:
    """Each document and the line it begins on."""
    # Numbers as floats: Python refuses to read integers of more than 4,300 digits.
    decoder = json.JSONDecoder(parse_int=float)
    position, line, counted = 0, 1, 0
    while True:
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]  # matches always
        if position == len(text):
            return
        line, counted = line + text.count("\n", counted, position), position
        try:
            _, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            what = "ends too early" if error.pos >= len(text.rstrip()) else f"is not JSON: {error.msg}"
            raise ConfigurationError(f"{file}:{error.lineno}: {what}. {ADVICE}.") from None
        yield text[position:end].encode(), line
        position = end


def _take_apart(
    raw: bytes | msgspec.Raw, implied: str, file: str, line_of: Callable[[msgspec.Raw | None], int]
) -> Iterator[Item]:
    """An object, or a list's objects; ``implied`` is the kind of those in a list that do not say."""
    try:
        header = _HEADER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        found = complaint(error)
        raise ConfigurationError(
            f"{file}:{line_of(None)}: expected a Kubernetes object, {found}. {ADVICE}."
        ) from None
    if isinstance(header, list):
        items, implied = header, ""
    elif header.items is not None and (header.kind or "List").endswith("List"):
        items, implied = header.items, (header.kind or "").removesuffix("List")
    elif (header.kind or "").endswith("List"):
        return  # "items": null is an empty list
    elif header.kind or implied:
        yield Item(header.kind or implied, header.api_version or "", raw, partial(line_of, None))
        return
    else:
        raise ConfigurationError(
            f"{file}:{line_of(None)}: expected a Kubernetes object, found one without a kind. {ADVICE}."
        )
    for item in items:
        yield from _take_apart(item, implied, file, partial(_line_within, line_of, item))


def _line_within(
    outer: Callable[[msgspec.Raw | None], int], item: msgspec.Raw, inner: msgspec.Raw | None
) -> int:
    return outer(item if inner is None else inner)


def _line_of(document: bytes, first_line: int, item: msgspec.Raw | None) -> int:
    """Looked for only when there is something to say of it; a twin before it would have been said first."""
    start = 0 if item is None else max(document.find(bytes(item)), 0)
    return first_line + document.count(b"\n", 0, start)


def _read_yaml(data: bytes, file: str) -> Iterator[Item]:
    empty = True
    try:
        for value, line in _yaml_documents(data, file):
            if value is None:
                continue
            empty = False
            items = value.get("items") if isinstance(value, _Mapping) else value
            kind = (value.get("kind") if isinstance(value, _Mapping) else None) or "List"
            if isinstance(items, list) and isinstance(kind, str) and kind.endswith("List"):
                implied = kind.removesuffix("List")
                for item in items:
                    piece = item if isinstance(item, _Piece) else _Piece(msgspec.json.encode(item), line)
                    yield from _take_apart(piece.raw, implied, file, _always(piece.line))
            else:
                yield from _take_apart(msgspec.json.encode(value), "", file, _always(line))
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        line = where.line + 1 if where else 1
        problem = error.problem or "it cannot be parsed"
        raise ConfigurationError(f"{file}:{line}: is not YAML or JSON: {problem}. {ADVICE}.") from None
    except yaml.YAMLError as error:
        problem = str(error).splitlines()[0]
        raise ConfigurationError(f"{file}:1: is not YAML or JSON: {problem}. {ADVICE}.") from None
    if empty:
        raise ConfigurationError(f"{file}:1: is empty, expected Kubernetes objects. {ADVICE}.")


def _always(line: int) -> Callable[[msgspec.Raw | None], int]:
    return lambda _: line


def _yaml_documents(data: bytes, file: str) -> Iterator[tuple[object, int]]:
    """Each document as plain values, and the line it begins on. The items of a List come as pieces."""
    stack: list[_Mapping | list[object]] = []
    for event in yaml.parse(data, Loader=_YAML_LOADER):
        mark = event.start_mark
        assert mark is not None, "an event that was read has one"
        if isinstance(event, yaml.ScalarEvent):
            _add(stack, scalar(event.value, plain=event.implicit[0]), event.value, f"{file}:{mark.line + 1}")
        elif isinstance(event, yaml.MappingStartEvent):
            stack.append(_Mapping(mark.line + 1))
        elif isinstance(event, yaml.SequenceStartEvent):
            stack.append([])
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            _add(stack, _put_away(stack), None, f"{file}:{mark.line + 1}")
        elif isinstance(event, yaml.DocumentStartEvent):
            stack = [[]]
            line = mark.line + 1
        elif isinstance(event, yaml.DocumentEndEvent):
            root = stack[0]
            assert isinstance(root, list)
            yield root[0], root[0].line if isinstance(root[0], _Mapping) else line
        elif isinstance(event, yaml.AliasEvent):
            raise ConfigurationError(
                f"{file}:{mark.line + 1}: *{event.anchor} is an alias, and aliases are not read."
                " Put it in quotes if this text is meant, else write out what it stands for."
            )


def _put_away(stack: list[_Mapping | list[object]]) -> object:
    """The container that has just ended; as a piece if it is an item of the document's ``items``."""
    done = stack.pop()
    if isinstance(done, _Mapping) and len(stack) == 3:
        document = stack[1]
        if isinstance(document, _Mapping) and document.key == "items" and isinstance(stack[2], list):
            return _Piece(msgspec.json.encode(done), done.line)
    return done


def _add(stack: list[_Mapping | list[object]], value: object, key: str | None, where: str) -> None:
    """``key`` is the value's text, None for a container, which can't be one."""
    container = stack[-1]
    if isinstance(container, list):
        container.append(value)
    elif container.key is not None:
        container[container.key], container.key = value, None
    elif key is not None:
        container.key = key
    else:
        raise ConfigurationError(f"{where}: expected a key, found a map or a list. {ADVICE}.")


def scalar(text: str, *, plain: bool) -> object:
    """A scalar as Kubernetes reads YAML; ``plain``: neither in quotes nor tagged. Dates stay text."""
    if not plain:
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    # JSON has no infinity, and no digits but these.
    if text.isascii() and len(text) < 300 and _NUMBER.fullmatch(text):
        return int(text) if text.lstrip("+-").isdecimal() and len(text) < 20 else float(text)
    return text


def complaint(error: Exception) -> str:
    """What a decoder found instead, in words: the rest of a sentence that begins with what was expected."""
    text = str(error)
    match = re.fullmatch(r"Expected `(?P<expected>[^`]+)`, got `(?P<found>[^`]+)`( - at `(?P<at>.+)`)?", text)
    if match:
        where = f" at {_path(match['at'])}" if match["at"] else ""
        return f"found {_in_words(match['found'])}{where} where {_in_words(match['expected'])} belongs"
    match = re.fullmatch(r"Object missing required field `(?P<field>[^`]+)`( - at `(?P<at>.+)`)?", text)
    if match:
        return f"found none of {_path('.'.join(filter(None, (match['at'], match['field']))))}"
    return f"found {_BYTE.sub('', text)}"


_WORDS: Final = {
    "str": "text", "int": "a number", "float": "a number", "bool": "true or false", "null": "nothing",
    "object": "a map", "array": "a list",
}  # fmt: skip


def _in_words(types: str) -> str:
    """msgspec's names of types. That nothing is legal too helps nobody."""
    names = [name.strip() for name in types.split("|")]
    words = dict.fromkeys(_WORDS.get(name, name) for name in names if name != "null" or len(names) == 1)
    return " or ".join(words)


def _path(at: str) -> str:
    return at.removeprefix("$").removesuffix("[...]").lstrip(".") or "the object"
