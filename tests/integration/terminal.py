"""A command as somebody types at it: standard input is a terminal, and what is typed waits for a prompt."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Typed:
    """How it ended, and what was on the terminal."""

    status: int
    shown: str


def at_terminal(
    command: list[str], typed: str, prompt: str, within: float = 240.0, **environment: str
) -> Typed:
    """Types this once the prompt is shown; standard output and error are that terminal, too."""
    master, slave = pty.openpty()
    kept = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES", "NO_COLOR"}}
    process = subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**kept, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment},
        start_new_session=True,
    )
    os.close(slave)
    shown, deadline, asked = b"", time.monotonic() + within, False
    try:
        while process.poll() is None or select.select([master], [], [], 0)[0]:
            assert time.monotonic() < deadline, f"not ended within {within:g} s: {shown.decode()!r}"
            if not select.select([master], [], [], 0.1)[0]:
                continue
            try:
                shown += os.read(master, 65536)
            except OSError:  # the last of its users is gone
                break
            if not asked and prompt.encode() in shown:
                asked = True
                os.write(master, f"{typed}\n".encode())
        return Typed(process.wait(10), shown.decode())
    finally:
        process.kill()
        process.wait()
        os.close(master)
