"""What is read of pods, workloads and claims, and of the files that Velero keeps of a Restore."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velero_volume_controller.restore.verify_states import (
    decode_claim_state,
    decode_pod_state,
    decode_workload_state,
)
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.restored_files import (
    Messages,
    decode_restore_results,
    decode_restored_list,
)


def raw(value: Any) -> bytes:
    return msgspec.json.encode(value)


def pod(status: dict[str, Any], **metadata: Any) -> Any:
    return decode_pod_state(
        raw({"metadata": {"name": "p", "namespace": "shop", **metadata}, "status": status})
    )


READY = {"type": "Ready", "status": "True"}
WHY: dict[str, tuple[dict[str, Any], str]] = {
    "an image that can't be had": (
        {"containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
        "container app: ImagePullBackOff",
    ),
    "an init container that fails, which comes first": (
        {
            "initContainerStatuses": [
                {"name": "init", "state": {"terminated": {"reason": "Error", "exitCode": 3}}}
            ],
            "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "PodInitializing"}}}],
        },
        "container init: Error, exit code 3",
    ),
    "no node for it": (
        {
            "conditions": [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": "0/1 nodes are\n available",
                }
            ]
        },
        "Unschedulable: 0/1 nodes are available",
    ),
    "a probe that fails": (
        {"conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}]},
        "ContainersNotReady",
    ),
    "evicted": ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
    "nothing but its phase": ({"phase": "Pending"}, "Pending"),
    "nothing at all": ({}, "not seen by a node yet"),
}


@pytest.mark.parametrize("sentence", WHY)
def test_why_a_pod_is_not_ready(sentence: str) -> None:
    status, expected = WHY[sentence]
    found = pod(status)
    assert (found.ready, found.why) == (False, expected)


def test_a_ready_pod_and_whose_it_is() -> None:
    owners = [{"kind": "Node", "uid": "n"}, {"kind": "ReplicaSet", "uid": "rs", "controller": True}]
    found = pod({"phase": "Running", "conditions": [READY]}, ownerReferences=owners)
    assert (found.ready, found.why, found.maker, found.controller) == (True, "", "ReplicaSet", "rs")
    assert pod({}, labels={"job-name": "j"}).of_job


WORKLOADS: dict[str, tuple[str, dict[str, Any], tuple[int, int, bool]]] = {
    "a Deployment": (
        "Deployment",
        {"spec": {"replicas": 3}, "status": {"readyReplicas": 2, "observedGeneration": 4}},
        (3, 2, True),
    ),
    "one that nobody has looked at": ("Deployment", {"spec": {}}, (1, 0, False)),
    "one that wants none": (
        "StatefulSet",
        {"spec": {"replicas": 0}, "status": {"observedGeneration": 4}},
        (0, 0, True),
    ),
    "a DaemonSet": (
        "DaemonSet",
        {"status": {"desiredNumberScheduled": 2, "numberReady": 1, "observedGeneration": 4}},
        (2, 1, True),
    ),
}


@pytest.mark.parametrize("sentence", WORKLOADS)
def test_how_many_pods_a_workload_wants_and_has(sentence: str) -> None:
    kind, body, expected = WORKLOADS[sentence]
    whole = {"metadata": {"name": "w", "namespace": "shop", "uid": "u", "generation": 4}, **body}
    found = decode_workload_state(raw(whole), "apps", kind)
    assert (found.desired, found.ready, found.settled) == expected


def test_a_claim() -> None:
    found = decode_claim_state(
        raw({"metadata": {"name": "c", "namespace": "shop"}, "status": {"phase": "Bound"}})
    )
    assert (found.key, found.phase) == (Key("", "PersistentVolumeClaim", "shop", "c"), "Bound")


def test_what_velero_did_to_each_object() -> None:
    listed = {
        "v1/Pod": ["shop/web-0(created)", "shop/odd", 7, "shop/web-1(skipped)"],
        "apps/v1/Deployment": ["shop/web(failed)"],
        "rbac.authorization.k8s.io/v1/ClusterRole": ["system:(odd)(updated)"],
        "v1/Namespace": ["shop(created)"],
        "v1/Secret": None,
    }
    assert decode_restored_list(raw(listed)) == {
        Key("", "Pod", "shop", "web-0"): "created",
        Key("", "Pod", "shop", "web-1"): "skipped",
        Key("apps", "Deployment", "shop", "web"): "failed",
        Key("rbac.authorization.k8s.io", "ClusterRole", "", "system:(odd)"): "updated",
        Key("", "Namespace", "", "shop"): "created",
    }


def test_of_two_versions_of_a_kind_the_better_counts() -> None:
    for first, second in (("created", "skipped"), ("skipped", "created")):
        listed = {"a.io/v1/A": [f"n/x({first})"], "a.io/v2/A": [f"n/x({second})"]}
        assert decode_restored_list(raw(listed)) == {Key("a.io", "A", "n", "x"): "created"}


def test_what_velero_says_of_a_restore() -> None:
    found = decode_restore_results(
        raw(
            {
                "errors": {
                    "velero": ["a\n  b"],
                    "cluster": ["c"],
                    "namespaces": {"shop": ["d", 1], "x": None},
                },
                "warnings": None,
                "later": [],
            }
        )
    )
    assert found.errors == Messages(("a b", "c"), {"shop": ("d",), "x": ()})
    assert found.warnings == Messages()


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
        max_leaves=12,
    )
)
def test_files_of_any_shape_are_read_or_refused(value: Any) -> None:
    for decode in (decode_restored_list, decode_restore_results):
        try:
            decode(raw(value))
        except msgspec.MsgspecError:
            assert not isinstance(value, dict)
