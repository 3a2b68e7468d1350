"""BackupSet and BackupSetSchedule: our own shapes. The CRDs are made from them (hack/crds.py).

Durations are written as Velero and Kubernetes write them (``90s``, ``1h30m``), times
as RFC 3339 in UTC, sizes in bytes, predictions in whole seconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from velero_volume_controller.api import names
from velero_volume_controller.api.labels import LabelKey, LabelValue

GROUP: Final = "vvc.velero.io"
VERSION: Final = "v1alpha1"

#: A group of the API is served under this path, namespaced resources below ``namespaces/NAMESPACE``.
PATH: Final = f"/apis/{GROUP}/{VERSION}"
SETS: Final = "backupsets"
SCHEDULES: Final = "backupsetschedules"
#: On a BackupSet that a schedule made: a label with its name.
SCHEDULE: Final = f"{GROUP}/schedule"

#: A set's name is the value of a label on each of its Backups, so it is at most as long as one.
MAX_NAME: Final = 63
#: A schedule adds a dash and ten digits (the minute, as a CronJob does) to the names of its sets.
MAX_SCHEDULE_NAME: Final = 52

#: What the API server lets through, so that the cost of its checks stays bounded.
_MAX_NAMES: Final = 1024
_MAX_GROUPS: Final = 64
_MAX_GROUP: Final = 32


def _checks(*rules: tuple[str, str], **more: Any) -> dict[str, Any]:
    """(CEL expression, what is said where it is false), for the API server to check at admission."""
    validations = [{"rule": rule, "message": message} for rule, message in rules]
    return {"x-kubernetes-validations": validations, **more}


Name = Annotated[
    str,
    Meta(title="the name of a namespace", pattern=names.LABEL, min_length=1, max_length=names.LABEL_LENGTH),
]
NameOrPattern = Annotated[
    str,
    Meta(
        title="the name of a namespace (in which * is any run of characters)",
        pattern=names.LABEL_OR_PATTERN,
        min_length=1,
        max_length=names.LABEL_LENGTH,
    ),
]
Duration = Annotated[
    str,
    Meta(
        title="a duration such as 90s or 1h30m",
        pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$",
        max_length=32,
        extra_json_schema=_checks(
            ("duration(self) > duration('0s')", "expected a duration longer than none, such as 90s or 1h30m")
        ),
    ),
]
TimeOfDay = Annotated[
    str, Meta(title="a time such as 22:00", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5)
]
TimeZone = Annotated[
    str,
    Meta(
        title="a name of the tz database such as Europe/Berlin",
        min_length=1,
        max_length=64,
        extra_json_schema=_checks(
            (
                # Asking for an hour there is how CEL looks a zone up; an unknown one is an error.
                "self != 'Local' && timestamp('2000-01-01T00:00:00Z').getHours(self) >= 0",
                "expected a name of the tz database such as Europe/Berlin or UTC",
            )
        ),
    ),
]
Auto = Literal["auto"]
NotNegative = Annotated[int, Meta(title="a whole number from 0 on", ge=0)]
Positive = Annotated[int, Meta(title="a whole number from 1 on", ge=1)]
AutoOrPositive = Annotated[
    Positive | Auto,
    Meta(
        title="auto or a whole number from 1 on",
        extra_json_schema=_checks(
            ("type(self) == int ? self >= 1 : self == 'auto'", "expected auto or a whole number from 1 on")
        ),
    ),
]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]

#: Each name once; Kubernetes checks it, and merges such a list name by name.
_EACH_ONCE: Final = {"x-kubernetes-list-type": "set"}


class _Spec(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """What a person writes: a key that is not known is a mistake."""


class _Status(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What the controller writes: a newer one may have written more."""


class Requirement(_Spec):
    """One condition on one label."""

    key: Annotated[LabelKey, Meta(description="The label.")]
    operator: Annotated[
        Literal["In", "NotIn", "Exists", "DoesNotExist"],
        Meta(
            title="an operator",
            description="In: the label has one of the values. NotIn: it has none of them, or is absent. "
            "Exists, DoesNotExist: it is there or not, whatever its value.",
        ),
    ]
    values: Annotated[
        list[LabelValue],
        Meta(
            max_length=64,
            description="The values that In and NotIn speak of; not for Exists and DoesNotExist.",
        ),
    ] = []


