"""A BackupSet in the cluster: created, followed to its end, its Backups looked at, all of it removed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hack.demo.movement import ENDED
from hack.lab import kubectl
from hack.lab.progress import wait_until
from hack.lab.shell import LabError
from hack.lab.velero import Velero

LOCATION = ("backupstoragelocation", "default")
RESOURCE = "backupsets.vvc.velero.io"
SET_ENDED = frozenset({"Completed", "PartiallyFailed", "Failed", "Expired"})
#: What the tests wait for a set's end at most; it takes a minute where nothing fails.
SECONDS = 420


@dataclass(frozen=True)
class RunningSet:
    """A BackupSet by its name and namespace, and the Velero installations that take its Backups."""

    namespace: str
    name: str
    lanes: tuple[Velero, ...]

    def create(self, namespaces: Sequence[str], spec: Mapping[str, Any] | None = None) -> None:
        """Make it, for these namespaces, with what else its spec says."""
        kubectl.apply(json.dumps(self.manifest(namespaces, spec or {})))

    def manifest(self, namespaces: Sequence[str], spec: Mapping[str, Any]) -> dict[str, Any]:
        """The BackupSet as an object."""
        lanes = [{"namespace": lane.namespace} for lane in self.lanes]
        selection = {"namespaces": {"include": list(namespaces)}}
        return {
            "apiVersion": "vvc.velero.io/v1alpha1",
            "kind": "BackupSet",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {"selection": selection, "lanes": lanes, **spec},
        }

    def status(self) -> dict[str, Any]:
        """What the controller says of it; empty where it has said nothing, or where there is no set."""
        found = kubectl.get("-n", self.namespace, RESOURCE, self.name)
        status: dict[str, Any] = (found or {}).get("status", {})
        return status

    def phase(self) -> str:
        """Its phase; empty at first."""
        return str(self.status().get("phase", ""))

    def wait_for_end(self, seconds: float = SECONDS) -> dict[str, Any]:
        """Its status once it has ended; raises LabError with the status where it does not."""
        try:
            wait_until(lambda: self.phase() in SET_ENDED, f"{self.name} ends", seconds=seconds, every=0.5)
        except LabError as error:
            raise LabError(f"{error}\n{json.dumps(self.status(), indent=1)}\n{self.told()}") from error
        return self.status()

    def wait_for(self, condition: Callable[[dict[str, Any]], bool], what: str, seconds: float = 120) -> None:
        """Wait until its status is so; raises LabError where it ends before."""

        def so() -> bool:
            status = self.status()
            if condition(status):
                return True
            if status.get("phase") in SET_ENDED:
                raise LabError(f"{self.name} has ended {status['phase']} before this: {what}")
            return False

        wait_until(so, what, seconds=seconds, every=0.2)

    def told(self) -> list[str]:
        """The Events on it, as TYPE REASON: MESSAGE."""
        events = kubectl.items("-n", self.namespace, "events.events.k8s.io")
        mine = [event for event in events if event["regarding"].get("name") == self.name]
        return [f"{event['type']} {event['reason']}: {event.get('note', '')}" for event in mine]

    def backups(self) -> list[Any]:
        """Every Backup that its status names and that exists, in the order of the attempts."""
        names = [
            attempt["backup"]
            for shard in self.status().get("shards", ())
            for attempt in shard.get("attempts", ())
        ]
        found = {item["metadata"]["name"]: item for lane in self.lanes for item in backups_in(lane)}
        return [found[name] for name in names if name in found]

    def remove(self) -> None:
        """Delete the set, and wait until none of its Backups runs any more; they stay."""
        uid = (kubectl.get("-n", self.namespace, RESOURCE, self.name) or {"metadata": {}})["metadata"].get(
            "uid"
        )
        names = {item["metadata"]["name"] for item in self.backups()}
        kubectl.kubectl("-n", self.namespace, "delete", RESOURCE, self.name, "--ignore-not-found")
        for lane in self.lanes:
            mine = [item["metadata"]["name"] for item in backups_in(lane) if _is_of(item, uid, names)]
            wait_for_backups(lane, mine)


def backups_in(velero: Velero) -> list[Any]:
    """All Backups of one Velero."""
    return kubectl.items("-n", velero.namespace, "backups.velero.io")


def wait_for_backups(velero: Velero, names: Sequence[str], seconds: float = SECONDS) -> dict[str, str]:
    """The phases of these Backups once all have ended; a Backup that is gone has ended."""

    def phases() -> dict[str, str]:
        found = {item["metadata"]["name"]: item for item in backups_in(velero)}
        return {name: found[name].get("status", {}).get("phase", "") for name in names if name in found}

    wait_until(lambda: set(phases().values()) <= ENDED, f"{', '.join(names)} end", seconds=seconds, every=0.5)
    return phases()


@contextmanager
def location_looked_at_often(lanes: Sequence[Velero]) -> Iterator[None]:
    """Velero looks at its storage location every ten seconds instead of every minute."""
    _look_at_location(lanes, "10s")
    try:
        yield
    finally:
        _look_at_location(lanes, None)


def _look_at_location(lanes: Sequence[Velero], every: str | None) -> None:
    patch = ["patch", *LOCATION, "--type=merge", "-p", json.dumps({"spec": {"validationFrequency": every}})]
    for lane in lanes:
        kubectl.kubectl("-n", lane.namespace, *patch)


def wait_for_location(lanes: Sequence[Velero], phase: str, seconds: float = 90) -> None:
    """Wait until each Velero says so of its storage location."""

    def so() -> bool:
        found = [kubectl.get("-n", lane.namespace, *LOCATION) for lane in lanes]
        return {location.get("status", {}).get("phase") for location in found} == {phase}

    wait_until(so, f"Velero's storage location is {phase}", seconds=seconds, every=0.5)


def delete_backups(velero: Velero, seconds: float = SECONDS) -> None:
    """Have Velero delete all its Backups and their data; raises LabError with its errors where it can't."""
    velero.command("backup", "delete", "--all", "--confirm")
    what = f"{velero.namespace} deletes its Backups"
    try:
        wait_until(lambda: not backups_in(velero), what, seconds=seconds, every=1)
    except LabError as error:
        requests = kubectl.items("-n", velero.namespace, "deletebackuprequests.velero.io")
        said = [item.get("status", {}).get("errors") for item in requests]
        raise LabError(f"{error}\n{json.dumps(said, indent=1)}") from error


