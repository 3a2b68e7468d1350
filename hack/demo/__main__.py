"""`python -m hack.demo`: tell the story, show it, report it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import click

from hack.demo import picture, report, summary
from hack.demo.ground import ground, save_logs
from hack.demo.story import Story
from hack.demo.telling import tell
from hack.lab import places, velero
from hack.lab.progress import console
from hack.lab.shell import LabError

BUILD = places.REPOSITORY / "build"
LOGS = BUILD / "demo-logs"
INTERRUPTED = 130


@click.command()
@click.option(
    "--velero",
    "version",
    type=click.Choice(list(velero.VERSIONS)),
    default=lambda: os.environ.get("DEMO_VELERO", velero.DEFAULT),
    help="Which Velero: 1.18.3 moves data with kopia, 1.16.2 with restic.  [default: DEMO_VELERO or 1.18.3]",
)
@click.option("--keep", is_flag=True, help="Leave the applications, the Backups and the lab for a look.")
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=BUILD / "demo-report.html",
    help="Where the HTML report goes.  [default: build/demo-report.html]",
)
@click.option(
    "--picture",
    "picture_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save what the demo printed as an SVG.",
)
def main(version: str, keep: bool, report_file: Path, picture_file: Path | None) -> None:
    """Annotate, back up, destroy, restore and undo with real data, and prove every byte.

    Ends with status 0 only if every check held. Ctrl-C at any moment leaves nothing behind.

    \b
    Example: DEMO_VELERO=1.16.2 python -m hack.demo --keep
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console.record = picture_file is not None
    try:
        held = _run(version, keep, report_file, picture_file)
    except KeyboardInterrupt:
        console.print("interrupted; what the demo made is gone")
        sys.exit(INTERRUPTED)
    except LabError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(0 if held else 1)


def _run(version: str, keep: bool, report_file: Path, picture_file: Path | None) -> bool:
    with ground(version, keep=keep) as (lab, installed):
        story = Story(lab, installed, summary.judge)
        try:
            tell(story)
        except LabError:
            save_logs(installed, LOGS)
            raise
        summary.show(story)
        report.save(story, report_file)
        console.print(f"Report: {_from_here(report_file)}")
        if not story.held:
            save_logs(installed, LOGS)
            console.print(f"Logs of the controller and of Velero: {_from_here(LOGS)}")
        if picture_file is not None:
            picture.save(console, picture_file)
    return story.held


def _from_here(path: Path) -> Path:
    """The path as a person in the current folder would write it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    main()
