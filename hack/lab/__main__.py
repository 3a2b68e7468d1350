"""`python -m hack.lab`: the lab's command line."""

from __future__ import annotations

import os
import shutil

import click
from rich.table import Table

from hack.lab import cluster, controller, existing, images, kubectl, packages, places, storage, velero
from hack.lab.binaries import binary
from hack.lab.cluster import Lab
from hack.lab.machine import Machine
from hack.lab.progress import console, step
from hack.lab.shell import LabError


class _Group(click.Group):
    """Turns the lab's errors into one message and exit status 1."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except LabError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group)
def main() -> None:
    """A real Kubernetes cluster with a real Velero on this machine, without Docker."""


# Everything behind the command is kubectl's, a `--` too.
_PASSED_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}


def _asked_versions() -> list[str]:
    return (os.environ.get("LAB_VELERO") or velero.DEFAULT).split()


_versions = click.option(
    "--velero",
    "versions",
    type=click.Choice(list(velero.VERSIONS)),
    multiple=True,
    default=_asked_versions,
    help="A version of Velero; may be given twice.  [default: LAB_VELERO or 1.18.3]",
)


@main.command()
@click.option("--nodes", type=click.IntRange(1, 9), default=places.node_count, show_default="LAB_NODES or 1")
@_versions
@click.option("--without-velero", is_flag=True, help="Nodes and storage only.")
def up(nodes: int, versions: tuple[str, ...], *, without_velero: bool) -> None:
    """Bring the lab up, or what is missing of it.

    \b
    Example: python -m hack.lab up --nodes 3 --velero 1.18.3 --velero 1.16.2
    """
    lab = cluster.up(nodes)
    storage.install()
    for version in () if without_velero else versions:
        velero.install(lab, version)
    click.echo(f"export KUBECONFIG={kubectl.kubeconfig()}")


@main.command()
@click.option("--control-plane-only", is_flag=True, help="What the integration tests need, and no more.")
@_versions
def build(versions: tuple[str, ...], *, control_plane_only: bool) -> None:
    """Build what the lab needs and has not cached yet, and start nothing."""
    if control_plane_only:
        if not os.environ.get("KUBEBUILDER_ASSETS"):
            binary("kubelite")
        if shutil.which("go"):
            binary("candidate")
        return
    if existing.chosen():
        return
    cluster.require_capable_machine()
    packages.ensure()
    cluster.base_archives()
    for program in ("kubelite", "versitygw"):
        binary(program)
    for version in versions:
        velero.build(version)
    controller.archive()


@main.command()
def down() -> None:
    """End everything that `up` started; disks and caches stay."""
    cluster.down()


@main.command()
def purge() -> None:
    """`down`, and remove the disks too; binaries and images stay cached."""
    cluster.purge()


@main.command()
def status() -> None:
    """Show the machines, their services and their memory."""
    lab = Lab.existing()
    table = Table(box=None, pad_edge=False)
    for column in ("MACHINE", "ADDRESS", "STATE", "MEMORY", "SERVICES"):
        table.add_column(column, justify="right" if column == "MEMORY" else "left")
    for machine in lab.machines:
        table.add_row(*_row(machine))
    console.print(table)
    if lab.control_plane.pid is None:
        raise click.ClickException("the lab is down; `make lab-up` brings it up")
    click.echo(f"export KUBECONFIG={places.KUBECONFIG}")
    click.echo("API server: " + ("ready" if kubectl.answers() else "does not answer"))


@main.command()
def image() -> None:
    """Make the controller's image without Docker; prints its name and its archive."""
    packages.ensure()
    archive = controller.archive()
    click.echo(f"{controller.reference(archive)} {archive}")


@main.command("load-images")
def load_images() -> None:
    """Bring the lab's images to the cluster that VVC_TEST_KUBECONFIG names."""
    packages.ensure()
    with step("loading images"):
        existing.load([*cluster.base_archives(), images.archive(images.gateway())])


@main.command("kubectl", context_settings=_PASSED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def kubectl_(arguments: tuple[str, ...]) -> None:
    """Run kubectl of the lab's own version against it."""
    command = kubectl.command(*arguments)
    os.execv(command[0], command)


def _row(machine: Machine) -> tuple[str, str, str, str, str]:
    if machine.pid is None:
        return machine.name, machine.address, "off", "", ""
    used = machine.memory_bytes()
    services = [f"{name}{'' if machine.service_pid(name) else ' (ended)'}" for name in machine.services()]
    memory = "" if used is None else f"{used / 2**20:.0f} MiB"
    return machine.name, machine.address, "running", memory, ", ".join(services)


if __name__ == "__main__":
    main()
