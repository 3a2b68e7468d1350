"""Verifying: whether all that the backup holds is there again, and runs. Pure."""

from __future__ import annotations

from typing import Final

from velero_volume_controller.api.cleanrestore import RestorePhase
from velero_volume_controller.api.times import parse_duration
from velero_volume_controller.restore.phase_restore import LOST
from velero_volume_controller.restore.run import Run, few
from velero_volume_controller.velero.model.restore_runs import COMPLETED

_LOOK_AGAIN: Final = 2.0


def verify(run: Run) -> None:
    """Wait for pods as long as they may take; then say what is as it was, and what is not."""
    checked = run.situation.checked
    if checked is None:
        run.wakes.append(_LOOK_AGAIN)
        return
    run.status.verify = checked.summary
    if checked.waiting and run.in_phase() <= parse_duration(run.spec.verify.pods_ready).total_seconds():
        found = checked.summary
        message = (
            f"{found.pods_ready} of {found.pods} pods are ready, {found.claims_bound} of {found.claims}"
            " claims are bound"
        )
        run.progressing("True", "Verifying", message)
        run.wakes.append(_LOOK_AGAIN)
        return
    said = list(checked.summary.differences)
    said += [
        f"Restore {each.namespace}/{each.name} is {each.phase} with {each.errors} errors"
        for each in run.status.restores
        if each.phase not in {COMPLETED, "Failed", LOST}
    ]
    found = checked.summary
    whole = f"{found.objects - found.missing} of {found.objects} objects are there, {found.volumes_done} of"
    whole += f" {found.volumes} volumes were written"
    if said:
        message = f"{whole}; what differs: {few(said)}; see vvc restore status {run.situation.identity.name}"
        run.end(RestorePhase.COMPLETED_WITH_WARNINGS, "Differences", message)
    else:
        run.end(RestorePhase.COMPLETED, "Completed", whole)
