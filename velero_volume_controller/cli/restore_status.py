"""``vvc restore status``: how far a CleanRestore is."""

from __future__ import annotations

from typing import Any

import click

from velero_volume_controller.cli.backup_cluster import Where, output_form
from velero_volume_controller.cli.backup_terminal import Pen
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import print_json, print_lines, print_yaml
from velero_volume_controller.cli.restore_bars import bars
from velero_volume_controller.cli.restore_cluster import ask, run_name
from velero_volume_controller.cli.watching import now

_EPILOG = """
\b
Examples:
  vvc restore status shop-back
  vvc restore status shop-back --all
  vvc restore status shop-back -o json | jq .phase

\b
Exit status: 0; 1 the cluster is in the way; 2 there is no such CleanRestore.
vvc restore watch looks on, and says how it ended.
"""


@click.command(epilog=_EPILOG, short_help="Show how far a CleanRestore is, and what comes next.")
@run_name
@cluster_options
@click.option("--all", "everything", is_flag=True, help="In text, list every volume and not only what moves.")
@output_form("tell of every volume")
def status(name: str, everything: bool, output: str, **access: Any) -> None:
    """Show a CleanRestore: its steps, a bar for what is cleared away and for each volume, what went wrong.

    And which commands make sense now. What Restores and PodVolumeRestores would tell and may
    not be read is taken from the CleanRestore's own status.
    """
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.restore.look import look  # noqa: PLC0415
    from velero_volume_controller.restore.progress import view  # noqa: PLC0415
    from velero_volume_controller.restore.views import document  # noqa: PLC0415

    where = Where(**access)
    shown = view(ask(where, lambda client: look(client, where.namespace, name)), now())
    if output == "json":
        print_json(document(shown))
    elif output == "yaml":
        print_yaml(document(shown))
    else:
        print_lines(bars(shown, Pen.of_terminal(), everything=everything))
