"""``vvc backup pause``, ``resume`` and ``retry``: steering a set that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from velero_volume_controller.api.backupset import SetPhase
from velero_volume_controller.backup.attempts import done
from velero_volume_controller.backup.results import lacks_planned
from velero_volume_controller.cli.backup_cluster import Where, ask, set_name
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import print_lines

if TYPE_CHECKING:
    from velero_volume_controller.backup.objects import BackupSet
    from velero_volume_controller.kube.client import Client

_PAUSE_EPILOG = """
\b
Example:
  vvc backup pause nightly
"""


@click.command(epilog=_PAUSE_EPILOG, short_help="Start no further Backups of a set; what runs goes on.")
@set_name
@cluster_options
def pause(name: str, **given: Any) -> None:
    """Let the set NAME start no further Backups. Those that run go on: Velero can't stop a Backup."""
    print_lines([_switch(Where(**given), name, paused=True)])


_RESUME_EPILOG = """
\b
Example:
  vvc backup resume nightly
"""


@click.command(epilog=_RESUME_EPILOG, short_help="Let a set that was paused go on.")
@set_name
@cluster_options
def resume(name: str, **given: Any) -> None:
    """Let the set NAME, which was paused, go on. Its deadline, if it has one, has not waited."""
    print_lines([_switch(Where(**given), name, paused=False)])


_RETRY_EPILOG = """
\b
Examples:
  vvc backup retry nightly                       whatever has no Completed Backup
  vvc backup retry nightly --shard shop --wait

\b
Exit status: 0; with --wait 0 Completed, 3 PartiallyFailed, 1 Failed.
"""


@click.command(epilog=_RETRY_EPILOG, short_help="Try again what failed, and only that.")
@set_name
@cluster_options
@click.option(
    "--shard",
    "shards",
    multiple=True,
    metavar="SHARD",
    help="Only this shard of the set, as vvc backup status names it. May be repeated.",
)
@click.option("--wait", is_flag=True, help="Look on until it has ended; the exit status says how.")
def retry(name: str, shards: tuple[str, ...], wait: bool, **given: Any) -> int:
    """Back up again the shards of the set NAME that have no Completed Backup; the others stay as they are.

    So are those of which planned volumes were not taken, as their pods did not run.
    They get as many attempts again as spec.retry allows, and the deadline counts anew.
    """
    where = Where(**given)

    async def demand(client: Client) -> BackupSet:
        from velero_volume_controller.backup.handling import demand_retry, read  # noqa: PLC0415

        found = await read(client, where.namespace, name)
        _check_retry(found, shards)
        return await demand_retry(client, found, shards)

    ask(where, demand)
    what = ", ".join(shards) if shards else "what it lacks"
    print_lines([f"BackupSet {where.namespace}/{name}: {what} is tried again."])
    if not wait:
        return 0
    # Imported here: only who waits needs what draws the bars.
    from velero_volume_controller.cli.backup_watch import follow  # noqa: PLC0415

    return follow(where, name, wait=True, retried=True)


def _check_retry(found: BackupSet, shards: tuple[str, ...]) -> None:
    """Raises click.UsageError where there is nothing to try again."""
    whole = f"BackupSet {found.namespace}/{found.name}"
    if found.status.phase in {SetPhase.COMPLETED, SetPhase.EXPIRED}:
        said = "nothing of it failed" if found.status.phase is SetPhase.COMPLETED else "its Backups are gone"
        raise click.UsageError(f"{whole} is {found.status.phase}: {said}. Make another set.")
    chosen = [shard for shard in found.status.shards if not shards or shard.name in shards]
    point = found.status.restore_point
    if chosen and all(done(shard) and not lacks_planned(shard, point) for shard in chosen):
        which = f"shard {', '.join(shards)} has" if shards else "every shard of it has"
        raise click.UsageError(
            f"{whole}: {which} a Completed Backup, so there is nothing to try again. What the set"
            f" lacks is named by vvc backup status {found.name} -n {found.namespace}. Make another set."
        )
    known = [shard.name for shard in found.status.shards]
    unknown = [shard for shard in shards if shard not in known]
    if unknown:
        there = f"it has {', '.join(known)}" if known else "it has none before it is planned"
        raise click.UsageError(f"--shard: {whole} has no shard {', '.join(unknown)}; {there}.")


def _switch(where: Where, name: str, *, paused: bool) -> str:
    """What was done, as a sentence."""

    async def change(client: Client) -> str:
        # Imported here: the Kubernetes library takes a second that --help need not wait for.
        from velero_volume_controller.backup.handling import read, steer  # noqa: PLC0415

        found = await read(client, where.namespace, name)
        whole = f"BackupSet {where.namespace}/{name}"
        if found.status.phase is not None and found.status.phase.ended:
            raise click.UsageError(f"{whole} has ended ({found.status.phase}): nothing is left to start.")
        if found.spec is not None and found.spec.paused == paused:
            return f"{whole}: {'is paused already' if paused else 'is not paused'}."
        await steer(client, found, {"paused": paused})
        return f"{whole}: {'starts no further Backups' if paused else 'goes on'}."

    return ask(where, change)
