"""What is read of objects and of Velero's files, for validation."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from velero_volume_controller.api.backupset import LabelSelector
from velero_volume_controller.restore.admission import Hook, Rule, decode_hooks, has_ready
from velero_volume_controller.restore.contents import joined, stored
from velero_volume_controller.restore.facts import (
    Agent,
    Node,
    Quota,
    decode_agent_pod,
    decode_node,
    decode_quota,
)
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData
from velero_volume_controller.velero.model.names import backup_label
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.stored_files import (
    LackingVolume,
    Results,
    decode_held_versions,
    decode_lacking,
    decode_results,
)
from velero_volume_controller.velero.model.validations import Validation, decode_validation


def raw(value: Any) -> bytes:
    return json.dumps(value).encode()


READY = {"conditions": [{"type": "Ready", "status": "True"}]}


@pytest.mark.parametrize(
    ("node", "open_"),
    [
        pytest.param({"status": READY}, True, id="ready"),
        pytest.param({}, False, id="nothing is said of it"),
        pytest.param(
            {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}, False, id="not heard of"
        ),
        pytest.param({"spec": {"unschedulable": True}, "status": READY}, False, id="cordoned"),
        pytest.param({"spec": {"taints": [{"effect": "NoSchedule"}]}, "status": READY}, False, id="tainted"),
        pytest.param(
            {"spec": {"taints": [{"effect": "PreferNoSchedule"}]}, "status": READY}, True, id="hardly tainted"
        ),
        pytest.param({"spec": {"taints": None}, "status": READY}, True, id="null"),
    ],
)
def test_where_pods_may_be_put(node: dict[str, Any], open_: bool) -> None:
    assert decode_node(raw({"metadata": {"name": "a"}, **node})) == Node("a", open_)


def test_a_node_agent_that_is_being_deleted_is_not_ready() -> None:
    metadata: dict[str, Any] = {"name": "a", "labels": {"role": "node-agent"}}
    pod = {"metadata": metadata, "spec": {"nodeName": "n"}, "status": READY}
    assert decode_agent_pod(raw(pod)) == (Agent("a", "n", True), {"role": "node-agent"})
    metadata["deletionTimestamp"] = "2026-11-28T12:00:00Z"
    assert decode_agent_pod(raw(pod))[0] == Agent("a", "n", False)


@pytest.mark.parametrize("scope", [{"scopes": ["BestEffort"]}, {"scopeSelector": {"matchExpressions": []}}])
def test_a_quota_of_some_pods_alone_is_told_from_one_of_all(scope: dict[str, Any]) -> None:
    metadata = {"name": "q", "namespace": "shop"}
    quota = {"metadata": metadata, "spec": {"hard": {"pods": "4"}}, "status": {"used": {"pods": "1"}}}
    assert decode_quota(raw(quota)) == Quota(
        Key("", "ResourceQuota", "shop", "q"), {"pods": "4"}, {"pods": "1"}
    )
    quota["spec"] |= scope
    assert decode_quota(raw(quota)).scoped


SERVED = {"service": {"namespace": "policy", "name": "hook"}}
RULE = {"operations": ["CREATE"], "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]}


def hooks(**hook: Any) -> list[Hook]:
    body = {"name": "h", "clientConfig": SERVED, "rules": [RULE], **hook}
    return list(
        decode_hooks(raw({"metadata": {"name": "c"}, "webhooks": [body]}), "MutatingWebhookConfiguration")
    )


def test_a_webhook_that_must_answer() -> None:
    rule = Rule(("CREATE",), ("apps",), ("deployments",))
    expected = Hook(
        "h", "MutatingWebhookConfiguration c", ("policy", "hook"), (rule,), LabelSelector(), False
    )
    assert hooks() == hooks(failurePolicy="Fail") == [expected]


@pytest.mark.parametrize(
    "hook",
    [
        pytest.param({"failurePolicy": "Ignore"}, id="one that need not"),
        pytest.param({"clientConfig": {"url": "https://elsewhere"}}, id="one outside of the cluster"),
    ],
)
def test_a_webhook_that_is_no_matter(hook: dict[str, Any]) -> None:
    assert hooks(**hook) == []


@pytest.mark.parametrize(
    ("hook", "choosy"),
    [
        ({"objectSelector": {}}, False),
        ({"objectSelector": {"matchLabels": {"a": "b"}}}, True),
        ({"matchConditions": [{"name": "x", "expression": "true"}]}, True),
        ({"matchConditions": []}, False),
    ],
)
def test_whether_a_webhook_looks_into_objects(hook: dict[str, Any], choosy: bool) -> None:
    assert [each.choosy for each in hooks(**hook)] == [choosy]


def test_the_namespaces_of_a_webhook() -> None:
    expression = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}
    (found,) = hooks(namespaceSelector={"matchExpressions": [expression]})
    key = Key("apps", "Deployment", "shop", "web")
    assert found.about(key, {"kubernetes.io/metadata.name": "shop"}) is True
    assert found.about(key, {"kubernetes.io/metadata.name": "kube-system"}) is False
    assert found.about(key, None) is True
    assert found.about(Key("", "Namespace", "", "shop"), None) is None
    assert found.about(Key("", "PersistentVolume", "", "pv"), None) is True


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        pytest.param({}, True, id="just this"),
        pytest.param(
            {"operations": ["*"], "apiGroups": ["*"], "resources": ["*"], "scope": "*"}, True, id="anything"
        ),
        pytest.param({"resources": ["*/*"]}, True, id="anything, and what is below it"),
        pytest.param({"resources": ["deployments/scale"]}, False, id="what is below it alone"),
        pytest.param({"operations": ["UPDATE", "DELETE"]}, False, id="another operation"),
        pytest.param({"apiGroups": [""]}, False, id="another group"),
        pytest.param({"scope": "Cluster"}, False, id="cluster-scoped objects"),
        pytest.param({"scope": "Namespaced"}, True, id="namespaced objects"),
    ],
)
def test_what_a_webhook_is_asked_about(rule: dict[str, Any], fits: bool) -> None:
    (found,) = hooks(rules=[RULE | rule])
    assert found.asked("CREATE", Key("apps", "Deployment", "shop", "web"), "deployments") is fits


@pytest.mark.parametrize(
    ("endpoints", "ready"),
    [
        (None, False),
        ([], False),
        ([{"conditions": {"ready": False}}], False),
        ([{"conditions": {"ready": False}}, {"conditions": {"ready": True}}], True),
        ([{"conditions": {}}], True),
    ],
)
def test_endpoints(endpoints: list[dict[str, Any]] | None, ready: bool) -> None:
    assert has_ready(raw({"endpoints": endpoints})) is ready


@pytest.mark.parametrize(
    ("frequency", "every"), [(None, None), ("0s", 0.0), ("1m30s", 90.0), ("-1s", None), ("0", 0.0)]
)
def test_how_often_a_location_is_looked_at(frequency: str | None, every: float | None) -> None:
    location = {
        "metadata": {"name": "default"},
        "spec": {"validationFrequency": frequency},
        "status": {"lastValidationTime": "2026-11-28T12:00:00Z"},
    }
    assert decode_validation(raw(location)) == Validation("default", "2026-11-28T12:00:00Z", every)


def test_what_failed_in_a_backup() -> None:
    errors = {"velero": ["v"], "cluster": ["c"], "namespaces": {"shop": ["s"]}}
    assert decode_results(raw({"errors": errors, "warnings": {"velero": ["w"]}})) == Results(
        ("v", "c"), {"shop": ("s",)}
    )
    assert decode_results(raw({"errors": {}, "warnings": {}})) == Results()


def test_which_volumes_are_lacking() -> None:
    pod = {"podName": "p", "podNamespace": "shop"}
    infos = [
        {"pvcName": "a", "pvcNamespace": "shop", "backupMethod": "CSISnapshot", "result": "succeeded"},
        {"pvcName": "b", "pvcNamespace": "shop", "backupMethod": "CSISnapshot", "result": "failed"},
        {"pvcName": "c", "pvcNamespace": "shop", "skipped": True, "skippedReason": "a policy"},
        # Of 1.14: the phase alone tells.
        {"backupMethod": "PodVolumeBackup", "pvbInfo": {**pod, "volumeName": "v", "Phase": "Completed"}},
        {"backupMethod": "PodVolumeBackup", "pvbInfo": {**pod, "volumeName": "w", "Phase": "Canceled"}},
    ]
    assert decode_lacking(raw(infos)) == (
        LackingVolume("shop", "b", "", "", "its backup is failed"),
        LackingVolume("shop", "c", "", "", "skipped: a policy"),
        LackingVolume("shop", "", "p", "w", "its backup is Canceled"),
    )
    assert [str(each) for each in decode_lacking(raw(infos))][1:] == [
        "PersistentVolumeClaim shop/c",
        "volume w of Pod shop/p",
    ]


def test_in_which_versions_kinds_are_held() -> None:
    listed = {"v1/Pod": ["a/b"], "apps/v1/Deployment": ["a/b"], "example.com/v1alpha1/Widget": ["w"]}
    assert decode_held_versions(raw(listed)) == {
        ("", "v1", "Pod"),
        ("apps", "v1", "Deployment"),
        ("example.com", "v1alpha1", "Widget"),
    }


def test_several_backups_are_one_restore_point() -> None:
    resources = [raw({"v1/Pod": ["a/x"]}), raw({"v1/Pod": ["b/y"]})]
    taken = [
        PodVolumeBackup(name="1", namespace="velero", pod_namespace="b", pod="y", volume="v", claim="c",
                        phase="Completed"),
        PodVolumeBackup(name="2", namespace="velero", pod_namespace="b", pod="y", volume="w", phase="Failed"),
    ]  # fmt: skip
    whole = stored("b1", "Completed", resources[0], b"[]")
    old = stored("b0", "PartiallyFailed", resources[1], None, taken)
    assert (whole.data_known, old.data_known) == (True, False)
    both = joined([whole, old])
    assert both.items == {Key("", "Pod", "a", "x"), Key("", "Pod", "b", "y")}
    assert both.backups == ("b0", "b1")
    assert not both.data_known
    assert both.data == (VolumeData(namespace="b", claim="c", pod="y", volume="v"),)
    assert len(both.notes) == 1
    assert joined([]).items == frozenset()


def test_a_file_that_is_no_resource_list_is_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        stored("b", "Completed", b"[]", None)


def test_long_names_are_shortened_as_velero_does() -> None:
    """The cases of Velero 1.18.3's own test (pkg/label/label_test.go)."""
    long = "this_is_a_very_long_label_value_that_will_be_rejected_by_Kubernetes"
    assert backup_label(long) == "this_is_a_very_long_label_value_that_will_be_rejected_by_8d0722"
    assert backup_label("short label value") == "short label value"
