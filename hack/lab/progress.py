"""What a person sees while the lab works: one line a step, with its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from hack.lab.shell import LabError

console = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def step(text: str) -> Iterator[Callable[[str], None]]:
    """Show a step while it runs; the value updates its text.

    On a terminal a spinner turns; elsewhere the step is announced, so that a log shows
    where a build is. Both end with the time the step took.
    """
    started = time.monotonic()
    if not console.is_terminal:
        console.print(f"… {text}")
    mark = "[red]✘[/]"
    with console.status(text) as status:
        try:
            yield lambda more: status.update(f"{text} [dim]{more}[/]")
            mark = "[green]✔[/]"
        finally:
            console.print(f"{mark} {text} [dim]{time.monotonic() - started:.1f} s[/]")


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float, every: float = 0.1) -> None:
    """Ask until the condition holds; raises LabError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not so after {seconds:.0f} s")
        time.sleep(every)
