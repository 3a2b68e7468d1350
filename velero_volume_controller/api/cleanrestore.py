"""CleanRestore: what is restored, what is cleared away before, and what is never touched.

Durations are written as Velero and Kubernetes write them (``90s``, ``1h30m``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from velero_volume_controller.api import names
from velero_volume_controller.api.backupset import (
    Condition,
    Duration,
    LabelSelector,
    Name,
    NameOrPattern,
    Time,
)

#: As the API server and RBAC call them.
CLEAN_RESTORES: Final = "cleanrestores"
#: On a namespace or an object, as label or annotation: no CleanRestore deletes it.
PROTECT: Final = "vvc.velero.io/protect"
#: On a workload that was stilled: by which CleanRestore, and what it was before (``restore.quiet``).
QUIESCED: Final = "vvc.velero.io/quiesced"

_MAX_NAMES: Final = 1024

Kind = Annotated[
    str,
    Meta(
        title="a kind and its group such as Certificate.cert-manager.io",
        pattern=r"^[A-Z][A-Za-z0-9]*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        max_length=names.SUBDOMAIN_LENGTH,
    ),
]
ObjectName = Annotated[
    str,
    Meta(
        title="the name of an object",
        pattern=names.SUBDOMAIN,
        min_length=1,
        max_length=names.SUBDOMAIN_LENGTH,
    ),
]
Hash = Annotated[str, Meta(title="a plan's hash (sha256: and 64 digits)", pattern=r"^sha256:[0-9a-f]{64}$")]


class Scope(StrEnum):
    """How much is cleared away: from least to most."""

    VOLUMES = "volumes"
    RESOURCES = "resources"
    NAMESPACE = "namespace"


class Extras(StrEnum):
    """What becomes of live objects that the backup does not hold."""

    KEEP = "keep"
    DELETE = "delete"


class Undo(StrEnum):
    """Whether what is cleared away is backed up before."""

    REQUIRED = "required"
    BEST_EFFORT = "bestEffort"
    NONE = "none"


class Approval(StrEnum):
    """Who lets a plan go on."""

    MANUAL = "manual"
    AUTOMATIC = "automatic"


class PredictedFrom(StrEnum):
    """By what a prediction knows how fast a volume is written."""

    RESTORES = "Restores"
    """Restores before it."""
    BACKUPS = "Backups"
    """How fast it was read: before anything was ever restored here."""


class _Spec(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """What a person writes: a key that is not known is a mistake."""


class RestoredNamespaces(_Spec):
    """Which of the backup's namespaces: all, unless it says otherwise. Protected ones are left out."""

    include: Annotated[
        list[NameOrPattern],
        Meta(
            min_length=1,
            max_length=_MAX_NAMES,
            description="Names in the backup; in them * is any run of characters. All unless given.",
        ),
    ] = msgspec.field(default_factory=lambda: ["*"])
    exclude: Annotated[
        list[NameOrPattern],
        Meta(max_length=_MAX_NAMES, description="Names, with * as in include, that are left out."),
    ] = []


class Protect(_Spec):
    """What is never deleted, besides what never is anyway."""

    namespaces: Annotated[
        list[NameOrPattern],
        Meta(max_length=_MAX_NAMES, description="Namespaces; in them * is any run of characters."),
    ] = []
    selector: Annotated[
        LabelSelector | None, Meta(description="Objects with these labels; an empty one is all objects.")
    ] = None


class Clearing(_Spec):
    """What a plan is made from, besides the backup and the cluster."""

    namespaces: Annotated[RestoredNamespaces, Meta(description="Which namespaces are restored.")] = (
        msgspec.field(default_factory=RestoredNamespaces)
    )
    namespace_mapping: Annotated[
        dict[Name, Name],
        Meta(
            max_length=_MAX_NAMES,
            description="Namespaces of the backup that come back under another name, as {shop: shop-test}.",
        ),
    ] = {}
    scope: Annotated[
        Scope,
        Meta(
            title="volumes, resources or namespace",
            description="volumes: the pods and claims whose data comes back, and the workloads that own "
            "those pods. resources: what the backup holds. namespace: all that is in its namespaces.",
        ),
    ] = Scope.RESOURCES
    extras: Annotated[
        Extras,
        Meta(
            title="keep or delete",
            description="Live objects of those namespaces that the backup does not hold. Scope namespace "
            "deletes them, scope volumes keeps them.",
        ),
    ] = Extras.KEEP
    allow_kinds: Annotated[
        list[Kind],
        Meta(
            max_length=256,
            description="Kinds of custom resources that may be deleted though they have finalizers: their "
            "operators may then delete what lies outside the cluster.",
        ),
    ] = []
    protect: Annotated[Protect, Meta(description="What is never deleted.")] = msgspec.field(
        default_factory=Protect
    )


