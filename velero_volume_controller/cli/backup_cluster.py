"""How the commands of ``vvc backup`` reach the cluster, and the name of a set that most of them take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.observe.log import LogFormat, set_up

if TYPE_CHECKING:
    from velero_volume_controller.kube.client import Client

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Where:
    """What ``cluster_options`` ask for: the namespace of Velero and the cluster."""

    namespace: str
    kubeconfig: Path | None = None
    context: str | None = None


def ask(where: Where, question: Callable[[Client], Awaitable[T]]) -> T:
    """Run a question against the cluster. Raises KubeError, and whatever the question raises.

    That there is no such set is a usage error: the name was wrong, not the cluster.
    """
    set_up(0, LogFormat.AUTO)
    return asyncio.run(_asked(where, question))


async def _asked(where: Where, question: Callable[[Client], Awaitable[T]]) -> T:
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.backup.handling import NoSuchSet  # noqa: PLC0415
    from velero_volume_controller.kube.client import Client  # noqa: PLC0415
    from velero_volume_controller.kube.credentials import Cluster  # noqa: PLC0415

    async with Client.connect(Cluster(where.kubeconfig, where.context)) as client:
        try:
            return await question(client)
        except NoSuchSet as error:
            raise click.UsageError(str(error)) from None


def set_name(command: Command) -> Command:
    """Add the argument NAME, the name of a BackupSet, which Tab completes."""
    return click.argument("name", shell_complete=completed_names)(command)


def output_form(told: str) -> Callable[[Command], Command]:
    """Add ``-o``, the form in which a command answers; ``told`` says what json and yaml hold."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["text", "json", "yaml"]),
        default="text",
        show_default=True,
        help=f"The form; json and yaml {told}.",
    )


def completed_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The names of BackupSets that begin so; none where the cluster does not answer."""
    # Imported here, as above.
    from velero_volume_controller.backup.handling import sets  # noqa: PLC0415

    given = context.params
    where = Where(given.get("namespace") or "velero", given.get("kubeconfig"), given.get("context"))
    try:
        found = ask(where, lambda client: sets(client, where.namespace))
    except KubeError:
        return []
    return [each.name for each in found if each.name.startswith(incomplete)]
