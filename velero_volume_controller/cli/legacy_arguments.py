"""Arguments as the Go program velero-volume-controller takes them, turned into ours: pure.

Its Deployments call it without a command and with klog's flags, in Go's way:
one dash or two, ``-v=4`` or ``-v 4``, and often ``-logtostderr true``, where
``true`` is a stray word because Go's boolean flags take no separate value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: The names that stand in for the Go program, which runs without arguments too: our
#: console script of its name, and ``python -m velero_volume_controller``.
GO_PROGRAMS: Final = frozenset({"velero-volume-controller", "__main__.py"})

#: The Go program's flags that mean something here; both take a value.
_GO_OPTIONS: Final = {"c": "--config", "v": "-v"}
#: klog's other flags that take a value.
_VALUED: Final = frozenset(
    {"log_backtrace_at", "log_dir", "log_file", "log_file_max_size", "stderrthreshold", "vmodule"}
)
_BOOLEAN: Final = frozenset(
    {"add_dir_header", "alsologtostderr", "logtostderr", "one_output", "skip_headers", "skip_log_headers"}
)
#: Flags whose loss somebody may notice: logs always go to standard error.
_WORTH_A_WORD: Final = frozenset({"log_backtrace_at", "log_dir", "log_file", "vmodule"})

#: What follows a boolean flag by mistake, lower-case: whatever Go reads as a boolean.
_STRAY: Final = frozenset({"true", "false", "t", "f", "1", "0"})
_OURS_WITHOUT_COMMAND: Final = frozenset({"-h", "--help", "--version"})


@dataclass(frozen=True, slots=True)
class Translated:
    """Arguments for our own parser, and the flags that were dropped although they asked for something."""

    arguments: tuple[str, ...]
    dropped: tuple[str, ...] = ()


def translate(program: str, arguments: Sequence[str]) -> Translated:
    """Leave arguments that begin with a command alone; turn the Go program's into those of ``run``."""
    if not arguments:
        return Translated(("run",) if program in GO_PROGRAMS else ())
    if not arguments[0].startswith("-") or arguments[0] in _OURS_WITHOUT_COMMAND:
        return Translated(tuple(arguments))
    return _from_go(arguments)


def _from_go(arguments: Sequence[str]) -> Translated:
    """Go over the words one by one, as Go's flag package does, but past stray words too."""
    translated: list[str] = ["run"]
    dropped: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word in {"-", "--"}:
            if word.lower() not in _STRAY:
                translated.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if name in _BOOLEAN:
            continue
        if name in _VALUED:
            if not equals and rest:
                rest.pop(0)
            if name in _WORTH_A_WORD:
                dropped.append(name)
            continue
        if name in _GO_OPTIONS:
            translated.append(_GO_OPTIONS[name])
            translated.extend([value] if equals else [rest.pop(0)] if rest else [])
        else:
            translated.append(_ours(word))
    return Translated(tuple(translated), tuple(dropped))


def _ours(word: str) -> str:
    """One of our own options: Go takes its long flags with one dash, so ours may be written so too."""
    return word if word.startswith("--") or len(word) == 2 else f"-{word}"
