"""BackupSet and BackupSetSchedule: our own shapes. The CRDs are made from them (hack/crds.py).

Durations are written as Velero and Kubernetes write them (``90s``, ``1h30m``), times
as RFC 3339 in UTC, sizes in bytes, predictions in whole seconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

GROUP: Final = "vvc.velero.io"
VERSION: Final = "v1alpha1"

Name = Annotated[str, Meta(min_length=1, max_length=253)]
Duration = Annotated[str, Meta(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$")]
Auto = Literal["auto"]
Positive = Annotated[int, Meta(ge=1)]


class _Spec(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """What a person writes: a key that is not known is a mistake."""


class _Status(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What the controller writes: a newer one may have written more."""


class Requirement(_Spec):
    """One term of a label selector."""

    key: Name
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[str] = []


class LabelSelector(_Spec):
    """Labels of namespaces, as in every Kubernetes selector; all terms must hold."""

    match_labels: dict[str, str] = {}
    match_expressions: list[Requirement] = []


class Namespaces(_Spec):
    """Which namespaces. ``*`` is any run of characters; exclude wins."""

    include: Annotated[list[Name], Meta(description="Names or patterns; all namespaces unless given.")] = [
        "*"
    ]
    exclude: Annotated[list[Name], Meta(description="Names or patterns that are left out.")] = []
    selector: Annotated[LabelSelector | None, Meta(description="Only namespaces with these labels.")] = None


class Selection(_Spec):
    """What is backed up."""

    namespaces: Annotated[Namespaces, Meta(description="Which namespaces.")] = msgspec.field(
        default_factory=Namespaces
    )
    cluster_resources: Annotated[
        bool, Meta(description="Whether cluster-scoped resources are backed up, in a Backup of their own.")
    ] = True


class Concurrency(_Spec):
    """How much runs at the same time; auto: as much as Velero's own settings let run."""

    max: Annotated[Positive | Auto, Meta(description="Backups at the same time, in all lanes.")] = "auto"
    per_node: Annotated[Positive | Auto, Meta(description="Volumes at the same time on one node.")] = "auto"


class LaneChoice(_Spec):
    """A Velero installation that takes Backups of the set."""

    namespace: Annotated[Name, Meta(description="Where this Velero is installed.")]
    slots: Annotated[
        Positive | None,
        Meta(description="Backups handed to it at the same time; as many as it runs unless given."),
    ] = None


class Retry(_Spec):
    """What is done about a shard that failed, or failed in part."""

    limit: Annotated[int, Meta(ge=0, le=10, description="How often it is tried again.")] = 2
    backoff: Annotated[
        Duration, Meta(description="The wait before the first retry; it doubles from one to the next.")
    ] = "1m"


class Window(_Spec):
    """The hours in which Backups are started; it may span midnight."""

    start: Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="As 22:00.")]
    end: Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="As 05:30.")]
    time_zone: Annotated[str, Meta(description="A name of the tz database, as Europe/Berlin.")] = "UTC"


class BackupSetSpec(_Spec):
    """One run: what is backed up, and how it is split."""

    selection: Annotated[Selection, Meta(description="What is backed up.")] = msgspec.field(
        default_factory=Selection
    )
    template: Annotated[
        dict[str, Any],
        Meta(description="Fields of Velero's BackupSpec that every Backup of the set gets (ttl, hooks, …)."),
    ] = {}
    together: Annotated[
        list[list[Name]], Meta(description="Groups of namespaces that must be in one Backup.")
    ] = []
    first: Annotated[list[Name], Meta(description="Namespaces that go before all others.")] = []
    isolate: Annotated[list[Name], Meta(description="Namespaces that get a Backup of their own.")] = []
    max_shards: Annotated[
        Positive | None, Meta(description="Backups at most; four for each slot unless given.")
    ] = None
    concurrency: Annotated[Concurrency, Meta(description="How much runs at the same time.")] = msgspec.field(
        default_factory=Concurrency
    )
    lanes: Annotated[
        list[LaneChoice] | Auto,
        Meta(description="The Velero installations used; auto: the one in this set's namespace."),
    ] = "auto"
    retry: Annotated[Retry, Meta(description="What is done about failures.")] = msgspec.field(
        default_factory=Retry
    )
    deadline: Annotated[
        Duration | None, Meta(description="So long after the set began, no Backup is started any more.")
    ] = None
    window: Annotated[Window | None, Meta(description="The hours in which Backups are started.")] = None
    paused: Annotated[bool, Meta(description="Starts no further Backup; what runs goes on.")] = False


class SetPhase(StrEnum):
    """Where a BackupSet stands. The last four are the ends."""

    PLANNING = "Planning"
    RUNNING = "Running"
    PAUSED = "Paused"
    COMPLETED = "Completed"
    PARTIALLY_FAILED = "PartiallyFailed"
    FAILED = "Failed"
    EXPIRED = "Expired"

    @property
    def ended(self) -> bool:
        """Nothing more is started."""
        return self in {
            SetPhase.COMPLETED,
            SetPhase.PARTIALLY_FAILED,
            SetPhase.FAILED,
            SetPhase.EXPIRED,
        }


