"""What the state machine is told, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from velero_volume_controller.api.backupset import BackupSetSpec, BackupSetStatus
from velero_volume_controller.backup.work import Plan, PlanningError
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.claims import Claim
from velero_volume_controller.velero.model.lanes import Lane
from velero_volume_controller.velero.model.namespaces import Namespace
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.pods import Pod


@dataclass(frozen=True, slots=True)
class SetIdentity:
    """Which set: its uid tells it from an earlier one of the same name."""

    namespace: str
    name: str
    uid: str
    generation: int


@dataclass(frozen=True, slots=True)
class Observed:
    """The cluster as last seen. May be stale or repeated: the machine must bear that.

    ``backups`` are those of all lanes, ours and others'. ``volumes`` are the PodVolumeBackups of ours.
    ``revision`` is etcd's now. ``lanes`` lack a Velero that is gone, and say of others why they take none.
    """

    backups: tuple[Backup, ...]
    volumes: tuple[PodVolumeBackup, ...]
    lanes: tuple[Lane, ...]
    revision: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the cluster holds now, claims by namespace and name. None: it may not be read."""

    pods: Iterable[Pod]
    namespaces: Mapping[str, Namespace] | None
    claims: Mapping[tuple[str, str], Claim] | None


@dataclass(frozen=True, slots=True)
class CreateBackup:
    """Make this Backup. If one of that name exists, success only if labels and annotations are these."""

    lane: str
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: Mapping[str, Any]
    shard: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Nudge:
    """Touch the Backup (an annotation), so that Velero looks at it again. Changes nothing else."""

    lane: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Tell:
    """An Event on the BackupSet."""

    reason: str
    message: str
    warning: bool = False


Action = CreateBackup | Nudge | Tell


@dataclass(frozen=True, slots=True)
class Step:
    """``status`` is written first, then the actions are carried out; ``again`` asks for a step so many
    seconds from now even if nothing is observed; None where only a change matters."""

    status: BackupSetStatus
    actions: tuple[Action, ...] = ()
    again: float | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """All that decides a step. ``now`` is RFC 3339, UTC."""

    identity: SetIdentity
    spec: BackupSetSpec
    status: BackupSetStatus
    observed: Observed
    now: str
    blocked: Mapping[str, str] = field(default_factory=dict)
    """Namespaces that another running set holds, and that set's name."""
    planned: Plan | None = None
    """The plan, made while ``status`` has no shards; None before, and for good once they are there."""
    unplannable: PlanningError | None = None
    """Why no plan could be made just now: it is to become a condition, and no Backup is made."""
    cluster: Cluster | None = None
    """None: not known, and nothing is concluded from it."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Backups, by name, that the API server refused to make, and why: one sentence. It would refuse them
    again: the name is somebody else's, the spec is not valid, or the right is missing."""
    retry: str = ""
    """The set's annotation ``vvc.velero.io/retry``: a word that is new each time (the time, say), and after
    a space perhaps the names of shards, joined by ``,``. Each value is followed once: those shards, or all
    that have no Completed Backup, get as many attempts again, and the deadline counts from then."""
