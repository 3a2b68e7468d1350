"""``vvc backup import``: BackupSets made anew from the Backups that Velero has found in its storage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from velero_volume_controller.api.times import format_time
from velero_volume_controller.cli.backup_cluster import Where, ask
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import counted, print_lines, safe
from velero_volume_controller.config.errors import ConfigurationError

if TYPE_CHECKING:
    from velero_volume_controller.backup.importing import Import
    from velero_volume_controller.kube.client import Client

_EPILOG = """
\b
Examples:
  vvc backup import --dry-run                 what could be made anew
  vvc backup import                           all of it
  vvc backup import nightly --lane velero --lane velero-b

\b
On a new cluster: install Velero with the old storage location, wait until
velero backup get lists the Backups, install the controller, then import.
Exit status: 0; 1 the cluster is in the way; 2 no Backup tells of such a set, or one
can't be made as its Backups describe it.
"""


@click.command("import", epilog=_EPILOG, short_help="Make BackupSets anew from Velero's Backups.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@cluster_options
@click.option(
    "--lane",
    "lanes",
    multiple=True,
    metavar="NAMESPACE",
    help="A Velero whose Backups are looked at. May be repeated. The one in --namespace unless given.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be made, and make nothing.")
def import_sets(names: tuple[str, ...], lanes: tuple[str, ...], dry_run: bool, **given: Any) -> None:
    """Make the BackupSets anew that Velero's Backups tell of, all or those of these NAMES.

    After the loss of a cluster Velero brings back the Backups from the storage, but not the
    sets. Those that are there already are left as they are; nothing is backed up.
    """
    where = Where(**given)

    async def look(client: Client) -> list[Import]:
        # Imported here: the Kubernetes library takes a second that --help need not wait for.
        from velero_volume_controller.backup.importing import importable  # noqa: PLC0415

        now = format_time(datetime.now(UTC))
        return await importable(client, where.namespace, lanes or (where.namespace,), now)

    found = ask(where, look)
    wanted = _chosen(found, names, lanes or (where.namespace,))
    failed = {} if dry_run else ask(where, lambda client: _make(client, where.namespace, wanted))
    print_lines(
        line
        for each in wanted
        if each.name not in failed
        for line in _told(each, where.namespace, made=not dry_run)
    )
    if failed:
        raise ConfigurationError(
            *(f"BackupSet {where.namespace}/{safe(name)}: {said}" for name, said in failed.items())
        )


def _chosen(found: list[Import], names: tuple[str, ...], lanes: Iterable[str]) -> list[Import]:
    """Those of these names. Raises click.UsageError if there are none."""
    known = {each.rebuilt.name for each in found}
    place = " and ".join(lanes)
    if not found:
        raise click.UsageError(
            f"no Backup in {place} tells of a BackupSet. Does velero backup get list them yet?"
            " Name other Velero installations with --lane."
        )
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(
            f"NAME: no Backup in {place} tells of {', '.join(unknown)}; there are {', '.join(sorted(known))}."
        )
    return [each for each in found if not names or each.rebuilt.name in names]


async def _make(client: Client, namespace: str, wanted: list[Import]) -> dict[str, str]:
    """By name what can't be made, and why: one that is refused keeps back none of the others."""
    from velero_volume_controller.backup.importing import carry_out  # noqa: PLC0415

    failed = {}
    for each in wanted:
        try:
            if not each.present:
                await carry_out(client, namespace, each)
        except ConfigurationError as error:
            failed[each.name] = str(error)
    return failed


def _told(each: Import, namespace: str, *, made: bool) -> Iterator[str]:
    rebuilt = each.rebuilt
    if each.present:
        yield f"BackupSet {namespace}/{safe(each.present)}: is there already."
        return
    point = rebuilt.status.restore_point
    backups, missing = (len(point.backups), len(point.missing)) if point else (0, 0)
    said = "made anew" if made else "would be made anew"
    lacking = f", {missing} missing" if missing else ""
    yield (
        f"BackupSet {namespace}/{safe(each.name)}: {said} from {counted(backups, 'Backup')}"
        f" ({rebuilt.status.phase}, begun {safe(rebuilt.status.started or 'at an unknown time')}{lacking})."
    )
    if each.name != rebuilt.name:
        yield f"  It was called {safe(rebuilt.name)}; another set has that name by now."
    for note in rebuilt.notes:
        yield f"  Note: {safe(note)}."
