"""The next step of a BackupSet: what its status becomes, and what is done. Pure.

``step`` is asked whenever anything changed or the time it named has come. It may be asked twice, with an old
view of the cluster, and after a crash at any point: all it knows is in the status and on the Backups. So an
attempt is recorded before its Backup is made, and made again by the same name if it does not show up.

=============== =====================================================================================
Planning        → Running once there is a plan; waits while it is paused or outside its window
Running, Paused → one another, as ``spec.paused`` says; what runs goes on
Running, Paused → Completed, PartiallyFailed, Failed once nothing is left to run or to try again
an end          → Running on a demand to retry; → Expired once none of its Backups is left; → a better end
                  where Backups end late, or come back
=============== =====================================================================================
"""

from __future__ import annotations

import msgspec

from velero_volume_controller.api.backupset import BackupSetStatus, SetPhase, Shard
from velero_volume_controller.api.times import AHEAD, after
from velero_volume_controller.backup import conditions, results
from velero_volume_controller.backup.attempts import OVER, due, fold, under_way
from velero_volume_controller.backup.beginning import planned
from velero_volume_controller.backup.ending import ended, look_after
from velero_volume_controller.backup.gate import Gate, gate
from velero_volume_controller.backup.handing_over import hand_over, make_again
from velero_volume_controller.backup.reporting import degraded, progressing, spec_changed, wakes
from velero_volume_controller.backup.retrying import reopened, retry
from velero_volume_controller.backup.run import Run, view_of
from velero_volume_controller.backup.steps import Situation, Step
from velero_volume_controller.velero.model.backups import RESTORABLE


def step(situation: Situation) -> Step:
    """What comes next. The situation is left as it is."""
    # Ten times as fast as copy.deepcopy, and it stands between two turns of the event loop.
    status = msgspec.json.decode(msgspec.json.encode(situation.status), type=BackupSetStatus)
    status.observed_generation = situation.identity.generation
    if status.phase is None or not status.phase.ended:
        _put_right(status, situation.now)
    run = Run(situation, status, view_of(situation, status))
    if status.phase is not None and status.phase.ended and not reopened(run):
        look_after(run)
    elif status.shards or planned(run):
        _go_on(run)
    return run.step()


def _put_right(status: BackupSetStatus, now: str) -> None:
    """After a clock that was ahead nothing is to wait until that time comes."""
    limit = after(now, AHEAD)
    for field_ in ("started", "retried_at"):
        if (getattr(status, field_) or "") > limit:
            setattr(status, field_, now)
    for attempt in (each for shard in status.shards for each in shard.attempts):
        for field_ in ("created", "since", "gone", "ended", "nudged"):
            if (getattr(attempt, field_) or "") > limit:
                setattr(attempt, field_, now)


def _go_on(run: Run) -> None:
    status = run.status
    retry(run)
    for shard in status.shards:
        fold(shard, run.view, run.situation.cluster)
    spec_changed(run)
    opening = gate(run.spec, status, run.situation.now)
    make_again(run, opening)
    waits = hand_over(run) if not opening.closed else {}
    status.progress = results.progress(status.shards, run.view)
    if all(_settled(shard, run, opening) for shard in status.shards) and ended(run):
        return
    status.phase = SetPhase.PAUSED if run.spec.paused else SetPhase.RUNNING
    run.condition(conditions.COMPLETE, "Unknown", "Running", "the set has not ended")
    degraded(run)
    progressing(run, opening, waits)
    wakes(run, opening)


def _settled(shard: Shard, run: Run, opening: Gate) -> bool:
    """Nothing more is made for it."""
    if any(attempt.gone and attempt.phase not in OVER - RESTORABLE for attempt in shard.attempts):
        return False
    if under_way(shard):
        return False
    return opening.final or due(shard, run.spec.retry) is None
