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


def struck(before: Digest | None, after: Digest | None) -> str:
    """What the disaster made of a volume, in a word."""
    if after is None:
        return "lost"
    return "untouched" if before is not None and before.files == after.files else "overwritten"


def restored(volume: Volume, before: Digest | None, after: Digest | None) -> tuple[str, bool]:
    """What became of a volume in a few words, and whether it should have."""
    if before is None or after is None:
        return "missing", False
    equal = before.files == after.files
    if volume.left_alone:
        return ("left alone", True) if equal else ("not left alone", False)
    if volume.backed_up:
        return ("digests equal", True) if equal else ("not what it was", False)
    return ("skipped: empty", True) if not after.files else ("not empty", False)


def undone(
    volume: Volume, before: Digest | None, struck: Digest | None, after: Digest | None
) -> tuple[str, bool]:
    """What the undo made of it: what the disaster had left is to be back."""
    if volume.starts_over and after is not None:
        return "Job starts over", True
    if struck is None or after is None:
        return ("lost", True) if struck is after else ("missing" if struck else "not lost", False)
    if struck.files != after.files:
        return "not what it was", False
    return ("as it was" if before is not None and before.files == after.files else "overwritten"), True


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
    for column in ("VOLUME", "DISASTER", "RESTORED", "UNDONE"):
        table.add_column(column)
    for volume in VOLUMES:
        key = volume.key
        before, hit = story.before.volumes.get(key), story.struck.volumes.get(key)
        text, right = restored(volume, before, story.after.volumes.get(key))
        again, back = undone(volume, before, hit, story.undone.volumes.get(key))
        fate = struck(before, hit)
        table.add_row(
            key,
            Text(fate, style="dim" if fate == "untouched" else "yellow"),
            Text(text, style="red" if not right else "green" if volume.backed_up else "dim"),
            Text(again, style="dim" if back else "red"),
        )
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
