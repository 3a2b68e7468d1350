"""`vvc run` as a process of its own, as users run it."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hack.lab.controlplane import spawn_bound
from tests.integration.cluster import eventually

LEASE = "velero-volume-controller"


@dataclass
class Replica:
    """One running process. Its log is JSON, one object a line."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        complete = self.log.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in complete.splitlines() if line.startswith("{")]

    def messages(self) -> list[str]:
        return [line["message"] for line in self.lines()]

    def line(self, message: str, within: float = 30.0, **fields: str) -> dict[str, Any]:
        """The first line with this message and these fields, waited for."""
        deadline = time.monotonic() + within
        while True:
            for line in self.lines():
                if line["message"] == message and fields.items() <= line.items():
                    return line
            assert self.process.poll() is None, (
                f"vvc ended with {self.process.returncode}: {self.log.read_text()}"
            )
            assert time.monotonic() < deadline, f"no {message!r} within {within} s: {self.log.read_text()}"
            time.sleep(0.05)

    @property
    def identity(self) -> str | None:
        """Who it says it is in the Lease, once it has led."""
        found = [line["identity"] for line in self.lines() if line["message"] == "leading"]
        return found[-1] if found else None

    @cached_property
    def port(self) -> int:
        """Where it serves health and metrics."""
        return int(self.line("serving health and metrics")["port"])

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def metric(self, name: str, **labels: str) -> float:
        """The sum over all series of this metric that have these labels."""
        total = 0.0
        for line in self.get("/metrics").splitlines():
            match = re.fullmatch(re.escape(name) + r"(\{.*\})? (\S+)", line)
            if match and all(f'{key}="{value}"' in (match[1] or "") for key, value in labels.items()):
                total += float(match[2])
        return total

    @property
    def leads(self) -> bool:
        return self.metric("vvc_leader") == 1

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def terminate(self) -> tuple[int, float]:
        """SIGTERM; the exit status and the seconds until it was there."""
        start = time.monotonic()
        self.process.terminate()
        return self.process.wait(timeout=15), time.monotonic() - start


@dataclass
class Vvc:
    """Starts replicas with one configuration."""

    kubeconfig: Path
    config: Path
    directory: Path
    replicas: list[Replica] = field(default_factory=list)

    @classmethod
    def for_namespace(cls, kubeconfig: Path, namespace: str, directory: Path) -> Vvc:
        config = directory / "config.yml"
        config.write_text(
            f"clusterServerCfg: {{leaseLockNamespace: {namespace}, leaseLockName: {LEASE}}}\n"
            "veleroVolumeCfg:\n"
            f"  includeNamespaces: {namespace}\n"
            "  includeVolumeTypes: persistentVolumeClaim\n"
        )
        return cls(kubeconfig, config, directory)

    def command(self, *options: str) -> list[str]:
        script = Path(sys.executable).parent / "vvc"
        return [
            *(str(script), "run", "-c", str(self.config), "--kubeconfig", str(self.kubeconfig)),
            *("--metrics-address", "127.0.0.1:0", "--log-format", "json", *options),
        ]

    def launch(self, *options: str) -> Replica:
        """A replica, as soon as its process is there."""
        log = self.directory / f"replica-{len(self.replicas)}.log"
        with log.open("wb") as stream:
            process = spawn_bound(self.command(*options), stream)
        replica = Replica(process, log)
        self.replicas.append(replica)
        return replica

    def start(self, *options: str) -> Replica:
        """A replica that has listed the pods."""
        replica = self.launch(*options)
        replica.line("listed", path="/api/v1/pods")
        return replica

    def start_leading(self, *options: str) -> Replica:
        replica = self.start(*options)
        eventually(lambda: replica.leads, True)
        return replica

    def run_to_end(self, *options: str) -> subprocess.CompletedProcess[str]:
        """For what is expected to fail at once."""
        return subprocess.run(self.command(*options), capture_output=True, text=True, timeout=60, check=False)

    def kill_all(self) -> None:
        for replica in self.replicas:
            with contextlib.suppress(ProcessLookupError):
                replica.signal(signal.SIGCONT)
            replica.process.kill()
            replica.process.wait()
