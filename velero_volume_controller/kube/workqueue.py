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
    """First in, first out. A key added while it is being worked on is handed out again afterwards.

    Of keys that have failed at most ``failing_at_once`` are being worked on at one
    time: what fails may take long to do so, and must not keep the rest waiting.
    """

    def __init__(self, on_depth: Callable[[int], None], failing_at_once: int = 10) -> None:
        self._on_depth = on_depth
        self._failing_at_once = failing_at_once
        #: The keys, each with the moment from which it waits; those that have failed apart.
        self._order: deque[tuple[K, float]] = deque()
        self._again: deque[tuple[K, float]] = deque()
        self._failing: set[K] = set()
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
        while (order := self._next()) is None and not self._closed:
            self._ready.clear()
            await self._ready.wait()
        if order is None:
            return None
        key, _ = order.popleft()
        if order is self._again:
            self._failing.add(key)
        self._waiting.discard(key)
        self._working.add(key)
        self._on_depth(self._depth())
        return key

    def oldest(self) -> float:
        """Seconds that the key which has waited longest has done so; 0 when none waits."""
        since = [order[0][1] for order in (self._order, self._again) if order]
        return time.monotonic() - min(since) if since else 0.0

    def failures(self, key: K) -> int:
        """How often the key has failed in a row."""
        return self._failures.get(key, 0)

    def done(self, key: K, again: float | None = None) -> None:
        """The key was dealt with; its failures are forgotten. It comes back after ``again`` seconds."""
        self._failures.pop(key, None)
        self._come_back(key, again)
        self._finish(key)

    def retry(self, key: K, at_least: float = 0.0, at_most: float = LONGEST_DELAY) -> None:
        """The key failed: it comes back by itself, later each time, within these bounds (seconds)."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = max(at_least, min(at_most, FIRST_DELAY * 2.0 ** min(failures, 16)))
        self._come_back(key, delay)
        self._finish(key)

    def close(self) -> None:
        """Hands out nothing more: takers get None, what waits is forgotten."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._order.clear()
        self._again.clear()
        self._waiting.clear()
        self._on_depth(0)
        self._ready.set()

    def _come_back(self, key: K, delay: float | None) -> None:
        """In so many seconds and not when it was to before; None is never."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if delay is not None and not self._closed:
            self._timers[key] = asyncio.get_running_loop().call_later(delay, self._return, key)

    def _return(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _next(self) -> deque[tuple[K, float]] | None:
        """Whose turn it is: the key that has waited longest, of those that may be handed out."""
        if not self._again or len(self._failing) >= self._failing_at_once:
            return self._order or None
        if self._order and self._order[0][1] <= self._again[0][1]:
            return self._order
        return self._again

    def _depth(self) -> int:
        return len(self._order) + len(self._again)

    def _finish(self, key: K) -> None:
        self._working.discard(key)
        self._failing.discard(key)
        if key in self._waiting:
            self._append(key)
        elif self._again:
            self._ready.set()

    def _append(self, key: K) -> None:
        order = self._again if key in self._failures else self._order
        order.append((key, time.monotonic()))
        self._on_depth(self._depth())
        self._ready.set()
