"""What a Backup holds and what is live, as Velero and kubectl print it; and what is read of anything else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.restore.makers import SHOP, key
from velero_volume_controller.config import ConfigurationError
from velero_volume_controller.restore.cluster import read_cluster
from velero_volume_controller.restore.contents import read_contents
from velero_volume_controller.restore.read_restore import read_restore
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData


def contents(*values: Any) -> Any:
    return read_contents((json.dumps(value).encode(), f"f{number}") for number, value in enumerate(values))


def dump(*items: dict[str, Any]) -> Any:
    return read_cluster(json.dumps({"kind": "List", "items": items}).encode(), "objects.json")


def thing(version: str, kind: str, name: str, namespace: str = SHOP, **more: Any) -> dict[str, Any]:
    meta = {"name": name, "uid": f"{kind}/{name}", "namespace": namespace, **more.pop("meta", {})}
    return {"apiVersion": version, "kind": kind, "metadata": meta, **more}


def test_a_resource_list_is_read_without_its_versions() -> None:
    found = contents({"apps/v1/Deployment": ["shop/web"], "v1/PersistentVolume": ["pv-1"]})
    assert found.items == {key("Deployment web"), Key("", "PersistentVolume", "", "pv-1")}
    assert not found.data_known


INFOS: dict[str, tuple[dict[str, Any], VolumeData | None]] = {
    "a file-system backup": (
        {
            "pvcName": "data",
            "pvcNamespace": "shop",
            "pvName": "pv-1",
            "backupMethod": "PodVolumeBackup",
            "result": "succeeded",
            "pvbInfo": {"podName": "db-0", "podNamespace": "shop", "volumeName": "data"},
        },
        VolumeData(namespace="shop", claim="data", pod="db-0", volume="data", persistent_volume="pv-1"),
    ),
    "one before 1.15, which says so in its phase": (
        {
            "backupMethod": "PodVolumeBackup",
            "pvbInfo": {"podName": "p", "podNamespace": "shop", "volumeName": "v", "Phase": "Completed"},
        },
        VolumeData(namespace="shop", pod="p", volume="v"),
    ),
    "a snapshot of a volume plugin's": (
        {
            "pvcName": "data",
            "pvcNamespace": "shop",
            "pvName": "pv-1",
            "backupMethod": "NativeSnapshot",
            "result": "succeeded",
        },
        VolumeData(namespace="shop", claim="data", persistent_volume="pv-1", snapshot=True, native=True),
    ),
    "a snapshot of CSI's": (
        {"pvcName": "data", "pvcNamespace": "shop", "backupMethod": "CSISnapshot", "result": "succeeded"},
        VolumeData(namespace="shop", claim="data", snapshot=True),
    ),
    "a volume that was skipped": (
        {"pvcName": "data", "pvcNamespace": "shop", "skipped": True, "backupMethod": "", "result": ""},
        None,
    ),
    "one that failed": (
        {"pvcName": "data", "pvcNamespace": "shop", "backupMethod": "CSISnapshot", "result": "failed"},
        None,
    ),
}


@pytest.mark.parametrize("sentence", INFOS)
def test_volume_information(sentence: str) -> None:
    info, expected = INFOS[sentence]
    found = contents({"v1/Pod": []}, [info])
    assert found.data == ((expected,) if expected else ())
    assert found.data_known


def test_a_description_of_a_backup_tells_all() -> None:
    volumes = {
        "nativeSnapshots": {"pv-1": {"result": "succeeded"}, "pv-2": {"result": "failed"}},
        "csiSnapshots": {"shop/data": {"snapshot": {"result": "succeeded"}}},
        "podVolumeBackups": {
            "podVolumeBackupsDetails": {
                "Completed": [{"shop/db-0": "a (size: 5, incremental size: 1), b"}],
                "Failed": [{"shop/db-1": "a"}],
            }
        },
    }
    status = {"resourceList": {"v1/Pod": ["shop/db-0"]}, "backupVolumes": volumes}
    found = contents({"metadata": {"name": "b1"}, "phase": "Completed", "status": status})
    assert set(found.data) == {
        VolumeData(persistent_volume="pv-1", snapshot=True, native=True),
        VolumeData(namespace="shop", claim="data", snapshot=True),
        VolumeData(namespace="shop", pod="db-0", volume="a"),
        VolumeData(namespace="shop", pod="db-0", volume="b"),
    }
    assert (found.backups, found.data_known) == (("b1",), True)


def test_a_description_with_nothing_of_volumes_says_so_in_words() -> None:
    volumes = {
        "nativeSnapshots": "<none included>",
        "csiSnapshots": "<none included>",
        "podVolumeBackups": "<none included>",
    }
    status = {"resourceList": {"v1/Pod": []}, "backupVolumes": volumes}
    found = contents({"metadata": {"name": "b1"}, "phase": "PartiallyFailed", "status": status})
    assert (found.data, found.data_known) == ((), True)
    assert "PartiallyFailed" in found.notes[0]


def test_several_backups_are_one_restore_point() -> None:
    found = contents({"v1/Pod": ["a/p"]}, {"v1/Pod": ["b/p"]}, [])
    assert {each.namespace for each in found.items} == {"a", "b"}
    assert not found.data_known, "of one of them nothing is told of volumes"


def test_what_is_read_of_a_pod() -> None:
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}},
        {"name": "tmp", "emptyDir": {}},
    ]
    owners = [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "u", "controller": True}]
    pod = thing(
        "v1",
        "Pod",
        "db-0",
        meta={"ownerReferences": owners, "finalizers": ["f"], "labels": {"a": "b"}},
        spec={"nodeName": "n", "volumes": volumes},
        status={"phase": "Failed"},
    )
    live = dump(pod).objects[key("Pod db-0")]
    assert live.mounts == (("data", "data"), ("scratch", "db-0-scratch"))
    assert (live.scheduled, live.ended, live.finalizers, live.labels) == (True, True, ("f",), {"a": "b"})
    assert live.controller is not None
    assert live.controller.uid == "u"


@pytest.mark.parametrize("value", ["true", "yes", "", "1"])
@pytest.mark.parametrize("where", ["labels", "annotations"])
def test_whatever_protect_says_but_false_protects(where: str, value: str) -> None:
    found = dump(thing("v1", "Secret", "a", meta={where: {"vvc.velero.io/protect": value}}))
    assert found.objects[key("Secret a")].protected


def test_protect_false_does_not() -> None:
    found = dump(thing("v1", "Secret", "a", meta={"labels": {"vvc.velero.io/protect": "false"}}))
    assert not found.objects[key("Secret a")].protected


def test_what_the_control_plane_makes_is_left_out() -> None:
    found = dump(
        thing("v1", "Event", "e"),
        thing("v1", "Endpoints", "e"),
        thing("coordination.k8s.io/v1", "Lease", "l"),
        thing("discovery.k8s.io/v1", "EndpointSlice", "e"),
        thing("v1", "Secret", "s"),
        {"apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "metadata": {"name": "p"}},
    )
    assert list(found.objects) == [key("Secret s")]


def test_a_status_is_no_change_and_anything_else_is_one() -> None:
    def mark(**more: Any) -> str:
        found: str = dump(thing("v1", "ConfigMap", "a", **more)).objects[key("ConfigMap a")].mark
        return found

    assert mark() == mark(status={"x": 1}) == mark(meta={"resourceVersion": "7", "managedFields": [{}]})
    assert mark() != mark(data={"a": "b"})
    assert mark() != mark(meta={"labels": {"a": "b"}})
    assert mark(meta={"generation": 4}) == mark(meta={"generation": 4, "labels": {"a": "b"}})


def test_the_mark_of_a_secret_tells_nothing_of_what_is_in_it() -> None:
    """Marks stand in ConfigMaps: a digest of a password without salt can be guessed by who reads those."""

    def mark(version: str, **more: Any) -> str:
        found = dump(thing("v1", "Secret", "a", meta={"resourceVersion": version}, **more))
        return str(found.objects[key("Secret a")].mark)

    assert mark("7", data={"a": "b"}) == mark("7", data={"a": "c"})
    assert mark("7") == mark("7")
    assert mark("7") != mark("8")


def hosts(*items: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = dict(dump(thing("v1", "Secret", "s", "infra"), *items).hosts)
    return found


def workload(kind: str, **spec: Any) -> dict[str, Any]:
    return thing("apps/v1", kind, "w", "infra", spec={"template": {"spec": spec}})


CLASS = thing("storage.k8s.io/v1", "StorageClass", "fast", "", provisioner="csi.example.com")
SERVICE = {"service": {"name": "s", "namespace": "infra"}}
HOSTS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "a webhook that must answer": (
        [
            thing(
                "admissionregistration.k8s.io/v1",
                "ValidatingWebhookConfiguration",
                "v",
                "",
                webhooks=[{"name": "w.example.com", "clientConfig": SERVICE}],
            )
        ],
        "the webhook w.example.com of ValidatingWebhookConfiguration v is served from it",
    ),
    "a webhook that may fail": (
        [
            thing(
                "admissionregistration.k8s.io/v1",
                "MutatingWebhookConfiguration",
                "v",
                "",
                webhooks=[{"name": "w", "failurePolicy": "Ignore", "clientConfig": SERVICE}],
            )
        ],
        "",
    ),
    "an API that is served in the cluster": (
        [thing("apiregistration.k8s.io/v1", "APIService", "v1.x", "", spec=SERVICE)],
        "the API of APIService v1.x is served from it",
    ),
    "a conversion webhook": (
        [
            thing(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                "ws.x",
                "",
                spec={"conversion": {"webhook": {"clientConfig": SERVICE}}},
            )
        ],
        "the conversion webhook of CustomResourceDefinition ws.x is served from it",
    ),
    "storage inside the cluster": (
        [
            thing(
                "velero.io/v1",
                "BackupStorageLocation",
                "default",
                "velero",
                spec={"config": {"s3Url": "http://minio.infra.svc:9000"}},
            )
        ],
        "BackupStorageLocation velero/default keeps its data in it",
    ),
    "storage outside the cluster": (
        [
            thing(
                "velero.io/v1",
                "BackupStorageLocation",
                "default",
                "velero",
                spec={"config": {"s3Url": "https://s3.infra.example.com"}},
            )
        ],
        "",
    ),
    "a provisioner that is told by its lock": (
        [CLASS, thing("coordination.k8s.io/v1", "Lease", "csi-example-com", "infra")],
        "the provisioner csi.example.com of StorageClass fast runs in it",
    ),
    "a provisioner that is told by its socket": (
        [
            CLASS,
            workload(
                "DaemonSet", volumes=[{"hostPath": {"path": "/var/lib/kubelet/plugins/csi.example.com/"}}]
            ),
        ],
        "the provisioner csi.example.com of StorageClass fast runs in it",
    ),
    "a provisioner that is told by a variable": (
        [
            CLASS,
            workload(
                "Deployment", containers=[{"env": [{"name": "PROVISIONER_NAME", "value": "csi.example.com"}]}]
            ),
        ],
        "the provisioner csi.example.com of StorageClass fast runs in it",
    ),
    "a provisioner that is told by an option": (
        [CLASS, workload("StatefulSet", containers=[{"args": ["--provisioner=csi.example.com"]}])],
        "the provisioner csi.example.com of StorageClass fast runs in it",
    ),
    "a workload of another name": (
        [CLASS, workload("Deployment", containers=[{"args": ["--url=https://csi.example.com.evil/"]}])],
        "",
    ),
    "this project's controller": (
        [thing("apps/v1", "Deployment", "velero-volume-controller", "infra")],
        "this project's controller runs in it",
    ),
}


@pytest.mark.parametrize("sentence", HOSTS)
def test_namespaces_on_which_all_depends(sentence: str) -> None:
    items, why = HOSTS[sentence]
    assert hosts(*items).get("infra", "") == why


PIECES = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b",",
        b'"',
        b"\n",
        b"- ",
        b"  ",
        b"null",
        b"1",
        b"\xff",
        b"\x1f\x8b",
        b"&a ",
        b"*a",
        b'"kind"',
        b'"List"',
        b'"items"',
        b'"metadata"',
        b'"name"',
        b'"uid"',
        b'"v1/Pod"',
        b'"a/b"',
        b"---\n",
        b"kind: ",
        b"CleanRestore",
        b"apiVersion: vvc.velero.io/v1alpha1\n",
        b"spec:",
        b"scope: ",
        b'"phase"',
        b'"Completed"',
        b'"status"',
        b'"resourceList"',
        b'"spec"',
        b'"ownerReferences"',
        b'"webhooks"',
        b'"volumes"',
        b"\\ud800",
        b"\x00",
    ]
)
WHOLE = (
    json.dumps({"kind": "List", "items": [thing("v1", "Pod", "p", spec={"volumes": [{"name": "v"}]})]}),
    json.dumps(
        {"metadata": {"name": "b"}, "phase": "Completed", "status": {"resourceList": {"v1/Pod": ["a/b"]}}}
    ),
    json.dumps([{"pvcName": "a", "backupMethod": "CSISnapshot", "result": "succeeded"}]),
    yaml.safe_dump(
        {"apiVersion": "vvc.velero.io/v1alpha1", "kind": "CleanRestore", "spec": {"source": {"backup": "b"}}}
    ),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Something whole with a piece of it replaced."""
    data = draw(st.sampled_from(WHOLE)).encode()
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, min(len(data), start + 20)))
    piece = b"".join(draw(st.lists(PIECES, max_size=3)))
    return data[:start] + piece + data[end:]


ANYTHING = st.one_of(
    st.binary(max_size=200),
    st.lists(PIECES, max_size=25).map(b"".join),
    damaged(),
    damaged().map(gzip.compress),
    damaged().map(lambda data: gzip.compress(data)[:-4]),
)


def problems(read: Callable[[], object]) -> tuple[str, ...]:
    """What it says of what it is given; nothing if it can be read."""
    try:
        read()
    except ConfigurationError as error:
        return error.problems
    return ()


@settings(max_examples=600, deadline=None)
@given(ANYTHING)
def test_whatever_the_bytes_are_they_are_read_or_refused_with_file_and_line(data: bytes) -> None:
    for read in (
        lambda: read_contents([(data, "FILE")]),
        lambda: read_cluster(data, "FILE"),
        lambda: read_restore(data.decode("utf-8", "surrogateescape"), "FILE"),
    ):
        for problem in problems(read):
            assert problem.startswith("FILE:"), problem
