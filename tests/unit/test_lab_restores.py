"""The comparison of the audit log with a plan tells what nobody planned, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.restores_audit import Allowed, not_planned
from tests.e2e.restores_running import KeptPlan, PlannedObject
from tests.unit.test_lab_audit import COLLECTOR, line, written

CONTROLLER = "system:serviceaccount:velero:velero-volume-controller"
VELERO = "system:serviceaccount:velero:velero"
PROVISIONER = "system:serviceaccount:local-path-storage:local-path-provisioner-service-account"
KUBELET = "system:node:node1"
SINCE = datetime(2026, 11, 28, tzinfo=UTC)

PLAN = KeptPlan(
    (
        PlannedObject("StatefulSet.apps", "shop", "db", "delete", "the backup holds it", "set"),
        PlannedObject("Pod", "shop", "db-0", "delete", "it goes with it", "pod"),
        PlannedObject("PersistentVolumeClaim", "shop", "data", "delete", "the backup holds it", "claim"),
        PlannedObject("ConfigMap", "shop", "extra", "keep", "the backup does not hold it", "extra"),
    ),
    frozenset({"set", "claim"}),
    {"shop": "shop"},
)
ALLOWED = Allowed(CONTROLLER, VELERO, (PLAN,), frozenset({"run-1"}))


def deleted(uid: str, by: str, resource: str = "configmaps", namespace: str = "shop") -> dict[str, Any]:
    return line(
        "delete",
        resource,
        user={"username": by},
        objectRef={"resource": resource, "namespace": namespace, "name": uid},
        responseStatus={"metadata": {}, "details": {"uid": uid}, "code": 200},
    )


def created(
    uid: str, by: str, resource: str = "pods", namespace: str = "shop", **more: Any
) -> dict[str, Any]:
    """`more` is metadata, and spec."""
    spec = more.pop("spec", {})
    return line(
        "create",
        resource,
        user={"username": by},
        objectRef={"resource": resource, "namespace": namespace, "name": uid},
        responseStatus={"metadata": {}, "code": 201},
        responseObject={"metadata": {"uid": uid, **more}, "spec": spec},
    )


def owned(uid: str, owner: str) -> dict[str, Any]:
    return created(uid, COLLECTOR, ownerReferences=[{"kind": "StatefulSet", "uid": owner}])


def volume(uid: str, claim: str) -> dict[str, Any]:
    claim_ref = {"claimRef": {"namespace": "shop", "name": "data", "uid": claim}}
    return created(uid, PROVISIONER, "persistentvolumes", "", spec=claim_ref)


RESTORED = {"velero.io/restore-name": "run-1"}
PLANNED: dict[str, list[dict[str, Any]]] = {
    "the controller deletes what the plan names": [deleted("set", CONTROLLER)],
    "the controller deletes what its own Restore made": [
        created("made", VELERO, labels=RESTORED),
        deleted("made", CONTROLLER),
    ],
    "the controller deletes a plan of its own": [
        created("plan", CONTROLLER, "configmaps", "velero"),
        deleted("plan", CONTROLLER, namespace="velero"),
    ],
    "the collector takes what a planned object owned": [owned("new", "set"), deleted("new", COLLECTOR)],
    "a kubelet finishes a pod": [deleted("any", KUBELET, "pods")],
    "a person deletes what she likes": [deleted("extra", "admin")],
    "the collector takes what a person's object owned": [
        owned("new", "hers"),
        deleted("hers", "admin"),
        deleted("new", COLLECTOR),
    ],
    "the provisioner deletes the volume of a planned claim": [
        volume("pv", "claim"),
        deleted("pv", PROVISIONER, "persistentvolumes", ""),
    ],
    "others delete elsewhere": [deleted("x", COLLECTOR, namespace="other")],
}
NOT_PLANNED: dict[str, list[dict[str, Any]]] = {
    "the controller deletes what stays": [deleted("extra", CONTROLLER)],
    "the controller deletes what only goes with another": [deleted("pod", CONTROLLER, "pods")],
    "the controller deletes elsewhere": [deleted("x", CONTROLLER, namespace="other")],
    "the controller deletes what another Restore made": [
        created("made", VELERO, labels={"velero.io/restore-name": "other"}),
        deleted("made", CONTROLLER),
    ],
    "the controller deletes another's ConfigMap": [
        created("theirs", "admin", "configmaps", "velero"),
        deleted("theirs", CONTROLLER, namespace="velero"),
    ],
    "the controller deletes a Backup of its own": [
        created("backup", CONTROLLER, "backups", "velero"),
        deleted("backup", CONTROLLER, "backups", "velero"),
    ],
    "the collector takes what the plan keeps": [deleted("extra", COLLECTOR)],
    "the controller deletes a namespace that somebody else has made": [
        created("theirs", "admin", "namespaces", ""),
        deleted("theirs", CONTROLLER, "namespaces", ""),
    ],
    "the provisioner deletes the volume of another claim": [
        volume("pv", "other"),
        deleted("pv", PROVISIONER, "persistentvolumes", ""),
    ],
    "the controller takes a finalizer off": [
        line(
            "patch",
            "configmaps",
            user={"username": CONTROLLER},
            requestObject={"metadata": {"finalizers": None}},
        )
    ],
}


@pytest.mark.parametrize("lines", PLANNED.values(), ids=PLANNED)
def test_nothing_is_told_where(lines: list[dict[str, Any]], tmp_path: Path) -> None:
    assert not_planned(written(tmp_path, *lines), SINCE, ALLOWED) == []


@pytest.mark.parametrize("lines", NOT_PLANNED.values(), ids=NOT_PLANNED)
def test_it_is_told_where(lines: list[dict[str, Any]], tmp_path: Path) -> None:
    assert len(not_planned(written(tmp_path, *lines), SINCE, ALLOWED)) == 1
