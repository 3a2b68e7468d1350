"""`make bench`: how fast pods are annotated, beside a bare loop of the same writes.

The two alternate in one run against one API server, so that the machine's moods hit both.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from kubernetes import config
from rich.console import Console
from rich.table import Table

from hack.lab.controlplane import ControlPlane
from hack.lab.progress import step
from tests.integration.cluster import Namespace, eventually, install_velero
from tests.integration.process import Vvc

PODS = int(os.environ.get("BENCH_PODS", "1000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
CONNECTIONS = 20


def rival(kubeconfig: Path, namespace: str, action: str) -> float:
    """Writes a second of the bare loop."""
    command = [
        sys.executable,
        "-m",
        "tests.bench.rival",
        str(kubeconfig),
        namespace,
        str(CONNECTIONS),
        action,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    return float(result["writes"] / result["seconds"])


def controller(kubeconfig: Path, namespace: str) -> float:
    """Writes a second of the controller, from its first write to its last as it logs them."""
    with tempfile.TemporaryDirectory() as directory:
        vvc = Vvc.for_namespace(kubeconfig, namespace, Path(directory))
        try:
            replica = vvc.start_leading("--max-in-flight", str(CONNECTIONS))
            eventually(lambda: int(replica.metric("vvc_annotations_total", action="add")), PODS, within=300)
            written = [line for line in replica.lines() if line["message"] == "annotation: add"]
            replica.terminate()
        finally:
            vvc.kill_all()
    times = [datetime.fromisoformat(line["time"]).timestamp() for line in written]
    return (len(times) - 1) / (max(times) - min(times))


def seed(namespace: Namespace) -> None:
    """Make the pods, running, with one claim each."""
    with step(f"making {PODS} pods"), ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: namespace.create_pod(f"pod-{number}"), range(PODS)))


def main() -> None:
    """Measure and print."""
    rates: dict[str, list[float]] = {"bare loop": [], "controller": []}
    with ControlPlane() as plane, config.new_client_from_config(str(plane.kubeconfig)) as api:
        install_velero(api)
        seed(Namespace.create(api, "bench"))
        for number in range(1, ROUNDS + 1):
            with step(f"round {number} of {ROUNDS}"):
                rates["bare loop"].append(rival(plane.kubeconfig, "bench", "set"))
                rival(plane.kubeconfig, "bench", "strip")
                rates["controller"].append(controller(plane.kubeconfig, "bench"))
                rival(plane.kubeconfig, "bench", "strip")
    report(rates)


def report(rates: dict[str, list[float]]) -> None:
    """Print writes a second and the ratio, each with its spread over the rounds."""
    ratios = [ours / bare for ours, bare in zip(rates["controller"], rates["bare loop"], strict=True)]
    table = Table(title=f"annotating {PODS} pods over {CONNECTIONS} connections", box=None, pad_edge=False)
    for column in ("", "median", "least", "most"):
        table.add_column(column, justify="right" if column else "left")
    for name, values, form in (
        ("bare loop, writes/s", rates["bare loop"], "{:.0f}"),
        ("controller, writes/s", rates["controller"], "{:.0f}"),
        ("controller ÷ bare loop", ratios, "{:.2f}"),
    ):
        figures = (statistics.median(values), min(values), max(values))
        table.add_row(name, *(form.format(figure) for figure in figures))
    Console().print(table)


if __name__ == "__main__":
    main()
