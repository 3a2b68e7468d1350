"""``vvc restore report``: what a CleanRestore did, and every difference that it found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from velero_volume_controller.cli.backup_cluster import Where
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import print_json, print_lines, width
from velero_volume_controller.cli.restore_cluster import ask, run_name
from velero_volume_controller.config import ConfigurationError
from velero_volume_controller.kube.errors import KubeError

if TYPE_CHECKING:
    from velero_volume_controller.kube.client import Client
    from velero_volume_controller.restore.report import Report

#: A report in a file, which has no width of its own. Columns.
_WIDEST: Final = 120

_EPILOG = """
\b
Examples:
  vvc restore report shop-back
  vvc restore report shop-back -o html > shop-back.html
  vvc restore report shop-back -o json | jq .differences

\b
Exit status: 0; 1 the cluster is in the way; 2 there is no such CleanRestore, or no
report of it yet.
"""


@click.command(epilog=_EPILOG, short_help="Print the report of a CleanRestore.")
@run_name
@cluster_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    show_default=True,
    help="The form; html is a page of its own.",
)
def report(name: str, output: str, **given: Any) -> None:
    """Print what the CleanRestore NAME deleted, kept and restored, and what is not as it was backed up.

    The report is made when all is restored, and goes with the CleanRestore.
    """
    where = Where(**given)
    found = ask(where, lambda client: _read(client, where, name))
    # Imported here: only one of them is needed.
    if output == "json":
        from velero_volume_controller.restore.report import encode_report  # noqa: PLC0415

        print_json(msgspec.Raw(encode_report(found)))
    elif output == "html":
        from velero_volume_controller.restore.report_html import page  # noqa: PLC0415

        print_lines(page(found).splitlines())
    else:
        from velero_volume_controller.restore.report_text import lines  # noqa: PLC0415

        print_lines(lines(found, min(width(), _WIDEST)))


async def _read(client: Client, where: Where, name: str) -> Report:
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.restore.handling import read  # noqa: PLC0415
    from velero_volume_controller.restore.report_maps import read_report  # noqa: PLC0415
    from velero_volume_controller.restore.stored_report import UnreadableReport  # noqa: PLC0415

    found = await read(client, where.namespace, name)
    which = f"CleanRestore {where.namespace}/{name}"
    kept = found.status.verify.report if found.status.verify is not None else ""
    if not kept:
        raise ConfigurationError(
            f"{which} is {found.status.phase or 'New'} and has no report: it is made when all is restored."
            f" How far it is: vvc restore status {name} -n {where.namespace}"
        )
    try:
        return await read_report(client, where.namespace, kept)
    except UnreadableReport as error:
        raise KubeError(
            f"{which}: {error}. What its status says: vvc restore status {name} -n {where.namespace}"
        ) from None
