"""``vvc backup watch``: looks on while a BackupSet runs, and says how it ended.

Asked anew every two seconds instead of by watches: the labels of a set's Backups and
volumes select some dozens of objects, where a watch of a lane would bring all of them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from velero_volume_controller.api.backupset import SetPhase
from velero_volume_controller.backup.changes import changes
from velero_volume_controller.backup.progress import TAKEN_UP, view
from velero_volume_controller.backup.views import SetView
from velero_volume_controller.cli.backup_bars import bars
from velero_volume_controller.cli.backup_cluster import Where, ask, set_name
from velero_volume_controller.cli.backup_status import now
from velero_volume_controller.cli.backup_terminal import Pen
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import print_lines, safe, width, wrap
from velero_volume_controller.kube.errors import ApiError, KubeError, Unreachable

if TYPE_CHECKING:
    from rich.live import Live

    from velero_volume_controller.kube.client import Client

#: From one look to the next. Seconds.
PERIOD: Final = 2.0
#: How long the cluster may take for an answer before it is said. Seconds.
PATIENCE: Final = 10.0

#: Exit statuses with --wait; 1 for any other end.
_STATUS: Final = {SetPhase.COMPLETED.value: 0, SetPhase.PARTIALLY_FAILED.value: 3}

_EPILOG = """
\b
Examples:
  vvc backup watch nightly
  vvc backup watch nightly --wait && echo all of it is safe
  vvc backup watch nightly --wait >>backups.log

\b
On a terminal it draws bars; elsewhere it prints a line for each change.
Exit status: 0; 1 the cluster is in the way; 2 there is no such set; with
--wait 0 Completed, 3 PartiallyFailed, 1 Failed or Expired.
"""


@click.command(epilog=_EPILOG, short_help="Look on while a BackupSet runs.")
@set_name
@cluster_options
@click.option("--wait", is_flag=True, help="Say by the exit status how it ended: 0, 3 or 1.")
@click.option("--all", "everything", is_flag=True, help="Draw every volume and not only what moves.")
def watch(name: str, wait: bool, everything: bool, **access: Any) -> int:
    """Look on while a BackupSet runs, until it has ended. Ctrl-C leaves it running."""
    return follow(Where(**access), name, wait=wait, everything=everything)


def follow(where: Where, name: str, *, wait: bool, everything: bool = False, retried: bool = False) -> int:
    """Shows the set until it has ended; the exit status, which with ``wait`` says how.

    ``retried``: a retry was just asked for. Until the controller has followed the last such demand (it may be
    somebody else's by now), what the set says of its end is of before. Raises a usage error if there is no
    such set, and KubeError if it can't be read at first or is deleted meanwhile.
    """
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.backup.handling import NoSuchSet  # noqa: PLC0415

    with _screen(everything=everything) as screen:
        try:
            last = ask(where, lambda client: _until_over(client, where, name, screen, retried))
        except NoSuchSet as error:
            raise click.UsageError(str(error)) from None
    return _STATUS.get(last.phase, 1) if wait else 0


class _Screen(Protocol):
    def show(self, view: SetView) -> None:
        """The set is this now."""

    def trouble(self, said: str) -> None:
        """It can't be read just now."""


async def _until_over(client: Client, where: Where, name: str, screen: _Screen, retried: bool) -> SetView:
    from velero_volume_controller.backup.handling import NoSuchSet  # noqa: PLC0415
    from velero_volume_controller.backup.look import look  # noqa: PLC0415

    shown, begun = False, time.monotonic()
    while True:
        try:
            # At first it is asked patiently; once something is shown, word of an outage is better.
            async with asyncio.timeout(PATIENCE if shown else None):
                seen = await look(client, where.namespace, name)
        except NoSuchSet:
            if shown:
                raise KubeError(f"BackupSet {where.namespace}/{name} was deleted") from None
            raise
        except TimeoutError:
            screen.trouble("the cluster does not answer")
        except (Unreachable, ApiError) as error:
            if not shown or (isinstance(error, ApiError) and error.status in {401, 403}):
                raise
            screen.trouble(str(error))
        else:
            told = view(seen, now())
            waited_for = retried and seen.demanded not in {"", seen.status.retried}
            if not waited_for or time.monotonic() > begun + TAKEN_UP:
                shown = True
                screen.show(told)
            if told.over and not waited_for:
                return told
        await asyncio.sleep(PERIOD)


def _screen(*, everything: bool) -> AbstractContextManager[_Screen]:
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        return _Bars(everything=everything)
    return nullcontext(Lines())


class Lines:
    """A line for each change, with the time; trouble is told once, and that it is over."""

    def __init__(self) -> None:
        self._last: SetView | None = None
        self._trouble = ""

    def show(self, view: SetView) -> None:
        """What has changed since the last time."""
        if self._trouble:
            self._trouble = ""
            self._print("the cluster answers again")
        for line in changes(self._last, view):
            self._print(line)
        self._last = view

    def trouble(self, said: str) -> None:
        """Once for each trouble."""
        if said != self._trouble:
            self._print(f"{said}; trying again")
        self._trouble = said

    def _print(self, line: str) -> None:
        print_lines([f"{now()} {safe(line)}"])
        # Whoever reads a pipe wants each line when it happens.
        sys.stdout.flush()


class _Bars:
    """The set drawn in place; its last state stays on the screen."""

    def __init__(self, *, everything: bool) -> None:
        # Imported here: rich takes a tenth of a second that --help and pipes need not wait for.
        from rich.console import Console  # noqa: PLC0415
        from rich.live import Live  # noqa: PLC0415

        self._everything = everything
        self._last: SetView | None = None
        # Standard output stays what it is: how wide it is, and which characters it shows, is asked of it.
        self._live: Live = Live(
            console=Console(), auto_refresh=False, redirect_stdout=False, vertical_overflow="crop"
        )

    def __enter__(self) -> _Bars:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, view: SetView) -> None:
        self._last = view
        self._draw([])

    def trouble(self, said: str) -> None:
        self._draw(wrap(safe(f"{said}; trying again"), width(), "* "))

    def _draw(self, below: list[str]) -> None:
        from rich.text import Text  # noqa: PLC0415

        lines: list[str] = []
        if self._last is not None:
            # The last line of the window is the cursor's. At the end all of it is printed, however long.
            over = self._last.over
            rows = None if over else max(shutil.get_terminal_size().lines - 1 - len(below), 4)
            self._live.vertical_overflow = "visible" if over else "crop"
            lines = bars(self._last, Pen.of_terminal(), everything=self._everything, rows=rows)
        drawn = Text.from_ansi("\n".join([*lines, *below]), no_wrap=True, overflow="crop", end="")
        self._live.update(drawn, refresh=True)
