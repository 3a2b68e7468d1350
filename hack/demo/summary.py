"""What a person reads in the terminal: the failed checks, and a table of the volumes."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from hack.demo.applications import ANNOTATIONS, VOLUMES, Volume
from hack.demo.data import Digest
from hack.demo.repository import Repository
from hack.demo.story import Story
from hack.demo.verdict import Check
from hack.lab.progress import console

LISTED_FILES = 4


def judge(checks: list[Check]) -> None:
    """Print a line for each check that failed, or one that all held."""
    failed = [check for check in checks if not check.held]
    if not failed:
        console.print(f"  [green]all {len(checks)} checks held[/]")
    for check in failed:
        console.print(Text(f"  ✘ {check}", style="red"))


def show(story: Story) -> None:
    """Print the tables and the verdict."""
    console.print()
    console.print(_annotations(story))
    console.print()
    console.print(_volumes(story))
    for repository in story.repositories:
        console.print()
        _show_repository(repository)
    failed = [check for check in story.checks if not check.held]
    console.print()
    if story.held:
        console.print(f"[bold green]All {len(story.checks)} checks held.[/]")
        return
    console.print(f"[bold red]{len(failed)} of {len(story.checks)} checks failed:[/]")
    judge(failed)


def outcome(volume: Volume, before: Digest | None, after: Digest | None) -> tuple[str, bool]:
    """What became of a volume in a few words, and whether it should have."""
    if before is None or after is None:
        return "missing", False
    if volume.backed_up:
        equal = before.files == after.files
        return ("every digest equal", True) if equal else ("not what it was", False)
    return ("skipped, so empty", True) if not after.files else ("restored, and should not be", False)


def _annotations(story: Story) -> Table:
    table = Table(box=None, pad_edge=False, title="Annotations", title_justify="left", title_style="bold")
    for column in ("POD", "ANNOTATION", "BECAUSE"):
        table.add_column(column)
    because = {volume.pod: volume.because for volume in reversed(VOLUMES)}
    for pod, expected in ANNOTATIONS.items():
        found = story.annotations.get(pod)
        right = found == expected
        style = "red" if not right else "" if found else "dim"
        why = because[pod] if right else f"wrong: it should be {expected or 'none'}"
        table.add_row(pod, Text(found or "none", style=style), why)
    return table


def _volumes(story: Story) -> Table:
    table = Table(box=None, pad_edge=False, title="Volumes", title_justify="left", title_style="bold")
    for column in ("VOLUME", "TYPE", "FILES", "MB", "AFTER THE RESTORE"):
        table.add_column(column, justify="right" if column in {"FILES", "MB"} else "left")
    for volume in VOLUMES:
        before = story.before.get(volume.key)
        text, right = outcome(volume, before, story.after.get(volume.key))
        style = "red" if not right else "green" if volume.backed_up else "dim"
        files, size = (f"{len(before.files):,}", f"{before.size / 1e6:.1f}") if before else ("", "")
        table.add_row(volume.key, volume.type, files, size, Text(text, style=style))
    return table


def _show_repository(repository: Repository) -> None:
    console.print(Text(f"restic -r {repository.location} snapshots", style="bold"))
    console.print(Text(repository.printed.strip()))
    for snapshot, files in list(repository.snapshots.items())[:1]:
        console.print(Text(f"restic ls {snapshot}", style="bold"))
        for path in files[:LISTED_FILES]:
            console.print(Text(path))
        if len(files) > LISTED_FILES:
            console.print(f"[dim]… and {len(files) - LISTED_FILES:,} files more[/]")
