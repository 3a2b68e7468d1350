"""`vvc` as a person calls it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from rich.text import Text

from hack.lab import kubectl
from hack.lab.shell import LabError

COLUMNS = 78  # what is printed is shown two columns further in
SECONDS = 900


@dataclass(frozen=True)
class Shown:
    """What a command showed on a terminal, in its colours, and what else it said."""

    text: Text
    errors: str


def follow(*arguments: str, say: Callable[[str], None], expect: int = 0) -> str:
    """Run a command that goes on for a while, and pass on each line as it comes; all that it printed.

    Raises LabError with that and its errors where its exit status is another one.
    """
    with _running(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.decode())
            say(line.decode().rstrip())
        printed = "".join(lines)
        _ended(process, arguments, printed, expect)
    return printed


def look(*arguments: str, expect: int = 0) -> Shown:
    """What a command shows on a terminal. Raises LabError as ``follow``."""
    terminal, theirs = os.openpty()
    try:
        with _running(arguments, stdout=theirs) as process:
            os.close(theirs)
            shown = _read(terminal).replace("\r\n", "\n")
            errors = _ended(process, arguments, shown, expect)
    finally:
        os.close(terminal)
    return Shown(Text.from_ansi(shown.rstrip()), errors)


def _read(terminal: int) -> str:
    """All that is printed there, until its last user is gone: Linux says EIO then."""
    whole = b""
    with suppress(OSError):
        while part := os.read(terminal, 65536):
            whole += part
    return whole.decode()


@contextmanager
def _running(arguments: tuple[str, ...], stdout: int) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "KUBECONFIG": kubectl.kubeconfig(), "COLUMNS": str(COLUMNS)}
    process = subprocess.Popen(
        [sys.executable, "-m", "velero_volume_controller", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment,
    )
    # An end, whatever happens: what it prints is waited for.
    end = threading.Timer(SECONDS, process.kill)
    end.start()
    try:
        yield process
    finally:
        end.cancel()
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()
        if process.stdout is not None:
            process.stdout.close()


def _ended(process: subprocess.Popen[bytes], arguments: tuple[str, ...], output: str, expect: int) -> str:
    assert process.stderr is not None
    errors = process.stderr.read().decode()
    status = process.wait()
    if status != expect:
        said = f"{output}{errors}".strip()
        raise LabError(f"vvc {' '.join(arguments)}: exit status {status}, expected {expect}\n{said}")
    return errors