_VALUES_BY_OPERATOR: Final = _checks(
    (
        "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
        "operators In and NotIn need values; Exists and DoesNotExist take none",
    )
)


class LabelSelector(_Spec):
    """A Kubernetes label selector: every condition must hold."""

    match_labels: Annotated[
        dict[LabelKey, LabelValue],
        Meta(max_length=64, description="Labels and the value that each must have."),
    ] = {}
    match_expressions: Annotated[
        list[Annotated[Requirement, Meta(extra_json_schema=_VALUES_BY_OPERATOR)]],
        Meta(max_length=64, description="Conditions with operators."),
    ] = []


class Namespaces(_Spec):
    """Which namespaces: all, unless it says otherwise. All of its keys must hold."""

    include: Annotated[
        list[NameOrPattern],
        Meta(
            min_length=1,
            max_length=_MAX_NAMES,
            description="Names; in them * is any run of characters. All namespaces unless given.",
            extra_json_schema={"default": ["*"]},
        ),
    ] = msgspec.field(default_factory=lambda: ["*"])
    exclude: Annotated[
        list[NameOrPattern],
        Meta(
            max_length=_MAX_NAMES,
            description="Names, with * as in include, that are left out even if they are included.",
        ),
    ] = []
    selector: Annotated[
        LabelSelector | None, Meta(description="Only namespaces whose labels match, when the set begins.")
    ] = None


class Selection(_Spec):
    """What is backed up."""

    namespaces: Annotated[
        Namespaces, Meta(description="Which namespaces. They are looked up once, when the set begins.")
    ] = msgspec.field(default_factory=Namespaces)
    cluster_resources: Annotated[
        bool,
        Meta(
            description="Whether cluster-scoped resources are backed up, in a Backup of their own. "
            "PersistentVolumes are always in the Backup of their claims."
        ),
    ] = True


class Concurrency(_Spec):
    """How much runs at the same time; auto: as much as Velero's own settings let run."""

    max: Annotated[
        AutoOrPositive,
        Meta(description="Backups of this set at the same time, in all lanes; never more than their slots."),
    ] = "auto"
    per_node: Annotated[
        AutoOrPositive,
        Meta(
            description="Volumes that the plan reckons with on one node at the same time; auto: what the "
            "node-agent's loadConcurrency allows, which it can't exceed."
        ),
    ] = "auto"


class LaneChoice(_Spec):
    """A Velero installation that takes Backups of the set."""

    namespace: Annotated[Name, Meta(description="The namespace in which this Velero is installed.")]
    slots: Annotated[
        Positive | None,
        Meta(
            title="a whole number from 1 on",
            description="Backups handed to it at the same time; as many as it runs "
            "(--concurrent-backups, one before 1.18) unless given.",
        ),
    ] = None


class Retry(_Spec):
    """What is done about a Backup that failed, or failed in part: it is made anew, the others stay."""

    limit: Annotated[
        int,
        Meta(title="a whole number from 0 to 10", ge=0, le=10, description="How often it is tried again."),
    ] = 2
    backoff: Annotated[
        Duration, Meta(description="The wait before the first retry; it doubles from one to the next.")
    ] = "1m"


class Window(_Spec):
    """The hours in which Backups are started; it may span midnight. What runs at its end goes on."""

    start: Annotated[TimeOfDay, Meta(description="When it opens, as 22:00.")]
    end: Annotated[TimeOfDay, Meta(description="When it closes, as 05:30.")]
    time_zone: Annotated[
        TimeZone, Meta(description="The time zone of both, a name of the tz database as Europe/Berlin.")
    ] = "UTC"


