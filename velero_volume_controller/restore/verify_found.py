"""What is looked at when all has been restored, and what comes of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from velero_volume_controller.api.cleanrestore import Verified
from velero_volume_controller.restore.cluster import Cluster
from velero_volume_controller.restore.verify_states import ClaimState, PodState, WorkloadState
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.restore_runs import (
    COMPLETED,
    PARTIALLY_FAILED,
    PodVolumeRestore,
    Restore,
)
from velero_volume_controller.velero.model.restored_files import RestoreResults, put

_DONE: Final = frozenset({COMPLETED, PARTIALLY_FAILED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """A Restore that has ended, and the files that Velero keeps of it.

    ``told`` is what became of each object; None where it can't be read, and ``unread`` says why.
    """

    restore: Restore
    told: Mapping[Key, str] | None = None
    results: RestoreResults = field(default_factory=RestoreResults)
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The cluster after the Restores. ``volumes`` may be those of failed attempts, too."""

    cluster: Cluster
    outcomes: tuple[Outcome, ...] = ()
    volumes: tuple[PodVolumeRestore, ...] = ()
    pods: Mapping[Key, PodState] = field(default_factory=dict)
    workloads: Mapping[Key, WorkloadState] = field(default_factory=dict)
    claims: Mapping[Key, ClaimState] = field(default_factory=dict)

    def told(self) -> tuple[Mapping[Key, str], bool]:
        """What became of each object, and whether that is all: else of some Restore it can't be read."""
        merged: dict[Key, str] = {}
        for outcome in self.outcomes:
            for key, action in (outcome.told or {}).items():
                put(merged, key, action)
        whole = all(outcome.told is not None for outcome in self.outcomes) and bool(self.outcomes)
        return merged, whole


@dataclass(frozen=True, slots=True)
class Written:
    """A volume with data, and how it came back. ``expected`` is what was backed up of it, None if that is
    not known. ``done``: it is as it was backed up, as far as that can be told."""

    volume: str
    claim: str
    how: str
    state: str
    bytes: int = 0
    expected: int | None = None
    done: bool = True


@dataclass(frozen=True, slots=True)
class Warned:
    """Velero's own words. ``where`` is a namespace, or empty."""

    restore: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What is as it was backed up, and what is not. ``differences`` and ``notes`` are sorted sentences.

    ``left_out`` are objects of the backup that are not there, by why that is all right; ``kept`` are as they
    were before, for the plan kept them.
    """

    summary: Verified
    waiting: bool
    differences: tuple[str, ...]
    restored: tuple[Key, ...]
    kept: tuple[Key, ...]
    left_out: Mapping[str, tuple[Key, ...]]
    volumes: tuple[Written, ...]
    warnings: tuple[Warned, ...]
    notes: tuple[str, ...]


def effective(restores: Iterable[Restore]) -> Iterator[Restore]:
    """Those that count, in their order: Velero carried them out, if not in full. Others were made again."""
    for restore in sorted(restores, key=lambda each: (each.completed or "", each.name)):
        if restore.phase in _DONE:
            yield restore
