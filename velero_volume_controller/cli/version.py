"""``vvc version``: what runs here."""

import platform

import click

from velero_volume_controller import __version__


@click.command(short_help="Print the version.")
def version() -> None:
    """Print the version of this program and of Python."""
    click.echo(f"velero-volume-controller {__version__} (Python {platform.python_version()})")
