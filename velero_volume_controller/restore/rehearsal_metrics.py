"""The newest rehearsal that succeeded, by schedule: from the CleanRestores, so that a new leader shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from velero_volume_controller.api.cleanrestore import RestorePhase
from velero_volume_controller.api.times import parse_time
from velero_volume_controller.observe.metrics import Metrics
from velero_volume_controller.restore.objects import CleanRestore

#: In these, all data came back.
_SUCCEEDED: Final = frozenset({RestorePhase.COMPLETED, RestorePhase.COMPLETED_WITH_WARNINGS})


def newest(runs: Iterable[CleanRestore]) -> dict[str, CleanRestore]:
    """By schedule, the one that ended last of those that succeeded."""
    found: dict[str, CleanRestore] = {}
    for run in sorted(runs, key=lambda each: each.status.ended or ""):
        made = run.status.rehearsal
        if made is not None and run.status.phase in _SUCCEEDED and run.status.ended:
            found[made.schedule] = run
    return found


def show(metrics: Metrics, runs: Iterable[CleanRestore]) -> None:
    """What is not known any more, for its CleanRestore is gone, stays as it was shown."""
    for schedule, run in newest(runs).items():
        made = run.status.rehearsal
        assert made is not None and run.status.ended is not None, "only such are found"  # noqa: PT018
        metrics.rehearsal_success.labels(schedule).set(parse_time(run.status.ended).timestamp())
        for until, seconds in (("data", made.data_seconds), ("ready", made.ready_seconds)):
            if seconds is not None:
                metrics.rehearsal_seconds.labels(schedule, until).set(seconds)


def clear(metrics: Metrics) -> None:
    """Another process leads, and shows it."""
    metrics.rehearsal_success.clear()
    metrics.rehearsal_seconds.clear()