class Source(_Spec):
    """What is restored: exactly one of them."""

    backup_set: Annotated[
        ObjectName | None, Meta(title="the name of an object", description="A BackupSet.")
    ] = None
    backup: Annotated[
        ObjectName | None, Meta(title="the name of an object", description="A Backup of Velero's.")
    ] = None
    backups: Annotated[
        list[ObjectName],
        Meta(max_length=_MAX_NAMES, description="Several Backups of Velero's that are one restore point."),
    ] = []


class Timeouts(_Spec):
    """How long the steps may take."""

    clear: Annotated[Duration, Meta(description="Until what was cleared away is gone.")] = "15m"
    restore: Annotated[Duration, Meta(description="Until Velero's Restores have ended.")] = "4h"


class Verify(_Spec):
    """What is looked at when all is restored."""

    pods_ready: Annotated[Duration, Meta(description="How long pods may take to be ready.")] = "10m"


class Rehearsal(_Spec):
    """The backup is restored into namespaces of its own, looked at, timed, and removed again."""

    storage_class: Annotated[
        ObjectName | None,
        Meta(
            title="the name of an object",
            description="The StorageClass of which volumes are provisioned; unless given, each claim's own.",
        ),
    ] = None


_ONE_SOURCE: Final = {
    "x-kubernetes-validations": [
        {
            "rule": "[has(self.backupSet), has(self.backup), has(self.backups) && size(self.backups) > 0]"
            ".filter(given, given).size() == 1",
            "message": "spec.source: expected exactly one of backupSet, backup and backups",
        }
    ]
}


class CleanRestoreSpec(Clearing, kw_only=True):
    """One run: what is restored, and what is cleared away before."""

    source: Annotated[Source, Meta(description="What is restored.", extra_json_schema=_ONE_SOURCE)]
    undo: Annotated[
        Undo,
        Meta(
            title="required, bestEffort or none",
            description="Whether what is cleared away is backed up before. required: every claim with "
            "its data.",
        ),
    ] = Undo.REQUIRED
    approval: Annotated[
        Approval,
        Meta(
            title="manual or automatic",
            description="manual: nothing is touched before planHash is the hash of the plan.",
        ),
    ] = Approval.MANUAL
    plan_hash: Annotated[
        Hash | None,
        Meta(
            title="a plan's hash (sha256: and 64 digits)",
            description="The hash of the plan that is approved.",
        ),
    ] = None
    allow_partial: Annotated[
        bool,
        Meta(
            description="Restores PartiallyFailed Backups, too: what failed in them does not come back, and "
            "the plan names it.",
        ),
    ] = False
    cancel: Annotated[
        bool,
        Meta(description="Ends the run, as long as nothing has been deleted. What was stilled is put back."),
    ] = False
    undo_of: Annotated[
        ObjectName | None,
        Meta(
            title="the name of an object",
            description="The CleanRestore that this one undoes: it deletes what that one restored, and "
            "nothing else.",
        ),
    ] = None
    rehearsal: Annotated[
        Rehearsal | None,
        Meta(
            description="Nothing that exists is touched: it is restored into scratch namespaces that the run "
            "makes and removes, to see that it can be, and how long it takes. No approval is needed.",
        ),
    ] = None
    restore_template: Annotated[
        dict[str, Any],
        Meta(
            description="Fields of Velero's RestoreSpec that every Restore gets: hooks, preserveNodePorts, "
            "restoreStatus, … What is restored is said by the other keys."
        ),
    ] = {}
    timeouts: Annotated[Timeouts, Meta(description="How long the steps may take.")] = msgspec.field(
        default_factory=Timeouts
    )
    verify: Annotated[Verify, Meta(description="What is looked at afterwards.")] = msgspec.field(
        default_factory=Verify
    )


