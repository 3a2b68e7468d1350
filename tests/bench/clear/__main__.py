"""`make bench-clear`: clearing away 2,000 objects in 50 namespaces, beside `kubectl delete` of the same.

All take turns in one run on one API server with the real garbage collector. Ours is the real controller's
phases Clearing and WaitingGone, from its log: every object looked at again, deleted in that version, seen to
be gone. kubectl is given the objects by name, a command a namespace, and waits until those are gone: once in
its default way, where ReplicaSets go later, so that until they are gone is measured, too; and once with
--cascade=foreground, where what an object owns goes before it. Ten commands run at a time (xargs -P 10): each
allows itself five requests a second, and one after the other they take ten times as long. BENCH_NAMESPACES,
BENCH_ROUNDS and BENCH_COMMANDS change the size.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from hack.lab.controlplane import component_command
from hack.lab.progress import step
from tests.bench.clear import objects
from tests.bench.clear.ground import Ground, ground

NAMESPACES = int(os.environ.get("BENCH_NAMESPACES", "50"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
COMMANDS = int(os.environ.get("BENCH_COMMANDS", "10"))
TYPED = "kubectl delete"
GONE = "kubectl delete, until all was gone"
FOREGROUND = "kubectl delete --cascade=foreground"
#: From one look whether something is left to the next. Seconds.
_EVERY = 0.5


@dataclass
class Figures:
    """Seconds, one a round."""

    ours: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    kubectl: dict[str, list[float]] = field(default_factory=lambda: {TYPED: [], GONE: [], FOREGROUND: []})


def delete(on: Ground, *options: str) -> tuple[float, float]:
    """The seconds that kubectl takes for all of it, and until what that owns is gone, too."""
    kubectl = [*component_command("kubectl"), f"--kubeconfig={on.plane.kubeconfig}"]

    def one(space: str) -> None:
        command = [*kubectl, "delete", "-n", space, *objects.by_kind(), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    began = time.monotonic()
    with ThreadPoolExecutor(COMMANDS) as pool:
        list(pool.map(one, on.spaces))
    told = time.monotonic() - began
    while objects.left(on.plane.kubeconfig, on.spaces):
        time.sleep(_EVERY)
    return told, time.monotonic() - began


def fill(on: Ground) -> None:
    """Everything is there again, and nothing of what was."""
    assert objects.left(on.plane.kubeconfig, on.spaces) == 0, "something was not cleared away"
    objects.make(on.plane.kubeconfig, on.spaces)


def main() -> None:
    """Measure and print."""
    figures = Figures()
    with ground(NAMESPACES) as on:
        for number in range(1, ROUNDS + 1):
            fill(on)
            with step(f"round {number} of {ROUNDS}: {TYPED}"):
                told, gone = delete(on)
            figures.kubectl[TYPED].append(told)
            figures.kubectl[GONE].append(gone)
            fill(on)
            with step(f"round {number} of {ROUNDS}: {FOREGROUND}"):
                figures.kubectl[FOREGROUND].append(delete(on, "--cascade=foreground")[1])
            fill(on)
            with step(f"round {number} of {ROUNDS}: a CleanRestore"):
                told, gone = on.clean_restore(f"round-{number}")
            figures.told.append(told)
            figures.ours.append(gone)
        assert objects.left(on.plane.kubeconfig, on.spaces) == 0, "something was not cleared away"
    report(figures)


def report(figures: Figures) -> None:
    """Each figure with its spread over the rounds."""
    count = NAMESPACES * objects.IN_A_NAMESPACE
    table = Table(title=f"clearing {count:,} objects in {NAMESPACES} namespaces", box=None, pad_edge=False)
    for column in ("", "median", "least", "most"):
        table.add_column(column, justify="right" if column else "left")
    rows = [(f"{name}, s", seconds, "{:.1f}") for name, seconds in figures.kubectl.items()]
    rows.append(("CleanRestore, until all was told to go, s", figures.told, "{:.1f}"))
    rows.append(("CleanRestore, until all was gone, s", figures.ours, "{:.1f}"))
    for name, seconds in figures.kubectl.items():
        ratios = [ours / theirs for ours, theirs in zip(figures.ours, seconds, strict=True)]
        rows.append((f"CleanRestore ÷ {name}", ratios, "{:.2f}"))
    for name, values, form in rows:
        spread = (statistics.median(values), min(values), max(values))
        table.add_row(name, *(form.format(figure) for figure in spread))
    Console().print(table)


if __name__ == "__main__":
    main()
