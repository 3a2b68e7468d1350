"""The controller under measurement: `vvc run` with a pulse, its processor time and its memory."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.integration.process import Replica, Vvc

TICKS = os.sysconf("SC_CLK_TCK")


class Instrumented(Vvc):
    """As Vvc, with the pulse of tests.bench.instrumented, which takes a tenth of the controller's time."""

    def command(self, *options: str) -> list[str]:
        pulse = [sys.executable, "-m", "tests.bench.instrumented", str(self.directory / "stalls.json")]
        return [*pulse, *super().command(*options)[2:]]


@dataclass
class Run:
    """One process of the controller, leading."""

    replica: Replica
    directory: Path

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.replica.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> tuple[float, float]:
        """Resident MiB: now, and at most so far."""
        status = Path(f"/proc/{self.replica.process.pid}/status").read_text()
        now, most = (re.search(rf"{key}:\s+(\d+) kB", status) for key in ("VmRSS", "VmHWM"))
        assert now is not None
        assert most is not None
        return int(now[1]) / 1024, int(most[1]) / 1024

    def until_written(self, count: int, within: float = 600.0) -> None:
        """Waits until so many annotations were added. Asks seldom: answering costs the controller time."""
        deadline = time.monotonic() + within
        while (found := self.replica.metric("vvc_annotations_total", action="add")) < count:
            assert time.monotonic() < deadline, f"{found:.0f} of {count} written within {within:g} s"
            time.sleep(1)

    def writes_per_second(self) -> float:
        """From when all pods were listed to the last write, as logged: the bare loop lists beforehand.

        It writes while the pages still come, but then both it and the API server are busy with those, too.
        """
        listed = moment(self.replica.line("listed", path="/api/v1/pods"))
        lines = self.replica.lines()
        times = [moment(line) for line in lines if line["message"] == "annotation: add"]
        after = [time for time in times if time >= listed]
        return len(after) / (max(after) - listed)

    def stop(self) -> None:
        """Ends it."""
        self.replica.terminate()

    def stalls(self) -> dict[str, float]:
        """After its end, the longest stalls of its event loop in seconds: by the wall clock, and its own."""
        stalls: dict[str, float] = json.loads((self.directory / "stalls.json").read_text())
        return stalls


def moment(line: dict[str, str]) -> float:
    """When a line was logged, in seconds."""
    return datetime.fromisoformat(line["time"]).timestamp()


@contextmanager
def leading(kubeconfig: Path, namespace: str, connections: int, *, pulse: bool) -> Iterator[Run]:
    """The controller for one namespace, nine keys, from the moment that it leads."""
    kind = Instrumented if pulse else Vvc
    with tempfile.TemporaryDirectory() as directory:
        vvc = kind.for_namespace(kubeconfig, namespace, Path(directory))
        try:
            yield Run(vvc.start_leading("--max-in-flight", str(connections)), Path(directory))
        finally:
            vvc.kill_all()
