"""How long Velero will take to restore, predicted from what it took before. Pure.

Counted is the time from the first Restore to the end of the last, as a rehearsal measures it. Restores run
one at a time; within one, each node-agent writes at most ``loadConcurrency`` volumes at a time. On which node
a pod comes up again is not known beforehand: the volumes are dealt out evenly.
"""

from __future__ import annotations

import heapq
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.api.cleanrestore import (
    CleanRestoreStatus,
    PlanSummary,
    PredictedFrom,
    RunRestore,
)
from velero_volume_controller.api.times import seconds_between
from velero_volume_controller.api.words import span
from velero_volume_controller.velero.model.names import backup_label
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.restore_runs import COMPLETED, PodVolumeRestore, Restore

#: Seconds that a Restore with volumes takes besides, as long as none tells better: measured
#: with Velero 1.18.3.
_OVERHEAD: Final = 7.0
#: Seconds of one that writes no volumes; measured likewise.
_WITHOUT_VOLUMES: Final = 1.5
#: Seconds for each object, at the 100 requests a second of Velero's client (--client-qps).
_OBJECT: Final = 0.03
#: Seconds that a volume takes whatever is in it: since 1.17 a pod is started for it.
_VOLUME: Final = 4.0
#: Seconds until a Restore that has ended is seen, and the next is made.
_BETWEEN: Final = 2.0
#: Of the Restores before, only so many of the newest count.
_NEWEST: Final = 20
#: What is smaller says more about beginning and ending than about the rate.
_TELLING: Final = 2**20
#: Nothing is said of a volume that is so many times as large as the largest that tells.
_FAR: Final = 100


@dataclass(frozen=True, slots=True)
class Past:
    """What Velero has done before: Restores, and the volumes that they wrote."""

    restores: tuple[Restore, ...] = ()
    restored: tuple[PodVolumeRestore, ...] = ()


@dataclass(frozen=True, slots=True)
class Coming:
    """What is to be restored. ``taken`` are its volumes; ``writers`` how many the nodes write at a time."""

    backups: tuple[str, ...]
    objects: int
    taken: tuple[PodVolumeBackup, ...]
    writers: int = 1


@dataclass(frozen=True, slots=True)
class Prediction:
    """``source``: by what it is known how fast a volume is written."""

    seconds: float
    source: PredictedFrom


def sentence(seconds: float, source: PredictedFrom) -> str:
    """A prediction, told to a person."""
    said = f"Velero is expected to take {span(seconds)} from its first Restore to the end of the last"
    if source is PredictedFrom.RESTORES:
        return f"{said}, by what Restores took before."
    return f"{said}, guessed from how fast the backup was made; vvc restore rehearse measures it."


def expectation(planned: PlanSummary | None) -> str:
    """That of a plan which was made, told likewise; empty where nothing was predicted."""
    if planned is None or planned.predicted_seconds is None or planned.predicted_from is None:
        return ""
    return sentence(planned.predicted_seconds, planned.predicted_from)


def data_seconds(status: CleanRestoreStatus) -> float | None:
    """What it took, counted likewise; None as long as no Restore has ended."""
    return seconds_of(each for each in status.restores if not each.superseded)


def seconds_of(restores: Iterable[RunRestore]) -> float | None:
    """Those of these Restores, of one plan."""
    begins, ends = [], []
    for each in restores:
        begins += [each.created] if each.created is not None else []
        ends += [each.ended] if each.ended is not None else []
    return max(0.0, seconds_between(min(begins), max(ends))) if begins and ends else None


def predict(coming: Coming, past: Past) -> Prediction | None:
    """None if there are volumes, and nothing tells how fast one is written.

    Raises ValueError and OverflowError for times that are none.
    """
    volumes = [each for each in coming.taken if each.phase == COMPLETED]
    largest = max((each.bytes_total for each in volumes), default=0)
    restores, written = _newest(past)
    seen = [(each.bytes_done, each.started, each.completed) for each in written]
    source = PredictedFrom.RESTORES
    if (rate := _rate(seen, largest)) is None:
        # Its time is that of what had changed, and its bytes are all.
        seen = [(each.bytes_new or 0, each.started, each.completed) for each in volumes]
        rate, source = _rate(seen, largest), PredictedFrom.BACKUPS
    if rate is None:
        if largest:
            return None
        rate = math.inf
    overhead = _overhead(restores, written, rate, coming.writers)
    by_backup: dict[str, list[int]] = {name: [] for name in coming.backups}
    for each in sorted(volumes, key=lambda one: (one.pod_namespace, one.pod, one.volume)):
        by_backup.setdefault(each.backup, []).append(each.bytes_total)
    seconds = coming.objects * _OBJECT + _BETWEEN * (len(by_backup) - 1)
    seconds += sum(
        overhead + _makespan(sizes, rate, coming.writers) if sizes else _WITHOUT_VOLUMES
        for sizes in by_backup.values()
    )
    return Prediction(seconds, source)


def _rate(seen: Iterable[tuple[int, str | None, str | None]], largest: int) -> float | None:
    """Bytes a second of one volume, of all of them together; None if there is none that tells."""
    done = took = most = 0.0
    for size, start, end in seen:
        if size >= _TELLING and start is not None and end is not None:
            done, most = done + size, max(most, size)
            # Velero's times are of whole seconds.
            took += max(1.0, seconds_between(start, end))
    return done / took if took and most * _FAR >= largest else None


def _makespan(sizes: Sequence[int], rate: float, writers: int) -> float:
    """Seconds until all are written, each begun when a writer is free."""
    free = [0.0] * max(writers, 1)
    for size in sizes:
        heapq.heappush(free, heapq.heappop(free) + _VOLUME + size / rate)
    return max(free)


def _overhead(
    restores: Iterable[Restore], written: Iterable[PodVolumeRestore], rate: float, writers: int
) -> float:
    """Seconds that a Restore took besides, of most of them."""
    by_restore: dict[str, list[int]] = {}
    for each in written:
        by_restore.setdefault(each.restore, []).append(each.bytes_done)
    besides = [
        seconds_between(each.started, each.completed)
        - each.items * _OBJECT
        - _makespan(by_restore[backup_label(each.name)], rate, writers)
        for each in restores
        if each.started is not None and each.completed is not None
    ]
    return max(0.0, statistics.median(besides)) if besides else _OVERHEAD


def _newest(past: Past) -> tuple[list[Restore], list[PodVolumeRestore]]:
    """The newest Restores that completed and wrote volumes, and these volumes."""
    written = [each for each in past.restored if each.phase == COMPLETED]
    labels = {each.restore for each in written}
    told = [each for each in past.restores if each.phase == COMPLETED and backup_label(each.name) in labels]
    newest = sorted(told, key=lambda each: (each.started or "", each.name))[-_NEWEST:]
    counted = {backup_label(each.name) for each in newest}
    return newest, [each for each in written if each.restore in counted]
