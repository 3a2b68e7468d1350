"""`vvc run` with a pulse: how long its event loop was blocked, written as JSON when it ends.

Run as a process of its own: instrumented FILE [options of vvc run]. A task that sleeps 5 ms notes
how late it wakes. Late by the wall clock may be the machine's doing, where all cores are taken;
late by the process's own CPU time is ours.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from velero_volume_controller.cli import main
from velero_volume_controller.manager import run as manager
from velero_volume_controller.manager.settings import Settings

PULSE = 0.005  # seconds


async def pulse(stalls: list[tuple[float, float]]) -> None:
    """Notes (wall, own CPU) in seconds for every pulse that came over 10 ms late."""
    while True:
        wall, cpu = time.perf_counter(), time.thread_time()
        await asyncio.sleep(PULSE)
        late = time.perf_counter() - wall - PULSE
        if late > 0.01:
            stalls.append((late, min(late, time.thread_time() - cpu)))


def instrument(file: Path) -> None:
    """Wraps the manager's run."""
    original = manager.run

    async def run(settings: Settings) -> None:
        stalls: list[tuple[float, float]] = []
        task = asyncio.create_task(pulse(stalls))
        try:
            await original(settings)
        finally:
            task.cancel()
            walls, cpus = [wall for wall, _ in stalls], [cpu for _, cpu in stalls]
            file.write_text(json.dumps({"wall": max(walls, default=0.0), "own": max(cpus, default=0.0)}))

    manager.run = run


if __name__ == "__main__":
    instrument(Path(sys.argv[1]))
    sys.exit(main(["run", *sys.argv[2:]]))
