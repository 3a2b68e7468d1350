"""What a run took: seconds by the wall's clock, and how busy the machine's processors were meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Took:
    """`busy` is the share of all processors' time that was not idle, 0 to 1; waiting for a disk is idle."""

    seconds: float
    busy: float


class Clock:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._busy, self._all = _ticks()

    def took(self) -> Took:
        """Until now."""
        busy, all_ = _ticks()
        share = (busy - self._busy) / max(1, all_ - self._all)
        return Took(time.monotonic() - self._started, share)

    def seconds(self) -> float:
        """Until now."""
        return time.monotonic() - self._started


def _ticks() -> tuple[int, int]:
    """Busy and all ticks of all processors since the machine started, as proc(5) orders them."""
    numbers = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = numbers[3] + numbers[4]
    return sum(numbers) - idle, sum(numbers)
