"""``vvc restore plan``: what would be deleted before a restore, what not, and why. Touches nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from velero_volume_controller.cli import restore_plan_text
from velero_volume_controller.cli.asking import read_data
from velero_volume_controller.cli.backup_cluster import Where
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import painter, print_json, print_lines, width
from velero_volume_controller.cli.progress import Bar
from velero_volume_controller.cli.restore_cluster import ask, completed_names
from velero_volume_controller.cli.restore_given import in_options, spec_options, wanted
from velero_volume_controller.cli.restore_written import describes, source_options, written_restore
from velero_volume_controller.config import ConfigurationError
from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.restore.cluster import OBJECTS_COMMAND, read_cluster
from velero_volume_controller.restore.contents import CONTENTS_COMMAND, read_contents
from velero_volume_controller.restore.plan import make_plan
from velero_volume_controller.restore.plan_document import document
from velero_volume_controller.restore.planned import Input, Plan, PlanRefused
from velero_volume_controller.restore.prediction import expectation, sentence

if TYPE_CHECKING:
    from velero_volume_controller.kube.client import Client

#: As for what can't be used: a refused plan is no environment's fault.
_REFUSED: Final = 2

_FIRST, _, _SECOND = OBJECTS_COMMAND.partition("|")

_EPILOG = f"""
\b
Examples:
  vvc restore plan --from-set nightly                 as the cluster is now; makes nothing
  vvc restore plan --from-backup b1 --include-namespaces shop --scope volumes
  vvc restore plan shop-back                          that of a CleanRestore which is there
  vvc restore plan --from-set nightly -o html > plan.html

\b
Without a cluster, from dumps:
  {CONTENTS_COMMAND} > backup.json
  {_FIRST.strip()} \\
    | {_SECOND.strip()}
  vvc restore plan --contents backup.json --objects objects.json

