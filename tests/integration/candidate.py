"""A process that elects as the Go program does, and who wrote when, as the API server has it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from kubernetes import client, config, watch

from hack.lab.binaries import binary
from hack.lab.controlplane import spawn_bound
from tests.integration.cluster import BACKUP_VOLUMES, MARKER, Namespace
from tests.integration.process import LEASE

#: The pod that a Go candidate annotates while it leads, and the one that `vvc` does.
BEACON, WORK = "beacon", "work"
OURS = "vvc"


@dataclass(frozen=True)
class GoTimes:
    """The times that a Go candidate elects with, in seconds; by default the Go program's own."""

    lease_duration: float = 60
    renew_deadline: float = 15
    retry_period: float = 5


@dataclass
class Candidate:
    """One running Go candidate. What it says is JSON, one object a line."""

    identity: str
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(
        cls, identity: str, kubeconfig: Path, namespace: str, times: GoTimes, directory: Path
    ) -> Candidate:
        log = directory / f"{identity}.log"
        command = [
            *(str(binary("candidate")), "-kubeconfig", str(kubeconfig)),
            *("-namespace", namespace, "-lease", LEASE, "-identity", identity, "-pod", BEACON),
            *("-lease-duration", f"{times.lease_duration}s", "-renew-deadline", f"{times.renew_deadline}s"),
            *("-retry-period", f"{times.retry_period}s"),
        ]
        with log.open("wb") as stream:
            return cls(identity, spawn_bound(command, stream), log)

    def messages(self) -> list[str]:
        complete = self.log.read_text().rpartition("\n")[0]
        return [json.loads(line)["message"] for line in complete.splitlines() if line.startswith("{")]

    @property
    def has_led(self) -> bool:
        assert self.process.poll() in {None, -signal.SIGKILL}, self.log.read_text()
        return "leading" in self.messages()

    @property
    def has_seen_a_leader(self) -> bool:
        return any(message.startswith("holder is ") for message in self.messages())

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Writes:
    """Who wrote, in the order in which the API server took the writes.

    It sees them in one watch. The annotation that `vvc` writes is taken away again at
    once, so that a leading `vvc` always has something to write, as a Go candidate does.
    """

    kubeconfig: Path
    namespace: Namespace
    seen: list[tuple[str, float]] = field(default_factory=list)
    """The writer and when this process saw it (monotonic clock, seconds)."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Writes:
        self.namespace.create_pod(BEACON, ())
        self.namespace.create_pod(WORK)
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        # An event that nobody waits for, so that the watch notices.
        self.namespace.annotate(BEACON, "the-end", str(os.getpid()))
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()

    def _watch(self) -> None:
        with config.new_client_from_config(str(self.kubeconfig)) as api:
            core = client.CoreV1Api(api)
            states: dict[str, str | None] = {}
            for event in watch.Watch().stream(core.list_namespaced_pod, self.namespace.name):
                if self._stop.is_set():
                    return
                self._note(core, event["object"], states)

    def _note(self, core: client.CoreV1Api, pod: Any, states: dict[str, str | None]) -> None:
        name, annotations = pod.metadata.name, pod.metadata.annotations or {}
        state = annotations.get("written-by" if name == BEACON else BACKUP_VOLUMES)
        if state is not None and state != states.get(name):
            writer = state.split()[0] if name == BEACON else OURS
            self.seen.append((writer, time.monotonic()))
        states[name] = state
        if name == WORK and state is not None:
            nothing = {"metadata": {"annotations": {BACKUP_VOLUMES: None, MARKER: None}}}
            core.patch_namespaced_pod(WORK, self.namespace.name, nothing)

    @property
    def reigns(self) -> list[str]:
        """The writers, each named once for every unbroken run of writes."""
        writers = [writer for writer, _ in self.seen]
        return [writer for index, writer in enumerate(writers) if index == 0 or writers[index - 1] != writer]

    def first(self, writer: str, after: float) -> float | None:
        """When this writer's first write after that moment was seen."""
        return next((when for name, when in self.seen if name == writer and when > after), None)

    def last(self, writer: str) -> float:
        return max(when for name, when in self.seen if name == writer)
