"""What must be known of a cluster before anything in it is touched, besides the plan. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

import msgspec

from velero_volume_controller.api.cleanrestore import CleanRestoreSpec
from velero_volume_controller.restore.admission import Hook
from velero_volume_controller.restore.contents import Contents
from velero_volume_controller.restore.planned import Action, Plan, Planned
from velero_volume_controller.velero.model.arguments import seconds, truth
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.claims import Claim
from velero_volume_controller.velero.model.lanes import StorageLocation
from velero_volume_controller.velero.model.namespaces import Namespace
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.restore_runs import Restore
from velero_volume_controller.velero.model.servers import Server
from velero_volume_controller.velero.model.stored_files import Results
from velero_volume_controller.velero.model.validations import Validation


@dataclass(frozen=True, slots=True)
class Source:
    """A Backup that is restored. ``backup`` is None if it is gone; ``results`` if they could not be read."""

    name: str
    backup: Backup | None
    results: Results | None = None


@dataclass(frozen=True, slots=True)
class ServedKind:
    """How a kind is served here: its name in paths, and the versions in which objects of it can be made."""

    plural: str
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A node. ``open``: it is ready, and pods without tolerations may be scheduled to it."""

    name: str
    open: bool


@dataclass(frozen=True, slots=True)
class Agent:
    """A node-agent's pod."""

    name: str
    node: str
    ready: bool


@dataclass(frozen=True, slots=True)
class Quota:
    """A ResourceQuota. ``scoped``: it counts some pods alone."""

    key: Key
    hard: Mapping[str, str]
    used: Mapping[str, str]
    scoped: bool = False


@dataclass(frozen=True, slots=True)
class Installed:
    """Velero as it runs: ``namespace`` is its own. ``server`` is None if there is none."""

    namespace: str
    server: Server | None = None
    agents: tuple[Agent, ...] = ()
    locations: tuple[StorageLocation, ...] = ()
    validations: tuple[Validation, ...] = ()
    restores: tuple[Restore, ...] = ()
    load: int = 1
    """Volumes that a node-agent takes at a time, at most."""
    class_changes: Mapping[str, str] = field(default_factory=dict)
    """StorageClasses, and what Velero makes of them in a Restore (change-storage-class)."""

    def validation_period(self, default: float) -> float:
        """How often the server looks at its locations, in seconds; 0 for never."""
        flags = self.server.flags if self.server is not None else {}
        try:
            return seconds(flags, "store-validation-frequency", default)
        except ValueError:
            return default

    @property
    def restore_only(self) -> bool:
        """The server makes no Backups."""
        flags = self.server.flags if self.server is not None else {}
        try:
            return truth(flags, "restore-only", default=False)
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Served:
    """What the API server serves, and who answers for it. ``unanswered`` are versions of groups.

    ``unready`` are the (namespace, name) of Services behind ``hooks`` that have no ready endpoint.
    """

    kinds: Mapping[tuple[str, str], ServedKind] = field(default_factory=dict)
    unanswered: tuple[str, ...] = ()
    hooks: tuple[Hook, ...] = ()
    unready: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Facts:
    """``run`` is the uid of the CleanRestore, so that its own Restores are no others'. ``undo_in`` is the
    namespace of the Velero that makes the undo backup. ``claims`` are those of the namespaces that are
    restored, and of those that they come from."""

    spec: CleanRestoreSpec
    plan: Plan
    contents: Contents
    now: datetime
    velero: Installed
    served: Served = field(default_factory=Served)
    sources: tuple[Source, ...] = ()
    taken: tuple[PodVolumeBackup, ...] = ()
    nodes: tuple[Node, ...] = ()
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    classes: frozenset[str] = frozenset()
    quotas: tuple[Quota, ...] = ()
    run: str = ""
    undo_in: str = "velero"

    @cached_property
    def targets(self) -> frozenset[str]:
        """The namespaces that are restored, by the names that they get."""
        return frozenset(self.plan.targets.values())

    @cached_property
    def coming(self) -> tuple[Planned, ...]:
        """What Velero will make."""
        mapped = self.plan.targets
        held = {
            key._replace(namespace=mapped.get(key.namespace, key.namespace)) for key in self.contents.items
        }
        return tuple(
            each
            for each in self.plan.objects
            if each.action is Action.CREATE or (each.action is Action.DELETE and each.key in held)
        )

    @cached_property
    def going(self) -> tuple[Planned, ...]:
        """What is deleted."""
        return tuple(each for each in self.plan.objects if each.action is Action.DELETE)


