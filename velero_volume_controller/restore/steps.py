"""What the state machine of a CleanRestore is told, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from velero_volume_controller.api.cleanrestore import (
    CleanRestoreSpec,
    CleanRestoreStatus,
    SourceBackup,
    Verified,
)
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.planned import Plan
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.restore_runs import PodVolumeRestore, Restore


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Which CleanRestore: its uid tells it from an earlier one of the same name."""

    namespace: str
    name: str
    uid: str
    generation: int = 0


class Look(Enum):
    """What a step needs to have looked at."""

    PLAN = auto()
    """Backup and cluster, for a plan of now: ``Situation.fresh`` or ``unplannable``."""
    VALIDATION = auto()
    """All that must be so before anything is touched: ``Situation.problems``."""
    LIVE = auto()
    """The live objects of the kinds and namespaces of the plan, claims and Pods anyway, and its Namespaces:
    ``Observed.live`` and ``attachments``. While something is put back, workloads are enough, and there may be
    no plan. All of them, read after the status was written and past every cache: what is missing counts as
    gone."""
    UNDO = auto()
    """The undo backup and its volumes: ``Observed.undo``, ``taken``, ``snapshots``, ``backed_up``."""
    RESTORES = auto()
    """The Restores of this run and their volumes: ``Observed.restores`` and ``restored``."""
    CHECK = auto()
    """What has come back: ``Situation.checked``."""


@dataclass(frozen=True, slots=True)
class Unplannable:
    """Why there is no plan: ``reason`` in one word, ``message`` with what to do."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Fresh:
    """A plan of now. ``sources`` are its Backups in the order in which they are restored; ``config_maps``
    hold it already, and ``digest`` is of what they hold. ``undoes`` is the uid of the run that it undoes."""

    plan: Plan
    sources: tuple[SourceBackup, ...]
    config_maps: tuple[str, ...] = ()
    digest: str = ""
    undoes: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that stands against the run. ``message`` names the object and the way out."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What has come back. ``waiting``: for pods that are not ready yet, or claims that are not bound."""

    summary: Verified
    waiting: bool


@dataclass(frozen=True, slots=True)
class Observed:
    """The cluster as last seen, as far as the phase asks for it; ``live`` and ``restores`` are None where it
    was not looked, for what is missing counts as gone. What Velero made may be seen late, or out of order.

    ``attachments`` are the nodes to which PersistentVolumes are attached, by their names. ``snapshots`` are
    (namespace, claim, PersistentVolume) of which the undo backup has a snapshot, the last one empty where it
    is not told; ``backed_up`` is all that Velero says is in it.
    """

    live: Mapping[Key, Live] | None = None
    attachments: Mapping[str, str] = field(default_factory=dict)
    undo: Backup | None = None
    taken: tuple[PodVolumeBackup, ...] = ()
    snapshots: frozenset[tuple[str, str, str]] = frozenset()
    backed_up: frozenset[Key] = frozenset()
    restores: Mapping[str, Restore] | None = None
    restored: tuple[PodVolumeRestore, ...] = ()


@dataclass(frozen=True, slots=True)
class Make:
    """Make this object of Velero's. If one of that name exists, success only if the labels are these."""

    kind: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Still:
    """Suspend this workload or scale it to none, and note on it what it was, in one write of this version."""

    key: Key
    uid: str
    version: str
    spec: Mapping[str, Any]
    note: str


@dataclass(frozen=True, slots=True)
class PutBack:
    """Give this workload back what it was, and take the note off, in one write of this version."""

    key: Key
    uid: str
    version: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete this version of this object, its dependents first. One that has changed is not deleted."""

    key: Key
    uid: str
    version: str


@dataclass(frozen=True, slots=True)
class Tell:
    """An Event on the CleanRestore."""

    reason: str
    message: str
    warning: bool = False


Action = Make | Still | PutBack | Delete | Tell


@dataclass(frozen=True, slots=True)
class Step:
    """``status`` is written first, then the actions are carried out; ``again`` asks for a step so many
    seconds from now."""

    status: CleanRestoreStatus
    actions: tuple[Action, ...] = ()
    again: float | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """All that decides a step. ``now`` is RFC 3339, UTC."""

    identity: RunIdentity
    spec: CleanRestoreSpec
    status: CleanRestoreStatus
    now: str
    observed: Observed = Observed()
    plan: Plan | None = None
    """The plan that the status names, read from its ConfigMaps; None while there is none."""
    lost: str = ""
    """Why that plan can't be read: one sentence."""
    fresh: Fresh | None = None
    unplannable: Unplannable | None = None
    problems: tuple[Problem, ...] | None = None
    """None where it was not looked."""
    remarks: tuple[str, ...] = ()
    """What should be known beside them: sentences without their full stops."""
    checked: Checked | None = None
    blocked: Mapping[str, str] = field(default_factory=dict)
    """Namespaces that another CleanRestore is at work in, or goes first in, and its name. Always told."""
    refused: str = ""
    """What the API server refused to do at the last step, and would refuse again: one sentence."""
    resume: str = ""
    """The annotation ``vvc.velero.io/resume``: each value is followed once."""
