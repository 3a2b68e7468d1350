"""``vvc restore list``: the CleanRestores, a line for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from velero_volume_controller.api.times import seconds_between
from velero_volume_controller.api.words import span
from velero_volume_controller.cli.backup_cluster import Where, output_form
from velero_volume_controller.cli.backup_terminal import Pen
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import print_json, print_lines, print_yaml
from velero_volume_controller.cli.restore_cluster import ask
from velero_volume_controller.cli.tables import table
from velero_volume_controller.cli.watching import now
from velero_volume_controller.restore.progress import called
from velero_volume_controller.restore.undoing import why_not

if TYPE_CHECKING:
    from velero_volume_controller.restore.objects import CleanRestore

_EPILOG = """
\b
Examples:
  vvc restore list
  vvc restore list -A -o json | jq '.cleanRestores[] | select(.phase == "Failed") | .name'

\b
DELETED: objects that are gone, of those that the plan deletes. UNDO: until when
vvc restore undo brings back what was there before. A narrow window shows fewer.
"""

_HEADINGS: Final = ("NAME", "PHASE", "SOURCE", "DELETED", "VOLUMES", "STARTED", "TOOK", "UNDO")

#: Columns that are left out, one after the other, where the window is too narrow for all.
_SPARED: Final = ("VOLUMES", "TOOK", "DELETED", "UNDO", "STARTED", "SOURCE")


@click.command("list", epilog=_EPILOG, short_help="List the CleanRestores.")
@cluster_options
@click.option("-A", "--all-namespaces", is_flag=True, help="Those of every namespace.")
@output_form("hold each one's whole status")
def list_runs(all_namespaces: bool, output: str, **given: Any) -> None:
    """List the CleanRestores with how far they are and what became of them, the oldest first."""
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.restore.handling import runs  # noqa: PLC0415

    where = Where(**given)
    found = ask(where, lambda client: runs(client, "" if all_namespaces else where.namespace))
    if output != "text":
        told = {"cleanRestores": [_document(each) for each in found]}
        (print_json if output == "json" else print_yaml)(told)
    elif not found:
        where_to = "." if all_namespaces else f" in {where.namespace}."
        print_lines([f"There are no CleanRestores{where_to}"])
    else:
        pen, time = Pen.of_terminal(), now()
        rows = [_row(each, time, whole=all_namespaces) for each in found]
        print_lines(table(_HEADINGS, rows, _SPARED, pen.columns, {"PHASE": pen.phase}))


def _row(found: CleanRestore, now: str, *, whole: bool) -> tuple[str, ...]:
    status = found.status
    progress, plan = status.progress, status.plan
    written = progress is not None and progress.volumes_total
    gone = progress.gone if progress else 0
    return (
        f"{found.namespace}/{found.name}" if whole else found.name,
        "unreadable" if found.problem else status.phase or "New",
        called(found.spec.source) if found.spec else "-",
        f"{gone}/{plan.delete}" if plan else "-",
        f"{progress.volumes_done}/{progress.volumes_total}" if progress and written else "-",
        f"{span(seconds_between(status.started, now))} ago" if status.started else "-",
        span(seconds_between(status.started, status.ended or now)) if status.started else "-",
        _undo(found, now),
    )


def _undo(found: CleanRestore, now: str) -> str:
    undo = found.status.undo
    if undo is None or why_not(found, now) is not None:
        return "-"
    return span(seconds_between(now, undo.expires)) if undo.expires else "possible"


def _document(found: CleanRestore) -> dict[str, Any]:
    """A run as JSON values: its status, and what can't be read said beside it."""
    told: dict[str, Any] = {"namespace": found.namespace, "name": found.name, "created": found.created}
    told |= {"phase": found.status.phase, "status": msgspec.to_builtins(found.status)}
    return told | ({"problem": found.problem} if found.problem else {})
