"""What of a step is counted, and what is told where the rights are missing. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from velero_volume_controller.api.backupset import Condition
from velero_volume_controller.api.cleanrestore import CleanRestoreStatus, RestorePhase
from velero_volume_controller.api.conditions import put
from velero_volume_controller.api.times import seconds_between
from velero_volume_controller.restore.objects import CleanRestore
from velero_volume_controller.restore.run import PROGRESSING
from velero_volume_controller.restore.steps import Step, Tell

_REASON = "RightsMissing"


def ended_phases(before: CleanRestoreStatus, after: CleanRestoreStatus) -> Iterator[tuple[str, str, float]]:
    """Phases that this step has ended: which, how (done, failed, cancelled), and how long they took."""
    results = {RestorePhase.FAILED: "failed", RestorePhase.CANCELLED: "cancelled"}
    known = [each.ended for each in before.steps]
    for index, each in enumerate(after.steps):
        if each.ended is None or (index < len(known) and known[index] is not None):
            continue
        last = index == len(after.steps) - 1
        result = results.get(after.phase, "done") if last and after.phase else "done"
        yield each.phase.value, result, max(0.0, seconds_between(each.started, each.ended))


def without_rights(found: CleanRestore, lacking: str, now: str) -> Step:
    """It says why nothing happens, and stays where it is."""
    status = msgspec.json.decode(msgspec.json.encode(found.status), type=CleanRestoreStatus)
    condition = Condition(
        type=PROGRESSING,
        status="False",
        reason=_REASON,
        message=lacking,
        last_transition_time=now,
        observed_generation=found.generation,
    )
    told = put(status.conditions, condition)
    return Step(status, (Tell(_REASON, lacking, warning=True),) if told else ())
