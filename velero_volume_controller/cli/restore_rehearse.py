"""``vvc restore rehearse``: a backup is restored into namespaces of its own, looked at, timed and removed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from velero_volume_controller.api.backupset import MAX_NAME, SCHEDULE, SetPhase
from velero_volume_controller.api.conditions import find
from velero_volume_controller.api.owned_names import label_value
from velero_volume_controller.cli.backup_cluster import Where, completed_names, output_form
from velero_volume_controller.cli.options import cluster_options, names, without_nothing
from velero_volume_controller.cli.output import print_json, print_lines, print_yaml
from velero_volume_controller.cli.progress import Waiting
from velero_volume_controller.cli.restore_cluster import ask
from velero_volume_controller.cli.restore_given import option_at
from velero_volume_controller.cli.restore_watch import Quiet, ended_as, follow, until_over
from velero_volume_controller.config import ConfigurationError
from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.restore.run import PROGRESSING

if TYPE_CHECKING:
    from velero_volume_controller.config.tree import Path
    from velero_volume_controller.kube.client import Client
    from velero_volume_controller.restore.objects import CleanRestore
    from velero_volume_controller.restore.written import WrittenRestore

#: What stands around the name of what is rehearsed in that of the CleanRestore.
_BEFORE: Final = "rehearse-"
_STAMP: Final = "-%Y%m%d%H%M%S"
#: A CleanRestore that nobody has looked at for so long will not be looked at. Seconds.
_TAKEN_UP: Final = 60.0
_PERIOD: Final = 0.5

_EPILOG = """
\b
Examples:
  vvc restore rehearse nightly-29405280
  vvc restore rehearse --schedule nightly --keep 14      for a CronJob, every night
  vvc restore rehearse --backup before-upgrade --namespaces shop,shop-db
  vvc restore rehearse nightly-29405280 -o json | jq .rehearsal

