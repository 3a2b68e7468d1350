"""Documents in all states: right ones of both formats, the same with something changed, and noise."""

from typing import Any

import yaml
from hypothesis import strategies as st

from velero_volume_controller.api.configuration import (
    Action,
    ClusterServer,
    Configuration,
    Mode,
    Names,
    NamespaceFilter,
    Operator,
    Ownership,
    PodFilter,
    Requirement,
    Rule,
    Selector,
    VolumeFilter,
)
from velero_volume_controller.api.volume_types import VOLUME_TYPES
from velero_volume_controller.config.ninekeys import SECTIONS
from velero_volume_controller.config.write_native import write

#: What YAML and Kubernetes read in more than one way, beside plain names.
_NAMES = ("shop", "shop-a", "no", "null", "true", "0123", "1e3", "0x1f", "y", "a-0", "2020-01-01")
_PATTERNS = ("*", "shop-*", "*-cron", "a*b*c", "**", "*0")
_LABELS = ("app", "tier", "example.com/a", "no", "1")
_VALUES = ("", "db", "web", "yes", "0.5", "A_b.c")

#: What breaks parsers: each may come to stand anywhere in a document.
_TOKENS = (
    "*", "*a", "&a ", "<<: *a", "<<: {}", "!!binary ", "!!null ", "!!python/object:os.system ", "!<tag> ",
    "? ", ": ", "- ", "---\n", "...\n", "%YAML 9.9\n", "%YAML 99999999999999999999.1\n", '"\\UFFFFFFFF"',
    '"\\ud800"', '"\\x00"', "[", "]", "{", "}", "[[[[[[[[[[", "|\n", ">-\n", "#", "\t", "\r", "\u2028",
    "\x85", "\x00", "\x07", "\\", "null", "~", "[]", "{}", "''", "9" * 5000, "1e9999", "-1", "a" * 300,
    "\ufeff", "veleroVolumeCfg:", "annotator:", "&a [*a]", "{? [a]: b}", "\U0010ffff", "\ud800",
)  # fmt: skip


def _some(values: Any, least: int = 0) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=3, unique=True)


# Made once: making strategies takes longer than drawing from them.
_NAMED = st.none() | st.builds(
    lambda some, patterns: Names(frozenset(some), tuple(patterns)), _some(_NAMES, 1), _some(_PATTERNS)
)
_CONDITIONS = st.tuples(st.sampled_from(Operator), _some(_VALUES, 1))
_LABELLED = st.dictionaries(st.sampled_from(_LABELS), _CONDITIONS, max_size=3)
_SIZES = st.tuples(st.none() | st.integers(0, 2**30), st.none() | st.integers(2**30, 2**50))
_TYPES = st.none() | st.builds(frozenset, _some(sorted(VOLUME_TYPES), 1))


def _selector(conditions: dict[str, tuple[Operator, list[str]]]) -> Selector:
    """One condition for each label, so that none contradicts another."""
    with_values = {Operator.IN, Operator.NOT_IN}
    return tuple(
        Requirement(key, operator, tuple(values) if operator in with_values else ())
        for key, (operator, values) in conditions.items()
    )


_SELECTORS = _LABELLED.map(_selector)


def _volume_filter(
    types: frozenset[str] | None,
    names: Names | None,
    claims: tuple[Names | None, Names | None, Selector],
    sizes: tuple[int | None, int | None],
) -> VolumeFilter:
    """What only PVCs have is asked for only where they are among the types."""
    if types is not None and "persistentVolumeClaim" not in types:
        return VolumeFilter(types, names)
    claim, storage_class, selector = claims
    return VolumeFilter(types, names, claim, selector, storage_class, *sizes)


_NAMESPACES = st.builds(
    NamespaceFilter,
    _NAMED,
    st.builds(lambda names: Names(frozenset(names)), _some(("old", "tmp-1"))),
    _SELECTORS,
)
_PODS = st.builds(PodFilter, _SELECTORS, st.builds(tuple, _some(_NAMES + _PATTERNS)))
_VOLUMES = st.builds(_volume_filter, _TYPES, _NAMED, st.tuples(_NAMED, _NAMED, _SELECTORS), _SIZES)
_RULE_NAMES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
_RULES = st.lists(
    st.builds(Rule, _RULE_NAMES, st.sampled_from(Action), _NAMESPACES, _PODS, _VOLUMES),
    max_size=3,
    unique_by=lambda rule: rule.name,
).map(tuple)

