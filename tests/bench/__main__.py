"""`make bench-annotate`: the annotator's figures, beside a bare loop of the same writes.

Controller and loop alternate in one run against one API server, so that the machine's moods hit
both. BENCH_PODS, BENCH_ROUNDS, BENCH_UPDATES (a second) and BENCH_SECONDS change the size.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from kubernetes import config
from rich.console import Console
from rich.table import Table

from hack.lab.controlplane import ControlPlane
from hack.lab.progress import step
from tests.bench.controller import Run, leading
from tests.integration.cluster import Namespace, install_velero

PODS = int(os.environ.get("BENCH_PODS", "10000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
UPDATES = int(os.environ.get("BENCH_UPDATES", "500"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "60"))
CONNECTIONS = 20
NAMESPACE = "bench"


@dataclass
class Figures:
    """What was measured; each list has one figure a round."""

    bare: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    own_stall: list[float] = field(default_factory=list)
    wall_stall: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)


def helper(module: str, *arguments: str) -> str:
    """What another process of the benchmark printed."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def bare_loop(kubeconfig: Path, action: str) -> float:
    """Writes a second of the bare loop."""
    result = json.loads(helper("rival", str(kubeconfig), NAMESPACE, str(CONNECTIONS), action))
    return float(result["writes"] / result["seconds"])


def cold_start(kubeconfig: Path, figures: Figures) -> None:
    """Every pod lacks its annotation when the controller comes."""
    with leading(kubeconfig, NAMESPACE, CONNECTIONS, pulse=False) as run:
        run.until_written(PODS)
        figures.memory.append(run.memory()[1])
        figures.cpu.append(run.cpu())
        figures.ours.append(run.writes_per_second())
        run.stop()


def stalls_of_a_cold_start(kubeconfig: Path, figures: Figures) -> None:
    """Once more with the pulse, which would slow down what is compared with the bare loop."""
    with leading(kubeconfig, NAMESPACE, CONNECTIONS, pulse=True) as run:
        run.until_written(PODS)
        note_stalls(figures, run)


def note_stalls(figures: Figures, run: Run) -> None:
    """End the run and take its stalls down."""
    run.stop()
    stalls = run.stalls()
    figures.own_stall.append(stalls["own"] * 1000)
    figures.wall_stall.append(stalls["wall"] * 1000)


def already_right(kubeconfig: Path, figures: Figures) -> None:
    """Nothing is to be written: how soon is that known?"""
    with leading(kubeconfig, NAMESPACE, CONNECTIONS, pulse=True) as run:
        line = run.replica.line("every pod is decided", within=120)
        time.sleep(3)
        writes = run.replica.metric("vvc_api_requests_total", verb="PATCH")
        seconds = f"{line['seconds']:.2f} s"
        figures.others.append((f"{line['pods']} pods already right: known after the first page", seconds))
        figures.others.append(("  PATCH requests meanwhile", f"{writes:.0f}"))
        figures.others.append(("  processor time from start to then", f"{run.cpu():.1f} s"))
        note_stalls(figures, run)


def steady_updates(kubeconfig: Path, figures: Figures) -> None:
    """Pods that change all the time, as kubelets report their status."""
    with leading(kubeconfig, NAMESPACE, CONNECTIONS, pulse=True) as run:
        run.replica.line("every pod is decided", within=120)
        before = run.cpu()
        result = json.loads(
            helper("updates", str(kubeconfig), NAMESPACE, str(UPDATES), str(SECONDS)),
        )
        share = (run.cpu() - before) / result["seconds"]
        answers = [answer * 1000 for answer in result["answers"]]
        figures.others += [
            (f"status updates a second, for {result['seconds']:.0f} s", f"{result['rate']:.0f}"),
            ("  share of one core", f"{share:.2f}"),
            ("  an annotation taken away is back: median", f"{statistics.median(answers):.0f} ms"),
            ("  at most", f"{max(answers):.0f} ms"),
            ("  resident memory, at most", f"{run.memory()[1]:.0f} MiB"),
        ]
        note_stalls(figures, run)


def main() -> None:
    """Measure and print."""
    figures = Figures()
    with ControlPlane() as plane, config.new_client_from_config(str(plane.kubeconfig)) as api:
        install_velero(api)
        Namespace.create(api, NAMESPACE)
        kubeconfig = plane.kubeconfig
        with step(f"making {PODS} pods"):
            helper("seed", str(kubeconfig), NAMESPACE, str(PODS))
        for number in range(1, ROUNDS + 1):
            with step(f"round {number} of {ROUNDS}"):
                figures.bare.append(bare_loop(kubeconfig, "set"))
                bare_loop(kubeconfig, "strip")
                cold_start(kubeconfig, figures)
                bare_loop(kubeconfig, "strip")
        with step("a cold start with the event loop watched"):
            stalls_of_a_cold_start(kubeconfig, figures)
        with step("all pods already right"):
            already_right(kubeconfig, figures)
        with step(f"{UPDATES} status updates a second for {SECONDS} s"):
            steady_updates(kubeconfig, figures)
    report(figures)


def report(figures: Figures) -> None:
    """Each figure with its spread over the rounds."""
    ratios = [ours / bare for ours, bare in zip(figures.ours, figures.bare, strict=True)]
    table = Table(title=f"annotating {PODS} pods over {CONNECTIONS} connections", box=None, pad_edge=False)
    for column in ("", "median", "least", "most"):
        table.add_column(column, justify="right" if column else "left")
    for name, values, form in (
        ("bare loop, writes/s", figures.bare, "{:.0f}"),
        ("controller, writes/s", figures.ours, "{:.0f}"),
        ("controller ÷ bare loop", ratios, "{:.2f}"),
        ("controller, processor s, start to last write", figures.cpu, "{:.1f}"),
        ("controller, resident MiB at most", figures.memory, "{:.0f}"),
        ("event loop blocked by our own work, ms", figures.own_stall, "{:.0f}"),
        ("event loop late by the wall clock, ms", figures.wall_stall, "{:.0f}"),
    ):
        spread = (statistics.median(values), min(values), max(values))
        table.add_row(name, *(form.format(figure) for figure in spread))
    for name, figure in figures.others:
        table.add_row(name, figure, "", "")
    Console().print(table)


if __name__ == "__main__":
    main()
