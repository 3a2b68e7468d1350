"""CleanRestore: what is restored, what is cleared away before, and what is never touched.

Durations are written as Velero and Kubernetes write them (``90s``, ``1h30m``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from velero_volume_controller.api import names
from velero_volume_controller.api.backupset import Duration, LabelSelector, Name, NameOrPattern

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


class CleanRestoreSpec(Clearing, kw_only=True):
    """One run: what is restored, and what is cleared away before."""

    source: Annotated[Source, Meta(description="What is restored.")]
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
