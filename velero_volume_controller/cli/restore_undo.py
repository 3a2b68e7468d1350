"""``vvc restore undo``: brings back what a CleanRestore has deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from velero_volume_controller.cli.backup_cluster import Where
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import print_lines
from velero_volume_controller.cli.restore_approving import carry_on
from velero_volume_controller.cli.restore_cluster import ask, run_name
from velero_volume_controller.cli.watching import now
from velero_volume_controller.config import ConfigurationError
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.restore.undoing import differs, undo_of, why_not

if TYPE_CHECKING:
    from velero_volume_controller.kube.client import Client
    from velero_volume_controller.restore.written import WrittenRestore

_EPILOG = """
\b
Examples:
  vvc restore undo shop-back
  vvc restore undo shop-back --plan-hash sha256:5c1f…     without being asked

\b
It goes the way of vvc restore apply, by a CleanRestore NAME-undo: its plan is shown and
approved before anything is touched, and vvc restore apply NAME-undo takes it up again.
Exit status: as for vvc restore apply; 2 too if there is nothing to go back to.
"""


@click.command(epilog=_EPILOG, short_help="Bring back what was there before a restore.")
@run_name
@cluster_options
@click.option(
    "--plan-hash", metavar="HASH", help="Approve the plan with this hash, and no other, without being asked."
)
@click.option("--no-wait", is_flag=True, help="Don't look on until it has ended.")
def undo(name: str, plan_hash: str | None, no_wait: bool, **given: Any) -> int:
    """Undo the CleanRestore NAME: delete what it restored, and restore the undo backup that it took.

    What was written since is lost, and no undo backup is taken of it.
    """
    where = Where(**given)
    written = ask(where, lambda client: _make(client, where, name))
    return carry_on(where, written.name, plan_hash, wait=not no_wait)


async def _make(client: Client, where: Where, name: str) -> WrittenRestore:
    """Makes it, unless it is there already."""
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.restore.gather import NotRestorable, read_backup  # noqa: PLC0415
    from velero_volume_controller.restore.handling import find, make, read  # noqa: PLC0415

    found = await read(client, where.namespace, name)
    which = f"CleanRestore {where.namespace}/{name}"
    if (why := why_not(found, now())) is not None:
        raise ConfigurationError(f"{which} {why}.")
    written = undo_of(found)
    assert written.spec.source.backup is not None
    there = await find(client, where.namespace, written.name)
    if there is not None and differs(there, written):
        raise ConfigurationError(
            f"{which}: what would undo it is called {written.name}, and there is another CleanRestore of that"
            f" name. Delete that one: kubectl -n {where.namespace} delete cleanrestore {written.name}."
        )
    if there is not None:
        return written
    try:
        await read_backup(client, where.namespace, written.spec.source.backup)
    except NotRestorable as error:
        raise ConfigurationError(f"{which} can't be undone any more: {error}") from None
    except ApiError as error:
        # Who may make CleanRestores may not read Backups, perhaps; the controller looks anyway.
        if error.status != 403:
            raise
    await make(client, written)
    print_lines([f"CleanRestore {where.namespace}/{written.name}: made. Nothing is touched yet.", ""])
    return written
