"""``vvc restore apply``: a CleanRestore is made, or taken up; its plan is shown, approved and followed."""

from __future__ import annotations

from typing import Any

import click

from velero_volume_controller.api.cleanrestore import Approval
from velero_volume_controller.cli.backup_cluster import Where
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import print_lines
from velero_volume_controller.cli.restore_approving import carry_on
from velero_volume_controller.cli.restore_cluster import ask, completed_names
from velero_volume_controller.cli.restore_given import spec_options
from velero_volume_controller.cli.restore_written import (
    describes,
    source_options,
    undo_option,
    written_restore,
)

_EPILOG = """
\b
Examples:
  vvc restore apply shop-back --from-set nightly --include-namespaces shop
  vvc restore apply -f shop-back.yaml
  vvc restore apply shop-back               one that is there: approve it, or let it go on
  vvc restore apply shop-back --plan-hash sha256:5c1f…     without being asked

\b
Exit status: 0 Completed; 3 CompletedWithWarnings; 2 nothing was touched: the plan is
refused or not approved, or the input can't be used; 1 Failed, Cancelled, or the
cluster is in the way. With --no-wait 0 once it is approved.
"""


@click.command(epilog=_EPILOG, short_help="Restore: show what goes, ask, and carry it out.")
@click.argument("name", required=False, default="", shell_complete=completed_names)
@cluster_options
@source_options
@spec_options
@undo_option
@click.option(
    "--plan-hash", metavar="HASH", help="Approve the plan with this hash, and no other, without being asked."
)
@click.option("--no-wait", is_flag=True, help="Don't look on until it has ended.")
@click.pass_context
def apply(command: click.Context, /, name: str, **given: Any) -> int:
    """Clear away what is in the way of a restore, restore, and verify: after its plan was approved.

    Makes the CleanRestore NAME from a file or from options, or takes up one that is there: one that
    waits for approval, or has failed. Shows what would be deleted, and asks for the names of the
    namespaces. Nothing is touched before, and nothing that is not in the plan is ever deleted.
    """
    if name and not describes(command):
        where = Where(given["namespace"], given["kubeconfig"], given["context"])
        return carry_on(where, name, given["plan_hash"], wait=not given["no_wait"])
    written = written_restore(command, name)
    if written.spec.approval is Approval.AUTOMATIC:
        raise click.UsageError(
            "spec.approval: automatic would let the plan go on before anybody has seen it. Leave it out, or"
            " make the CleanRestore with kubectl apply -f."
        )
    where = Where(written.namespace, given["kubeconfig"], given["context"])
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.restore.handling import make  # noqa: PLC0415

    ask(where, lambda client: make(client, written))
    print_lines([f"CleanRestore {written.namespace}/{written.name}: made. Nothing is touched yet.", ""])
    return carry_on(where, written.name, given["plan_hash"], wait=not given["no_wait"])
