"""Arguments of Velero's processes, as its flag library (pflag) reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

#: Flags without a value of their own: ``--restore-only`` is ``--restore-only=true``.
SWITCHES: Final = frozenset({"default-volumes-to-fs-backup", "default-snapshot-move-data", "restore-only"})

_TRUTHS: Final = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)")
_PART: Final = re.compile(r"([\d.]+)([a-zµ]+)")
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def flags(arguments: Sequence[str]) -> dict[str, str]:
    """``--name=value``, ``--name value`` and ``--name``; of a flag that is given twice the last counts."""
    found: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            break
        if not argument.startswith("--"):
            continue
        name, equals, value = argument[2:].partition("=")
        if equals:
            found[name] = value
        elif name in SWITCHES:
            found[name] = "true"
        else:
            found[name] = next(rest, "")
    return found


def whole(given: Mapping[str, str], name: str, default: int) -> int:
    """A whole number. Raises ValueError with one sentence about what is expected."""
    text = given.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[-+]?\d{1,9}", text):
        raise ValueError(f"--{name}: expected a whole number, found {text!r}")
    return int(text)


def truth(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    """True or false. Raises ValueError with one sentence about what is expected."""
    text = given.get(name)
    if text is None:
        return default
    if text not in _TRUTHS:
        raise ValueError(f"--{name}: expected true or false, found {text!r}")
    return _TRUTHS[text]


def seconds(given: Mapping[str, str], name: str, default: float) -> float:
    """A duration as Go writes it, such as ``4h0m0s``. Raises ValueError as the others do."""
    text = given.get(name)
    if text is None:
        return default
    if text == "0":
        return 0.0
    if not text or _DURATION.sub("", text):
        raise ValueError(f"--{name}: expected a duration such as 4h or 90m, found {text!r}")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