_WINDOW: Final = _checks(
    ("self.start != self.end", "start and end are the same time; leave window out for the whole day")
)
_DISJOINT: Final = _checks(
    (
        # Of more names the check would cost more than the API server grants; the planner joins such groups.
        "self.map(group, size(group)).sum() > 500 || self.all(a, self.exists_one(b, sets.intersects(a, b)))",
        "a namespace is in two groups; write one group that holds both groups' namespaces",
    ),
    **{"x-kubernetes-list-type": "atomic"},
)
_OWN_FIELDS: Final = _checks(
    (
        "!has(self.includedNamespaces) && !has(self.excludedNamespaces)",
        "includedNamespaces and excludedNamespaces are given to each Backup by the plan; "
        "write selection.namespaces.include and exclude",
    ),
    (
        "!has(self.labelSelector) || !has(self.orLabelSelectors)",
        "has both labelSelector and orLabelSelectors, which Velero refuses; write one of them",
    ),
    **{
        "x-kubernetes-preserve-unknown-fields": True,
        # Declared for the checks alone: CEL sees no field that isn't.
        "properties": {
            "includedNamespaces": {
                "description": "Not the template's to say: write selection.namespaces.include.",
                "type": "array",
                "items": {"type": "string"},
            },
            "excludedNamespaces": {
                "description": "Not the template's to say: write selection.namespaces.exclude.",
                "type": "array",
                "items": {"type": "string"},
            },
            "labelSelector": {
                "description": "Velero's: only objects with these labels.",
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": True,
            },
            "orLabelSelectors": {
                "description": "Velero's: objects with the labels of one of these; not beside labelSelector.",
                "type": "array",
                "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        },
    },
)


#: For whatever holds a spec.
ALONE_OR_NOT: Final = _checks(
    (
        "!has(self.isolate) || !has(self.together) "
        "|| !self.isolate.exists(name, self.together.exists(group, name in group))",
        "a namespace is in isolate and in a group of together; remove it from one of them",
    )
)


class BackupSetSpec(_Spec):
    """One run: what is backed up, and how it is split.

    Once it is planned, what it holds can't be changed any more: selection, template, together, isolate,
    maxShards and which lanes.
    """

    selection: Annotated[Selection, Meta(description="What is backed up.")] = msgspec.field(
        default_factory=Selection
    )
    template: Annotated[
        dict[str, Any],
        Meta(
            description="Fields of Velero's BackupSpec that every Backup of the set gets: ttl, "
            "storageLocation, hooks, resourcePolicy, … Which namespaces and which cluster-scoped "
            "resources a Backup takes is the plan's to say.",
            extra_json_schema=_OWN_FIELDS,
        ),
    ] = {}
    together: Annotated[
        list[
            Annotated[list[Name], Meta(min_length=2, max_length=_MAX_GROUP, extra_json_schema={**_EACH_ONCE})]
        ],
        Meta(
            max_length=_MAX_GROUPS,
            description="Groups of namespaces that must be in one Backup, as [[shop, shop-db]]. "
            "A namespace is in one group at most.",
            extra_json_schema=_DISJOINT,
        ),
    ] = []
    first: Annotated[
        list[Name],
        Meta(
            max_length=_MAX_NAMES,
            description="Namespaces whose Backups are started before all others.",
            extra_json_schema={**_EACH_ONCE},
        ),
    ] = []
    isolate: Annotated[
        list[Name],
        Meta(
            max_length=_MAX_GROUPS,
            description="Namespaces that get a Backup of their own.",
            extra_json_schema={**_EACH_ONCE},
        ),
    ] = []
    max_shards: Annotated[
        Positive | None,
        Meta(
            title="a whole number from 1 on",
            description="Backups that the set is split into at most, the one of cluster-scoped resources "
            "not counted; four for each slot unless given. Each costs some seconds, and its Restore too.",
        ),
    ] = None
    concurrency: Annotated[Concurrency, Meta(description="How much runs at the same time.")] = msgspec.field(
        default_factory=Concurrency
    )
    lanes: Annotated[
        list[LaneChoice],
        Meta(
            max_length=64,
            description="The Velero installations that take its Backups, each with a storage prefix of its "
            "own, the one in the set's namespace among them; that one alone unless given.",
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["namespace"]},
        ),
    ] = []
    retry: Annotated[Retry, Meta(description="What is done about failures.")] = msgspec.field(
        default_factory=Retry
    )
    deadline: Annotated[
        Duration | None,
        Meta(
            title="a duration such as 90s or 1h30m",
            description="So long after the set began, no Backup is started any more; what runs goes on.",
        ),
    ] = None
    window: Annotated[
        Window | None,
        Meta(description="The hours in which Backups are started.", extra_json_schema=_WINDOW),
    ] = None
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

    type: Annotated[str, Meta(description="What it speaks of, in CamelCase.")]
    status: Annotated[
        Literal["True", "False", "Unknown"], Meta(description="Whether it is so: True, False or Unknown.")
    ]
    reason: Annotated[str, Meta(description="Why, as one word in CamelCase.")]
    message: Annotated[str, Meta(description="What happened and what to do, for a person.")]
    last_transition_time: Annotated[Time, Meta(description="When status last changed.")]
    observed_generation: Annotated[int, Meta(description="The generation of the spec that it speaks of.")] = 0


class Attempt(_Status):
    """One Velero Backup made for a shard."""

    backup: Annotated[str, Meta(description="The Backup's name.")]
    lane: Annotated[str, Meta(description="The namespace of the Velero it was handed to.")] = ""
    uid: Annotated[str, Meta(description="The Backup's uid, once it was seen.")] = ""
    phase: Annotated[
        str,
        Meta(
            description="Velero's phase, or Lost when the Backup is gone, Refused when it can't be made, "
            "Skipped when none was made because each of its namespaces was deleted or excluded."
        ),
    ] = ""
    since: Annotated[Time | None, Meta(description="When it was first seen in this phase.")] = None
    gone: Annotated[Time | None, Meta(description="Since when the Backup is not seen any more.")] = None
    created: Annotated[Time | None, Meta(description="When it was handed to Velero.")] = None
    started: Annotated[Time | None, Meta(description="When Velero began.")] = None
    ended: Annotated[Time | None, Meta(description="When Velero ended.")] = None
    bytes: Annotated[int, Meta(description="Bytes of its volumes.")] = 0
    volumes: Annotated[int, Meta(description="Volumes taken completely.")] = 0
    reason: Annotated[str, Meta(description="Why it did not complete.")] = ""
    left_out: Annotated[
        dict[str, str],
        Meta(
            description="Namespaces of the shard that it does not hold: Deleted or Excluded (by the label "
            "velero.io/exclude-from-backup) since the set was planned, or Vanished before Velero came to it."
        ),
    ] = {}
    nudged: Annotated[Time | None, Meta(description="When it was touched because it hung.")] = None


class Shard(_Status):
    """A share of the set: namespaces that are in no other shard, and the Backups made of them."""

    name: Annotated[str, Meta(description="What it is called in the names of its Backups.")]
    namespaces: Annotated[list[str], Meta(description="What its Backups hold.")] = []
    cluster: Annotated[bool, Meta(description="It holds the cluster-scoped resources.")] = False
    lane: Annotated[str, Meta(description="The namespace of the Velero it is planned for.")] = ""
    predicted_seconds: Annotated[int, Meta(description="How long its Backup takes, as planned.")] = 0
    load: Annotated[
        dict[str, int], Meta(description="Predicted seconds of volume data by node, for the order.")
    ] = {}
    volumes: Annotated[int, Meta(description="Volumes that the plan found in it.")] = 0
    fingerprints: Annotated[
        str,
        Meta(
            description="Four bytes of each one's hash, in base64, by which those are known that no Backup "
            "holds; empty where the template's filters or policies may leave them out on purpose."
        ),
    ] = ""
    attempts: Annotated[list[Attempt], Meta(description="Its Backups, the newest last.")] = []
    forgiven: Annotated[
        int, Meta(description="How many of them no longer count against the limit of retries.")
    ] = 0
    again: Annotated[
        int,
        Meta(
            description="One more is made after so many of them, though one is Completed, for volumes that "
            "were planned and not taken."
        ),
    ] = 0


class PlanSummary(_Status):
    """What was planned when the set began."""

    hash: Annotated[str, Meta(description="Of what was decided; its Backups bear it too.")]
    shards: Annotated[int, Meta(description="Into how many Backups the set is split.")] = 0
    predicted_seconds: Annotated[int, Meta(description="How long all of it takes, as simulated.")] = 0
    lower_bound_seconds: Annotated[
        int, Meta(description="What no order could beat with these slots and nodes.")
    ] = 0
    template: Annotated[
        dict[str, Any],
        Meta(
            description="The template as it was then; later changes of it are ignored.",
            extra_json_schema={"x-kubernetes-preserve-unknown-fields": True},
        ),
    ] = {}
    frozen: Annotated[str, Meta(description="A hash of what can't be changed any more.")] = ""
    absent: Annotated[
        list[str],
        Meta(description="Namespaces that selection names and that were not there: the set lacks them."),
    ] = []
    owner: Annotated[
        str, Meta(description="The set's uid on its Backups: an earlier set's where it was imported.")
    ] = ""


class Progress(_Status):
    """How far the set is, over all shards. Totals grow while Velero finds volumes."""

    bytes_done: Annotated[int, Meta(description="Bytes read of its volumes.")] = 0
    bytes_total: Annotated[int, Meta(description="Bytes of the volumes found so far.")] = 0
    volumes_done: Annotated[int, Meta(description="Volumes taken completely.")] = 0
    volumes_total: Annotated[int, Meta(description="Volumes found so far.")] = 0


class Missing(_Status):
    """What the restore point lacks."""

    namespace: Annotated[str, Meta(description="Where; alone if all of the namespace is missing.")]
    pod: Annotated[str, Meta(description="The pod whose volume is missing.")] = ""
    volume: Annotated[str, Meta(description="The volume, by its name in the pod.")] = ""
    reason: Annotated[str, Meta(description="Why.")] = ""
    claim: Annotated[
        str, Meta(description="Its PersistentVolumeClaim, where it was planned and not even tried.")
    ] = ""


class PointBackup(_Status):
    """A Backup that the restore point is made of."""

    name: Annotated[str, Meta(description="The Backup's name.")]
    lane: Annotated[str, Meta(description="The namespace of its Velero, which restores it too.")]
    shard: Annotated[str, Meta(description="The shard that it was made for.")]
    namespaces: Annotated[list[str], Meta(description="What it holds.")] = []


class RestorePoint(_Status):
    """The Backups that together are the restore point, and what they lack."""

    backups: Annotated[list[PointBackup], Meta(description="The best Backup of each shard.")] = []
    missing: Annotated[list[Missing], Meta(description="What none of them holds.")] = []


class ClusterRevision(_Status):
    """etcd's revision (the resourceVersion of a list) when the set began and when it ended."""

    start: Annotated[str, Meta(description="When it began.")] = ""
    end: Annotated[str, Meta(description="When it ended.")] = ""


class BackupSetStatus(_Status):
    """What the controller knows. All that must survive a crash is here or on the Backups."""

    observed_generation: Annotated[int, Meta(description="The generation of the spec last acted on.")] = 0
    phase: Annotated[
        SetPhase | None,
        Meta(
            description="Planning, Running or Paused; or at the end Completed, PartiallyFailed (something is "
            "missing, and named), Failed (nothing can be restored) or Expired (its Backups are gone)."
        ),
    ] = None
    started: Annotated[Time | None, Meta(description="When it began.")] = None
    ended: Annotated[Time | None, Meta(description="When it ended.")] = None
    expires: Annotated[Time | None, Meta(description="When the first of its Backups expires.")] = None
    plan: Annotated[PlanSummary | None, Meta(description="What was planned when the set began.")] = None
    shards: Annotated[list[Shard], Meta(description="The shards, in the order of the plan.")] = []
    progress: Annotated[Progress | None, Meta(description="How far it is.")] = None
    restore_point: Annotated[
        RestorePoint | None, Meta(description="What can be restored, and what is missing.")
    ] = None
    cluster_revision: Annotated[
        ClusterRevision | None, Meta(description="Between which states of the cluster it was made.")
    ] = None
    retried: Annotated[str, Meta(description="The last demand to retry that was followed.")] = ""
    retried_at: Annotated[Time | None, Meta(description="When that was; the deadline counts from it.")] = None
    conditions: Annotated[
        list[Condition],
        Meta(
            description="What holds it up or went wrong, and what to do.",
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = []


class ConcurrencyPolicy(StrEnum):
    """What happens when a run is due while the last one still runs."""

    ALLOW = "Allow"
    FORBID = "Forbid"


class SetTemplate(_Spec):
    """The BackupSets that a schedule makes."""

    labels: Annotated[
        dict[LabelKey, LabelValue], Meta(max_length=64, description="Labels that each of them gets.")
    ] = {}
    annotations: Annotated[dict[str, str], Meta(description="Annotations that each of them gets.")] = {}
    spec: Annotated[BackupSetSpec, Meta(description="Their spec.", extra_json_schema=ALONE_OR_NOT)] = (
        msgspec.field(default_factory=BackupSetSpec)
    )


_CRON: Final = _checks(
    (
        r"self.matches(r'^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*/,?#LW-]+'"
        r" + r'( +[0-9A-Za-z*/,?#LW-]+){4})$')",
        "expected five fields (minute hour day month weekday) such as '30 2 * * *', or @hourly, @daily, "
        "@weekly, @monthly, @yearly; a time zone stands in timeZone",
    )
)


class BackupSetScheduleSpec(_Spec):
    """When BackupSets are made: a CronJob's names and meanings."""

    schedule: Annotated[
        str,
        Meta(
            title="a cron expression such as '30 2 * * *' or @daily",
            min_length=1,
            max_length=256,
            description="Minute, hour, day of the month, month and weekday as cron reads them, "
            "or @hourly, @daily, @weekly, @monthly, @yearly.",
            extra_json_schema=_CRON,
        ),
    ]
    time_zone: Annotated[
        TimeZone, Meta(description="Whose hours these are: a name of the tz database as Europe/Berlin.")
    ] = "UTC"
    template: Annotated[SetTemplate, Meta(description="The BackupSets that are made.")] = msgspec.field(
        default_factory=SetTemplate
    )
    concurrency_policy: Annotated[
        ConcurrencyPolicy,
        Meta(
            description="When a run is due while the last one still runs: Forbid lets it wait for that one's "
            "end, Allow makes it; of two sets over the same namespaces the younger waits."
        ),
    ] = ConcurrencyPolicy.FORBID
    starting_deadline_seconds: Annotated[
        NotNegative | None,
        Meta(
            title="a whole number from 0 on",
            description="A run missed for longer than so many seconds is not made up for; the last missed "
            "one always is unless given.",
        ),
    ] = None
    successful_history_limit: Annotated[
        NotNegative,
        Meta(
            description="How many Completed sets are kept; the newest that can be restored always is. "
            "Its Backups live as long as their ttl says.",
        ),
    ] = 3
    failed_history_limit: Annotated[
        NotNegative,
        Meta(
            description="How many Failed and PartiallyFailed sets are kept.",
        ),
    ] = 1
    suspend: Annotated[bool, Meta(description="Makes no more sets; what runs goes on.")] = False


class BackupSetScheduleStatus(_Status):
    """What the controller knows of a schedule."""

    observed_generation: Annotated[int, Meta(description="The generation of the spec last acted on.")] = 0
    last_schedule_time: Annotated[Time | None, Meta(description="When a set was last due and made.")] = None
    last_successful_time: Annotated[
        Time | None, Meta(description="When a set of it last ended Completed.")
    ] = None
    next_schedule_time: Annotated[Time | None, Meta(description="When the next one is due.")] = None
    active: Annotated[list[str], Meta(description="Its sets that have not ended.")] = []
    conditions: Annotated[
        list[Condition],
        Meta(
            description="What is wrong with the schedule, and what to do.",
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = []
