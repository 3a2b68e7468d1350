"""Looking on while something runs: bars drawn in place on a terminal, elsewhere a line for each change.

Asked anew every two seconds instead of by watches: the labels of what is looked at
select some dozens of objects, where a watch of a namespace would bring all of them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from velero_volume_controller.api.times import format_time
from velero_volume_controller.cli.output import print_lines, safe, width, wrap
from velero_volume_controller.kube.errors import ApiError, Unreachable

if TYPE_CHECKING:
    from rich.live import Live

#: From one look to the next. Seconds.
PERIOD: Final = 2.0
#: How long the cluster may take for an answer before it is said. Seconds.
PATIENCE: Final = 10.0


class _Shown(Protocol):
    @property
    def over(self) -> bool:
        """Nothing more happens by itself."""


V = TypeVar("V", bound=_Shown)
U_contra = TypeVar("U_contra", contravariant=True)


def now() -> str:
    """RFC 3339, UTC."""
    return format_time(datetime.now(UTC))


class Screen(Protocol[U_contra]):
    """Where it is shown."""

    def show(self, view: U_contra) -> None:
        """It is this now."""

    def trouble(self, said: str) -> None:
        """It can't be read just now."""


@dataclass(frozen=True, slots=True)
class Drawing(Generic[V]):
    """How it is drawn: ``bars`` in so many rows (None: as many as it takes), ``changes`` since the last."""

    bars: Callable[[V, int | None], list[str]]
    changes: Callable[[V | None, V], Iterable[str]]

    def screen(self) -> AbstractContextManager[Screen[V]]:
        """For standard output as it is."""
        if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
            return _Bars(self.bars)
        return nullcontext(Lines(self.changes))


async def until(look: Callable[[], Awaitable[V]], screen: Screen[V], done: Callable[[V], bool | None]) -> V:
    """Shows what ``look`` finds until it is ``done``; None: it is of before, and not shown.

    An outage is told, once something was shown. Raises what ``look`` raises before, and that one may not look
    any more.
    """
    shown = False
    while True:
        try:
            # At first it is asked patiently; once something is shown, word of an outage is better.
            async with asyncio.timeout(PATIENCE if shown else None):
                view = await look()
        except TimeoutError:
            screen.trouble("the cluster does not answer")
        except (Unreachable, ApiError) as error:
            if not shown or (isinstance(error, ApiError) and error.status in {401, 403}):
                raise
            screen.trouble(str(error))
        else:
            ended = done(view)
            if ended is not None:
                shown = True
                screen.show(view)
            if ended:
                return view
        await asyncio.sleep(PERIOD)


class Lines(Generic[V]):
    """A line for each change, with the time; trouble is told once, and that it is over."""

    def __init__(self, changes: Callable[[V | None, V], Iterable[str]]) -> None:
        self._changes = changes
        self._last: V | None = None
        self._trouble = ""

    def show(self, view: V) -> None:
        """What has changed since the last time."""
        if self._trouble:
            self._trouble = ""
            self._print("the cluster answers again")
        for line in self._changes(self._last, view):
            self._print(line)
        self._last = view

    def trouble(self, said: str) -> None:
        """Once for each trouble."""
        if said != self._trouble:
            self._print(f"{said}; trying again")
        self._trouble = said

    def _print(self, line: str) -> None:
        print_lines([f"{now()} {safe(line)}"])
        # Whoever reads a pipe wants each line when it happens.
        sys.stdout.flush()


class _Bars(Generic[V]):
    """Drawn in place; its last state stays on the screen."""

    def __init__(self, bars: Callable[[V, int | None], list[str]]) -> None:
        # Imported here: rich takes a tenth of a second that --help and pipes need not wait for.
        from rich.console import Console  # noqa: PLC0415
        from rich.live import Live  # noqa: PLC0415

        self._bars = bars
        self._last: V | None = None
        # Standard output stays what it is: how wide it is, and which characters it shows, is asked of it.
        self._live: Live = Live(
            console=Console(), auto_refresh=False, redirect_stdout=False, vertical_overflow="crop"
        )

    def __enter__(self) -> _Bars[V]:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, view: V) -> None:
        self._last = view
        self._draw([])

    def trouble(self, said: str) -> None:
        self._draw(wrap(safe(f"{said}; trying again"), width(), "* "))

    def _draw(self, below: list[str]) -> None:
        from rich.text import Text  # noqa: PLC0415

        lines: list[str] = []
        if self._last is not None:
            # The last line of the window is the cursor's. At the end all of it is printed, however long.
            over = self._last.over
            rows = None if over else max(shutil.get_terminal_size().lines - 1 - len(below), 4)
            self._live.vertical_overflow = "visible" if over else "crop"
            lines = self._bars(self._last, rows)
        drawn = Text.from_ansi("\n".join([*lines, *below]), no_wrap=True, overflow="crop", end="")
        self._live.update(drawn, refresh=True)
