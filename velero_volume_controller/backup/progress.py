"""How far a BackupSet is: its status, and what Velero says of its Backups and volumes now. Pure.

The set's status alone is enough: the controller keeps it. The Backups and
PodVolumeBackups add each volume, and what has happened since it was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.api.backupset import (
    Attempt,
    BackupSetStatus,
    PointBackup,
    SetPhase,
    Shard,
)
from velero_volume_controller.api.conditions import find
from velero_volume_controller.api.times import after, parse_time, seconds_between
from velero_volume_controller.api.words import span
from velero_volume_controller.backup import remaining
from velero_volume_controller.backup.attempts import LOST, OVER, REFUSED, SKIPPED, due
from velero_volume_controller.backup.conditions import (
    DEGRADED,
    PLANNED,
    PROGRESSING,
    SHARD_FAILED,
    SPEC_CHANGED,
)
from velero_volume_controller.backup.failures import failures
from velero_volume_controller.backup.remaining import Work
from velero_volume_controller.backup.views import NEW, WAITING, Seen, SetView, ShardView
from velero_volume_controller.velero.model.backups import COMPLETED
from velero_volume_controller.velero.model.moving_volumes import VolumeView
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup

#: How long a new set may be without a phase before one wonders. Seconds.
TAKEN_UP: Final = 15.0

#: The share of a volume from which on it says how fast the rest of it goes.
_TELLING: Final = 0.05


def view(seen: Seen, now: str) -> SetView:
    """The set as it is ``now`` (RFC 3339)."""
    status, over = seen.status, seen.status.phase is not None and seen.status.phase.ended
    volumes: dict[tuple[str, str], list[PodVolumeBackup]] = {}
    for each in seen.volumes or ():
        volumes.setdefault((each.namespace, each.backup), []).append(each)
    drafts = [_Draft.of(shard, seen, volumes, now) for shard in status.shards]
    works = [draft.work(seen, now, over=over) for draft in drafts]
    places = remaining.places(_intervals(status.shards))
    plan = status.plan
    speed = remaining.pace(works, plan.predicted_seconds if plan else 0, places)
    shards = tuple(
        draft.shown(work, speed, seen, over=over) for draft, work in zip(drafts, works, strict=True)
    )
    done, total, volumes_done, volumes_total = _sums(status, shards, live=seen.volumes is not None)
    return SetView(
        namespace=seen.namespace,
        name=seen.name,
        phase=status.phase.value if status.phase else NEW,
        now=now,
        started=status.started,
        ended=status.ended,
        ends=_ends(status, works, places, speed, now),
        predicted=plan.predicted_seconds if plan else 0,
        lower_bound=plan.lower_bound_seconds if plan else 0,
        fraction=_fraction(status.shards, shards),
        done=done,
        total=total,
        volumes_done=volumes_done,
        volumes_total=volumes_total,
        rate=_rate(status, shards, done, now),
        shards=shards,
        failures=tuple(failures(status, seen.spec, seen.volumes or ())),
        point=tuple(_point(status)),
        missing=tuple(_missing(status)),
        notes=tuple(dict.fromkeys((*_held_up(seen, now), *seen.notes))),
    )


@dataclass(frozen=True, slots=True)
class _Draft:
    """A shard with the attempt that is told of, and its volumes. The Backup may be newer than the status."""

    shard: Shard
    number: int
    attempt: Attempt | None
    phase: str
    started: str | None
    ended: str | None
    volumes: tuple[VolumeView, ...]

    @classmethod
    def of(
        cls, shard: Shard, seen: Seen, volumes: Mapping[tuple[str, str], list[PodVolumeBackup]], now: str
    ) -> _Draft:
        numbers = range(1, len(shard.attempts) + 1)
        complete = [number for number in numbers if shard.attempts[number - 1].phase == COMPLETED]
        number = complete[0] if complete else len(shard.attempts)
        if not number:
            return cls(shard, 0, None, WAITING, None, None, ())
        attempt = shard.attempts[number - 1]
        key = (attempt.lane, attempt.backup)
        backup = (seen.backups or {}).get(key)
        phase, started, ended = attempt.phase or NEW, attempt.started, attempt.ended
        if backup is not None and phase not in OVER:
            phase = backup.phase or NEW
            started = backup.status.start_timestamp or started
            ended = backup.status.completion_timestamp if backup.ended else None
        of_backup = sorted(volumes.get(key, ()), key=lambda each: (each.pod_namespace, each.pod, each.volume))
        return cls(
            shard,
            number,
            attempt,
            phase,
            started,
            ended,
            tuple(VolumeView.of(each, now) for each in of_backup),
        )

    def work(self, seen: Seen, now: str, *, over: bool) -> Work:
        """As the prediction sees it."""
        lane, predicted = self.shard.lane, float(self.shard.predicted_seconds)
        if self.phase == COMPLETED:
            return Work(lane, predicted, taken=self.seconds(now))
        if self.attempt is not None and self.phase not in OVER:
            running = self.seconds(now)
            return Work(lane, predicted, running=running, data_left=self.data_left(running))
        again = None if over else due(self.shard, seen.spec.retry)
        wait = None if again is None else max(seconds_between(now, again), 0.0) if again else 0.0
        return Work(lane, predicted, wait=wait)

    def shown(self, work: Work, speed: float, seen: Seen, *, over: bool) -> ShardView:
        """As a person sees it."""
        shard, attempt = self.shard, self.attempt
        taken = attempt.bytes if attempt is not None else 0
        return ShardView(
            name=shard.name,
            namespaces=tuple(shard.namespaces),
            cluster=shard.cluster,
            lane=attempt.lane if attempt is not None else shard.lane,
            backup=attempt.backup if attempt is not None else "",
            phase=self.phase,
            attempt=self.number,
            fraction=self.fraction(work, speed),
            done=max(sum(each.done for each in self.volumes), taken),
            total=max(sum(max(each.total, each.done) for each in self.volumes), taken),
            seconds=work.taken or work.running or 0.0,
            left=remaining.left(work, speed),
            due=None if over else due(shard, seen.spec.retry),
            volumes=self.volumes,
        )

    def fraction(self, work: Work, speed: float) -> float:
        """Of its time while it runs; of one that failed for good, of its volumes that were taken."""
        if work.taken is not None or self.phase == SKIPPED:
            return 1.0
        if work.running is not None:
            return remaining.share(work, speed)
        if work.wait is not None or not self.volumes:
            return 0.0
        return sum(each.phase == COMPLETED for each in self.volumes) / len(self.volumes)

    def seconds(self, now: str) -> float:
        """How long Velero has been at it, or was; from the handing over where it has not begun."""
        began = self.started or (self.attempt.created if self.attempt is not None else None)
        return max(seconds_between(began, self.ended or now), 0.0) if began else 0.0

    def data_left(self, running: float) -> float:
        """What its volumes still need, in seconds: the slowest alone, or all at the rate of all so far.

        Uploaders tell of a large file when it is done: of what all have told so far no more follows than that
        it takes as long again.
        """
        alone = [
            (each.total - each.done) / each.rate
            for each in self.volumes
            if each.rate > 0 and each.done >= _TELLING * each.total
        ]
        moved = sum(each.done for each in self.volumes)
        rest = sum(max(each.total - each.done, 0) for each in self.volumes if each.phase != COMPLETED)
        together = min(rest * running / moved, running) if moved else running
        return max([together if rest else 0.0, *alone])


def _fraction(shards: Sequence[Shard], shown: Sequence[ShardView]) -> float:
    """Of all of them, each as long as it was predicted to be."""
    weights = [max(shard.predicted_seconds, 1) for shard in shards]
    done = sum(weight * each.fraction for weight, each in zip(weights, shown, strict=True))
    return done / sum(weights) if weights else 0.0


def _intervals(shards: Iterable[Shard]) -> Iterator[tuple[str, float, float]]:
    for shard in shards:
        for attempt in shard.attempts:
            began = attempt.started or attempt.created
            if began and attempt.phase not in {LOST, REFUSED, SKIPPED}:
                ended = parse_time(attempt.ended).timestamp() if attempt.ended else float("inf")
                yield attempt.lane, parse_time(began).timestamp(), ended


def _ends(
    status: BackupSetStatus, works: list[Work], places: dict[str, int], speed: float, now: str
) -> str | None:
    """A set that is paused, or not planned yet, has no predicted end."""
    if status.phase is not None and status.phase.ended:
        return status.ended
    if status.phase is not SetPhase.RUNNING or not works:
        return None
    return after(now, remaining.finish(works, places, speed))


def _sums(status: BackupSetStatus, shards: tuple[ShardView, ...], *, live: bool) -> tuple[int, int, int, int]:
    """Bytes and volumes, done and in all. Where the volumes can't be read, as the status has them."""
    if not live or not any(shard.volumes for shard in shards):
        known = status.progress
        return (
            (known.bytes_done, known.bytes_total, known.volumes_done, known.volumes_total)
            if known is not None
            else (0, 0, 0, 0)
        )
    volumes = [each for shard in shards for each in shard.volumes]
    # Of a Backup that is complete the PodVolumeBackups may be gone already; the status has kept the sums.
    gone = [each.attempts[-1] for each in status.shards if each.attempts and _gone(each, shards)]
    kept = sum(attempt.volumes for attempt in gone)
    return (
        sum(shard.done for shard in shards),
        sum(shard.total for shard in shards),
        sum(each.phase == COMPLETED for each in volumes) + kept,
        len(volumes) + kept,
    )


