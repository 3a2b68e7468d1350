"""How far a CleanRestore is: its status, and what Velero says of its Restores and volumes now. Pure.

The status alone is enough: the controller keeps it. The Restores and PodVolumeRestores
add each volume, and what has happened since it was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from velero_volume_controller.api.cleanrestore import (
    CleanRestoreSpec,
    CleanRestoreStatus,
    RestorePhase,
    RunRestore,
    Source,
)
from velero_volume_controller.api.conditions import find
from velero_volume_controller.api.times import seconds_between
from velero_volume_controller.api.words import span
from velero_volume_controller.restore.objects import CleanRestore
from velero_volume_controller.restore.run import CANCELLED, COMPLETE, PLANNED, PROGRESSING
from velero_volume_controller.restore.undoing import why_not
from velero_volume_controller.restore.views import (
    NEW,
    Next,
    RestoreView,
    RunView,
    Seen,
    StepView,
)
from velero_volume_controller.velero.model.moving_volumes import VolumeView
from velero_volume_controller.velero.model.restore_runs import COMPLETED, PodVolumeRestore

#: How long a new CleanRestore may be without a phase before one wonders. Seconds.
TAKEN_UP: Final = 15.0
#: A Backup of which no Restore was made yet.
WAITING: Final = "Waiting"

_P = RestorePhase


def view(seen: Seen, now: str) -> RunView:
    """The run as it is ``now`` (RFC 3339)."""
    run, status = seen.run, seen.run.status
    assert run.spec is not None, "what can't be read is not shown"
    restores = tuple(_restores(seen, now))
    progress = status.progress
    over = status.phase is not None and status.phase.ended
    reason, failure = _failure(status)
    done, total, volumes_done, volumes_total = _sums(status, restores, live=seen.volumes is not None)
    return RunView(
        namespace=run.namespace,
        name=run.name,
        phase=status.phase.value if status.phase else NEW,
        now=now,
        source=called(run.spec.source),
        created=run.created,
        started=status.started,
        ended=status.ended,
        waiting="" if over else _waiting(status),
        failure=failure,
        reason=reason,
        resume_from=status.resume_from.value if status.resume_from else None,
        undo_of=run.spec.undo_of,
        plan=status.plan,
        approved=status.plan is not None and run.spec.plan_hash == status.plan.hash,
        steps=tuple(_steps(status, now)),
        gone=progress.gone if progress else 0,
        to_go=progress.to_go if progress else 0,
        done=done,
        total=total,
        volumes_done=volumes_done,
        volumes_total=volumes_total,
        rate=sum(volume.rate for each in restores for volume in each.volumes),
        left=_left(status, restores),
        restores=restores,
        undo=status.undo,
        verify=status.verify,
        rehearsal=status.rehearsal,
        problems=tuple(_problems(status, failure)),
        notes=tuple(dict.fromkeys((*_notes(run, now), *seen.notes))),
        next=tuple(_next(run, run.spec, now)),
    )


def called(source: Source) -> str:
    """What is restored, in words."""
    if source.backup_set is not None:
        return f"BackupSet {source.backup_set}"
    names = [source.backup] if source.backup is not None else source.backups
    return f"Backup{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _waiting(status: CleanRestoreStatus) -> str:
    said = find(status.conditions, PROGRESSING)
    return said.message if said is not None else ""


def _failure(status: CleanRestoreStatus) -> tuple[str, str]:
    """Reason and message of what ended it before its end."""
    if status.phase not in {_P.FAILED, _P.CANCELLED}:
        return "", ""
    said = find(status.conditions, COMPLETE)
    return (said.reason, said.message) if said is not None else (status.phase.value, "")


def _steps(status: CleanRestoreStatus, now: str) -> Iterator[StepView]:
    for each in status.steps:
        seconds = max(seconds_between(each.started, each.ended or now), 0.0)
        yield StepView(each.phase.value, each.started, each.ended, seconds)


def _restores(seen: Seen, now: str) -> Iterator[RestoreView]:
    """Those that were made, and what still has none."""
    status = seen.run.status
    volumes: dict[str, list[PodVolumeRestore]] = {}
    for each in seen.volumes or ():
        volumes.setdefault(each.restore, []).append(each)
    for known in status.restores:
        yield _restore(seen, known, volumes.get(known.name, []), now)
    made = {(each.namespace, each.backup) for each in status.restores}
    for source in status.plan.backups if status.plan else ():
        if (source.namespace, source.name) not in made:
            yield RestoreView("", source.name, WAITING, 0, 0, 0, 0, 0, "", 0.0)


def _restore(seen: Seen, known: RunRestore, volumes: list[PodVolumeRestore], now: str) -> RestoreView:
    live = (seen.restores or {}).get(known.name)
    phase, started, ended = known.phase or NEW, known.started, known.ended
    if live is not None:
        phase, started, ended = live.phase or phase, live.started or started, live.completed or ended
    began = started or known.created
    volumes.sort(key=lambda each: (each.pod_namespace, each.pod, each.volume))
    return RestoreView(
        name=known.name,
        backup=known.backup,
        phase=phase,
        attempt=known.attempt,
        items=live.items if live else 0,
        items_total=live.items_total if live else 0,
        errors=live.errors if live else known.errors,
        warnings=live.warnings if live else known.warnings,
        reason=known.reason or (live.reason if live else ""),
        seconds=max(seconds_between(began, ended or now), 0.0) if began else 0.0,
        volumes=tuple(VolumeView.of(each, now) for each in volumes),
    )


def _sums(
    status: CleanRestoreStatus, restores: Sequence[RestoreView], *, live: bool
) -> tuple[int, int, int, int]:
    """Bytes and volumes, done and in all. Where the volumes can't be read or are gone, as the status says."""
    # What a Restore that failed had written was cleared away.
    volumes = [
        each for restore in restores if restore.phase not in {"Failed", "Lost"} for each in restore.volumes
    ]
    known = status.progress
    if known is not None and (not live or len(volumes) < known.volumes_total):
        return known.bytes_done, known.bytes_total, known.volumes_done, known.volumes_total
    return (
        sum(each.done for each in volumes),
        sum(max(each.total, each.done) for each in volumes),
        sum(each.phase == COMPLETED for each in volumes),
        len(volumes),
    )