\b
Exit status: 0; 1 the cluster is in the way; 2 the plan is refused, for something is
in the way, or the input can't be used.
"""


@click.command(epilog=_EPILOG, short_help="Show what would be deleted before a restore, and what not.")
@click.argument("name", required=False, default="", shell_complete=completed_names)
@cluster_options
@source_options
@click.option(
    "--contents",
    multiple=True,
    metavar="FILE",
    help=f"With --objects: what a Backup holds, as `{CONTENTS_COMMAND}` prints it, or Velero's own files of "
    "it (resource list, volume information), gzipped or not. May be repeated, for several Backups.",
)
@click.option(
    "--objects",
    metavar="FILE|-",
    help="Plan for these objects and no cluster, as in the example; - is standard input.",
)
@spec_options
@click.option("-a", "--all", "everything", is_flag=True, help="Fold nothing: name every object.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    show_default=True,
    help="The form; html is a page of its own.",
)
@click.pass_context
def plan(command: click.Context, /, name: str, **given: Any) -> int:
    """Show what would be deleted before a restore, what is kept, what comes back, and what is in the way.

    Of the CleanRestore NAME, or of one that a file or options describe. Nothing is made, deleted or
    changed. A plan in which anything is in the way is refused as a whole.
    """
    if given["contents"] or given["objects"]:
        made, expected = _offline(command, name), ""
    else:
        made, expected = _live(command, name)
    _print(made, expected, given)
    return _REFUSED if made.refused else 0


def _offline(command: click.Context, name: str) -> Plan:
    given = command.params
    elsewhere = {
        "NAME": name,
        "--from-set": given["from_set"],
        "--from-backup": given["from_backups"],
        "--kubeconfig": given["kubeconfig"],
        "--context": given["context"],
    }
    for option, value in elsewhere.items():
        if value:
            raise click.UsageError(f"{option}: asks a cluster, and --contents and --objects are for none.")
    for option in ("contents", "objects"):
        if not given[option]:
            raise click.UsageError(f"--{option}: is missing. Without a cluster, both are needed.")
    _once_from_standard_input(given)
    asked = wanted(command)
    contents = read_contents(read_data(file, "--contents") for file in given["contents"])
    with Bar() as bar:
        cluster = read_cluster(*read_data(given["objects"]), lambda number: bar("objects", number, None))
    try:
        return make_plan(Input(asked, contents, cluster, given["namespace"]))
    except PlanRefused as error:
        raise _refused(error, given) from None


def _live(command: click.Context, name: str) -> tuple[Plan, str]:
    """And how long Velero is expected to take, in a sentence."""
    given = command.params
    if name and describes(command):
        raise click.UsageError(
            "NAME: is a CleanRestore that is there; leave it out, or leave out what describes another."
        )
    if name:
        return _stored(Where(given["namespace"], given["kubeconfig"], given["context"]), name)
    written = written_restore(command, "")
    where = Where(written.namespace, given["kubeconfig"], given["context"])

    async def look(client: Client) -> tuple[Plan, str]:
        # Imported here: the Kubernetes library takes a second that dumps need not wait for.
        from velero_volume_controller.restore.gather import NotRestorable, ReadForbidden  # noqa: PLC0415
        from velero_volume_controller.restore.gather_prediction import gather_prediction  # noqa: PLC0415
        from velero_volume_controller.restore.planning import gather_plan  # noqa: PLC0415
        from velero_volume_controller.restore.sources import NoSource  # noqa: PLC0415

        try:
            gathered = await gather_plan(
                client, written.namespace, written.spec, lambda done, total: bar("kinds", done, total)
            )
            made = make_plan(gathered.given)
        except PlanRefused as error:
            raise _refused(error, given) from None
        except ReadForbidden as error:
            # What the controller is granted is nothing for people: it may delete everything.
            raise KubeError(
                f"{error.lacking} Have it planned by who may look: vvc restore apply with the same options"
                " makes a CleanRestore and touches nothing, and vvc restore plan NAME shows its plan."
            ) from None
        except (NoSource, NotRestorable) as error:
            raise ConfigurationError(f"{str(error).rstrip('.')}.") from None
        prediction = await gather_prediction(client, gathered, made)
        return made, sentence(prediction.seconds, prediction.source) if prediction is not None else ""

    with Bar() as bar:
        return ask(where, look)


def _stored(where: Where, name: str) -> tuple[Plan, str]:
    async def look(client: Client) -> tuple[Plan, str]:
        # Imported here, as above.
        from velero_volume_controller.restore.handling import read, read_plan  # noqa: PLC0415

        found = await read(client, where.namespace, name)
        if found.status.plan is None and found.status.problems:
            which = f"CleanRestore {where.namespace}/{name} has no plan"
            raise ConfigurationError(*(f"{which}: {each.rstrip('.')}." for each in found.status.problems))
        return await read_plan(client, found), expectation(found.status.plan)

    return ask(where, look)


def _refused(error: PlanRefused, given: dict[str, Any]) -> ConfigurationError:
    problems = error.problems if given["file"] is not None else map(in_options, error.problems)
    return ConfigurationError(*(f"{each.rstrip('.')}." for each in problems))


def _once_from_standard_input(given: dict[str, Any]) -> None:
    options = [*(("--contents", file) for file in given["contents"]), ("--objects", given["objects"])]
    reading = [option for option, file in (*options, ("--file", given["file"])) if file == "-"]
    if len(reading) > 1:
        raise click.UsageError(f"{' and '.join(reading)}: are -, and standard input can be read once only.")


def _print(made: Plan, expected: str, given: dict[str, Any]) -> None:
    if given["output"] == "json":
        print_json(document(made))
    elif given["output"] == "html":
        # Imported here: few ask for a page.
        from velero_volume_controller.restore.plan_html import page  # noqa: PLC0415

        print_lines(page(made, _title(made)).splitlines())
    else:
        print_lines(
            restore_plan_text.lines(made, width(), painter(), expected, everything=given["everything"])
        )


def _title(made: Plan) -> str:
    return f"Restoring {', '.join(made.backups)}" if made.backups else "A restore"
