"""``vvc backup delete``: the set, and Velero's Backups of it only if asked to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from velero_volume_controller.cli.backup_cluster import Where, ask, set_name
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import counted, print_lines, safe

if TYPE_CHECKING:
    from velero_volume_controller.backup.objects import BackupSet
    from velero_volume_controller.kube.client import Client
    from velero_volume_controller.velero.model.backups import Backup

_EPILOG = """
\b
Examples:
  vvc backup delete nightly                   the set; its Backups live on until their ttl
  vvc backup delete nightly --with-backups    and the Backups with all their data
  vvc backup delete nightly --with-backups --yes

\b
Without the set its Backups still are the restore point: vvc backup import makes the
set anew from them. A Backup that runs can't be deleted; Velero refuses.
Exit status: 0 deleted; 1 not, or the cluster is in the way; 2 there is no such set,
or nobody could be asked.
"""


@dataclass(frozen=True, slots=True)
class _Going:
    """What is to be deleted. ``backups`` are those that bear the set's uid."""

    found: BackupSet
    backups: tuple[Backup, ...]

    @property
    def deletable(self) -> list[Backup]:
        """Velero refuses one that runs (backup_deletion_controller.go); one that is Deleting goes already."""
        return [each for each in self.backups if each.ended]


@click.command(epilog=_EPILOG, short_help="Delete a set, and its Backups if asked to.")
@set_name
@cluster_options
@click.option("--with-backups", is_flag=True, help="Let Velero delete the set's Backups too, data included.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
def delete(name: str, with_backups: bool, yes: bool, **given: Any) -> int:
    """Delete the BackupSet NAME. Nothing of Velero's is deleted unless --with-backups is given.

    Says what would go, and asks.
    """
    where = Where(**given)
    going = ask(where, lambda client: _look(client, where, name))
    print_lines(_told(going, with_backups))
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("nobody can be asked here: nothing is deleted. Give --yes to delete it.")
        if not click.confirm("Delete?", err=True):
            return 1
    ask(where, lambda client: _carry_out(client, going, with_backups))
    return 0


async def _look(client: Client, where: Where, name: str) -> _Going:
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.backup.handling import backups_of, read  # noqa: PLC0415

    found = await read(client, where.namespace, name)
    return _Going(found, tuple(await backups_of(client, found)))


def _told(going: _Going, with_backups: bool) -> Iterator[str]:
    found = going.found
    yield f"To be deleted: BackupSet {found.namespace}/{found.name} ({found.status.phase or 'not begun'})."
    count = counted(len(going.backups), "Backup")
    if not going.backups:
        yield "It has no Backups."
    elif not with_backups:
        yield f"Its {count} stay, until they expire."
    else:
        yield f"Of its {count} Velero is to delete {len(going.deletable)}, with all their data:"
        for each in going.backups:
            running = "" if each in going.deletable else ": is not ended, and stays"
            yield f"  {safe(each.namespace)}/{safe(each.name)} ({safe(each.phase) or 'New'}){running}"


async def _carry_out(client: Client, going: _Going, with_backups: bool) -> None:
    from velero_volume_controller.backup.handling import remove, request_deletion  # noqa: PLC0415

    # The set first: while it is there, its controller makes a Backup that went anew.
    await remove(client, going.found)
    print_lines([f"BackupSet {going.found.namespace}/{going.found.name}: deleted."])
    if with_backups:
        for each in going.deletable:
            await request_deletion(client, each)
            print_lines([f"Backup {each.namespace}/{each.name}: Velero is asked to delete it."])
