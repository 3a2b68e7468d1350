"""Keys waiting for work, each at most once, and never two workers on one key. As client-go's workqueue."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

#: The wait after the first failure of a key, and the longest; it doubles in between. Seconds.
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 60.0


class WorkQueue(Generic[K]):
    """First in, first out. A key added while it is being worked on is handed out again afterwards."""

    def __init__(self, on_depth: Callable[[int], None]) -> None:
        self._on_depth = on_depth
        #: The keys, each with the moment from which it waits.
        self._order: deque[tuple[K, float]] = deque()
        self._waiting: set[K] = set()
        self._working: set[K] = set()
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._ready = asyncio.Event()
        self._closed = False

    def add(self, key: K) -> None:
        """Puts a key at the end, unless it is waiting already."""
        if self._closed or key in self._waiting:
            return
        self._waiting.add(key)
        if key not in self._working:
            self._append(key)

    async def take(self) -> K | None:
        """The next key, or None once the queue is closed. Give each back with ``done`` or ``retry``."""
        while not self._order and not self._closed:
            self._ready.clear()
            await self._ready.wait()
        if self._closed:
            return None
        key, _ = self._order.popleft()
        self._waiting.discard(key)
        self._working.add(key)
        self._on_depth(len(self._order))
        return key

    def oldest(self) -> float:
        """Seconds that the next key has waited so far; 0 when none waits."""
        return time.monotonic() - self._order[0][1] if self._order else 0.0

    def done(self, key: K) -> None:
        """The key was dealt with; its failures are forgotten."""
        self._failures.pop(key, None)
        self._cancel_timer(key)
        self._finish(key)

    def retry(self, key: K, at_least: float = 0.0, at_most: float = LONGEST_DELAY) -> None:
        """The key failed: it comes back by itself, later each time, within these bounds (seconds)."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = max(at_least, min(at_most, FIRST_DELAY * 2.0 ** min(failures, 16)))
        self._cancel_timer(key)
        if not self._closed:
            self._timers[key] = asyncio.get_running_loop().call_later(delay, self._return, key)
        self._finish(key)

    def close(self) -> None:
        """Hands out nothing more: takers get None, what waits is forgotten."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._order.clear()
        self._waiting.clear()
        self._on_depth(0)
        self._ready.set()

    def _cancel_timer(self, key: K) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def _return(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _finish(self, key: K) -> None:
        self._working.discard(key)
        if key in self._waiting:
            self._append(key)

    def _append(self, key: K) -> None:
        self._order.append((key, time.monotonic()))
        self._on_depth(len(self._order))
        self._ready.set()
