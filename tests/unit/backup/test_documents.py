"""A plan's input from dumps."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.unit.backup.clusters import choices
from velero_volume_controller.api.backupset import BackupSetSpec, LabelSelector, Namespaces, Selection
from velero_volume_controller.backup.documents import Dump, dumped_input, read_dump, read_history
from velero_volume_controller.backup.plan import plan
from velero_volume_controller.backup.work import PlanningError, VolumeKey
from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.velero.model.versions import Version

Object = dict[str, Any]


def of(kind: str, name: str, namespace: str = "", version: str = "v1", **fields: Any) -> Object:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {}) | fields.pop("metadata", {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def workload(kind: str, name: str, *args: str, image: str = "velero/velero:v1.18.3") -> Object:
    container = {"name": "velero" if kind == "Deployment" else name, "image": image, "args": list(args)}
    spec = {"template": {"spec": {"containers": [container]}}}
    return of(kind, name, "velero", "apps/v1", spec=spec, status={"readyReplicas": 1})


def pod(namespace: str, name: str, node: str, **metadata: Any) -> Object:
    spec = {
        "nodeName": node,
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": f"data-{name}"}}],
        "containers": [{"name": "c", "volumeMounts": [{"name": "data"}]}],
    }
    metadata.setdefault("annotations", {"backup.velero.io/backup-volumes": "data"})
    return of("Pod", name, namespace, spec=spec, status={"phase": "Running"}, metadata=metadata)


def claim(namespace: str, name: str, volume: str, size: str = "1Gi") -> Object:
    spec = {"volumeName": volume, "resources": {"requests": {"storage": size}}}
    return of("PersistentVolumeClaim", name, namespace, spec=spec)


def shared_volume(name: str) -> Object:
    spec = {"accessModes": ["ReadWriteMany"], "nfs": {"server": "files", "path": "/shared"}}
    return of("PersistentVolume", name, spec=spec)


AGENTS = '{"loadConcurrency": {"globalConfig": 2, "perNodeConfig": [{"nodeSelector": {"matchLabels": {"disk": "fast"}}, "number": 4}]}}'  # noqa: E501
CLUSTER = [
    workload("Deployment", "velero", "server", "--concurrent-backups=3"),
    workload("DaemonSet", "node-agent", "node-agent", "server", "--node-agent-configmap=agents"),
    of("ConfigMap", "agents", "velero", data={"config": AGENTS}),
    of("ConfigMap", "kube-root-ca.crt", "shop", data={"ca.crt": "x"}),
    of("Deployment", "web", "shop", "apps/v1"),
    of("Node", "n1", metadata={"labels": {"disk": "fast"}}),
    of("Node", "n2"),
    of(
        "BackupStorageLocation",
        "default",
        "velero",
        "velero.io/v1",
        spec={"provider": "aws", "objectStorage": {"bucket": "b"}, "default": True},
        status={"phase": "Available"},
    ),
    of("Namespace", "shop", metadata={"labels": {"tier": "gold"}}),
    of("Namespace", "blog"),
    pod("shop", "web-0", "n1"),
    pod("blog", "web-0", "n2"),
    pod("velero", "node-agent-x", "n1", labels={"name": "node-agent"}, annotations={}),
    claim("shop", "data-web-0", "pv-a", "3Gi"),
    claim("blog", "data-web-0", "pv-b"),
]
HISTORY = [
    of(
        "Backup",
        "monday",
        "velero",
        "velero.io/v1",
        spec={"includedNamespaces": ["shop"]},
        status={
            "phase": "Completed",
            "startTimestamp": "2026-01-05T00:00:00Z",
            "completionTimestamp": "2026-01-05T00:01:00Z",
        },
    ),
    of(
        "PodVolumeBackup",
        "monday-1",
        "velero",
        "velero.io/v1",
        metadata={
            "labels": {"velero.io/backup-name": "monday"},
            "annotations": {"velero.io/pvc-name": "data-web-0"},
            "creationTimestamp": "2026-01-05T00:00:03Z",
        },
        spec={"node": "n1", "pod": {"namespace": "shop", "name": "web-0"}, "volume": "data"},
        status={
            "phase": "Completed",
            "startTimestamp": "2026-01-05T00:00:10Z",
            "completionTimestamp": "2026-01-05T00:00:55Z",
            "progress": {"totalBytes": 900, "bytesDone": 900},
        },
    ),
]


def dumped(*objects: Object) -> Dump:
    return read_dump(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}), "dump.json")


def test_veleros_settings_are_in_the_dump() -> None:
    (lane,) = dumped(*CLUSTER).lanes
    assert (lane.namespace, lane.version, lane.slots) == ("velero", Version(1, 18, 3), 3)
    assert [lane.capacity(node) for node in ("n1", "n2")] == [4, 2]
    assert lane.nodes == frozenset({"n1"})
    assert lane.notes == ()


def test_json_and_yaml_say_the_same() -> None:
    written = yaml.safe_dump_all(CLUSTER)
    assert read_dump(written, "dump.yaml").lanes == dumped(*CLUSTER).lanes


def test_selected_namespaces_with_the_volumes_that_are_taken() -> None:
    bound = [of("PersistentVolume", name, spec={}) for name in ("pv-a", "pv-b")]
    given = dumped_input(BackupSetSpec(), "velero", dumped(*CLUSTER, *bound))
    assert [each.name for each in given.namespaces] == ["blog", "shop"]
    (volume,) = given.namespaces[1].volumes
    assert (volume.key, volume.node, volume.bytes) == (VolumeKey("shop", "data-web-0"), "n1", 3 * 2**30)
    assert given.notes == ()


def test_history_is_read_from_a_dump_of_its_own_or_from_the_same() -> None:
    text = "\n".join(json.dumps(each) for each in HISTORY)
    given = dumped_input(BackupSetSpec(), "velero", dumped(*CLUSTER), read_history(text, "history.json"))
    assert [(each.key.namespace, each.seconds, each.bytes) for each in given.history.samples] == [
        ("shop", 45.0, 900)
    ]
    assert [each.seconds for each in given.history.overheads] == [8.0]
    assert given.namespaces[1].lane == "velero"
    assert dumped_input(BackupSetSpec(), "velero", dumped(*CLUSTER, *HISTORY)) == given


def test_a_selector_asks_the_namespaces_labels() -> None:
    selection = Selection(namespaces=Namespaces(selector=LabelSelector(match_labels={"tier": "gold"})))
    spec = BackupSetSpec(selection=selection)
    given = dumped_input(spec, "velero", dumped(*CLUSTER))
    assert [each.name for each in given.namespaces] == ["shop"]
    without = dumped(*(each for each in CLUSTER if each["kind"] != "Namespace"))
    with pytest.raises(ConfigurationError, match="holds no Namespaces"):
        dumped_input(spec, "velero", without)
    assert {each.name for each in dumped_input(BackupSetSpec(), "velero", without).namespaces} == {
        "blog",
        "shop",
        "velero",
    }


def test_namespaces_that_mount_one_storage_are_in_one_backup() -> None:
    storage = [shared_volume("pv-a"), shared_volume("pv-b")]
    made = plan(dumped_input(BackupSetSpec(), "velero", dumped(*CLUSTER, *storage)))
    assert ("blog", "shop") in [shard.namespaces for shard in made.shards]


def test_without_velero_in_the_dump_one_is_assumed_and_said() -> None:
    objects = [each for each in CLUSTER if each["metadata"].get("namespace") != "velero"]
    given = dumped_input(BackupSetSpec(), "backups", dumped(*objects))
    assert [(lane.namespace, lane.slots) for lane in given.lanes] == [("backups", 1)]
    assert any("holds no Deployment of Velero" in note and "one in backups" in note for note in given.notes)
    assert plan(given).predicted > 0
    spec = BackupSetSpec(lanes=choices("velero", "velero-b"))
    named = dumped_input(spec, "velero", dumped(*objects))
    assert [lane.namespace for lane in named.lanes] == ["velero", "velero-b"]


def test_a_lane_that_is_not_in_the_dump_is_missing_if_another_is() -> None:
    spec = BackupSetSpec(lanes=choices("velero", "velero-b"))
    with pytest.raises(PlanningError, match="no Velero runs in namespace velero-b"):
        plan(dumped_input(spec, "velero", dumped(*CLUSTER)))


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        (
            [of("Node", "n"), {"apiVersion": "v1", "kind": "Node", "metadata": {}}],
            "dump.json:1: Node can't",
        ),
        ([of("Backup", "b", "velero", "velero.io/v1", spec=[])], "Backup velero/b can't be read: found"),
        ([of("Deployment", "d", "x", "apps/v1", spec=7)], "Deployment x/d can't be read: found"),
    ],
)
def test_an_object_that_can_not_be_read_is_named(objects: list[Object], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        dumped(*objects)
    assert said in str(caught.value)


def test_a_history_of_something_else_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match="expected Backups and PodVolumeBackups of Velero, found 1 Pod"
    ):
        read_history(json.dumps(pod("a", "b", "n")), "history.json")
    assert read_history('{"apiVersion": "v1", "kind": "List", "items": []}', "h") == ((), ())
