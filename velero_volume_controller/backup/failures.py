"""What went wrong in a set, what is done about it, and what a person can do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.api.backupset import Attempt, BackupSetSpec, BackupSetStatus, Shard
from velero_volume_controller.backup.attempts import LOST, OVER, REFUSED, SKIPPED, done, due, hopeless
from velero_volume_controller.velero.model.backups import COMPLETED
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup

#: What Velero says, in lower case, and what then helps. The first that fits counts.
_ADVICE: Final = (
    # pkg/cmd/server/server.go, markInProgressBackupsFailed, and node-agents up to 1.16 in the same words.
    ("during the server starting", "Velero or its node-agent was restarted: kubectl -n {lane} describe pods"),
    # pkg/nodeagent/node_agent.go, isRunningInNode.
    (
        "daemonset pod not found",
        "see that a node-agent runs on that node: kubectl -n {lane} get pods -o wide",
    ),
    # pkg/controller/pod_volume_backup_controller.go.
    ("timeout on preparing", "see why its data mover could not start: kubectl -n {lane} get events"),
    # pkg/podvolume/backupper.go.
    ("timed out waiting for all", "see what holds it up, or raise --fs-backup-timeout of Velero's server"),
    ("pod volume timeout", "see what holds it up, or raise --fs-backup-timeout of Velero's server"),
    # pkg/controller/backup_controller.go.
    ("unavailable status", "see to the storage: velero -n {lane} backup-location get"),
    ("read-only mode", "set the BackupStorageLocation's accessMode to ReadWrite, or name another"),
    # What uploaders and storages pass on.
    ("no space left", "free some space where Velero stores its Backups"),
    ("permission denied", "let the node-agent read these files, or leave the volume out"),
    ("hook", "correct the hook, or its container: velero -n {lane} backup logs {backup}"),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that went wrong. ``what`` is a Backup's shard or a volume, ``advice`` what to do.

    ``mended``: a later attempt has made it good.
    """

    what: str
    phase: str
    reason: str
    advice: str
    mended: bool = False

    def __str__(self) -> str:
        """One line."""
        return f"{self.what}: {self.phase}: {self.reason}; {self.advice}"


def failures(
    status: BackupSetStatus, spec: BackupSetSpec, volumes: Iterable[PodVolumeBackup]
) -> Iterator[Failure]:
    """The failed Backups, shard by shard, each followed by its failed volumes.

    What a later attempt has made good is left out of the volumes, and said of the Backup.
    """
    broken: dict[tuple[str, str], list[PodVolumeBackup]] = {}
    for each in volumes:
        if each.phase in {"Failed", "Canceled"}:
            broken.setdefault((each.namespace, each.backup), []).append(each)
    ended = status.phase is not None and status.phase.ended
    for shard in status.shards:
        mended = done(shard)
        for number, attempt in enumerate(shard.attempts, 1):
            failed = broken.get((attempt.lane, attempt.backup), ())
            if attempt.phase in OVER - {COMPLETED, SKIPPED}:
                yield _of_attempt(shard, number, spec, mended=mended, ended=ended)
            if not mended:
                yield from (_of_volume(each) for each in failed)


def _of_attempt(shard: Shard, number: int, spec: BackupSetSpec, *, mended: bool, ended: bool) -> Failure:
    attempt = shard.attempts[number - 1]
    newest = number == len(shard.attempts)
    if mended:
        advice = "a later Backup of it is complete"
    elif not newest:
        advice = "it was tried again"
    elif not ended and due(shard, spec.retry) is not None:
        again = due(shard, spec.retry)
        advice = f"it is tried again at {again}" if again else "it is tried again"
    else:
        advice = _advice(attempt)
    return Failure(
        f"shard {shard.name}, attempt {number}",
        attempt.phase,
        attempt.reason or "no reason is given",
        advice,
        mended,
    )


def _of_volume(volume: PodVolumeBackup) -> Failure:
    on = f" on {volume.node}" if volume.node else ""
    return Failure(
        f"volume {volume.volume} of {volume.pod_namespace}/{volume.pod}{on}",
        volume.phase,
        volume.message or "no reason is given",
        _known(volume.message, volume.namespace, volume.backup) or _seen_where(volume),
    )


def _seen_where(volume: PodVolumeBackup) -> str:
    if volume.phase == "Canceled" and not volume.message:
        # 1.18: kopia ends so at a file that it can't read, and only the log of the data mover, which the
        # node-agent copies into its own, names it (pkg/uploader/provider/kopia.go).
        logs = f"kubectl -n {volume.namespace} logs -l name=node-agent --tail=-1"
        return f"often a file can't be read; the node-agent's log names it: {logs} | grep {volume.name}"
    return f"see: velero -n {volume.namespace} backup describe {volume.backup} --details"


def _advice(attempt: Attempt) -> str:
    known = _known(attempt.reason, attempt.lane, attempt.backup)
    if known is not None:
        return known
    if attempt.phase == LOST:
        return "make it again: vvc backup retry"
    if attempt.phase == REFUSED or hopeless(attempt):
        return "correct the set's template, and create the set again"
    if "see: " in attempt.reason:
        return "mend the cause, then vvc backup retry"
    return (
        f"see: velero -n {attempt.lane} backup logs {attempt.backup}; mend the cause, then vvc backup retry"
    )


def _known(reason: str, lane: str, backup: str) -> str | None:
    lower = reason.lower()
    for said, advice in _ADVICE:
        if said in lower:
            return advice.format(lane=lane, backup=backup)
    return None
