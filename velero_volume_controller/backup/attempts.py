"""What became of the Backups that were made for a shard, and when the next is due. Pure.

What is observed may be old, come twice or out of order: what was seen to have ended
stays ended, and a Backup counts as lost only after it was absent for a while.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.api.backupset import Attempt, Retry, Shard
from velero_volume_controller.api.times import AHEAD, after, parse_duration, seconds_between
from velero_volume_controller.backup.left_out import VANISHED, not_named, vanished
from velero_volume_controller.backup.naming import PLAN, backup_name, ours
from velero_volume_controller.backup.steps import Cluster, Observed, SetIdentity
from velero_volume_controller.velero.model import backups as phases
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.lanes import Lane
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup

#: Phases of ours beside Velero's: the Backup is gone; it could not be made.
LOST: Final = "Lost"
REFUSED: Final = "Refused"
#: None was made, as nothing that it was to hold is there any more.
SKIPPED: Final = "Skipped"
OVER: Final = phases.ENDED | {LOST, REFUSED, SKIPPED}

#: Seconds after which one that was handed over and not seen yet is made again; by the same name, so that
#: it is never made twice.
MAKE_AGAIN: Final = 15.0
#: Seconds for which a Backup that was seen must be absent to count as lost: a watch may lag behind.
LOST_AFTER: Final = 60.0

#: Characters of a reason that are kept.
_LONGEST_REASON: Final = 1000

#: Reasons of FailedValidation that may go by without the spec's being changed (backup_controller.go,
#: prepareBackupRequest): the storage location is away or not there yet, the API server did not answer.
_PASSING: Final = (
    "is in Unavailable status",
    "is currently in read-only mode",
    "was not specified at backup creation time",
    "error getting",
    "error listing",
    # A namespace was labelled velero.io/exclude-from-backup; the next attempt leaves it out.
    "Invalid included/excluded namespace",
)
#: And those that never do, whatever else is said beside them.
_LASTING: Final = (
    "cannot be used",
    "only one can be specified",
    "Invalid included/excluded resource",
    "Invalid cluster-scoped",
    "Invalid namespace-scoped",
    "invalid resource policies",
)


@dataclass(frozen=True, slots=True)
class View:
    """What is observed, by name. ``owner`` has the uid that the set's Backups bear."""

    owner: SetIdentity
    plan: str
    backups: Mapping[tuple[str, str], Backup]
    volumes: Mapping[tuple[str, str], tuple[PodVolumeBackup, ...]]
    lanes: Mapping[str, Lane]
    refused: Mapping[str, str]
    now: str

    @classmethod
    def of(
        cls, owner: SetIdentity, plan: str, observed: Observed, refused: Mapping[str, str], now: str
    ) -> View:
        """Of what was observed."""
        volumes: dict[tuple[str, str], list[PodVolumeBackup]] = {}
        for each in observed.volumes:
            volumes.setdefault((each.namespace, each.backup), []).append(each)
        return cls(
            owner,
            plan,
            {(each.namespace, each.name): each for each in observed.backups},
            {key: tuple(found) for key, found in volumes.items()},
            {each.namespace: each for each in observed.lanes},
            refused,
            now,
        )

    def age(self, since: str | None) -> float:
        """Seconds from then until now; 0 for what never was."""
        return seconds_between(since, self.now) if since else 0.0

    def made_for(self, backup: Backup, shard: Shard, number: int) -> bool:
        """Whether it was made for this attempt, and for the plan of now.

        A shard of an earlier plan may have had the same name and other namespaces.
        """
        return backup.annotations.get(PLAN) == self.plan and ours(backup, self.owner, shard.name, number)


def fold(shard: Shard, view: View, cluster: Cluster | None = None) -> None:
    """Brings the shard's attempts up to what is observed."""
    _adopt(shard, view, cluster)
    for number, attempt in enumerate(shard.attempts, start=1):
        backup = view.backups.get((attempt.lane, attempt.backup))
        if backup is not None and backup.phase != phases.DELETING and view.made_for(backup, shard, number):
            _see(attempt, backup, view)
            if attempt.since == view.now:
                # Of what is gone later the Backup's errors tell nothing.
                volumes = view.volumes.get((attempt.lane, attempt.backup), ())
                attempt.left_out |= vanished(attempt, backup, volumes, cluster)
        elif attempt.uid:
            _miss(attempt, view)
        elif backup is not None and attempt.phase != REFUSED:
            _over(
                attempt, REFUSED, f"a Backup {backup.name} exists already, which this set did not make", view
            )
        elif attempt.backup in view.refused and attempt.phase != REFUSED:
            _over(attempt, REFUSED, view.refused[attempt.backup], view)


def _adopt(shard: Shard, view: View, cluster: Cluster | None) -> None:
    """Takes up Backups whose record was lost with the status, as after a restore of etcd."""
    while True:
        number = len(shard.attempts) + 1
        name = backup_name(view.owner, shard.name, number)
        backup = view.backups.get((shard.lane, name))
        if backup is None or not view.made_for(backup, shard, number):
            return
        created, out = backup.created or view.now, not_named(shard, backup, cluster)
        shard.attempts.append(Attempt(backup=name, lane=shard.lane, created=created, left_out=out))


