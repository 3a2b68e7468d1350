"""Runs that are deleted in the middle: what they stilled is put back, for nobody else would do it.

Only before anything was deleted: afterwards a workload would start again on half of its data. What is known
of them is in memory alone: who deletes a CleanRestore while no replica leads has to put back by hand what
bears its note (forgotten.py tells).
"""

from __future__ import annotations

from functools import partial
from typing import Final

import structlog

from velero_volume_controller.api.cleanrestore import QUIESCED, CleanRestoreStatus, RestorePhase
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.discovery import Discovery
from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.kube.watches import Key
from velero_volume_controller.restore import apply, quiet
from velero_volume_controller.restore.look_live import look_live
from velero_volume_controller.restore.objects import CleanRestore
from velero_volume_controller.restore.run import few

#: Seconds until it is looked again whether all is put back.
_LOOK_AGAIN: Final = 1.0

_P: Final = RestorePhase
_STILLING: Final = frozenset({_P.QUIESCING, _P.CLEARING, _P.WAITING_GONE})
#: By then all that was stilled is deleted, or was put back.
_NOTHING_STILLED: Final = frozenset(
    {_P.RESTORING, _P.VERIFYING, _P.COMPLETED, _P.COMPLETED_WITH_WARNINGS, _P.CANCELLED}
)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Refused(KubeError):  # noqa: N818  (the name says what is the case)
    """What was stilled may not be put back."""


class Abandoned:
    """Which runs there were, and which of them left something stilled."""

    def __init__(self) -> None:
        self._known: dict[Key, CleanRestore] = {}
        self._left: dict[str, CleanRestore] = {}

    def see(self, key: Key, found: CleanRestore | None) -> None:
        """This is the run of this name now, or there is none."""
        before = self._known.pop(key, None)
        if before is not None and (found is None or found.deleting or found.uid != before.uid):
            self._leave(before)
        if found is not None and not found.deleting:
            self._known[key] = found

    def _leave(self, run: CleanRestore) -> None:
        if puts_back(run.status):
            self._left[run.uid] = run
        elif stays_still(run.status):
            log.warning(
                "a CleanRestore was deleted half-way: what it stilled and did not come to delete stands"
                " still, and bears a note of what it was",
                namespace=run.namespace,
                clean_restore=run.name,
                annotation=QUIESCED,
            )

    def left(self, key: Key) -> list[CleanRestore]:
        """Those that had this name, and may have left something stilled."""
        return [
            each for each in self._left.values() if (each.namespace, each.name) == (key.namespace, key.name)
        ]

    @property
    def uids(self) -> set[str]:
        """Of those whose workloads are being put back."""
        return set(self._left)

    async def put_back(self, client: Client, discovery: Discovery, run: CleanRestore) -> float | None:
        """Seconds until it is to be asked for again; None once nothing bears its note. Raises KubeError."""
        live, _ = await look_live(client, discovery, run.status, None)
        noted = [(each, note) for each in live.values() if (note := quiet.note_of(each, run.uid))]
        due = [quiet.put_back(each, note) for each, note in noted if not each.terminating]
        due += quiet.copies(live.values(), run.uid)
        if not due:
            del self._left[run.uid]
            return None
        refusals = await apply.all_of([partial(apply.put_back, client, discovery, each) for each in due])
        if refusals:
            raise Refused(few(refusals))
        return _LOOK_AGAIN


def puts_back(status: CleanRestoreStatus) -> bool:
    """Whether workloads may stand still of which nothing was deleted, or that were being put back."""
    return status.unwinding is not None or (status.phase in _STILLING and not status.deleted)


def stays_still(status: CleanRestoreStatus) -> bool:
    """Whether workloads may stand still beside what was deleted."""
    return status.deleted and status.phase not in _NOTHING_STILLED
