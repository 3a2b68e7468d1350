"""Verifying: whether all that the backup holds is there again, and runs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from velero_volume_controller.api.cleanrestore import RestorePhase
from velero_volume_controller.api.times import parse_duration
from velero_volume_controller.restore.phase_rehearse import conclude
from velero_volume_controller.restore.phase_restore import made_of
from velero_volume_controller.restore.run import Run, few
from velero_volume_controller.restore.steps import Checked
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
    said = [*checked.summary.differences, *_unlike(run, checked)]
    if run.rehearses:
        conclude(run, checked, said)
        return
    found = checked.summary
    whole = f"{found.objects - found.missing} of {found.objects} objects are there, {found.volumes_done} of"
    whole += f" {found.volumes} volumes were written"
    if said:
        message = f"{whole}; what differs: {few(said)}; see vvc restore status {run.situation.identity.name}"
        run.end(RestorePhase.COMPLETED_WITH_WARNINGS, "Differences", message)
    else:
        run.end(RestorePhase.COMPLETED, "Completed", whole)


def _unlike(run: Run, checked: Checked) -> Iterator[str]:
    """What the counts say, though no difference may be told of each; and what Velero says itself."""
    found = checked.summary
    counts = (
        (found.missing, "objects are missing"),
        (found.claims - found.claims_bound, "claims are not bound"),
        (found.volumes - found.volumes_done, "volumes were not written completely"),
        (found.pods - found.pods_ready, f"pods are not ready after {run.spec.verify.pods_ready}"),
    )
    if not found.differences:
        yield from (f"{count} {what}" for count, what in counts if count > 0)
        if checked.waiting and not any(count > 0 for count, _ in counts):
            yield f"something is still waited for after {run.spec.verify.pods_ready}"
    assert run.status.plan is not None, "what is verified was planned"
    for source in run.status.plan.backups:
        last = made_of(run, source)[-1:]
        yield from (
            f"Restore {each.namespace}/{each.name} is {each.phase} with {each.errors} errors"
            for each in last
            if each.phase != COMPLETED
        )
        if not last or last[0].superseded:
            yield f"Backup {source.namespace}/{source.name} was not restored"