def _left(status: CleanRestoreStatus, restores: Sequence[RestoreView]) -> float | None:
    """Seconds that the data still needs. Only while the last Restore runs and has made all of its objects:
    before, there may be more volumes than are known, and the next Restore's are not known at all."""
    if status.phase is not _P.RESTORING or not restores:
        return None
    last = restores[-1]
    if not last.running or not last.items_total or last.items < last.items_total:
        return None
    rest = [each for each in last.volumes if each.phase != COMPLETED and not each.failed]
    rate = sum(each.rate for each in rest)
    if rate <= 0 or any(not each.total for each in rest):
        return None
    # Once all is told of, nothing says how long Velero takes to end it.
    return sum(max(each.total - each.done, 0) for each in rest) / rate or None


def _problems(status: CleanRestoreStatus, failure: str) -> Iterator[str]:
    """Without what the failure says already."""
    for each in status.problems:
        if each not in failure:
            yield each
    late = find(status.conditions, CANCELLED)
    if late is not None and late.status == "False":
        yield late.message


def _notes(run: CleanRestore, now: str) -> Iterator[str]:
    status = run.status
    yield from status.remarks
    if status.phase is None and run.created and seconds_between(run.created, now) > TAKEN_UP:
        yield (
            f"nothing has taken it up for {span(seconds_between(run.created, now))}: is vvc run at work, and"
            f" may it read CleanRestores? kubectl -n {run.namespace} get deployments"
        )
    planned = find(status.conditions, PLANNED)
    if planned is not None and planned.status == "True" and ". " in planned.message:
        yield planned.message.partition(". ")[2]


def _next(run: CleanRestore, spec: CleanRestoreSpec, now: str) -> Iterator[Next]:
    phase, where = run.status.phase, f"{run.name} -n {run.namespace}"
    if phase is None or phase is _P.PLANNING:
        if run.status.plan is not None:
            yield Next(f"vvc restore plan {where}", "shows the plan, and what is in the way")
    elif phase is _P.AWAITING_APPROVAL:
        yield Next(f"vvc restore plan {where}", "shows what becomes of every object, and why")
        yield Next(f"vvc restore apply {where}", "shows what goes, asks, and lets it go on")
    rehearses = spec.rehearsal is not None
    if phase is None or not (phase.ended or (phase.touches and not rehearses)) or phase is _P.QUIESCING:
        if not spec.cancel and phase is not _P.CLEANING_UP:
            yield Next(f"vvc restore cancel {where}", "ends it; nothing has been deleted")
        return
    if phase is _P.FAILED and run.status.resume_from is not None:
        again = run.status.resume_from is _P.PLANNING
        what = "plans again, and asks" if again else f"asks, and goes on with {run.status.resume_from}"
        yield Next(f"vvc restore apply {where}", what)
    if run.status.verify is not None and run.status.verify.report:
        yield Next(f"vvc restore report {where}", "shows all that was found")
    if phase.ended and why_not(run, now) is None:
        yield Next(f"vvc restore undo {where}", "brings back what was there before")
