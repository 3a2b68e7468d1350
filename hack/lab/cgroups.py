"""A control group of its own for each machine, in every cgroup v1 hierarchy.

The kernel's first version of cgroups has one tree a controller. A machine's processes
join the folder of their machine in each, and a cgroup namespace then makes that folder
the machine's root, so that kubelet and containerd inside find a whole tree of theirs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from hack.lab import places
from hack.lab.shell import LabError

ROOT = Path("/sys/fs/cgroup")
PARENT = f"vvc-{places.NAME}"


def hierarchies() -> list[Path]:
    """The mounted v1 hierarchies, without cgroup2's."""
    found: list[Path] = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup":
            found.append(Path(where))
    return [path for path in found if path.is_relative_to(ROOT)]


def create(machine: str) -> list[Path]:
    """Make the folders of a machine and return the files that a process writes its pid to."""
    joins = []
    for hierarchy in hierarchies():
        parent, own = hierarchy / PARENT, hierarchy / PARENT / machine
        own.mkdir(parents=True, exist_ok=True)
        for folder in (parent, own):
            # An empty cpuset admits no process.
            for name in ("cpuset.cpus", "cpuset.mems"):
                if (folder / name).exists() and not (folder / name).read_text().strip():
                    (folder / name).write_text((hierarchy / name).read_text())
        joins.append(own / "cgroup.procs")
    return joins


def remove(machine: str, seconds: float = 10) -> None:
    """End what is left of a machine's processes and remove its folders; raises LabError if they stay.

    A boot that was killed before it noted its first process leaves that running: its cgroup knows it.
    """
    deadline = time.monotonic() + seconds
    while left := [path for path in _folders(machine) if not _removed(path)]:
        for folder in left:
            _kill_all(folder)
        if time.monotonic() > deadline:
            raise LabError(f"cgroup {left[0]} still has processes {seconds:.0f} s after {machine} was ended")
        time.sleep(0.05)


def remove_parent() -> None:
    """Remove the folder that held all machines', where it is empty."""
    for hierarchy in hierarchies():
        _removed(hierarchy / PARENT)


def memory_bytes(machine: str) -> int | None:
    """Resident memory of a machine's processes in bytes; None when it has none."""
    statistics = ROOT / "memory" / PARENT / machine / "memory.stat"
    if not statistics.exists():
        return None
    values = dict(line.split() for line in statistics.read_text().splitlines())
    return int(values["total_rss"])


def _folders(machine: str) -> list[Path]:
    """A machine's folders, the deepest first."""
    roots = [hierarchy / PARENT / machine for hierarchy in hierarchies()]
    below = [path for root in roots if root.exists() for path in root.rglob("*") if path.is_dir()]
    every = below + [root for root in roots if root.exists()]
    return sorted(every, key=lambda path: len(path.parts), reverse=True)


def _kill_all(folder: Path) -> None:
    with contextlib.suppress(OSError):  # the folder, or a process, may have gone meanwhile
        for pid in (folder / "cgroup.procs").read_text().split():
            os.kill(int(pid), signal.SIGKILL)


def _removed(path: Path) -> bool:
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