def _gone(shard: Shard, shards: tuple[ShardView, ...]) -> bool:
    return any(each.name == shard.name and each.phase == COMPLETED and not each.volumes for each in shards)


def _rate(status: BackupSetStatus, shards: tuple[ShardView, ...], done: int, now: str) -> float:
    """Of what moves now; where that can't be seen, or nothing does any more, over all the time."""
    moving = sum(volume.rate for shard in shards if shard.running for volume in shard.volumes)
    over = status.phase is not None and status.phase.ended
    if not status.started or (moving and not over):
        return moving
    if not over and any(shard.volumes for shard in shards):
        return 0.0
    seconds = seconds_between(status.started, status.ended or now)
    return done / seconds if seconds > 0 else 0.0


def _point(status: BackupSetStatus) -> Iterable[PointBackup]:
    """Namespaced objects may need CustomResourceDefinitions and StorageClasses: these are restored first."""
    if status.restore_point is None:
        return ()
    cluster = {shard.name for shard in status.shards if shard.cluster}
    return sorted(status.restore_point.backups, key=lambda each: each.shard not in cluster)


def _missing(status: BackupSetStatus) -> Iterator[str]:
    if status.restore_point is None:
        return
    for each in status.restore_point.missing:
        # What is of no namespace, or of several, says so itself.
        what = f"namespace {each.namespace}" if each.namespace else ""
        if each.volume or each.pod:
            what = f"volume {each.volume or 'unknown'} of {each.namespace}/{each.pod or 'unknown'}"
        if each.claim:
            what = f"PersistentVolumeClaim {each.namespace}/{each.claim}"
        yield ": ".join(filter(None, (what, each.reason)))


def _held_up(seen: Seen, now: str) -> Iterator[str]:
    """What the conditions say that a person should know, but for the shards that failed: they are told."""
    status = seen.status
    if status.phase is None and seen.created and seconds_between(seen.created, now) > TAKEN_UP:
        yield (
            f"nothing has taken it up for {span(seconds_between(seen.created, now))}: is vvc run at work, and"
            f" may it read BackupSets? kubectl -n {seen.namespace} get deployments"
        )
    over = status.phase is not None and status.phase.ended
    for kind, bad in ((PLANNED, "False"), (DEGRADED, "True"), (PROGRESSING, "False"), (SPEC_CHANGED, "True")):
        condition = find(status.conditions, kind)
        if condition is None or condition.status != bad or (over and kind == PROGRESSING):
            continue
        if condition.reason == SHARD_FAILED:
            continue
        yield f"{condition.reason}: {condition.message}"
