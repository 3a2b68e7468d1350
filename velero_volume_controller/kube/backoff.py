"""How long to wait before trying again. Pure but for the jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Doubles from ``shortest`` to ``longest`` seconds, with jitter.

    It starts anew only after something has worked for ``healthy`` seconds, so that
    what breaks at once again and again never spins.
    """

    shortest: float = 0.8
    longest: float = 30.0
    healthy: float = 60.0
    failures: int = 0

    def after(self, lived: float) -> float:
        """Seconds to wait, after something that worked for ``lived`` seconds has ended."""
        if lived >= self.healthy:
            self.failures = 0
        # Bounded, or the power would overflow after a thousand failures.
        delay = min(self.longest, self.shortest * 2.0 ** min(self.failures, 16))
        self.failures += 1
        return delay * random.uniform(0.75, 1.0)  # noqa: S311  (jitter)
