"""What a rehearsal makes: namespaces that are closed to all traffic, and how Velero is to restore. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from velero_volume_controller.api.backupset import GROUP
from velero_volume_controller.api.cleanrestore import RehearsalStatus
from velero_volume_controller.api.owned_names import owned_name
from velero_volume_controller.restore import naming
from velero_volume_controller.restore.rehearsing import REHEARSED
from velero_volume_controller.restore.steps import RunIdentity

#: On a scratch namespace: of which namespace of the backup it is a copy.
SOURCE: Final = f"{GROUP}/rehearsal-of"
#: On the ConfigMap: the names of the scratch namespaces, by their sources, and of the lanes, as JSON.
LEDGER: Final = f"{GROUP}/rehearsal"
#: The value of the label that says what a ConfigMap of a run holds.
REHEARSAL: Final = "rehearsal"
POLICY: Final = "vvc-rehearsal-closed"

_POD_SECURITY: Final = "pod-security.kubernetes.io/"
_ENFORCE: Final = f"{_POD_SECURITY}enforce"
_BASELINE: Final = "baseline"
_RESTRICTED: Final = "restricted"
#: Backups leave out a namespace that bears it, and what is in it (1.16 to 1.18, backup_controller.go).
_NOT_BACKED_UP: Final = "velero.io/exclude-from-backup"
_TEMPLATES: Final = (
    "daemonsets.apps",
    "deployments.apps",
    "replicasets.apps",
    "replicationcontrollers",
    "statefulsets.apps",
)


class Ledger(msgspec.Struct, frozen=True):
    """What a rehearsal may have made: written before anything is."""

    namespaces: dict[str, str]
    lanes: list[str]


def config_map_name(owner: RunIdentity) -> str:
    """Of the ConfigMap that Velero reads, in the namespace of each."""
    return owned_name(owner.name, owner.uid, REHEARSAL, 1)


def config_map(owner: RunIdentity, known: RehearsalStatus, storage_class: str | None) -> dict[str, Any]:
    """Velero's resource modifiers, one key only (resource_modifiers.go), and the ledger.

    It is owned by nobody: when its CleanRestore is deleted in the middle, it still says what there is to
    remove.
    """
    ledger = Ledger({each.name: each.source for each in known.namespaces}, list(known.lanes))
    return {
        "metadata": {
            "name": known.config_map,
            "labels": {**naming.labels(owner), "vvc.velero.io/holds": REHEARSAL},
            "annotations": {LEDGER: msgspec.json.encode(ledger).decode()},
        },
        "data": {"modifiers.yaml": modifiers(storage_class)},
    }


def modifiers(storage_class: str | None) -> str:
    """What Velero changes in what it restores, as RFC 7386 has it; JSON, which is YAML.

    Finalizers would be restored (restore.go, resetMetadata), and whoever set them is not here to take them
    off. Claims get new volumes: a volumeName or a selector would lead them to one that is somebody's. A
    class of priority could push aside what is not rehearsed.
    """
    claim: dict[str, Any] = {"volumeName": None, "selector": None, "dataSource": None, "dataSourceRef": None}
    if storage_class is not None:
        claim["storageClassName"] = storage_class
    modest = {"priorityClassName": None, "priority": None, "preemptionPolicy": None}
    rules = [
        _rule("**", {"metadata": {"finalizers": None}}),
        _rule("persistentvolumeclaims", {"spec": claim}),
        _rule("pods", {"spec": modest}),
        *(_rule(each, {"spec": {"template": {"spec": modest}}}) for each in _TEMPLATES),
    ]
    return msgspec.json.encode({"version": "v1", "resourceModifierRules": rules}).decode()


def _rule(what: str, patch: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "conditions": {"groupResource": what},
        "mergePatches": [{"patchData": msgspec.json.encode(patch).decode()}],
    }


def restore_spec(known: RehearsalStatus) -> dict[str, Any]:
    """What makes a Restore a rehearsal.

    No PersistentVolume comes back, as nothing cluster-scoped does: one that is retained and of which the
    backup has no data would be restored as it is, and two would be of one disk (restore.go 1.18,
    handleSkippedPVHasRetainPolicy). Named they have to be: else Velero writes no data into claims (restore.go
    1.16 to 1.18.1, before restorePodVolumeBackups). restorePVs is about snapshots alone.
    """
    return {
        "includedResources": sorted({*REHEARSED.values(), "persistentvolumes"}),
        "includeClusterResources": False,
        "restorePVs": False,
        "resourceModifier": {"kind": "ConfigMap", "name": known.config_map},
    }


def namespace(owner: RunIdentity, name: str, source: str, found: Mapping[str, str]) -> dict[str, Any]:
    """``found`` are the labels of the namespace that it stands for, if that is live.

    At least baseline: what it refuses, as hostPath volumes and the host's network, leads out of the
    namespace, and no NetworkPolicy holds for it.
    """
    labels = {key: value for key, value in found.items() if key.startswith(_POD_SECURITY)}
    if labels.get(_ENFORCE) != _RESTRICTED:
        labels = {key: value for key, value in labels.items() if not key.startswith(_ENFORCE)}
        labels[_ENFORCE] = _BASELINE
    return {
        "metadata": {
            "name": name,
            "labels": {**labels, **naming.labels(owner), _NOT_BACKED_UP: "true"},
            "annotations": {SOURCE: source},
        }
    }


def closed() -> dict[str, Any]:
    """A NetworkPolicy that selects every pod and allows nothing, in or out."""
    return {
        "metadata": {"name": POLICY},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []},
    }
