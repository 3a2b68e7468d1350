"""``vvc restore plan``: what would be deleted before a restore, what not, and why. Touches nothing."""

from __future__ import annotations

from typing import Any, Final

import click

from velero_volume_controller.cli import restore_plan_text
from velero_volume_controller.cli.asking import read_data
from velero_volume_controller.cli.output import painter, print_json, print_lines, width
from velero_volume_controller.cli.restore_given import in_options, spec_options, wanted
from velero_volume_controller.config import ConfigurationError
from velero_volume_controller.restore.cluster import OBJECTS_COMMAND, read_cluster
from velero_volume_controller.restore.contents import CONTENTS_COMMAND, read_contents
from velero_volume_controller.restore.plan import make_plan
from velero_volume_controller.restore.plan_document import document
from velero_volume_controller.restore.planned import Input, Plan, PlanRefused

#: As for what can't be used: a refused plan is no environment's fault.
_REFUSED: Final = 2

_FIRST, _, _SECOND = OBJECTS_COMMAND.partition("|")

_EPILOG = f"""
\b
Examples, from dumps:
  {CONTENTS_COMMAND} > backup.json
  {_FIRST.strip()} \\
    | {_SECOND.strip()}
  vvc restore plan --contents backup.json --objects objects.json
  vvc restore plan --contents backup.json --objects objects.json \\
    --include-namespaces shop --scope volumes -o html > plan.html

\b
Exit status: 0; 2 the plan is refused, for something is in the way, or the input can't be used.
"""


@click.command(epilog=_EPILOG, short_help="Show what would be deleted before a restore, and what not.")
@click.option(
    "--contents",
    multiple=True,
    required=True,
    metavar="FILE",
    help=f"What a Backup holds: what `{CONTENTS_COMMAND}` prints, or Velero's own files of it "
    "(resource list, volume information), gzipped or not. May be repeated, for several Backups.",
)
@click.option(
    "--objects", required=True, metavar="FILE|-", help="What is live, as in the example; - is standard input."
)
@click.option(
    "-n",
    "--namespace",
    default="velero",
    show_default=True,
    envvar="VELERO_NAMESPACE",
    help="The namespace of Velero, which is protected.",
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
def plan(command: click.Context, /, **given: Any) -> int:
    """Show what would be deleted before a restore, what is kept, what comes back, and what is in the way.

    Nothing is deleted or changed. A plan in which anything is in the way is refused as a whole.
    """
    _once_from_standard_input(given)
    asked = wanted(command)
    contents = read_contents(read_data(file, "--contents") for file in given["contents"])
    cluster = read_cluster(*read_data(given["objects"]))
    try:
        made = make_plan(Input(asked, contents, cluster, given["namespace"]))
    except PlanRefused as error:
        problems = error.problems if given["spec"] is not None else map(in_options, error.problems)
        raise ConfigurationError(*(f"{each}." for each in problems)) from None
    _print(made, given)
    return _REFUSED if made.refused else 0


def _once_from_standard_input(given: dict[str, Any]) -> None:
    options = [*(("--contents", file) for file in given["contents"]), ("--objects", given["objects"])]
    reading = [option for option, file in (*options, ("--spec", given["spec"])) if file == "-"]
    if len(reading) > 1:
        raise click.UsageError(f"{' and '.join(reading)}: are -, and standard input can be read once only.")


def _print(made: Plan, given: dict[str, Any]) -> None:
    if given["output"] == "json":
        print_json(document(made))
    elif given["output"] == "html":
        # Imported here: few ask for a page.
        from velero_volume_controller.restore.plan_html import page  # noqa: PLC0415

        print_lines(page(made, _title(made)).splitlines())
    else:
        print_lines(restore_plan_text.lines(made, width(), painter(), everything=given["everything"]))


def _title(made: Plan) -> str:
    return f"Restoring {', '.join(made.backups)}" if made.backups else "A restore"
