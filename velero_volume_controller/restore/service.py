"""The loop of this room, while this process leads and CleanRestores can be seen."""

from __future__ import annotations

import asyncio

from velero_volume_controller.kube.keeping import Keeper, Loop, Spawn
from velero_volume_controller.restore.apply import Means
from velero_volume_controller.restore.available import unseen
from velero_volume_controller.restore.controller import CleanRestores
from velero_volume_controller.restore.fail_point import FailPoint


class Service:
    """CleanRestores."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._keeper = Keeper(means.client, means.metrics.loop_errors.labels("restore").inc)

    async def lead(self, stop: asyncio.Event) -> None:
        """Works until ``stop``. Cancelled, it stops at once: leadership is lost."""
        await self._keeper.keep("CleanRestores", lambda: unseen(self._means.client), self._runs, stop)

    def _runs(self, spawn: Spawn, stop: asyncio.Event) -> Loop:
        return CleanRestores(self._means, FailPoint.from_environment())