def _see(attempt: Attempt, backup: Backup, view: View) -> None:
    attempt.gone = None
    expiration = backup.status.expiration
    if expiration and view.age(expiration) >= 0:
        # Velero removes it within the hour (gc_controller.go): it is no more to be counted on.
        if attempt.phase != LOST:
            attempt.uid = backup.uid
            _over(attempt, LOST, f"the Backup expired at {expiration}", view)
        return
    stale = attempt.uid == backup.uid and attempt.phase in phases.ENDED and not backup.ended
    if not stale:
        if attempt.phase != backup.phase or not attempt.uid:
            attempt.since = view.now
        attempt.uid, attempt.phase = backup.uid, backup.phase
        attempt.started = backup.status.start_timestamp
        attempt.ended = None
        attempt.reason = ""
        if backup.ended:
            ended = backup.status.completion_timestamp
            attempt.ended = (ended if ended and view.age(ended) >= -AHEAD else attempt.since) or view.now
            attempt.reason = _reason(backup)
    taken = [
        each
        for each in view.volumes.get((attempt.lane, attempt.backup), ())
        if each.phase == phases.COMPLETED
    ]
    # A list that lacks some of them is old, or they are on their way out.
    attempt.volumes = max(attempt.volumes, len(taken))
    attempt.bytes = max(attempt.bytes, sum(each.bytes_done for each in taken))


def _reason(backup: Backup) -> str:
    if backup.phase == phases.COMPLETED:
        return ""
    if backup.reason:
        return _short(backup.reason)
    errors = "1 error" if backup.status.errors == 1 else f"{backup.status.errors} errors"
    return f"{errors}; see: velero --namespace {backup.namespace} backup logs {backup.name}"


def _miss(attempt: Attempt, view: View) -> None:
    """A Backup that was seen and is not there. Where its Velero is gone too, nothing can be seen of it."""
    if attempt.lane not in view.lanes or attempt.phase == LOST:
        return
    attempt.gone = attempt.gone or view.now
    if view.age(attempt.gone) >= LOST_AFTER:
        _over(attempt, LOST, "the Backup is gone: it was deleted, or expired", view)


def _over(attempt: Attempt, phase: str, reason: str, view: View) -> None:
    attempt.phase, attempt.reason, attempt.since = phase, _short(reason), view.now
    attempt.ended = attempt.ended or view.now


def _short(reason: str) -> str:
    """An object has no room for more: hundreds of attempts may stand in one status."""
    return reason if len(reason) <= _LONGEST_REASON else reason[:_LONGEST_REASON] + "…"


def under_way(shard: Shard) -> Attempt | None:
    """The attempt that was handed over and has not ended."""
    if shard.attempts and shard.attempts[-1].phase not in OVER:
        return shard.attempts[-1]
    return None


def done(shard: Shard) -> bool:
    """Whether one of its Backups is complete, and there."""
    return any(attempt.phase == phases.COMPLETED for attempt in shard.attempts)


def skipped(shard: Shard) -> bool:
    """Whether nothing that it was to hold is there any more."""
    return bool(shard.attempts) and shard.attempts[-1].phase == SKIPPED


def hopeless(attempt: Attempt) -> bool:
    """Whether another attempt would end the same: the spec must be changed, or what it held is gone."""
    if attempt.phase == SKIPPED or VANISHED in attempt.left_out.values():
        return True
    if attempt.phase != "FailedValidation":
        return False
    lasts = any(each in attempt.reason for each in _LASTING)
    return lasts or not any(each in attempt.reason for each in _PASSING)


def due(shard: Shard, retry: Retry) -> str | None:
    """From when on its next Backup may be made; empty for at once, None if there is to be none."""
    # A shard that was found again by its number alone has no namespaces: to Velero that would mean all.
    holds = shard.namespaces or shard.cluster
    if under_way(shard) or not holds:
        return None
    if done(shard):
        return "" if shard.again and shard.again == len(shard.attempts) else None
    counted = len(shard.attempts) - shard.forgiven
    if counted <= 0:
        return ""
    last = shard.attempts[-1]
    if counted > retry.limit or hopeless(last):
        return None
    wait = parse_duration(retry.backoff).total_seconds() * 2 ** (counted - 1)
    since = last.ended or last.created
    return after(since, wait) if since else ""


def awaited(shard: Shard, view: View) -> Iterator[float]:
    """In how many seconds time alone changes something about its attempts."""
    for attempt in shard.attempts:
        if not attempt.uid and attempt.phase not in OVER:
            yield MAKE_AGAIN - view.age(attempt.created)
        elif attempt.gone and attempt.phase != LOST:
            yield LOST_AFTER - view.age(attempt.gone)
