"""What the state machine of a CleanRestore is told, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from velero_volume_controller.api.cleanrestore import (
    CleanRestoreSpec,
    CleanRestoreStatus,
    RehearsalStatus,
    SourceBackup,
    Verified,
)
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.planned import Plan
from velero_volume_controller.restore.prediction import Prediction
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
    SCRATCH = auto()
    """What a rehearsal has made: ``Observed.scratch`` and ``ledgers``."""
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
    hold it already, and ``digest`` is of what they hold. ``undoes`` is the uid of the run that it undoes,
    ``schedule`` what made the set that a rehearsal restores, where one did. ``prediction`` is of the time
    that Velero takes."""

    plan: Plan
    sources: tuple[SourceBackup, ...]
    config_maps: tuple[str, ...] = ()
    digest: str = ""
    undoes: str = ""
    schedule: str = ""
    prediction: Prediction | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that stands against the run. ``message`` names the object and the way out."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What has come back. ``waiting``: for pods that are not ready yet, or claims that are not bound.
    ``retained`` are PersistentVolumes that outlive their claims."""

    summary: Verified
    waiting: bool
    retained: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scratch:
    """A namespace of a rehearsal's name. ``ours``: it bears this run's uid. ``closed``: so does what keeps
    all traffic from its pods. ``remaining`` is what it waits for while it goes."""

    uid: str
    ours: bool
    terminating: bool = False
    closed: bool = False
    remaining: str = ""


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
    scratch: Mapping[str, Scratch] | None = None
    """By their names, read past every cache. None where it was not looked."""
    ledgers: frozenset[str] = frozenset()
    """Namespaces in which the rehearsal's ConfigMap is."""


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
    """Delete this version of this object, in the ``foreground`` its dependents first. One that has changed is
    not deleted."""

    key: Key
    uid: str
    version: str
    foreground: bool = True


@dataclass(frozen=True, slots=True)
class MakeLedger:
    """Make the ConfigMap that a rehearsal's Restores read, and that says what it is about to make."""

    namespaces: tuple[str, ...]
    known: RehearsalStatus
    storage_class: str | None = None


@dataclass(frozen=True, slots=True)
class MakeScratch:
    """Make this namespace, closed to all traffic. If there is one that is not this run's, it is refused."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class RemoveScratch:
    """Delete this namespace and all that is in it: one that this run made, and no other."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class RemoveLedger:
    """Delete the rehearsal's ConfigMap, in these namespaces."""

    namespaces: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Tell:
    """An Event on the CleanRestore."""

    reason: str
    message: str
    warning: bool = False


Action = Make | Still | PutBack | Delete | MakeLedger | MakeScratch | RemoveScratch | RemoveLedger | Tell


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