\b
Exit status: 0 all of it came back; 3 its data did, and something else is to be looked
at; 1 data did not come back, it was cancelled, or the cluster is in the way; 2 it was
refused before anything was made, or the input can't be used. With --no-wait 0 once it
is made.
"""


@click.command(epilog=_EPILOG, short_help="Restore into scratch namespaces, to see that it can be.")
@click.argument("source", required=False, default="", shell_complete=completed_names)
@cluster_options
@click.option(
    "--backup",
    "backups",
    multiple=True,
    metavar="NAMES",
    help="A Backup of Velero's instead of a BackupSet; several, joined by commas, are one restore point.",
)
@click.option("--schedule", metavar="NAME", help="The newest BackupSet of this schedule that Completed.")
@click.option(
    "--namespaces",
    multiple=True,
    metavar="NAMES",
    help="Only these; in them * is any run of characters.",
)
@click.option("--exclude-namespaces", multiple=True, metavar="NAMES", help="Not these.")
@click.option(
    "--storage-class",
    metavar="NAME",
    help="Provision volumes of this StorageClass; unless given, each claim's own.",
)
@click.option("--allow-partial", is_flag=True, help="Also what there is of a PartiallyFailed backup.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Look on until it has ended.")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="When it has ended, delete rehearsals of the same schedule, but for the newest N.",
)
@output_form("hold the whole status, once it has ended")
def rehearse(source: str, output: str, *, wait: bool, keep: int | None, **given: Any) -> int:
    """Rehearse a restore of the BackupSet SOURCE, and measure how long it takes (RTO).

    Nothing that exists is touched, so nothing is asked: it is restored into namespaces that are made
    for it, closed to all traffic, and removed again. Workloads, their configuration and the data of
    their volumes come back; what else the backup holds is named, and does not.
    """
    where = Where(given["namespace"], given["kubeconfig"], given["context"])
    if output != "text" and not wait:
        raise click.UsageError(
            "--output: says what came of it, which is to be waited for. Leave --no-wait out."
        )
    backups = names(given["backups"])
    if [bool(source), bool(backups), given["schedule"] is not None].count(True) != 1:
        raise click.UsageError(
            "expected exactly one of SOURCE, --backup and --schedule. What there is: vvc backup list, velero"
            " backup get, kubectl get backupsetschedules."
        )
    if given["schedule"] is not None:
        source = ask(where, lambda client: _newest(client, where, given))
    written = _written(where, source, backups, given)
    ask(where, lambda client: _make(client, written))
    if wait:
        with Waiting("waiting for it to begin") as waiting:
            ask(where, lambda client: _begun(client, written, waiting))
    if output == "text":
        print_lines([f"CleanRestore {where.namespace}/{written.name}: made. Nothing that exists is touched."])
        if not wait:
            print_lines([f"Look on: vvc restore watch {written.name} -n {where.namespace}"])
            return 0
        status = follow(where, written.name)
    else:
        status = _told(where, written.name, output)
    if keep is not None:
        ask(where, lambda client: _remove_others(client, written, keep))
    return status


async def _make(client: Client, written: WrittenRestore) -> None:
    """An API server that does not know rehearsals takes one for a restore, of which nothing may be left."""
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.restore.handling import make, remove  # noqa: PLC0415

    made = await make(client, written)
    if made.spec is None or made.spec.rehearsal is None:
        await remove(client, made)
        raise KubeError(
            "this cluster's CleanRestores know no rehearsals: their definition is of an earlier version."
            " Install this one: kubectl apply -f manifests/install.yaml."
        )


async def _begun(client: Client, written: WrittenRestore, waiting: Waiting) -> None:
    """Raises KubeError if nobody takes it up: at night, nobody would notice for how long it is waited for."""
    from velero_volume_controller.restore.handling import read, remove  # noqa: PLC0415

    end = time.monotonic() + _TAKEN_UP
    while (found := await read(client, written.namespace, written.name)).status.phase is None:
        if time.monotonic() > end:
            await remove(client, found)
            said = find(found.status.conditions, PROGRESSING)
            why = said.message if said is not None else "is vvc run at work? vvc restore list shows others"
            raise KubeError(
                f"CleanRestore {found.namespace}/{found.name} did not begin, and was deleted again: {why}."
            )
        waiting.show()
        await asyncio.sleep(_PERIOD)


def _told(where: Where, name: str, output: str) -> int:
    """Waits quietly; then what came of it. The exit status."""
    from velero_volume_controller.restore.views import document  # noqa: PLC0415

    last = ask(where, lambda client: until_over(client, where, name, Quiet()))
    (print_json if output == "json" else print_yaml)(document(last))
    return ended_as(last)


def _written(where: Where, source: str, backups: list[str], given: dict[str, Any]) -> WrittenRestore:
    # Imported here: the schema and its library take a fifth of a second that --help need not wait for.
    from velero_volume_controller.restore.objects import API_VERSION, KIND  # noqa: PLC0415
    from velero_volume_controller.restore.read_restore import read_data  # noqa: PLC0415
    from velero_volume_controller.restore.written import WrittenRestore  # noqa: PLC0415

    restored: dict[str, Any] = {"backupSet": source or None}
    if backups:
        restored = {"backup": backups[0]} if len(backups) == 1 else {"backups": backups}
    stamp = datetime.now(UTC).strftime(_STAMP)
    base = source or backups[0]
    name = _BEFORE + base[: MAX_NAME - len(_BEFORE) - len(stamp)].rstrip("-.") + stamp
    included, excluded = names(given["namespaces"]), names(given["exclude_namespaces"])
    spec = {
        "source": without_nothing(restored),
        "rehearsal": without_nothing({"storageClass": given["storage_class"]}),
        **without_nothing(
            {
                "namespaces": without_nothing({"include": included, "exclude": excluded}),
                "allowPartial": given["allow_partial"] or None,
            }
        ),
    }
    metadata = {"name": name, "namespace": where.namespace}
    made = read_data({"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec})
    if isinstance(made, WrittenRestore):
        schedule = given["schedule"]
        return replace(made, labels={SCHEDULE: label_value(schedule)}) if schedule is not None else made
    raise click.UsageError("\n".join(f"{_OPTIONS.get(path, option_at(path))}: {what}" for path, what in made))


_OPTIONS: Final[dict[Path, str]] = {
    ("metadata", "name"): "SOURCE",
    ("spec", "source", "backupSet"): "SOURCE",
    ("spec", "source", "backup"): "--backup",
    ("spec", "rehearsal", "storageClass"): "--storage-class",
}


async def _newest(client: Client, where: Where, given: dict[str, Any]) -> str:
    """The set of the schedule that ended last and can be restored. Raises ConfigurationError."""
    from velero_volume_controller.backup.handling import sets  # noqa: PLC0415

    name = given["schedule"]
    wanted = {SetPhase.COMPLETED} | ({SetPhase.PARTIALLY_FAILED} if given["allow_partial"] else set())
    mine = [
        each for each in await sets(client, where.namespace) if each.labels.get(SCHEDULE) == label_value(name)
    ]
    whole = [each for each in mine if each.status.phase in wanted]
    if not whole:
        there = f"of its {len(mine)} BackupSets none is Completed" if mine else "it has made no BackupSet"
        raise ConfigurationError(
            f"--schedule: nothing of BackupSetSchedule {where.namespace}/{name} can be rehearsed: {there}."
            f" See vvc backup list -n {where.namespace}."
        )
    return max(whole, key=lambda each: (each.status.ended or "", each.name)).name


async def _remove_others(client: Client, made: WrittenRestore, keep: int) -> None:
    """Rehearsals that have ended and left nothing, but for the newest. Their reports go with them."""
    from velero_volume_controller.restore.handling import remove, runs  # noqa: PLC0415

    mine = (made.labels or {}).get(SCHEDULE)
    there = [each for each in await runs(client, made.namespace) if each.labels.get(SCHEDULE) == mine]
    ended = [each for each in there if _over(each)]
    for each in sorted(ended, key=lambda found: found.status.ended or "")[:-keep]:
        await remove(client, each)


def _over(found: CleanRestore) -> bool:
    rehearsal = found.spec is not None and found.spec.rehearsal is not None
    return rehearsal and found.status.phase is not None and found.status.phase.ended
