"""The right to write, and until when."""

from __future__ import annotations

import time

from velero_volume_controller.kube.errors import Fenced


def boot_time() -> float:
    """Seconds on a clock that also counts while the machine sleeps and that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Fence:
    """Open until a deadline on the boot-time clock; checked immediately before each write.

    The elector's timer cancels the leader's tasks at the same deadline. But after
    SIGSTOP or a stall the event loop runs what is ready before timers that are
    overdue, so the timer alone would let a write through.
    """

    def __init__(self) -> None:
        self._deadline = float("-inf")

    def open_until(self, deadline: float) -> None:
        """Writes are allowed until then."""
        self._deadline = deadline

    def close(self) -> None:
        """Writes are refused from now on."""
        self._deadline = float("-inf")

    def remaining(self) -> float:
        """Seconds until it closes; negative when it has."""
        return self._deadline - boot_time()

    def check(self) -> None:
        """Raises Fenced when it is closed."""
        if self.remaining() <= 0:
            raise Fenced("this process no longer leads; the write was not sent")