_CONFIGURATIONS = st.builds(
    Configuration,
    cluster=st.builds(
        ClusterServer,
        st.sampled_from(["", "https://10.0.0.1:6443", "[fd00::1]:6443"]),
        st.sampled_from(["", "/etc/kubeconfig", "no", "a: b # c"]),
        st.sampled_from(["velero", "1", "no"]),
        st.sampled_from(["velero-volume-controller", "a.b", "0"]),
    ),
    mode=st.sampled_from(Mode),
    ownership=st.sampled_from(Ownership),
    default=st.sampled_from(Action),
    adopt=st.booleans(),
    rules=_RULES,
)


def native_configurations() -> st.SearchStrategy[Configuration]:
    """Everything that the native format can say."""
    return _CONFIGURATIONS


def nine_key_documents() -> st.SearchStrategy[str]:
    """The nine keys with lists of names, possible and impossible, and some keys left out."""
    entry = st.sampled_from((*_NAMES, *_PATTERNS, "Shop", "a b", "", " x ", "pvc", *sorted(VOLUME_TYPES)))
    text = st.lists(entry, max_size=4).map(",".join) | st.text(max_size=20)
    sections = {
        section: st.none() | st.dictionaries(st.sampled_from(sorted(keys)), st.none() | text)
        for section, keys in SECTIONS.items()
    }
    return st.fixed_dictionaries({}, optional=sections).map(_dump)


def _dump(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


_RIGHT = native_configurations().map(write) | nine_key_documents()


def right_documents() -> st.SearchStrategy[str]:
    """Documents of both formats that were written with care."""
    return _RIGHT


_SCALARS = st.sampled_from((*_NAMES, *_PATTERNS, "10Gi", "In", "backup")) | st.none() | st.booleans()
_DATA = st.recursive(
    _SCALARS | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


#: Where to change a text (as a fraction of it), how, and how much.
_SCRATCHES = st.lists(
    st.tuples(
        st.sampled_from(["token", "cut", "drop", "double", "move", "indent"]),
        st.integers(0, 2**16),
        st.integers(1, 20),
        st.sampled_from(_TOKENS),
    ),
    min_size=1,
    max_size=4,
)
#: For each step down into a document: which key, whether to stop there, and what to do.
_GRAFTS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 2**16), min_size=1, max_size=8),
        st.sampled_from(["rename", "put"]),
        st.sampled_from(["name", "types", "selector", "Mode", "adpot", "includes", "", "<<"]),
        _DATA,
    ),
    min_size=1,
    max_size=3,
)


def grafted_documents() -> st.SearchStrategy[str]:
    """A right document in which something else stands at some places, or a key has another name."""
    return st.builds(_grafted, _RIGHT, _GRAFTS)


def _grafted(text: str, grafts: list[tuple[list[int], str, str, Any]]) -> str:
    root = yaml.safe_load(text)
    for way, what, name, value in grafts:
        data, key = root, None
        for step in way:
            inner = data if key is None else data[key]
            if not isinstance(inner, dict | list) or not inner:
                break
            data = inner
            key = list(data)[step % len(data)] if isinstance(data, dict) else step % len(data)
        if key is None:
            continue
        if what == "rename" and isinstance(data, dict):
            data[name] = data.pop(key)
        else:
            data[key] = value
    return _dump(root)


def scratched_documents() -> st.SearchStrategy[str]:
    """A right document whose text was changed: lines moved, tokens put in, pieces cut out."""
    return st.builds(_scratched, _RIGHT, _SCRATCHES)


def _scratched(text: str, scratches: list[tuple[str, int, int, str]]) -> str:
    for how, where, much, token in scratches:
        place = where % (len(text) + 1)
        lines = text.splitlines(keepends=True) or [""]
        line = where % len(lines)
        match how:
            case "token":
                text = text[:place] + token + text[place:]
                continue
            case "cut":
                text = text[:place] + text[place + much :]
                continue
            case "drop":
                del lines[line]
            case "double":
                lines.insert(line, lines[line])
            case "move":
                lines.insert((line + much) % len(lines), lines.pop(line))
            case "indent":
                lines[line] = " " * much + lines[line]
        text = "".join(lines)
    return text


def noise() -> st.SearchStrategy[str]:
    """YAML that means nothing, strings of tokens, and bytes."""
    return (
        _DATA.map(_dump)
        | st.lists(st.sampled_from(_TOKENS) | st.text(max_size=3), max_size=12).map("".join)
        | st.binary(max_size=200).map(lambda data: data.decode("latin-1"))
        | st.binary(max_size=200).map(lambda data: data.decode("utf-8", "replace"))
        | st.text()
    )