class Condition(_Status):
    """As metav1.Condition."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    last_transition_time: str
    observed_generation: int = 0


class Attempt(_Status):
    """One Velero Backup made for a shard."""

    backup: Annotated[str, Meta(description="The Backup's name.")]
    lane: Annotated[str, Meta(description="The namespace of the Velero it was handed to.")] = ""
    uid: Annotated[str, Meta(description="The Backup's uid, once it was seen.")] = ""
    phase: Annotated[str, Meta(description="Velero's phase, or Lost when the Backup is gone.")] = ""
    created: Annotated[str | None, Meta(description="When it was handed to Velero.")] = None
    started: Annotated[str | None, Meta(description="When Velero began.")] = None
    ended: Annotated[str | None, Meta(description="When Velero ended.")] = None
    bytes: Annotated[int, Meta(description="Bytes of its volumes.")] = 0
    volumes: Annotated[int, Meta(description="Volumes taken completely.")] = 0
    reason: Annotated[str, Meta(description="Why it did not complete.")] = ""
    nudged: Annotated[str | None, Meta(description="When it was touched because it hung.")] = None


class Shard(_Status):
    """A part of the set: namespaces that are in no other part, and the Backups made of them."""

    name: str
    namespaces: list[str] = []
    cluster: Annotated[bool, Meta(description="It holds the cluster-scoped resources.")] = False
    lane: Annotated[str, Meta(description="The Velero it is planned for.")] = ""
    predicted_seconds: int = 0
    load: Annotated[
        dict[str, int], Meta(description="Predicted seconds of volume data by node, for the order.")
    ] = {}
    attempts: list[Attempt] = []


class PlanSummary(_Status):
    """What was planned when the set began."""

    hash: str
    shards: int = 0
    predicted_seconds: int = 0
    lower_bound_seconds: int = 0


class Progress(_Status):
    """How far the set is, over all shards. Totals grow while Velero finds volumes."""

    bytes_done: int = 0
    bytes_total: int = 0
    volumes_done: int = 0
    volumes_total: int = 0


class Missing(_Status):
    """What the restore point lacks."""

    namespace: str
    pod: str = ""
    volume: str = ""
    reason: str = ""


class PointBackup(_Status):
    """A Backup that the restore point is made of."""

    name: str
    lane: str
    shard: str
    namespaces: list[str] = []


class RestorePoint(_Status):
    """The Backups that together are the restore point, and what they lack."""

    backups: list[PointBackup] = []
    missing: list[Missing] = []


class ClusterRevision(_Status):
    """etcd's revision (the resourceVersion of a list) when the set began and when it ended."""

    start: str = ""
    end: str = ""


class BackupSetStatus(_Status):
    """What the controller knows. All that must survive a crash is here or on the Backups."""

    observed_generation: int = 0
    phase: SetPhase | None = None
    started: str | None = None
    ended: str | None = None
    expires: Annotated[str | None, Meta(description="When the first of its Backups expires.")] = None
    plan: PlanSummary | None = None
    shards: list[Shard] = []
    progress: Progress | None = None
    restore_point: RestorePoint | None = None
    cluster_revision: ClusterRevision | None = None
    conditions: list[Condition] = []


class ConcurrencyPolicy(StrEnum):
    """What happens when a run is due while the last one still runs."""

    ALLOW = "Allow"
    FORBID = "Forbid"


class SetTemplate(_Spec):
    """The BackupSets that a schedule makes."""

    labels: Annotated[dict[str, str], Meta(description="Labels that each of them gets.")] = {}
    annotations: Annotated[dict[str, str], Meta(description="Annotations that each of them gets.")] = {}
    spec: Annotated[BackupSetSpec, Meta(description="Their spec.")] = msgspec.field(
        default_factory=BackupSetSpec
    )


class BackupSetScheduleSpec(_Spec):
    """When BackupSets are made: a CronJob's names and meanings."""

    schedule: Annotated[str, Meta(min_length=1, description="A cron expression of five fields, or @daily.")]
    time_zone: Annotated[str, Meta(description="A name of the tz database, as Europe/Berlin.")] = "UTC"
    template: Annotated[SetTemplate, Meta(description="The BackupSets that are made.")] = msgspec.field(
        default_factory=SetTemplate
    )
    concurrency_policy: Annotated[
        ConcurrencyPolicy, Meta(description="Forbid skips a run while the last one still runs.")
    ] = ConcurrencyPolicy.FORBID
    starting_deadline_seconds: Annotated[
        int | None, Meta(ge=0, description="A run missed for longer is not made up for.")
    ] = None
    successful_history_limit: Annotated[
        int, Meta(ge=0, description="Completed sets kept beside the newest restore point.")
    ] = 3
    failed_history_limit: Annotated[int, Meta(ge=0, description="Failed sets kept.")] = 1
    suspend: Annotated[bool, Meta(description="Makes no more sets.")] = False


class BackupSetScheduleStatus(_Status):
    """What the controller knows of a schedule."""

    observed_generation: int = 0
    last_schedule_time: str | None = None
    last_successful_time: str | None = None
    next_schedule_time: str | None = None
    active: list[str] = []
    conditions: list[Condition] = []
