"""``vvc restore watch``: looks on while a CleanRestore runs, and says how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from velero_volume_controller.api.cleanrestore import RestorePhase
from velero_volume_controller.cli.backup_cluster import Where
from velero_volume_controller.cli.backup_terminal import Pen
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.restore_bars import bars
from velero_volume_controller.cli.restore_cluster import ask, run_name
from velero_volume_controller.cli.watching import Drawing, Screen, now, until
from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.restore.changes import changes
from velero_volume_controller.restore.progress import TAKEN_UP, view
from velero_volume_controller.restore.views import RunView, Seen

if TYPE_CHECKING:
    from velero_volume_controller.kube.client import Client

#: How it ended, for the shell; 1 for any other end.
_STATUS: Final = {RestorePhase.COMPLETED.value: 0, RestorePhase.COMPLETED_WITH_WARNINGS.value: 3}
_REFUSED: Final = 2

_EPILOG = """
\b
Examples:
  vvc restore watch shop-back
  vvc restore watch shop-back && echo all of it is back
  vvc restore watch shop-back >>restores.log

\b
On a terminal it draws bars; elsewhere it prints a line for each change.
Exit status: 0 Completed; 3 CompletedWithWarnings; 2 refused before anything was
touched, or there is no such CleanRestore; 1 Failed, Cancelled, or the cluster is
in the way.
"""


@click.command(epilog=_EPILOG, short_help="Look on while a CleanRestore runs.")
@run_name
@cluster_options
@click.option("--all", "everything", is_flag=True, help="Draw every volume and not only what moves.")
def watch(name: str, everything: bool, **access: Any) -> int:
    """Look on while a CleanRestore runs, until it has ended. Ctrl-C leaves it running."""
    return follow(Where(**access), name, everything=everything)


def follow(
    where: Where,
    name: str,
    *,
    everything: bool = False,
    current: Callable[[Seen], bool] = lambda seen: True,
) -> int:
    """Shows the run until it has ended; the exit status, which says how.

    What is seen before it is ``current`` is not shown: it is of before. Raises a usage error if there is no
    such run, and KubeError if it can't be read at first or is deleted meanwhile.
    """
    drawing = Drawing(
        lambda view, rows: bars(view, Pen.of_terminal(), everything=everything, rows=rows), changes
    )
    try:
        with drawing.screen() as screen:
            last = ask(where, lambda client: until_over(client, where, name, screen, current))
    except KeyboardInterrupt:
        click.echo(
            f"CleanRestore {where.namespace}/{name} goes on. Look on again: vvc restore watch {name}"
            f" -n {where.namespace}; end it, as long as nothing is deleted: vvc restore cancel {name}"
            f" -n {where.namespace}",
            err=True,
        )
        raise
    return ended_as(last)


def ended_as(last: RunView) -> int:
    """The exit status: 2 where it was refused before anything was touched."""
    before = {RestorePhase.PLANNING, RestorePhase.VALIDATING}
    if last.phase == RestorePhase.FAILED and last.steps and last.steps[-1].phase in before:
        return _REFUSED
    return _STATUS.get(last.phase, 1)


class Quiet:
    """Shows nothing: who waits for a document is not to find anything else in it."""

    def show(self, view: RunView) -> None:
        """Not here."""

    def trouble(self, said: str) -> None:
        """On standard error."""
        click.echo(f"{said}; trying again", err=True)


async def until_over(
    client: Client,
    where: Where,
    name: str,
    screen: Screen[RunView],
    current: Callable[[Seen], bool] = lambda seen: True,
) -> RunView:
    """What it is at its end. Raises as ``follow``."""
    from velero_volume_controller.restore.handling import NoSuchRun  # noqa: PLC0415
    from velero_volume_controller.restore.look import look  # noqa: PLC0415

    begun = time.monotonic()
    seen: Seen | None = None

    async def look_again() -> RunView:
        nonlocal seen
        try:
            seen = await look(client, where.namespace, name)
        except NoSuchRun:
            if seen is not None:
                raise KubeError(f"CleanRestore {where.namespace}/{name} was deleted") from None
            raise
        return view(seen, now())

    def done(shown: RunView) -> bool | None:
        assert seen is not None
        if current(seen):
            return shown.over
        # If nobody follows the demand, that is better shown than nothing.
        return None if time.monotonic() < begun + TAKEN_UP else False

    return await until(look_again, screen, done)
