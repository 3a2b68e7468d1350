"""A machine of the lab: one process tree with its own network, mounts, processes and cgroups.

Nothing tells such a machine from a small virtual one but the shared kernel. Its first
process is identified by pid and start time together, so that a pid that was used again
after a reboot is never mistaken for it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hack.lab import cgroups, places
from hack.lab.progress import wait_until
from hack.lab.shell import LabError, run

INIT = "machine_root/init.sh"
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Machine:
    """One machine by name and address; whether it runs is asked of the kernel each time."""

    name: str
    address: str

    @property
    def disk(self) -> Path:
        """Its folder on the host, which survives a power loss."""
        return places.MACHINES / self.name

    @property
    def pid(self) -> int | None:
        """The host's pid of its first process; None when it is off."""
        try:
            pid, started = (self.disk / "init").read_text().split()
            # Field 22 of stat is the start time; the command in field 2 may hold spaces.
            now = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return int(pid) if now == started else None

    @property
    def root(self) -> Path:
        """Its root folder as seen from the host; raises LabError when it is off."""
        return Path(f"/proc/{self._running()}/root")

    def boot(self) -> None:
        """Start its first process and wait until that takes orders."""
        if self.pid is not None:
            return
        cgroups.remove(self.name)
        self.disk.mkdir(parents=True, exist_ok=True)
        places.LOGS.mkdir(parents=True, exist_ok=True)
        (self.disk / "init").unlink(missing_ok=True)
        unshare = ["unshare", "--mount", "--uts", "--net", "--pid", "--ipc", "--cgroup", "--fork"]
        command = [*unshare, "--kill-child", str(HERE / INIT), self.name, str(self.disk), str(places.SHARE)]
        log = places.LOGS / f"{self.name}.boot"
        with log.open("ab") as output:
            background = ["setsid", "--fork", *self._joined(command)]
            subprocess.run(background, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=True)
        wait_until(self._booted, f"{self.name} boots (see {log})", seconds=15, every=0.02)

    def power_off(self) -> None:
        """Pull the plug: kill its first process and wait until nothing is left of it."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self.pid is None, f"{self.name} is off", seconds=10, every=0.02)
        cgroups.remove(self.name)

    def wipe(self) -> None:
        """Remove its disk; it must be off."""
        if self.pid is not None:
            raise LabError(f"{self.name} is running: turn it off before its disk is removed")
        shutil.rmtree(self.disk, ignore_errors=True)

    def inside(self, command: Sequence[str | Path]) -> list[str]:
        """The command that runs `command` in this machine, in its cgroups and namespaces."""
        enter = ["nsenter", "-t", str(self._running()), "-m", "-u", "-n", "-p", "-i", "-C", "--"]
        return self._joined([*enter, *(str(word) for word in command)])

    def run(self, command: Sequence[str | Path], *, stdin: str | None = None, timeout: float = 60) -> str:
        """Run a command in this machine and return its output; raises LabError when it fails."""
        return run(self.inside(command), stdin=stdin, timeout=timeout)

    def service_pid(self, service: str) -> int | None:
        """A service's pid inside the machine; None when it does not run."""
        return self._pid_in_file(f"{service}.pid")

    def services(self) -> list[str]:
        """The services that have been started here since it booted."""
        return sorted({path.stem for path in (self.root / "run/lab").glob("*.*")})

    def memory_bytes(self) -> int | None:
        """Resident memory of all its processes in bytes; None when it is off."""
        return cgroups.memory_bytes(self.name)

    def start_service(self, service: str, command: Sequence[str | Path]) -> None:
        """Start a service that is started again whenever it ends; nothing when it runs."""
        if self._pid_in_file(f"{service}.supervisor") is not None:
            return
        (self.root / f"run/lab/{service}.stopped").unlink(missing_ok=True)
        words = [str(places.SHARE_INSIDE / "service.sh"), service, *(str(word) for word in command)]
        line = f"exec {shlex.join(words)}\n".encode()
        if len(line) > 4096:
            raise LabError(f"{service}: its command is longer than a pipe takes at once (4096 bytes)")
        (self.root / "run/lab/control").write_bytes(line)
        running = lambda: self.service_pid(service) is not None  # noqa: E731
        wait_until(running, f"{service} starts on {self.name}", seconds=10, every=0.02)

    def signal_service(self, service: str, number: signal.Signals) -> None:
        """Send a signal to a service; raises LabError when it does not run."""
        pid = self.service_pid(service)
        if pid is None:
            raise LabError(f"{service} does not run on {self.name}")
        self.run(["kill", f"-{number.value}", str(pid)])

    def end_service(self, service: str) -> None:
        """Kill a service and keep it down until it is started."""
        (self.root / f"run/lab/{service}.stopped").touch()
        if self.service_pid(service) is not None:
            self.signal_service(service, signal.SIGKILL)
        ended = lambda: self._pid_in_file(f"{service}.supervisor") is None  # noqa: E731
        wait_until(ended, f"{service} ends on {self.name}", seconds=10, every=0.02)

    def _pid_in_file(self, name: str) -> int | None:
        try:
            pid = int((self.root / "run/lab" / name).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if (self.root / f"proc/{pid}").exists() else None

    def _running(self) -> int:
        pid = self.pid
        if pid is None:
            raise LabError(f"{self.name} is off")
        return pid

    def _joined(self, command: Sequence[str]) -> list[str]:
        """`command` behind a shell that joins this machine's cgroups first."""
        joins = " ".join(shlex.quote(str(path)) for path in cgroups.create(self.name))
        script = f'for procs in {joins}; do echo $$ > "$procs" || exit 70; done; exec "$@"'
        return ["sh", "-c", script, "sh", *command]

    def _booted(self) -> bool:
        pid = self.pid
        return pid is not None and Path(f"/proc/{pid}/root/run/lab/ready").exists()
