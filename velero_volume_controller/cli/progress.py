"""A progress bar on standard error, for reading that takes a while."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from rich.status import Status

#: Whoever waits no longer than this needs no bar. Seconds.
PATIENCE: Final = 2.0


class Bar:
    """Shown once two seconds have passed, if standard error is a terminal; gone when it is left."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._shown: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown is not None:
            self._shown.stop()

    def __call__(self, resource: str, read: int, total: int | None) -> None:
        """So many of this resource have been read, of so many if that is known."""
        if self._shown is None:
            if not sys.stderr.isatty() or time.monotonic() - self._begun < PATIENCE:
                return
            self._shown = _bar()
            self._shown.start()
        if resource not in self._tasks:
            self._tasks[resource] = self._shown.add_task(resource)
        self._shown.update(self._tasks[resource], completed=read, total=total)


def _bar() -> Progress:
    # Imported here: rich takes a tenth of a second, and most answers come sooner than the bar.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (TextColumn("reading {task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


class Waiting:
    """What is waited for, said once two seconds have passed: turning on a terminal, elsewhere one line."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._begun = time.monotonic()
        self._shown: Status | None = None
        self._told = False

    def __enter__(self) -> Waiting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown is not None:
            self._shown.stop()

    def show(self) -> None:
        """It is still waited for."""
        if self._told or time.monotonic() - self._begun < PATIENCE:
            return
        self._told = True
        if not sys.stderr.isatty():
            click.echo(f"{self._what} …", err=True)
            return
        # Imported here, as below.
        from rich.console import Console  # noqa: PLC0415

        self._shown = Console(stderr=True).status(self._what)
        self._shown.start()
