"""Text for a person's terminal: colour, width, and nothing in it that the terminal would obey."""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import click
import msgspec

from velero_volume_controller.api.times import parse_time

#: Narrower than this nothing readable fits.
_NARROWEST: Final = 40

#: Columns that no line fills.
_UNLIMITED: Final = sys.maxsize

#: Characters; a pipe holds 64 KiB.
_PIECE: Final = 1 << 14

#: Gives a text a colour by click's name for it, or leaves it alone (no name: always).
Paint = Callable[[str, str], str]


def painter() -> Paint:
    """Colours on a terminal, unless NO_COLOR is set (no-color.org) or it is a dumb one; none elsewhere."""
    dumb = os.environ.get("TERM") == "dumb"
    if sys.stdout.isatty() and not dumb and not os.environ.get("NO_COLOR"):
        return lambda text, colour: click.style(text, fg=colour) if colour else text
    return lambda text, colour: text


def width() -> int:
    """COLUMNS, or the terminal's; no limit where there is neither, as for a pipe that something reads."""
    fallback = 80 if sys.stdout.isatty() else _UNLIMITED
    return max(shutil.get_terminal_size((fallback, 24)).columns, _NARROWEST)


def safe(text: str) -> str:
    """What objects hold, with everything a terminal might obey written as an escape."""
    return text if text.isprintable() else repr(text)[1:-1]


def counted(number: int, noun: str) -> str:
    """``1 pod``, ``2 pods``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def clock(time: str) -> str:
    """An RFC 3339 time in the zone of whoever looks; with its day where that is another."""
    then = parse_time(time).astimezone()
    day = "" if then.date() == datetime.now().astimezone().date() else then.strftime("%Y-%m-%d ")
    return day + then.strftime("%H:%M:%S")


def fold(text: str, columns: int) -> Iterator[str]:
    """A list of names cut into lines after commas, or anywhere if one name alone is too long."""
    line = ""
    for part in text.replace(",", ",\0").split("\0"):
        if line and len(line) + len(part) > columns:
            yield line
            line = ""
        line += part
        while len(line) > columns:
            yield line[:columns]
            line = line[columns:]
    yield line


def wrap(text: str, columns: int, first: str = "", rest: str | None = None) -> list[str]:
    """Prose in lines of at most so many columns; ``rest`` begins all lines but the first."""
    return textwrap.wrap(
        text,
        columns,
        initial_indent=first,
        subsequent_indent=" " * len(first) if rest is None else rest,
        break_on_hyphens=False,
    ) or [first.rstrip()]


class ReaderGone(Exception):  # noqa: N818  (the name says what is the case)
    """Whoever read our output has closed it: nothing is left to be told."""


def print_lines(lines: Iterable[str]) -> None:
    """To standard output. Raises ReaderGone."""
    text = "".join(f"{line}\n" for line in lines)
    try:
        # In pieces: an unbuffered stream takes what fits of a large one and drops the rest without a word.
        for start in range(0, len(text), _PIECE):
            click.echo(text[start : start + _PIECE], nl=False)
    except BrokenPipeError as error:
        # click would exit with 1, which here means that the cluster is in the way.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise ReaderGone from error


def print_json(value: Any) -> None:
    """One document, indented by two spaces, in ASCII whatever the terminal's encoding. Raises ReaderGone."""
    try:
        text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    except UnicodeEncodeError:  # half a character, as in a path that is not UTF-8
        text = ""
    # The standard library is ten times slower, and needed for what is rare.
    print_lines([text if text and text.isascii() else json.dumps(value, indent=2)])


def print_warnings(warnings: tuple[str, ...]) -> None:
    """To standard error: standard output may be read by a program."""
    for warning in warnings:
        click.echo(f"Warning: {safe(warning)}", err=True)


def print_yaml(value: Any) -> None:
    """One document, keys in their order. Raises ReaderGone."""
    # Imported here: few commands print YAML.
    import yaml  # noqa: PLC0415

    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=False, width=_UNLIMITED)
    print_lines(text.splitlines())
