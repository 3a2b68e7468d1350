"""What ``plan`` and ``tune`` are asked about: a set, there or only described, and its cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from velero_volume_controller.backup.work import Input
from velero_volume_controller.backup.written import Written
from velero_volume_controller.cli.backup_cluster import Where, ask
from velero_volume_controller.cli.backup_given import described, written_set
from velero_volume_controller.cli.output import print_warnings
from velero_volume_controller.cli.progress import Bar
from velero_volume_controller.config import ConfigurationError

if TYPE_CHECKING:
    from velero_volume_controller.kube.client import Client


def wanted_set(command: click.Context, name: str) -> Written:
    """The set that is asked about: called ``name``, else described by a file or by options.

    Raises click.UsageError, ConfigurationError for a file, and KubeError.
    """
    given = command.params
    if name and (given["file"] is not None or described(command)):
        raise click.UsageError(
            "NAME: is a set that is there; leave it out, or leave out what describes another."
        )
    if not name:
        written = written_set(command, "")
        print_warnings(written.warnings)
        return written
    if given.get("objects") is not None:
        raise click.UsageError("NAME: is looked up in a cluster, and --objects is for none. Give -f FILE.")
    where = Where(given["namespace"], given["kubeconfig"], given["context"])

    async def look(client: Client) -> Written:
        # Imported here: the Kubernetes library takes a second that dumps need not wait for.
        from velero_volume_controller.backup.handling import read  # noqa: PLC0415

        found = await read(client, where.namespace, name)
        if found.spec is None:
            raise ConfigurationError(f"BackupSet {found.namespace}/{found.name}: {found.problem}.")
        return Written(found.spec, found.name, found.namespace)

    return ask(where, look)


def live_input(where: Where, wanted: Written) -> Input:
    """What is planned for the set in its cluster. Raises PlanningError, and KubeError."""

    async def look(client: Client, bar: Bar) -> Input:
        # Imported here, as above.
        from velero_volume_controller.annotate.snapshot import take  # noqa: PLC0415
        from velero_volume_controller.api.configuration import Configuration  # noqa: PLC0415
        from velero_volume_controller.backup.survey import survey  # noqa: PLC0415

        objects = await take(client, Configuration(), bar)
        return await survey(client, wanted, objects, bar)

    with Bar() as bar:
        return ask(where, lambda client: look(client, bar))
