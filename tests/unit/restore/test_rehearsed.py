"""What of a backup is rehearsed, under which names, and what Velero is told to change in it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.restore.makers import contents, key
from tests.unit.restore_run.runmaker import IDENTITY, make_spec
from velero_volume_controller.api.cleanrestore import (
    Clearing,
    RehearsalStatus,
    RestoredNamespaces,
    ScratchNamespace,
)
from velero_volume_controller.api.names import is_namespace
from velero_volume_controller.restore import scratch_objects
from velero_volume_controller.restore.planned import PlanRefused
from velero_volume_controller.restore.rehearsing import (
    CLUSTER_SCOPED,
    CUSTOM,
    OF_SYSTEM,
    REHEARSED,
    mapped,
    rehearsed,
    scratch_name,
)
from velero_volume_controller.restore.written import WrittenRestore, manifest
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData

NAMESPACES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
UIDS = st.uuids().map(str)


@given(NAMESPACES, UIDS)
def test_a_scratch_namespace_can_be_called_so_and_is_called_so_each_time(name: str, uid: str) -> None:
    found = scratch_name(name, uid)
    assert is_namespace(found)
    assert found == scratch_name(name, uid)
    assert found != name
    assert "-rehearsal-" in found


@given(st.sets(NAMESPACES, min_size=2, max_size=8), UIDS, UIDS)
def test_no_two_namespaces_and_no_two_runs_share_one(names: set[str], one: str, other: str) -> None:
    found = [scratch_name(name, uid) for name in sorted(names) for uid in {one, other}]
    assert len(set(found)) == len(found)


def test_long_names_that_begin_alike_are_told_apart() -> None:
    one, other = scratch_name("a" * 62 + "b", "u"), scratch_name("a" * 62 + "c", "u")
    assert one != other
    assert len(one) == len(other) == 63


KINDS: dict[str, tuple[Key, str | None]] = {
    "a Pod is": (key("Pod web"), None),
    "a StatefulSet is": (key("StatefulSet db"), None),
    "a Secret is": (key("Secret password"), None),
    "a claim is": (key("PersistentVolumeClaim data"), None),
    "its Namespace is": (key("Namespace shop"), None),
    "a Service is not, for it would be reached": (key("Service web"), "nothing is to be reached"),
    "a NetworkPolicy is not, for it would open what is closed": (
        Key("networking.k8s.io", "NetworkPolicy", "shop", "allow"),
        "would open what is closed",
    ),
    "an Ingress is not": (Key("networking.k8s.io", "Ingress", "shop", "web"), "from outside"),
    "a CronJob is not": (key("CronJob nightly"), "a second time"),
    "a Job is not": (key("Job once"), "a second time"),
    "a RoleBinding is not, for it would give rights": (
        Key("rbac.authorization.k8s.io", "RoleBinding", "shop", "edit"),
        "no rights",
    ),
    "a custom resource is not": (key("Widget one"), CUSTOM),
    "a route of a gateway is not": (
        Key("gateway.networking.k8s.io", "HTTPRoute", "shop", "web"),
        CUSTOM,
    ),
    "a webhook is not": (
        Key("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "", "w"),
        CLUSTER_SCOPED,
    ),
    "an APIService is not": (Key("apiregistration.k8s.io", "APIService", "", "v1.x"), CLUSTER_SCOPED),
    "a PersistentVolume is not": (key("PersistentVolume pv-1"), CLUSTER_SCOPED),
    "a ClusterRole is not": (key("ClusterRole admin"), CLUSTER_SCOPED),
    "nothing of Kubernetes's own is": (key("Pod kube-system/dns"), OF_SYSTEM),
    "nothing of Velero's is": (key("Pod velero/velero"), OF_SYSTEM),
    "nor its Namespace": (key("Namespace velero"), OF_SYSTEM),
}


@pytest.mark.parametrize(("item", "why"), KINDS.values(), ids=KINDS)
def test_what_is_rehearsed(item: Key, why: str | None) -> None:
    found = rehearsed(contents([item]), ["velero"])
    assert (item in found.contents.items) == (why is None)
    told = [reason for reason, keys in found.left_out.items() if item in keys]
    assert len(told) == (why is not None)
    assert why is None or why in told[0]
    assert len(found.contents.notes) == (why is not None), "what is left out is said before, too"


def test_what_no_restore_brings_back_is_not_told_of() -> None:
    events = [Key("", "Event", "shop", "e"), Key("", "Endpoints", "shop", "web")]
    found = rehearsed(contents(events), [])
    assert found.left_out == {}
    assert found.contents.notes == ()


def test_a_kind_that_nobody_knows_is_never_rehearsed() -> None:
    unknown = Key("apps", "Hologram", "shop", "x")
    assert rehearsed(contents([unknown]), []).contents.items == frozenset()


def test_data_in_snapshots_is_told_of_and_never_taken_for_rehearsed() -> None:
    files = VolumeData(namespace="shop", claim="data", pod="db-0", volume="data")
    snapshot = VolumeData(namespace="shop", claim="logs", snapshot=True)
    found = rehearsed(contents([key("Pod db-0")], [files, snapshot]), [])
    assert found.contents.data == (files,)
    [told] = found.differences
    assert told.startswith("The data of PersistentVolumeClaim shop/logs was not rehearsed")


def test_each_namespace_that_is_asked_for_gets_one_of_its_own() -> None:
    held = contents([key("Pod shop/web"), key("Pod blog/web"), key("Pod test/web")])
    wanted = Clearing(namespaces=RestoredNamespaces(exclude=["te*"]))
    found = mapped(wanted, held, "u", ["velero"])
    assert found.namespace_mapping == {name: scratch_name(name, "u") for name in ("blog", "shop")}
    assert wanted.namespace_mapping == {}, "what was asked for stays as it was"


@pytest.mark.parametrize("name", ["kube-system", "velero"])
def test_a_namespace_of_the_system_that_is_asked_for_by_name_is_refused(name: str) -> None:
    wanted = Clearing(namespaces=RestoredNamespaces(include=[name]))
    with pytest.raises(PlanRefused, match=re.escape(f"spec.namespaces.include names {name}")):
        mapped(wanted, contents([key("Pod shop/web")]), "u", ["velero"])


def _rules(storage_class: str | None = None) -> dict[str, Any]:
    made = json.loads(scratch_objects.modifiers(storage_class))
    assert made["version"] == "v1"
    return {
        each["conditions"]["groupResource"]: json.loads(each["mergePatches"][0]["patchData"])
        for each in made["resourceModifierRules"]
    }


def test_claims_are_led_to_no_volume_that_there_is() -> None:
    assert _rules()["persistentvolumeclaims"] == {
        "spec": {"volumeName": None, "selector": None, "dataSource": None, "dataSourceRef": None}
    }
    assert _rules("fast")["persistentvolumeclaims"]["spec"]["storageClassName"] == "fast"


def test_no_finalizer_comes_back_and_nothing_pushes_others_aside() -> None:
    rules = _rules()
    assert rules["**"] == {"metadata": {"finalizers": None}}
    modest = {"priorityClassName": None, "priority": None, "preemptionPolicy": None}
    assert rules["pods"]["spec"] == modest
    makers = {plural for kind, plural in REHEARSED.items() if kind[1] in _MAKERS}
    assert {each for each in rules if each not in {"**", "pods", "persistentvolumeclaims"}} == makers
    assert all(rules[each]["spec"]["template"]["spec"] == modest for each in makers)


_MAKERS = {"DaemonSet", "Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"}
_POD_SECURITY = "pod-security.kubernetes.io"
LEVELS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "no level": ({}, {"enforce": "baseline"}),
    "privileged is not enough": (
        {"enforce": "privileged", "enforce-version": "v1.30", "warn": "baseline"},
        {"enforce": "baseline", "warn": "baseline"},
    ),
    "baseline": ({"enforce": "baseline"}, {"enforce": "baseline"}),
    "restricted stays, with its version": (
        {"enforce": "restricted", "enforce-version": "v1.30"},
        {"enforce": "restricted", "enforce-version": "v1.30"},
    ),
}


@pytest.mark.parametrize(("found", "expected"), LEVELS.values(), ids=LEVELS)
def test_pods_may_do_no_more_than_where_they_come_from_and_never_leave_the_namespace(
    found: dict[str, str], expected: dict[str, str]
) -> None:
    labels = {f"{_POD_SECURITY}/{name}": level for name, level in found.items()} | {"team": "shop"}
    made = scratch_objects.namespace(IDENTITY, "s", "shop", labels)["metadata"]["labels"]
    told = {name: level for name, level in made.items() if name.startswith(_POD_SECURITY)}
    assert told == {f"{_POD_SECURITY}/{name}": level for name, level in expected.items()}
    assert "team" not in made, "what selects by labels is not to find it"
    assert made["velero.io/exclude-from-backup"] == "true"


def test_the_ledger_says_what_there_may_be_to_remove() -> None:
    known = RehearsalStatus(
        namespaces=[ScratchNamespace(name="s", source="shop")], lanes=["velero"], config_map="m"
    )
    made = scratch_objects.config_map(IDENTITY, known, None)
    assert len(made["data"]) == 1, "Velero takes a ConfigMap with one key alone"
    assert "ownerReferences" not in made["metadata"], "it outlives its CleanRestore"
    found = json.loads(made["metadata"]["annotations"][scratch_objects.LEDGER])
    assert found == {"namespaces": {"s": "shop"}, "lanes": ["velero"]}


def test_an_empty_section_stays_for_without_it_a_rehearsal_would_be_a_restore() -> None:
    written = WrittenRestore(make_spec(rehearsal={}), "monday", "velero")
    assert manifest(written)["spec"]["rehearsal"] == {}
    assert "rehearsal" not in manifest(WrittenRestore(make_spec(), "monday", "velero"))["spec"]