@dataclass(frozen=True, slots=True)
class Remark:
    """What does not stand against the run and should be known: a sentence without its full stop."""

    message: str


class _WireMetadata(msgspec.Struct, rename="camel"):
    name: str
    namespace: str = ""
    labels: dict[str, str] | None = None
    deletion_timestamp: str | None = None


class _WireTaint(msgspec.Struct, frozen=True):
    effect: str = ""


class _WireNodeSpec(msgspec.Struct, frozen=True):
    unschedulable: bool = False
    taints: tuple[_WireTaint, ...] | None = None


class _WireCondition(msgspec.Struct, frozen=True):
    type: str = ""
    status: str = ""


class _WireStatus(msgspec.Struct, frozen=True):
    phase: str = ""
    conditions: tuple[_WireCondition, ...] | None = None

    def ready(self) -> bool:
        return any(each.type == "Ready" and each.status == "True" for each in self.conditions or ())


class _WireNode(msgspec.Struct):
    metadata: _WireMetadata
    spec: _WireNodeSpec = _WireNodeSpec()
    status: _WireStatus = _WireStatus()


class _WirePodSpec(msgspec.Struct, rename="camel", frozen=True):
    node_name: str = ""


class _WirePod(msgspec.Struct):
    metadata: _WireMetadata
    spec: _WirePodSpec = _WirePodSpec()
    status: _WireStatus = _WireStatus()


class _WireQuotaSpec(msgspec.Struct, rename="camel", frozen=True):
    hard: dict[str, str] | None = None
    scopes: tuple[str, ...] | None = None
    scope_selector: dict[str, msgspec.Raw] | None = None


class _WireQuotaStatus(msgspec.Struct, frozen=True):
    used: dict[str, str] | None = None


class _WireQuota(msgspec.Struct):
    metadata: _WireMetadata
    spec: _WireQuotaSpec = _WireQuotaSpec()
    status: _WireQuotaStatus = _WireQuotaStatus()


_NODE: Final = msgspec.json.Decoder(_WireNode)
_POD: Final = msgspec.json.Decoder(_WirePod)
_QUOTA: Final = msgspec.json.Decoder(_WireQuota)
#: Taints that keep pods away.
_KEEPING_AWAY: Final = frozenset({"NoSchedule", "NoExecute"})


def decode_node(raw: bytes | msgspec.Raw) -> Node:
    """Decode a Node. Raises msgspec.MsgspecError if it is none."""
    wire = _NODE.decode(raw)
    away = any(taint.effect in _KEEPING_AWAY for taint in wire.spec.taints or ())
    return Node(wire.metadata.name, wire.status.ready() and not wire.spec.unschedulable and not away)


def decode_agent_pod(raw: bytes | msgspec.Raw) -> tuple[Agent, dict[str, str]]:
    """Decode a Pod as if it were a node-agent's, and its labels, which tell. Raises likewise."""
    wire = _POD.decode(raw)
    ready = wire.status.ready() and wire.metadata.deletion_timestamp is None
    return Agent(wire.metadata.name, wire.spec.node_name, ready), wire.metadata.labels or {}


def decode_quota(raw: bytes | msgspec.Raw) -> Quota:
    """Decode a ResourceQuota. Raises likewise."""
    wire = _QUOTA.decode(raw)
    key = Key("", "ResourceQuota", sys.intern(wire.metadata.namespace), wire.metadata.name)
    scoped = bool(wire.spec.scopes) or wire.spec.scope_selector is not None
    return Quota(key, wire.spec.hard or {}, wire.status.used or {}, scoped)
