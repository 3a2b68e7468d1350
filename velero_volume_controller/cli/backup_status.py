"""``vvc backup status``: how far a BackupSet is."""

from __future__ import annotations

from typing import Any

import click

from velero_volume_controller.backup.progress import view
from velero_volume_controller.backup.views import Seen, document
from velero_volume_controller.cli.backup_bars import bars
from velero_volume_controller.cli.backup_cluster import Where, ask, output_form, set_name
from velero_volume_controller.cli.backup_terminal import Pen
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import print_json, print_lines, print_yaml
from velero_volume_controller.cli.watching import now

_EPILOG = """
\b
Examples:
  vvc backup status nightly
  vvc backup status nightly --all
  vvc backup status nightly -o json | jq .predictedEnd

\b
Exit status: 0; 1 the cluster is in the way; 2 there is no such set.
vvc backup watch looks on, and with --wait says how it ended.
"""


@click.command(epilog=_EPILOG, short_help="Show how far a BackupSet is.")
@set_name
@cluster_options
@click.option("--all", "everything", is_flag=True, help="In text, list every volume and not only what moves.")
@output_form("tell of every volume")
def status(name: str, everything: bool, output: str, **access: Any) -> None:
    """Show a BackupSet: a bar for each shard and volume, its predicted end, what failed and what to do.

    What Backups and PodVolumeBackups would tell and may not be read is taken from the set's own status.
    """
    shown = view(look_once(Where(**access), name), now())
    if output == "json":
        print_json(document(shown))
    elif output == "yaml":
        print_yaml(document(shown))
    else:
        print_lines(bars(shown, Pen.of_terminal(), everything=everything))


def look_once(where: Where, name: str) -> Seen:
    """The set as it is now. Raises a usage error if there is none of that name, and KubeError."""
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.backup.handling import NoSuchSet  # noqa: PLC0415
    from velero_volume_controller.backup.look import look  # noqa: PLC0415

    try:
        return ask(where, lambda client: look(client, where.namespace, name))
    except NoSuchSet as error:
        raise click.UsageError(str(error)) from None
