"""What the benchmark prints: seconds of every run, ratios beside what was aimed at, what processors did."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from tests.bench.backup.contenders import Rehearsed, Result

console = Console(highlight=False, soft_wrap=True)


def show(title: str, results: Mapping[str, Sequence[Result]]) -> None:
    """Every run's seconds, their median, how many Backups were made, and how busy the processors were."""
    table = Table("", "seconds", "median", "Backups", "processors busy", title=title, title_justify="left")
    for name, runs in results.items():
        seconds = [run.took.seconds for run in runs]
        busy = statistics.mean(run.took.busy for run in runs)
        backups = ", ".join(str(run.backups) for run in runs)
        table.add_row(name, _listed(seconds), f"{statistics.median(seconds):.0f}", backups, f"{busy:.0%}")
    console.print(table)


def show_seconds(title: str, seconds: Mapping[str, Sequence[float]]) -> None:
    """The same of what has seconds alone."""
    table = Table("", "seconds", "median", title=title, title_justify="left")
    for name, runs in seconds.items():
        table.add_row(name, _listed(runs), f"{statistics.median(runs):.0f}")
    console.print(table)


def ratios(
    results: Mapping[str, Sequence[Result]], aims: Mapping[str, float], *, ours: str = "BackupSet"
) -> None:
    """Our median ÷ each rival's, beside what was aimed at."""
    seconds = {name: [run.took.seconds for run in runs] for name, runs in results.items()}
    for rival, aim in aims.items():
        ratio(ours, rival, seconds, aim)


def ratio(ours: str, rival: str, seconds: Mapping[str, Sequence[float]], aim: float) -> None:
    """One median ÷ another, and the ratio of each round."""
    found = statistics.median(seconds[ours]) / statistics.median(seconds[rival])
    each = ", ".join(f"{a / b:.2f}" for a, b in zip(seconds[ours], seconds[rival], strict=True))
    console.print(f"  {ours} ÷ {rival}: {found:.2f} (aim ≤ {aim:g}; by round {each})")


def predictions(runs: Sequence[Result]) -> None:
    """Predicted ÷ actual, and actual ÷ the plan's lower bound."""
    told = [run for run in runs if run.predicted and run.lower_bound]
    guessed = ", ".join(f"{(run.predicted or 0) / run.took.seconds:.2f}" for run in told)
    bound = ", ".join(f"{run.took.seconds / (run.lower_bound or 1):.2f}" for run in told)
    console.print(f"  predicted ÷ actual: {guessed} (aim 0.8 to 1.25)")
    console.print(f"  actual ÷ the plan's lower bound: {bound} (aim ≤ 1.15)")


def rehearsals(title: str, found: Mapping[str, Sequence[Rehearsed]]) -> None:
    """What was predicted of each, from what, and what it took."""
    table = Table("", "predicted from", "predicted", "took", "ratio", title=title, title_justify="left")
    for name, runs in found.items():
        for run in runs:
            ratio = "" if run.predicted is None else f"{run.predicted / run.seconds:.2f}"
            predicted = "" if run.predicted is None else f"{run.predicted:.0f}"
            table.add_row(name, run.source, predicted, f"{run.seconds:.0f}", ratio)
    console.print(table)


def slowest_node(seconds: float, runs: Sequence[Result]) -> None:
    """Actual beside what the wire alone costs."""
    median = statistics.median(run.took.seconds for run in runs)
    console.print(
        f"  the fullest node sends for {seconds:.0f} s at least; the set took {median / seconds:.2f} × that"
    )


def moved_twice(results: Mapping[str, Sequence[Result]]) -> None:
    """Bytes that were read by Backups that did not stand."""
    for name, runs in results.items():
        megabytes = ", ".join(f"{run.twice / 1e6:.0f}" for run in runs)
        console.print(f"  {name}: read twice {megabytes} MB")


def _listed(seconds: Sequence[float]) -> str:
    return ", ".join(f"{each:.0f}" for each in seconds)
