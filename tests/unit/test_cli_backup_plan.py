"""`vvc backup plan` from dumps: each form, and how mistakes end."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.test_cli import outcome

GIB = 1 << 30


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def pod(where: str, node: str, gib: int) -> list[dict[str, Any]]:
    """A pod whose one claim is backed up, and the claim."""
    meta = {"name": "web", "namespace": where, "annotations": {"backup.velero.io/backup-volumes": "data"}}
    container = {"name": "m", "image": "i", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    spec = {"nodeName": node, "containers": [container], "volumes": volumes}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": where},
        "spec": {"resources": {"requests": {"storage": f"{gib}Gi"}}},
    }
    running = {"phase": "Running"}
    return [{"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": running}, claim]


def velero(slots: int) -> list[dict[str, Any]]:
    arguments = ["server", f"--concurrent-backups={slots}"]
    container = {
        "name": "velero",
        "image": "velero/velero:v1.18.3",
        "command": ["/velero"],
        "args": arguments,
    }
    template = {"metadata": {"labels": {"deploy": "velero"}}, "spec": {"containers": [container]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "velero", "namespace": "velero"},
        "spec": {"template": template},
        "status": {"readyReplicas": 1},
    }
    location = {
        "apiVersion": "velero.io/v1",
        "kind": "BackupStorageLocation",
        "metadata": {"name": "default", "namespace": "velero"},
        "spec": {"provider": "aws", "default": True, "objectStorage": {"bucket": "b"}},
        "status": {"phase": "Available"},
    }
    return [deployment, location]


def volume_backup(where: str, seconds: int) -> dict[str, Any]:
    """What the volume has cost once."""
    return {
        "apiVersion": "velero.io/v1",
        "kind": "PodVolumeBackup",
        "metadata": {
            "name": f"{where}-1",
            "namespace": "velero",
            "annotations": {"velero.io/pvc-name": "data"},
            "labels": {"velero.io/backup-name": f"{where}-1"},
        },
        "spec": {"node": "node-1", "pod": {"name": "web", "namespace": where}, "volume": "data"},
        "status": {
            "phase": "Completed",
            "startTimestamp": "2026-11-23T02:00:00Z",
            "completionTimestamp": f"2026-11-23T02:{seconds // 60:02}:{seconds % 60:02}Z",
            "progress": {"totalBytes": GIB, "bytesDone": GIB},
        },
    }


@pytest.fixture
def objects(tmp_path: Path) -> str:
    items = [*velero(2), namespace("a"), namespace("b"), namespace("c")]
    items += [*pod("a", "node-1", 9), *pod("b", "node-2", 3), *pod("c", "node-2", 4)]
    path = tmp_path / "objects.json"
    path.write_text(json.dumps({"kind": "List", "items": items}))
    return str(path)


def plan(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    return outcome(capfd, "backup", "plan", *arguments)


def test_json_tells_of_every_volume(capfd: pytest.CaptureFixture[str], objects: str) -> None:
    status, printed = plan(capfd, "--objects", objects, "-o", "json")
    assert status == 0
    told = json.loads(printed)
    assert [lane["slots"] for lane in told["lanes"]] == [2]
    volumes = {volume["namespace"]: volume for shard in told["shards"] for volume in shard["volumes"]}
    assert {name: volume["node"] for name, volume in volumes.items()} == {
        "a": "node-1", "b": "node-2", "c": "node-2",
    }  # fmt: skip
    assert volumes["a"]["bytes"] == 9 * GIB
    assert (
        volumes["a"]["predictedSeconds"] > volumes["c"]["predictedSeconds"] > volumes["b"]["predictedSeconds"]
    )
    assert not volumes["a"]["learnt"]
    assert [shard["order"] for shard in told["shards"]] == [1, 2, 3]
    assert told["predictedSeconds"] >= told["lowerBoundSeconds"] > 0
    assert "a" in told["shards"][0]["namespaces"], "the longest goes first"


def test_yaml_says_the_same_as_json(capfd: pytest.CaptureFixture[str], objects: str) -> None:
    _, as_json = plan(capfd, "--objects", objects, "-o", "json")
    _, as_yaml = plan(capfd, "--objects", objects, "-o", "yaml")
    assert yaml.safe_load(as_yaml) == json.loads(as_json)


def test_history_is_learnt_from(
    capfd: pytest.CaptureFixture[str], objects: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = json.dumps({"kind": "List", "items": [volume_backup("b", 900)]})
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(history.encode())))
    _, printed = plan(capfd, "--objects", objects, "--history", "-", "-o", "json")
    volumes = [volume for shard in json.loads(printed)["shards"] for volume in shard["volumes"]]
    (learnt,) = [volume for volume in volumes if volume["learnt"]]
    assert learnt["namespace"] == "b"
    assert learnt["predictedSeconds"] == pytest.approx(900, rel=0.01)


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_text_fits_the_window(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, objects: str, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    status, printed = plan(capfd, "--objects", objects)
    assert status == 0
    assert max(map(len, printed.splitlines())) <= columns
    assert printed.splitlines()[0].startswith("3 Backups of 3 namespaces with 3 volumes (16.0 GiB) in about")
    assert "slot 2" in printed
    assert "node-2" in printed
    assert "cluster-scoped" in printed
    assert "3 of 3 volumes have no history" in " ".join(printed.split())


def test_text_says_which_settings_would_be_faster_and_by_how_much(
    capfd: pytest.CaptureFixture[str], objects: str
) -> None:
    _, printed = plan(capfd, "--objects", objects, "--namespaces", "b,c")
    words = " ".join(printed.split())
    told = re.search(r"With (\S+) for Velero in velero it would take about \S+( \S+)?, (\d+) % less;", words)
    assert told is not None, printed
    assert told[1] == "loadConcurrency.globalConfig=2", "both volumes are on one node"
    assert int(told[3]) >= 3
    assert "vvc backup tune for the same set" in words


def test_where_nothing_would_be_faster_nothing_is_said(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "objects.json"
    items = [*velero(8), namespace("a"), *pod("a", "node-1", 9)]
    path.write_text(json.dumps({"kind": "List", "items": items}))
    _, printed = plan(capfd, "--objects", str(path))
    assert "tune" not in printed


def test_html_is_a_page_of_its_own(capfd: pytest.CaptureFixture[str], objects: str) -> None:
    status, printed = plan(capfd, "--objects", objects, "-o", "html")
    assert status == 0
    assert printed.lower().startswith("<!doctype html>")
    assert "<script" not in printed
    assert "node-2" in printed


def test_options_change_the_plan(capfd: pytest.CaptureFixture[str], objects: str) -> None:
    _, printed = plan(
        capfd, "--objects", objects, "--together", "a,b", "--no-cluster-resources", "-o", "json"
    )
    shards = [shard["namespaces"] for shard in json.loads(printed)["shards"]]
    assert sorted(map(sorted, shards)) in ([["a", "b"], ["c"]], [["a", "b", "c"]])


WRONG: dict[str, tuple[list[str], str]] = {
    "nothing selected": (["--namespaces", "x-*"], "no namespace matches spec.selection.namespaces"),
    "a contradiction": (["--together", "a,b", "--isolate", "a"], "--isolate: a is in a group of together"),
    "a Velero that is missing": (["--lane", "velero", "--lane", "other"], "runs in namespace other"),
    "a set where no Velero is": (["--lane", "other"], "--lane: names other and not velero, where"),
    "a name beside dumps": (["nightly"], "NAME: is looked up in a cluster, and --objects is for none."),
    "a name and a description": (["nightly", "--max", "2"], "NAME: is a set that is there; leave it out"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG.keys())
def test_what_can_not_be_planned_ends_with_2(
    capfd: pytest.CaptureFixture[str], objects: str, arguments: list[str], words: str
) -> None:
    status, printed = plan(capfd, "--objects", objects, *arguments)
    assert (status, words in printed) == (2, True), printed
    assert "Traceback" not in printed


def test_history_goes_with_objects(capfd: pytest.CaptureFixture[str]) -> None:
    status, printed = plan(capfd, "--history", "x")
    assert status == 2
    assert "--history: goes with --objects" in printed


def test_a_storage_location_that_is_away_is_the_clusters_fault(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    items = [*velero(2), namespace("a"), *pod("a", "node-1", 1)]
    items[1]["status"]["phase"] = "Unavailable"
    path = tmp_path / "objects.json"
    path.write_text(json.dumps({"kind": "List", "items": items}))
    status, printed = plan(capfd, "--objects", str(path))
    assert status == 1
    assert "no Velero takes Backups now" in printed
