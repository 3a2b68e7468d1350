"""A demand to try again what a set lacks (``Situation.retry``). Pure."""

from __future__ import annotations

from velero_volume_controller.api.backupset import SetPhase
from velero_volume_controller.backup.attempts import done
from velero_volume_controller.backup.results import lacks_planned
from velero_volume_controller.backup.run import Run


def reopened(run: Run) -> bool:
    """Whether there is a demand to try again that was not followed yet."""
    status = run.status
    if not run.situation.retry or run.situation.retry == status.retried or not status.shards:
        return False
    if status.phase is SetPhase.EXPIRED:
        status.retried = run.situation.retry
        run.tell("Expired", "its Backups are gone: make a new BackupSet", warning=True)
        return False
    retry(run)
    status.ended = None
    return True


def retry(run: Run) -> None:
    """Each demand is followed once: attempts so far are forgiven."""
    status, demand = run.status, run.situation.retry
    if not demand or demand == status.retried:
        return
    status.retried, status.retried_at = demand, run.situation.now
    names = {name.strip() for name in demand.partition(" ")[2].split(",") if name.strip()}
    unknown = sorted(names - {shard.name for shard in status.shards})
    if unknown:
        run.tell("UnknownShard", f"retry: there is no shard {', '.join(unknown)}", warning=True)
    for shard in status.shards:
        if names and shard.name not in names:
            continue
        if not done(shard):
            shard.forgiven = len(shard.attempts)
        elif lacks_planned(shard, status.restore_point):
            shard.again = len(shard.attempts)
