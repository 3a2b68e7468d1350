"""``vvc restore cancel``: ends a CleanRestore, as long as nothing has been deleted."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import click

from velero_volume_controller.api.cleanrestore import RestorePhase
from velero_volume_controller.api.conditions import find
from velero_volume_controller.cli.backup_cluster import Where
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import print_lines
from velero_volume_controller.cli.restore_cluster import ask, run_name
from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.restore.run import CANCELLED

if TYPE_CHECKING:
    from velero_volume_controller.kube.client import Client
    from velero_volume_controller.restore.objects import CleanRestore

#: How long it is looked whether it has ended. Seconds.
_LOOKED: Final = 15.0
_PERIOD: Final = 0.5

_EPILOG = """
\b
Example:
  vvc restore cancel shop-back

\b
What was stilled is put back. Once clearing has begun it is too late: half is worst.
Exit status: 0 cancelled, or about to be; 1 too late, or the cluster is in the way;
2 there is no such CleanRestore, or it has ended.
"""


@click.command(epilog=_EPILOG, short_help="End a CleanRestore, as long as nothing has been deleted.")
@run_name
@cluster_options
def cancel(name: str, **given: Any) -> None:
    """End the CleanRestore NAME. Nothing has been deleted then, and what was stilled is put back."""
    where = Where(**given)
    print_lines([ask(where, lambda client: _cancel(client, where, name))])


async def _cancel(client: Client, where: Where, name: str) -> str:
    """What became of it, as a sentence."""
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.restore.handling import cancel as demand  # noqa: PLC0415
    from velero_volume_controller.restore.handling import read  # noqa: PLC0415

    found = await read(client, where.namespace, name)
    which = f"CleanRestore {where.namespace}/{name}"
    phase = found.status.phase
    if phase is not None and phase.ended:
        raise click.UsageError(f"{which} has ended ({phase}): there is nothing to cancel.")
    _check(found, which)
    await demand(client, found)
    rehearsal = found.spec is not None and found.spec.rehearsal is not None
    left = "what it made is removed" if rehearsal else "what was stilled is put back"
    until = time.monotonic() + _LOOKED
    while time.monotonic() < until:
        found = await read(client, where.namespace, name)
        if found.status.phase is RestorePhase.CANCELLED:
            return f"{which}: cancelled; nothing was deleted."
        _check(found, which)
        await asyncio.sleep(_PERIOD)
    return (
        f"{which}: is {found.status.phase or 'New'}, and ends as soon as {left}. Look"
        f" on: vvc restore watch {name} -n {where.namespace}"
    )


def _check(found: CleanRestore, which: str) -> None:
    """Raises KubeError if it is too late."""
    phase, said = found.status.phase, find(found.status.conditions, CANCELLED)
    if found.spec is not None and found.spec.rehearsal is not None:
        return
    late = phase is not None and phase.touches and phase is not RestorePhase.QUIESCING
    if late or (said is not None and said.status == "False"):
        raise KubeError(
            f"{which} is {phase}: clearing has begun, so it goes on; half is worst. When it has ended, bring"
            f" back what was there before: vvc restore undo {found.name} -n {found.namespace}"
        )