def most_at_once(backups: Sequence[Any]) -> int:
    """How many of these Backups Velero ran at the same time, at most."""
    spans = [
        (
            datetime.fromisoformat(status["startTimestamp"]),
            datetime.fromisoformat(status["completionTimestamp"]),
        )
        for item in backups
        if (status := item["status"]).get("completionTimestamp")
    ]
    return max((sum(start <= moment < end for start, end in spans) for moment, _ in spans), default=0)


def attempts_of(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every attempt of every shard."""
    return [attempt for shard in status.get("shards", ()) for attempt in shard.get("attempts", ())]


def running(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The attempts that Velero works on now."""
    return [attempt for attempt in attempts_of(status) if attempt.get("phase") == "InProgress"]


def wait_while_moving(velero: Velero, seconds: float = 120) -> Any:
    """The first PodVolumeBackup seen that is in progress and not yet done with its bytes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for item in kubectl.items("-n", velero.namespace, "podvolumebackups.velero.io"):
            if item.get("status", {}).get("phase") == "InProgress":
                return item
        time.sleep(0.2)
    raise LabError(f"no volume is backed up in {velero.namespace} within {seconds:.0f} s")


def _is_of(backup: Any, uid: str | None, names: set[str]) -> bool:
    labels = backup["metadata"].get("labels", {})
    return backup["metadata"]["name"] in names or (uid is not None and uid in labels.values())
