"""The contenders: one plain Backup, made again until it completes, and a BackupSet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from hack.demo.movement import ENDED
from hack.lab.shell import LabError
from hack.lab.velero import Velero
from tests.bench.backup import api
from tests.bench.backup.clock import Clock, Took
from tests.e2e.restores_running import ENDED as RESTORE_ENDED
from tests.e2e.sets_restoring import Point, points
from tests.e2e.sets_running import SET_ENDED, RunningSet

SECONDS = 1800
#: The rival is repeated at once when it fails; a set's retry waits no longer than this either.
BACKOFF = "1s"


@dataclass(frozen=True)
class Result:
    """A run that has ended. `points` is what can be restored; the predictions are a set's own, in seconds."""

    took: Took
    phase: str
    points: tuple[Point, ...]
    backups: int = 1
    twice: int = 0
    predicted: float | None = None
    lower_bound: float | None = None


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal that has ended. Seconds from the first Restore to the end of the last; `source` is what the
    prediction was made from."""

    seconds: float
    predicted: float | None
    source: str


@dataclass(frozen=True)
class Disturbance:
    """Something that breaks so many seconds after the run began."""

    after: float
    play: Callable[[], object]

    def arm(self) -> threading.Timer:
        """Have it happen."""
        timer = threading.Timer(self.after, self.play)
        timer.start()
        return timer


def plain(velero: Velero, namespaces: Sequence[str], disturbance: Disturbance | None = None) -> Result:
    """One Backup of these namespaces; one that does not complete is made anew, as a person would."""
    clock, tried, twice = Clock(), 0, 0
    timer = disturbance.arm() if disturbance else None
    while True:
        tried += 1
        name = f"plain-{uuid4().hex[:8]}"
        spec = {"includedNamespaces": list(namespaces)}
        metadata = {"name": name, "namespace": velero.namespace, "labels": {"vvc-bench": "true"}}
        body = {"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": metadata, "spec": spec}
        api.create(api.VELERO, velero.namespace, "backups", body)
        found = api.awaited(lambda name=name: _ended(velero, name), f"{name} ends", SECONDS)  # type: ignore[misc]
        phase = found["status"]["phase"]
        if phase == "Completed" or tried == 5:
            break
        twice += moved(velero, [name])
    took = clock.took()
    if timer:
        timer.cancel()
    return Result(took, phase, (Point(name, velero.namespace),), tried, twice)


def backup_set(
    lanes: tuple[Velero, ...],
    namespaces: Sequence[str],
    disturbance: Disturbance | None = None,
    spec: Mapping[str, Any] | None = None,
) -> Result:
    """A BackupSet of these namespaces; it stays, for its history and to be restored."""
    made = RunningSet(lanes[0].namespace, f"bench-{uuid4().hex[:6]}", lanes)
    selection = {"namespaces": {"include": list(namespaces)}, "clusterResources": False}
    retry = {"limit": 3, "backoff": BACKOFF}
    body = made.manifest(namespaces, {"selection": selection, "retry": retry, **(spec or {})})
    clock = Clock()
    timer = disturbance.arm() if disturbance else None
    api.create(api.OURS, made.namespace, "backupsets", body)
    status = api.awaited(lambda: _set_ended(made), f"{made.name} ends", SECONDS)
    took = clock.took()
    if timer:
        timer.cancel()
    standing = points(status)
    names = [attempt["backup"] for shard in status["shards"] for attempt in shard["attempts"]]
    failed = set(names) - {point.backup for point in standing}
    plan = status["plan"]
    return Result(
        took,
        status["phase"],
        tuple(standing),
        len(names),
        sum(moved(lane, failed) for lane in lanes),
        plan["predictedSeconds"],
        plan["lowerBoundSeconds"],
    )


def rehearsed(namespace: str, restored: Sequence[Point]) -> Rehearsed:
    """Restored into scratch namespaces, which are gone again."""
    name = f"rehearsal-{uuid4().hex[:6]}"
    spec = {"source": {"backups": [point.backup for point in restored]}, "rehearsal": {}}
    body = {
        "apiVersion": "/".join(api.OURS),
        "kind": "CleanRestore",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
    api.create(api.OURS, namespace, "cleanrestores", body)
    status = api.awaited(lambda: _restore_ended(namespace, name), f"{name} ends", SECONDS)
    measured, plan = status.get("rehearsal", {}).get("dataSeconds"), status.get("plan", {})
    if measured is None:
        raise LabError(f"{name}: measured nothing; {status.get('phase')} {status.get('problems')}")
    return Rehearsed(measured, plan.get("predictedSeconds"), plan.get("predictedFrom", "nothing"))


def moved(velero: Velero, backups: Sequence[str] | set[str]) -> int:
    """The bytes of volumes that these Backups read."""
    found = api.items(api.VELERO, velero.namespace, "podvolumebackups") if backups else []
    ours = [item for item in found if item["spec"].get("tags", {}).get("backup") in backups]
    return sum(item.get("status", {}).get("progress", {}).get("bytesDone", 0) for item in ours)


def _ended(velero: Velero, name: str) -> dict[str, Any] | None:
    found = api.get(api.VELERO, velero.namespace, "backups", name)
    return found if found.get("status", {}).get("phase") in ENDED else None


def _restore_ended(namespace: str, name: str) -> dict[str, Any] | None:
    status: dict[str, Any] = api.get(api.OURS, namespace, "cleanrestores", name).get("status", {})
    return status if status.get("phase") in RESTORE_ENDED else None


def _set_ended(made: RunningSet) -> dict[str, Any] | None:
    status: dict[str, Any] = api.get(api.OURS, made.namespace, "backupsets", made.name).get("status", {})
    return status if status.get("phase") in SET_ENDED else None
