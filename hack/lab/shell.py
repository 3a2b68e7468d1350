"""Running commands so that a failure says what failed."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class LabError(Exception):
    """Something the lab needs did not work; the text is for a person."""


def run(
    command: Sequence[str | Path],
    *,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    timeout: float | None = None,
) -> str:
    """Run a command and return what it wrote to standard output.

    Raises LabError with the command and the end of what it wrote when it fails or
    takes longer than `timeout` seconds.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
            cwd=directory,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"{words[0]}: not installed ({error})") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(words)[:200]}: not done after {timeout:.0f} s") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise LabError(f"{' '.join(words)[:300]}: exit status {done.returncode}\n{said}")
    return done.stdout


def succeeds(command: Sequence[str | Path], timeout: float = 10) -> bool:
    """Whether a command ends with status 0."""
    try:
        run(command, timeout=timeout)
    except LabError:
        return False
    return True
