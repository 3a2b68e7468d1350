"""``vvc backup create``: a BackupSet, from a file or from options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from velero_volume_controller.backup.written import Written, manifest
from velero_volume_controller.cli.backup_cluster import Where, ask
from velero_volume_controller.cli.backup_given import spec_options, written_set
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import print_json, print_lines, print_warnings, print_yaml

if TYPE_CHECKING:
    from velero_volume_controller.kube.client import Client

_EPILOG = """
\b
Examples:
  vvc backup create nightly                                  everything, as Velero allows
  vvc backup create shops --namespaces 'shop-*' --ttl 720h --wait
  vvc backup create two --lane velero=4 --lane velero-b --deadline 4h
  vvc backup create nightly --exclude kube-system --dry-run > nightly.yaml
  vvc backup create -f nightly.yaml

\b
Exit status: 0; with --wait 0 Completed, 3 PartiallyFailed, 1 Failed; 1 too if the
cluster is in the way, 2 if the set can't be made as it is described.
"""


@click.command(epilog=_EPILOG, short_help="Make a BackupSet: the controller then runs it.")
@click.argument("name", required=False, default="")
@cluster_options
@spec_options
@click.option("--wait", is_flag=True, help="Look on until it has ended; the exit status says how.")
@click.option("--dry-run", is_flag=True, help="Print the BackupSet and make nothing; asks no cluster.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "yaml", "json"]),
    help="The form in which it is printed; text unless given, yaml with --dry-run.",
)
@click.pass_context
def create(command: click.Context, /, name: str, **given: Any) -> int:
    """Make the BackupSet NAME, which backs up all namespaces unless told otherwise.

    It is described by a file, where NAME may be left out, or by options. What would run
    where, and how long it takes, is said by vvc backup plan with the same options.
    """
    written = written_set(command, name)
    if not written.name:
        raise click.UsageError("NAME: is missing. Name the BackupSet, or write metadata.name into the file.")
    print_warnings(written.warnings)
    form = given["output"] or ("yaml" if given["dry_run"] else "text")
    where = Where(written.namespace, given["kubeconfig"], given["context"])
    if not given["dry_run"]:
        _make(where, written)
    if form == "text":
        said = "would be made." if given["dry_run"] else "made."
        if not given["dry_run"] and not given["wait"]:
            said += f" Look on: vvc backup watch {written.name} -n {written.namespace}"
        print_lines([f"BackupSet {written.namespace}/{written.name}: {said}"])
    else:
        (print_yaml if form == "yaml" else print_json)(manifest(written))
    if given["dry_run"] or not given["wait"]:
        return 0
    # Imported here: only who waits needs what draws the bars.
    from velero_volume_controller.cli.backup_watch import follow  # noqa: PLC0415

    return follow(where, written.name, wait=True)


def _make(where: Where, written: Written) -> None:
    """Raises click.UsageError for a lane without Velero: the set would wait for it, and nobody be told."""
    # Imported here: the Kubernetes library takes a second that --dry-run need not wait for.
    from velero_volume_controller.backup.handling import make  # noqa: PLC0415
    from velero_volume_controller.velero.client.installations import read_lane  # noqa: PLC0415

    async def look_and_make(client: Client) -> None:
        for lane in written.spec.lanes:
            if await read_lane(client, lane.namespace, ()) is None:
                raise click.UsageError(
                    f"--lane: there is no Velero in namespace {lane.namespace}. Install it there, or name"
                    " another."
                )
        await make(client, written)

    ask(where, look_and_make)
