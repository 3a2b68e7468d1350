"""Velero's queue as a small pure model: it drives the pure machine to its end, second by second.

After backup_queue_controller.go and backup_controller.go of 1.18.3: a Backup is New, then Queued, is made
ReadyToStart when a slot is free and none before it overlaps, runs, is finalized without a slot, and ends. It
is a model of what is seen, not of what is written: nothing here takes the place of a real Velero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.unit.backup.setmaker import at, foreign, make_backup, make_volume
from velero_volume_controller.backup.slots import overlaps
from velero_volume_controller.backup.steps import CreateBackup, Nudge
from velero_volume_controller.velero.model.backups import Backup, BackupStatus
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup

RUNS = 20.0
FINALIZES = 3.0


@dataclass
class Known:
    """One Backup: what is seen of it, and when it came into its phase."""

    backup: Backup
    since: float
    attempt: tuple[str, int] | None = None
    touched: bool = False


@dataclass
class Model:
    """``ends`` says how an attempt at a shard ends; Completed unless said. ``forgets`` need a touch."""

    slots: int = 2
    ends: Mapping[tuple[str, int], str] = field(default_factory=dict)
    forgets: frozenset[tuple[str, int]] = frozenset()
    vanishes: frozenset[tuple[str, int]] = frozenset()
    foreign: tuple[float, float, tuple[str, ...]] | None = None
    known: dict[str, Known] = field(default_factory=dict)
    made: list[tuple[str, int]] = field(default_factory=list)
    now: float = 0.0

    def create(self, action: CreateBackup) -> None:
        """As the API server: a name is taken once."""
        if action.name in self.known:
            assert dict(action.labels) == self.known[action.name].backup.labels, "made with other labels"
            return
        self.made.append((action.shard, action.attempt))
        self.known[action.name] = Known(
            make_backup(action, created=at(self.now)), self.now, (action.shard, action.attempt)
        )

    def nudge(self, action: Nudge) -> None:
        """A touch."""
        found = self.known[action.name]
        assert found.backup.uid == action.uid
        found.touched = True

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 1.0)
            self._foreign()
            for name in list(self.known):
                self._move(name)
            running = [each for each in self.ours() if each.backup.occupies]
            assert len(running) <= self.slots, f"more than {self.slots} at {self.now}: {running}"

    def ours(self) -> list[Known]:
        """Those of the set."""
        return [each for each in self.known.values() if each.attempt]

    def seen(self) -> tuple[tuple[Backup, ...], tuple[PodVolumeBackup, ...]]:
        """All Backups as they are now, and a volume of each of ours that has ended."""
        backups = tuple(each.backup for each in self.known.values())
        volumes = tuple(
            make_volume(
                each.backup,
                "Completed" if each.backup.phase == "Completed" else "Failed",
                each.backup.included_namespaces[0],
                message="no such file",
            )
            for each in self.ours()
            if each.backup.phase in {"Completed", "PartiallyFailed"}
        )
        return backups, volumes

    def _foreign(self) -> None:
        if self.foreign is None:
            return
        begin, end, namespaces = self.foreign
        if self.now >= begin and "foreign" not in self.known:
            self.known["foreign"] = Known(foreign("InProgress", namespaces), self.now)
        if self.now >= end and "foreign" in self.known:
            self._phase(self.known["foreign"], "Completed")

    def _move(self, name: str) -> None:
        found = self.known[name]
        age, phase = self.now - found.since, found.backup.phase
        if found.attempt is None:
            return
        if phase == "":
            self._phase(found, "Queued")
        elif phase == "Queued" and self._room(found):
            self._phase(found, "ReadyToStart")
        elif phase == "ReadyToStart" and (found.attempt not in self.forgets or found.touched):
            invalid = self.ends.get(found.attempt) == "FailedValidation"
            self._phase(found, "FailedValidation" if invalid else "InProgress")
        elif phase == "InProgress" and age >= RUNS:
            self._phase(found, "Finalizing")
        elif phase == "Finalizing" and age >= FINALIZES:
            self._phase(found, self.ends.get(found.attempt, "Completed"))
        elif found.backup.ended and found.attempt in self.vanishes and age >= 1:
            del self.known[name]

    def _room(self, found: Known) -> bool:
        busy = [
            each.backup for each in self.known.values() if each.backup.phase in {"ReadyToStart", "InProgress"}
        ]
        taken = any(overlaps(each, found.backup.included_namespaces) for each in busy)
        return len(busy) < self.slots and not taken

    def _phase(self, found: Known, phase: str) -> None:
        if found.backup.phase == phase:
            return
        ended = phase in {"Completed", "PartiallyFailed", "Failed", "FailedValidation"}
        status = BackupStatus(
            phase=phase,
            start_timestamp=found.backup.status.start_timestamp
            or (at(self.now) if phase == "InProgress" else None),
            completion_timestamp=at(self.now) if ended else None,
            failure_reason="the server was restarted" if phase == "Failed" else "",
            validation_errors=("only one can be specified",) if phase == "FailedValidation" else (),
            errors=1 if phase == "PartiallyFailed" else 0,
        )
        found.backup = _with(found.backup, status)
        found.since = self.now


def _with(backup: Backup, status: BackupStatus) -> Backup:
    return Backup(**{name: getattr(backup, name) for name in backup.__struct_fields__} | {"status": status})


def fresh(model: Model) -> Model:
    """The same before anything happened."""
    return replace(model, known={}, made=[], now=0.0)
