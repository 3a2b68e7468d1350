"""Backups that hang for one of Velero's known faults: how each is told, and what helps. Pure.

A touch (an annotation) makes Velero look again at a Backup that is New or ReadyToStart; both are safe, for it
checks the phase before it begins. A Queued one it looks at only when another Backup arrives or leaves, and
every 60 seconds (backup_queue_controller.go, 1.18.3), so that one is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.api.backupset import Attempt, BackupSetSpec, Shard
from velero_volume_controller.backup.attempts import View, under_way
from velero_volume_controller.backup.slots import limit, running
from velero_volume_controller.velero.model.lanes import Lane
from velero_volume_controller.velero.model.pod_volume_backups import ENDED, PodVolumeBackup
from velero_volume_controller.velero.model.versions import Version

#: Seconds in which Velero starts what it can start; measured: 1 to 2.
STARTS_WITHIN: Final = 15.0
#: Seconds from one touch to the next.
TOUCH_EVERY: Final = 30.0
#: Seconds after which a Queued one was passed over twice by the recheck every 60.
_PASSED_OVER: Final = 150.0
#: Seconds after which a volume that no mover took up, or that ended while its Backup goes on, is spoken of.
_VOLUME_HANGS: Final = 300.0
_ENDS_WITHIN: Final = 120.0

#: Where a Canceled PodVolumeBackup keeps its Backup InProgress until fs-backup-timeout.
_CANCELED_HANGS: Final = (Version(1, 17), Version(1, 18, 2))
#: Up to here a Backup that fails validation fast may leave its slot taken (velero issue 10519).
_SLOT_LEAKS: Final = (Version(1, 18), Version(1, 18, 2))


@dataclass(frozen=True, slots=True)
class Fault:
    """What hangs, in a sentence that says what to do; ``touch``: a touch helps, and is due now.

    Times are said, never ages: a message that is another at each step would be written at each step.
    """

    reason: str
    message: str
    attempt: Attempt
    touch: bool = False


def faults(shards: Sequence[Shard], view: View, spec: BackupSetSpec) -> Iterator[Fault]:
    """Those of the set's Backups that hang."""
    for shard in shards:
        attempt = under_way(shard)
        lane = view.lanes.get(shard.lane)
        # While a Velero is down, all it has waits; that is told once, and a touch would help nothing.
        if attempt is None or not attempt.uid or attempt.gone or lane is None or lane.problem:
            continue
        if attempt.phase in {"", "New", "ReadyToStart", "Queued"}:
            yield from _waiting(attempt, lane, view, spec)
        elif attempt.phase == "InProgress":
            yield from _volumes(attempt, lane, view)


def awaited(shards: Sequence[Shard], view: View) -> Iterator[float]:
    """In how many seconds one that waits begins to hang, or is touched again."""
    for shard in shards:
        attempt = under_way(shard)
        if attempt is not None and attempt.uid and attempt.phase in {"", "New", "ReadyToStart"}:
            yield STARTS_WITHIN - view.age(attempt.since)
            if attempt.nudged:
                yield TOUCH_EVERY - view.age(attempt.nudged)
        elif attempt is not None and attempt.phase == "Queued":
            yield _PASSED_OVER - view.age(attempt.since)


def _waiting(attempt: Attempt, lane: Lane, view: View, spec: BackupSetSpec) -> Iterator[Fault]:
    age = view.age(attempt.since)
    room = running(lane.namespace, view) < min(limit(lane, spec), lane.slots)
    name = f"Backup {lane.namespace}/{attempt.backup}"
    if attempt.phase == "Queued":
        if room and age > _PASSED_OVER:
            known = _SLOT_LEAKS[0] <= lane.version <= _SLOT_LEAKS[1]
            why = " (Velero up to 1.18.2 loses a slot when a Backup fails validation, issue 10519)"
            yield Fault(
                "QueueStuck",
                f"{name} is Queued since {attempt.since} although a slot is free{why if known else ''}; if"
                f" others do not start either, restart Velero: kubectl -n {lane.namespace} rollout restart"
                " deployment/velero",
                attempt,
            )
        return
    if age < STARTS_WITHIN or not (room or attempt.phase == "ReadyToStart"):
        return
    touch = attempt.nudged is None or view.age(attempt.nudged) >= TOUCH_EVERY
    phase = attempt.phase or "New"
    why = " (1.18 forgets one when it restarts)" if phase == "ReadyToStart" else ""
    yield Fault(
        "NotStarted",
        f"{name} is {phase} since {attempt.since} although a slot is free{why}; it is touched every"
        f" {TOUCH_EVERY:.0f} s so that Velero looks at it again; if that does not help, see: kubectl -n"
        f" {lane.namespace} logs deployment/velero",
        attempt,
        touch,
    )


def _volumes(attempt: Attempt, lane: Lane, view: View) -> Iterator[Fault]:
    """At most one fault for each Backup: the first volume that keeps it."""
    for volume in view.volumes.get((attempt.lane, attempt.backup), ()):
        message = _volume(volume, lane, view)
        if message:
            what = f"PodVolumeBackup {volume.namespace}/{volume.name}"
            of = f" of pod {volume.pod_namespace}/{volume.pod}, volume {volume.volume},"
            yield Fault("VolumeStuck", f"{what}{of} {message}", attempt)
            return


def _volume(volume: PodVolumeBackup, lane: Lane, view: View) -> str | None:
    restart = f"kubectl -n {lane.namespace} rollout restart deployment/velero"
    if volume.phase in ENDED:
        ended = view.age(volume.completed or volume.created)
        known = _CANCELED_HANGS[0] <= lane.version <= _CANCELED_HANGS[1]
        if volume.phase == "Canceled" and known and ended > _ENDS_WITHIN:
            return (
                f"is Canceled, and Velero {lane.version} waits for it until its fs-backup-timeout (4h unless"
                f" set); to go on at once, restart Velero, and the shard is tried again: {restart}"
            )
        return None
    if volume.phase == "InProgress" and lane.nodes and volume.node not in lane.nodes:
        return (
            f"is InProgress on node {volume.node}, where no node-agent is ready; bring the node back, or"
            f" restart Velero, and the shard is tried again: {restart}"
        )
    if volume.phase in {"Accepted", "Prepared"} and view.age(volume.created) > _VOLUME_HANGS:
        return (
            f"was made at {volume.created} and is still {volume.phase} on node {volume.node}; see its pod:"
            f" kubectl -n {lane.namespace} get pods -o wide | grep {volume.name}"
        )
    return None
