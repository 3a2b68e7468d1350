"""How the commands of ``vvc restore`` reach the cluster, and the name of a run that most of them take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from velero_volume_controller.cli import backup_cluster
from velero_volume_controller.cli.backup_cluster import Where
from velero_volume_controller.kube.errors import KubeError

if TYPE_CHECKING:
    from velero_volume_controller.kube.client import Client

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


def ask(where: Where, question: Callable[[Client], Awaitable[T]]) -> T:
    """As for BackupSets; that there is no such CleanRestore is a usage error, too."""
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.restore.handling import NoSuchRun  # noqa: PLC0415

    try:
        return backup_cluster.ask(where, question)
    except NoSuchRun as error:
        raise click.UsageError(str(error)) from None


def run_name(command: Command) -> Command:
    """Add the argument NAME, the name of a CleanRestore, which Tab completes."""
    return click.argument("name", shell_complete=completed_names)(command)


def completed_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The names of CleanRestores that begin so; none where the cluster does not answer."""
    # Imported here, as above.
    from velero_volume_controller.restore.handling import runs  # noqa: PLC0415

    given = context.params
    where = Where(given.get("namespace") or "velero", given.get("kubeconfig"), given.get("context"))
    try:
        found = ask(where, lambda client: runs(client, where.namespace))
    except KubeError:
        return []
    return [each.name for each in found if each.name.startswith(incomplete)]
