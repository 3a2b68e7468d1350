"""``vvc backup watch``: looks on while a BackupSet runs, and says how it ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click

from velero_volume_controller.api.backupset import SetPhase
from velero_volume_controller.backup.changes import changes
from velero_volume_controller.backup.progress import TAKEN_UP, view
from velero_volume_controller.backup.views import SetView
from velero_volume_controller.cli.backup_bars import bars
from velero_volume_controller.cli.backup_cluster import Where, ask, set_name
from velero_volume_controller.cli.backup_terminal import Pen
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.watching import Drawing, Screen, now, until
from velero_volume_controller.kube.errors import KubeError

if TYPE_CHECKING:
    from velero_volume_controller.backup.views import Seen
    from velero_volume_controller.kube.client import Client

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
    drawing = Drawing(
        lambda view, rows: bars(view, Pen.of_terminal(), everything=everything, rows=rows), changes
    )
    with drawing.screen() as screen:
        last = ask(where, lambda client: _until_over(client, where, name, screen, retried))
    return _STATUS.get(last.phase, 1) if wait else 0


async def _until_over(
    client: Client, where: Where, name: str, screen: Screen[SetView], retried: bool
) -> SetView:
    from velero_volume_controller.backup.handling import NoSuchSet  # noqa: PLC0415
    from velero_volume_controller.backup.look import look  # noqa: PLC0415

    begun = time.monotonic()
    seen: Seen | None = None

    async def look_again() -> SetView:
        nonlocal seen
        try:
            seen = await look(client, where.namespace, name)
        except NoSuchSet:
            if seen is not None:
                raise KubeError(f"BackupSet {where.namespace}/{name} was deleted") from None
            raise
        return view(seen, now())

    def done(shown: SetView) -> bool | None:
        assert seen is not None
        waited_for = retried and seen.demanded not in {"", seen.status.retried}
        if waited_for:
            return None if time.monotonic() <= begun + TAKEN_UP else False
        return shown.over

    return await until(look_again, screen, done)
