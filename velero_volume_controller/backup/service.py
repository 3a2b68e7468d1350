"""Both loops of this room, while this process leads and the cluster has what they need."""

from __future__ import annotations

import asyncio

from velero_volume_controller.backup.available import missing_for_schedules, missing_for_sets
from velero_volume_controller.backup.controller import BackupSets
from velero_volume_controller.backup.gather import Means
from velero_volume_controller.backup.schedule_controller import SCHEDULES, Schedules
from velero_volume_controller.kube.keeping import Keeper, Loop, Spawn


class Service:
    """BackupSets and their schedules."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._keeper = Keeper(means.client, means.metrics.loop_errors.labels("backup").inc)

    async def lead(self, stop: asyncio.Event) -> None:
        """Works until ``stop``. Cancelled, it stops at once: leadership is lost."""
        client = self._means.client
        await self._keeper.keep("BackupSets", lambda: missing_for_sets(client), self._sets, stop)

    def _sets(self, spawn: Spawn, stop: asyncio.Event) -> Loop:
        client = self._means.client
        sets = BackupSets(self._means, spawn)

        def schedules(spawn: Spawn, stop: asyncio.Event) -> Loop:
            return Schedules(self._means, sets)

        spawn(
            self._keeper.keep(
                "BackupSetSchedules", lambda: missing_for_schedules(client, SCHEDULES), schedules, stop
            )
        )
        return sets
