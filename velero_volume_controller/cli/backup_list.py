"""``vvc backup list``: the BackupSets, a line for each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from velero_volume_controller.api.backupset import SetPhase
from velero_volume_controller.api.times import format_time, seconds_between
from velero_volume_controller.api.words import amount, span
from velero_volume_controller.cli.backup_cluster import Where, ask, output_form
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import painter, print_json, print_lines, print_yaml, width
from velero_volume_controller.cli.tables import table
from velero_volume_controller.velero.model.backups import COMPLETED

if TYPE_CHECKING:
    from velero_volume_controller.backup.objects import BackupSet

_EPILOG = """
\b
Examples:
  vvc backup list
  vvc backup list -A -o json | jq '.backupSets[] | select(.phase == "Failed") | .name'

\b
BACKUPS and VOLUMES: how many are complete, of how many. MISSING: volumes that the
restore point lacks. EXPIRES: when the first of its Backups goes. A narrow window
shows fewer of them.
"""

_HEADINGS: Final = ("NAME", "PHASE", "BACKUPS", "VOLUMES", "SIZE", "STARTED", "TOOK", "MISSING", "EXPIRES")

#: Columns that are left out, one after the other, where the window is too narrow for all.
_SPARED: Final = ("EXPIRES", "SIZE", "TOOK", "VOLUMES", "STARTED")

_COLOURS: Final[dict[str, str]] = {
    SetPhase.COMPLETED: "green",
    SetPhase.PARTIALLY_FAILED: "yellow",
    SetPhase.FAILED: "red",
    SetPhase.PAUSED: "yellow",
}


@click.command("list", epilog=_EPILOG, short_help="List the BackupSets.")
@cluster_options
@click.option("-A", "--all-namespaces", is_flag=True, help="Those of every namespace.")
@output_form("hold each set's whole status")
def list_sets(all_namespaces: bool, output: str, **given: Any) -> None:
    """List the BackupSets with how far they are and what became of them, the oldest first."""
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.backup.handling import sets  # noqa: PLC0415

    where = Where(**given)
    found = ask(where, lambda client: sets(client, "" if all_namespaces else where.namespace))
    if output != "text":
        (print_json if output == "json" else print_yaml)({"backupSets": [_document(each) for each in found]})
    elif not found:
        print_lines(["There are no BackupSets" + ("." if all_namespaces else f" in {where.namespace}.")])
    else:
        now = format_time(datetime.now(UTC))
        rows = [_row(each, now, whole=all_namespaces) for each in found]
        paint = painter()
        phases = {"PHASE": lambda phase, text: paint(text, _COLOURS.get(phase, ""))}
        print_lines(table(_HEADINGS, rows, _SPARED, width(), phases))


def _row(found: BackupSet, now: str, *, whole: bool) -> tuple[str, ...]:
    status = found.status
    progress, point = status.progress, status.restore_point
    complete = sum(any(each.phase == COMPLETED for each in shard.attempts) for shard in status.shards)
    return (
        f"{found.namespace}/{found.name}" if whole else found.name,
        "unreadable" if found.problem else status.phase or "New",
        f"{complete}/{len(status.shards)}" if status.shards else "-",
        f"{progress.volumes_done}/{progress.volumes_total}" if progress else "-",
        amount(progress.bytes_done) if progress else "-",
        f"{span(seconds_between(status.started, now))} ago" if status.started else "-",
        span(seconds_between(status.started, status.ended or now)) if status.started else "-",
        str(len(point.missing)) if point and status.ended else "-",
        _expires(status.expires, now),
    )


def _expires(expires: str | None, now: str) -> str:
    if expires is None:
        return "-"
    left = seconds_between(now, expires)
    return f"in {span(left)}" if left > 0 else f"{span(-left)} ago"


def _document(found: BackupSet) -> dict[str, Any]:
    """A set as JSON values: its status, and what can't be read said beside it."""
    told: dict[str, Any] = {"namespace": found.namespace, "name": found.name, "created": found.created}
    told |= {"phase": found.status.phase, "status": msgspec.to_builtins(found.status)}
    return told | ({"problem": found.problem} if found.problem else {})
