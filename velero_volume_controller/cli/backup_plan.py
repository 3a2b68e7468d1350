"""``vvc backup plan``: which Backups a set would be split into, and how long it takes. Starts nothing."""

from __future__ import annotations

from typing import Any, Final

import click

from velero_volume_controller.backup.documents import (
    HISTORY_COMMAND,
    OBJECTS_COMMAND,
    dumped_input,
    read_dump,
    read_history,
)
from velero_volume_controller.backup.plan import plan as make_plan
from velero_volume_controller.backup.plan_document import document
from velero_volume_controller.backup.work import Input, Plan, PlanningError
from velero_volume_controller.backup.written import Written
from velero_volume_controller.cli import backup_plan_text
from velero_volume_controller.cli.asking import read_text
from velero_volume_controller.cli.backup_asked import live_input, wanted_set
from velero_volume_controller.cli.backup_cluster import Where, completed_names
from velero_volume_controller.cli.backup_given import spec_options
from velero_volume_controller.cli.backup_terminal import glyphs
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import (
    print_json,
    print_lines,
    print_yaml,
    width,
)
from velero_volume_controller.config import ConfigurationError
from velero_volume_controller.kube.errors import KubeError

#: Reasons for which not the set is to be changed but the cluster.
_ENVIRONMENT: Final = frozenset({"LaneUnavailable", "NamespacesHidden"})

#: The kinds of which dumps are needed, on a line of their own.
_KINDS: Final = OBJECTS_COMMAND.split()[2]

_EPILOG = f"""
\b
Examples:
  vvc backup plan                                    everything, as Velero is set up now
  vvc backup plan --namespaces 'shop-*' --max 2      what another setting would bring
  vvc backup plan nightly                            a set that is there
  vvc backup plan -f nightly.yaml -o html > plan.html

\b
Without a cluster, from dumps:
  kubectl get -A -o json > objects.json \\
  {_KINDS}
  {HISTORY_COMMAND} > history.json
  vvc backup plan --objects objects.json --history history.json -o json

\b
Exit status: 0; 1 the cluster is in the way; 2 the set can't be planned as described.
"""


@click.command(epilog=_EPILOG, short_help="Show what would run where, and how long it takes.")
@click.argument("name", required=False, default="", shell_complete=completed_names)
@cluster_options
@spec_options
@click.option(
    "--objects", metavar="FILE|-", help="Plan for these objects and no cluster; - is standard input."
)
@click.option("--history", metavar="FILE|-", help="With --objects: what to learn from about volumes.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "yaml", "html"]),
    default="text",
    show_default=True,
    help="The form; html is a page of its own with the Gantt chart.",
)
@click.pass_context
def plan(command: click.Context, /, name: str, **given: Any) -> None:
    """Show the Backups that a set would be split into, when each would run, and what bounds the time.

    The set is the one called NAME, or described by a file or by options as for vvc backup
    create. Nothing is started or changed.
    """
    wanted = wanted_set(command, name)
    objects, history = given["objects"], given["history"]
    try:
        if objects is not None:
            told = _offline(wanted, objects, history)
        elif history is not None:
            raise click.UsageError("--history: goes with --objects; a cluster has its own.")
        else:
            told = live_input(Where(wanted.namespace, given["kubeconfig"], given["context"]), wanted)
        made = make_plan(told)
    except PlanningError as error:
        sentence = f"{error}."
        raise (KubeError if error.reason in _ENVIRONMENT else ConfigurationError)(sentence) from None
    _print(made, told, given["output"], f"BackupSet {wanted.name}" if wanted.name else "A BackupSet")


def _offline(wanted: Written, objects: str, history: str | None) -> Input:
    if objects == "-" == history:
        raise click.UsageError(
            "--objects and --history: both are -, and standard input can be read once only."
        )
    dump = read_dump(*read_text(objects))
    past = read_history(*read_text(history, "--history")) if history is not None else ((), ())
    return dumped_input(wanted.spec, wanted.namespace, dump, past)


def _print(made: Plan, told: Input, output: str, title: str) -> None:
    if output == "json":
        print_json(document(made, told))
    elif output == "yaml":
        print_yaml(document(made, told))
    elif output == "html":
        # Imported here: few ask for a page.
        from velero_volume_controller.backup.gantt_html import page  # noqa: PLC0415

        print_lines(page(made, title).splitlines())
    else:
        print_lines(backup_plan_text.lines(made, told, width(), glyphs()))
