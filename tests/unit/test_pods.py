"""Pods as the API server sends them."""

import json

import msgspec
import pytest

from velero_volume_controller.velero.model.pods import Pod, Volume, decode


def decoded(**sections: object) -> Pod:
    body = {"metadata": {"name": "a", "namespace": "b"}, **sections}
    return decode(json.dumps(body).encode())


def test_null_where_the_api_allows_it_is_empty() -> None:
    pod = decode(
        b'{"metadata": {"name": "a", "namespace": "b", "labels": null, "annotations": null,'
        b' "ownerReferences": null}, "spec": {"volumes": null, "containers": null}, "status": null}'
    )
    assert (pod.metadata.labels, pod.metadata.annotations, pod.metadata.owner_references) == ({}, {}, ())
    assert (pod.spec.volumes, pod.status.phase) == ((), "")


def test_a_volume_is_of_the_type_its_field_names_even_one_nobody_knows_yet() -> None:
    volumes = [
        {"name": "x", "hologram": {"depth": 3}},
        {"persistentVolumeClaim": {"claimName": "c"}, "name": "p"},
        {"name": "bare"},
    ]
    assert decoded(spec={"volumes": volumes}).spec.volumes == (
        Volume("x", "hologram"),
        Volume("p", "persistentVolumeClaim", "c"),
        Volume("bare", "emptyDir"),
    )


def test_the_claim_of_an_ephemeral_volume_is_called_after_pod_and_volume() -> None:
    web = decode(
        b'{"metadata": {"name": "web", "namespace": "b"},'
        b' "spec": {"volumes": [{"name": "tmp", "ephemeral": {"volumeClaimTemplate": {}}}]}}'
    )
    assert web.spec.volumes == (Volume("tmp", "ephemeral", "web-tmp"),)


def test_init_containers_mount_nothing_for_velero() -> None:
    mount = [{"volumeMounts": [{"name": "v", "mountPath": "/"}]}]
    assert decoded(spec={"initContainers": mount}).spec.mounted == frozenset()
    assert decoded(spec={"containers": mount}).spec.mounted == {"v"}


@pytest.mark.parametrize(
    ("spec", "windows"),
    [
        ({"os": {"name": "windows"}}, True),
        ({"nodeSelector": {"kubernetes.io/os": "windows"}}, True),
        ({"os": {"name": "linux"}, "nodeSelector": {"disk": "ssd"}}, False),
        ({"os": None, "nodeSelector": None}, False),
        ({}, False),
    ],
)
def test_a_pod_says_that_it_needs_windows(spec: dict[str, object], windows: bool) -> None:
    assert decoded(spec=spec).spec.windows is windows


def test_annotations_that_decide_nothing_are_dropped() -> None:
    annotations = {
        "backup.velero.io/backup-volumes": "v",
        "vvc.velero.io/backup-volumes": "v",
        "big": "x" * 9999,
    }
    pod = decode(
        json.dumps({"metadata": {"name": "a", "namespace": "b", "annotations": annotations}}).encode()
    )
    assert set(pod.metadata.annotations) == set(annotations) - {"big"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"metadata": {}}',
        b'{"metadata": {"name": "a", "namespace": "b"}, "spec": {"volumes": [{}]}}',
    ],
    ids=["nothing", "a list", "a pod without a name", "a volume without a name"],
)
def test_what_is_no_pod_is_one_kind_of_error(raw: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode(raw)