class _Status(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What the controller writes: a newer one may have written more."""


class RestorePhase(StrEnum):
    """Where a CleanRestore stands, in the order in which it goes."""

    PLANNING = "Planning"
    AWAITING_APPROVAL = "AwaitingApproval"
    VALIDATING = "Validating"
    PREPARING = "Preparing"
    UNDO_BACKUP = "UndoBackup"
    QUIESCING = "Quiescing"
    CLEARING = "Clearing"
    WAITING_GONE = "WaitingGone"
    RESTORING = "Restoring"
    VERIFYING = "Verifying"
    CLEANING_UP = "CleaningUp"
    COMPLETED = "Completed"
    COMPLETED_WITH_WARNINGS = "CompletedWithWarnings"
    FAILED = "Failed"
    CANCELLED = "Cancelled"

    @property
    def ended(self) -> bool:
        """Nothing more happens, unless a failed one is told to go on."""
        return self in _ENDED

    @property
    def touches(self) -> bool:
        """What is in the namespaces may be different from before."""
        return self in _TOUCHING


_ENDED: Final = frozenset(
    {
        RestorePhase.COMPLETED,
        RestorePhase.COMPLETED_WITH_WARNINGS,
        RestorePhase.FAILED,
        RestorePhase.CANCELLED,
    }
)
_TOUCHING: Final = frozenset(
    {
        RestorePhase.QUIESCING,
        RestorePhase.CLEARING,
        RestorePhase.WAITING_GONE,
        RestorePhase.RESTORING,
        RestorePhase.VERIFYING,
    }
)


class SourceBackup(_Status):
    """A Backup of the restore point."""

    name: Annotated[str, Meta(description="Its name.")]
    namespace: Annotated[str, Meta(description="That of its Velero, which restores it too.")]


class PlanSummary(_Status):
    """What was decided about every object, in short."""

    hash: Annotated[str, Meta(description="The plan's hash: approved is what spec.planHash says.")]
    delete: Annotated[int, Meta(description="Objects that are deleted.")] = 0
    keep: Annotated[int, Meta(description="Objects that stay.")] = 0
    create: Annotated[int, Meta(description="Objects that come back and are not there.")] = 0
    blocked: Annotated[
        int, Meta(description="Objects that would have to go and may not: such a plan is refused.")
    ] = 0
    config_maps: Annotated[
        list[str], Meta(description="ConfigMaps that hold the whole plan, gzipped, in their order.")
    ] = []
    digest: Annotated[str, Meta(description="sha256 of what they hold.")] = ""
    made: Annotated[Time | None, Meta(description="When it was made.")] = None
    namespaces: Annotated[
        list[str], Meta(description="Namespaces that are restored, by the names that they get.")
    ] = []
    backups: Annotated[
        list[SourceBackup], Meta(description="What is restored, in the order in which it is.")
    ] = []
    undoes: Annotated[
        str, Meta(description="The uid of the CleanRestore that is undone: what it left stilled is put back.")
    ] = ""
    predicted_seconds: Annotated[
        float | None,
        Meta(
            description="Seconds from the first Restore to the end of the last one, as predicted; absent "
            "where nothing tells."
        ),
    ] = None
    predicted_from: Annotated[
        PredictedFrom | None,
        Meta(
            description="By what it is known how fast a volume is written: Restores of before or, as long as "
            "there are none, how fast Backups read it."
        ),
    ] = None


class RunStep(_Status):
    """A phase that was gone through."""

    phase: Annotated[RestorePhase, Meta(description="Which.")]
    started: Annotated[Time, Meta(description="When it began.")]
    ended: Annotated[Time | None, Meta(description="When it ended.")] = None


class Uncovered(_Status):
    """A claim whose data the undo backup does not have."""

    namespace: Annotated[str, Meta(description="Where.")]
    claim: Annotated[str, Meta(description="Its name.")]
    reason: Annotated[str, Meta(description="Why.")] = ""


class UndoStatus(_Status):
    """The Backup of what is cleared away."""

    backup: Annotated[str, Meta(description="Its name.")]
    namespace: Annotated[str, Meta(description="That of its Velero.")]
    uid: Annotated[str, Meta(description="Its uid, once it was seen.")] = ""
    phase: Annotated[str, Meta(description="Velero's phase.")] = ""
    attempt: Annotated[int, Meta(description="Which attempt it is.")] = 1
    created: Annotated[Time | None, Meta(description="When it was handed to Velero.")] = None
    expires: Annotated[Time | None, Meta(description="When Velero deletes it.")] = None
    gone: Annotated[Time | None, Meta(description="Since when it is missing.")] = None
    kept: Annotated[
        bool, Meta(description="Something has been deleted since: this stays the one to go back to.")
    ] = False
    uncovered: Annotated[
        list[Uncovered], Meta(description="Claims that are deleted and whose data it does not have.")
    ] = []


class RunRestore(_Status):
    """A Restore of Velero's that this run made."""

    name: Annotated[str, Meta(description="Its name.")]
    namespace: Annotated[str, Meta(description="That of its Velero.")]
    backup: Annotated[str, Meta(description="The Backup that it restores.")]
    uid: Annotated[str, Meta(description="Its uid, once it was seen.")] = ""
    attempt: Annotated[int, Meta(description="Which attempt at this Backup it is.")] = 1
    phase: Annotated[str, Meta(description="Velero's phase, or Lost when it is gone.")] = ""
    created: Annotated[Time | None, Meta(description="When it was handed to Velero.")] = None
    started: Annotated[Time | None, Meta(description="When Velero began.")] = None
    ended: Annotated[Time | None, Meta(description="When Velero ended.")] = None
    errors: Annotated[int, Meta(description="Errors that Velero counts.")] = 0
    warnings: Annotated[int, Meta(description="Warnings that Velero counts.")] = 0
    reason: Annotated[str, Meta(description="Why it did not complete.")] = ""
    gone: Annotated[Time | None, Meta(description="Since when it is missing.")] = None
    cleared: Annotated[
        bool, Meta(description="Velero failed it, and what it had made has been cleared away.")
    ] = False
    superseded: Annotated[
        bool, Meta(description="A later plan clears away again what it restored: it counts no more.")
    ] = False


class RunProgress(_Status):
    """How far it is."""

    gone: Annotated[int, Meta(description="Objects of the plan that are gone.")] = 0
    to_go: Annotated[int, Meta(description="Objects that the plan deletes.")] = 0
    volumes_done: Annotated[int, Meta(description="Volumes written completely.")] = 0
    volumes_total: Annotated[int, Meta(description="Volumes found so far.")] = 0
    bytes_done: Annotated[int, Meta(description="Bytes written.")] = 0
    bytes_total: Annotated[int, Meta(description="Bytes of the volumes found so far.")] = 0


class Verified(_Status):
    """What was found when all was restored."""

    objects: Annotated[int, Meta(description="Objects of the backup that were looked for.")] = 0
    missing: Annotated[int, Meta(description="Of these, how many are not there.")] = 0
    left_out: Annotated[
        int, Meta(description="Objects of the backup that are rightly not there; the report says why.")
    ] = 0
    claims: Annotated[int, Meta(description="Claims that were looked for.")] = 0
    claims_bound: Annotated[int, Meta(description="Of these, how many are bound.")] = 0
    volumes: Annotated[int, Meta(description="Volumes with data that were to be written.")] = 0
    volumes_done: Annotated[int, Meta(description="Of these, how many were written completely.")] = 0
    bytes: Annotated[int, Meta(description="Bytes written.")] = 0
    pods: Annotated[int, Meta(description="Pods that should run.")] = 0
    pods_ready: Annotated[int, Meta(description="Of these, how many are ready.")] = 0
    differences: Annotated[
        list[str], Meta(description="What is not as it was backed up; the first of them.")
    ] = []
    report: Annotated[str, Meta(description="The ConfigMap that holds the whole report, gzipped.")] = ""


class ScratchNamespace(_Status):
    """A namespace that a rehearsal restores into."""

    name: Annotated[str, Meta(description="Its name.")]
    source: Annotated[str, Meta(description="The namespace of the backup that is restored into it.")]
    uid: Annotated[str, Meta(description="Its uid, once it was made: no other is ever deleted.")] = ""


class RehearsalStatus(_Status):
    """What a rehearsal made, and how long the restore took."""

    namespaces: Annotated[
        list[ScratchNamespace], Meta(description="The namespaces that it makes, and removes.")
    ] = []
    lanes: Annotated[
        list[str], Meta(description="Namespaces of the Veleros that restore; each reads a ConfigMap there.")
    ] = []
    config_map: Annotated[str, Meta(description="The name of that ConfigMap.")] = ""
    schedule: Annotated[
        str, Meta(description="The BackupSetSchedule that made the set, if one did: metrics bear its name.")
    ] = ""
    data_seconds: Annotated[
        float | None, Meta(description="Seconds from the first Restore to the end of the last one.")
    ] = None
    ready_seconds: Annotated[
        float | None,
        Meta(description="Seconds from the first Restore until all claims were bound and all pods ready."),
    ] = None
    volumes: Annotated[int, Meta(description="Volumes that were written completely.")] = 0
    bytes: Annotated[int, Meta(description="Bytes written.")] = 0
    retained: Annotated[
        list[str], Meta(description="PersistentVolumes that stay, for their StorageClass retains them.")
    ] = []
    removed: Annotated[Time | None, Meta(description="When what it made was gone.")] = None


class Unwinding(_Status):
    """Why what was stilled or made is put back or removed, and what the run ends as then."""

    phase: Annotated[
        RestorePhase, Meta(description="Failed or Cancelled; of a rehearsal any that it can end in.")
    ]
    reason: Annotated[str, Meta(description="Why, in one word.")] = ""
    message: Annotated[str, Meta(description="Why, and what to do.")] = ""
    resume_from: Annotated[RestorePhase | None, Meta(description="Where it could go on.")] = None
    since: Annotated[Time | None, Meta(description="Since when.")] = None


class CleanRestoreStatus(_Status):
    """What the controller knows. All that must survive a crash is here, in the plan's ConfigMaps, or on what
    was made."""

    observed_generation: Annotated[int, Meta(description="The generation of the spec last acted on.")] = 0
    phase: Annotated[
        RestorePhase | None,
        Meta(
            description="Planning, AwaitingApproval, Validating, UndoBackup, Quiescing, Clearing, "
            "WaitingGone, Restoring, Verifying; of a rehearsal Planning, AwaitingApproval, Validating, "
            "Preparing, Restoring, Verifying, CleaningUp; or at the end Completed, CompletedWithWarnings, "
            "Failed, Cancelled."
        ),
    ] = None
    started: Annotated[Time | None, Meta(description="When it was approved.")] = None
    ended: Annotated[Time | None, Meta(description="When it ended.")] = None
    resume_from: Annotated[
        RestorePhase | None, Meta(description="Where a failed one goes on when it is told to.")
    ] = None
    resumed: Annotated[str, Meta(description="The last demand to go on that was followed.")] = ""
    plan: Annotated[PlanSummary | None, Meta(description="The plan, in short.")] = None
    steps: Annotated[list[RunStep], Meta(description="What it has gone through.")] = []
    undo: Annotated[UndoStatus | None, Meta(description="The Backup of what is cleared away.")] = None
    deleted: Annotated[
        bool, Meta(description="It has begun to delete: from then on the way leads forward, or by an undo.")
    ] = False
    quiet_since: Annotated[
        Time | None, Meta(description="Since when all that was to be stilled stands still.")
    ] = None
    unwinding: Annotated[Unwinding | None, Meta(description="What was stilled is being put back.")] = None
    clear_again: Annotated[
        list[str],
        Meta(description="Restores that Velero failed: what they made is cleared away before the next one."),
    ] = []
    retries: Annotated[
        int, Meta(description="Restores that were made again since it began, or was last told to go on.")
    ] = 0
    restores: Annotated[list[RunRestore], Meta(description="Velero's Restores, in their order.")] = []
    progress: Annotated[RunProgress | None, Meta(description="How far it is.")] = None
    verify: Annotated[Verified | None, Meta(description="What was found in the end.")] = None
    rehearsal: Annotated[
        RehearsalStatus | None, Meta(description="Of a rehearsal: what it made, and what it measured.")
    ] = None
    problems: Annotated[
        list[str], Meta(description="What stands against the run, and what to do; the first of them.")
    ] = []
    remarks: Annotated[
        list[str],
        Meta(description="What does not stand against it and should be known; the first of them."),
    ] = []
    conditions: Annotated[
        list[Condition],
        Meta(
            description="What holds it up or went wrong, and what to do.",
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = []
