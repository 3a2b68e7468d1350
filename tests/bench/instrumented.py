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


def instrument() -> list[tuple[float, float]]:
    """Wraps the manager's run; the list fills while it runs."""
    original = manager.run
    stalls: list[tuple[float, float]] = []

    async def run(settings: Settings) -> None:
        task = asyncio.create_task(pulse(stalls))
        try:
            await original(settings)
        finally:
            task.cancel()

    manager.run = run
    return stalls


if __name__ == "__main__":
    noted = instrument()
    status = main(["run", *sys.argv[2:]])
    walls, owns = [wall for wall, _ in noted], [own for _, own in noted]
    longest = {"wall": max(walls, default=0.0), "own": max(owns, default=0.0)}
    Path(sys.argv[1]).write_text(json.dumps(longest))
    sys.exit(status)
