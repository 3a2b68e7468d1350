"""``vvc config``: validate, schema and convert, as a person calls them."""

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from hack.reference import SCHEMA
from velero_volume_controller.api.configuration import Ownership
from velero_volume_controller.cli import main
from velero_volume_controller.config import load_text

RECORDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "go-program-decisions.json").read_text()
)

NATIVE = "apiVersion: vvc.velero.io/v1alpha1\nkind: ControllerConfig\n"


class Files:
    """Files of a test, and what a command said about them."""

    def __init__(self, folder: Path, captured: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.captured = captured

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def call(self, *arguments: str) -> tuple[int, str, str]:
        status = main(["config", *arguments])
        return status, *self.captured.readouterr()


@pytest.fixture
def files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Files:
    return Files(tmp_path, capsys)


def test_validate_tells_the_format_and_the_rules(files: Files) -> None:
    native = files.write(
        "a", NATIVE + "annotator: {rules: [{name: a, action: backup}, {name: b, action: skip}]}\n"
    )
    nine = files.write("b", "veleroVolumeCfg: {includeNamespace: a}\n")
    status, out, err = files.call("validate", native, nine)
    assert (status, out) == (0, f"{native}: valid (native, 2 rules)\n{nine}: valid (nine keys, 1 rule)\n")
    assert err.splitlines() == [
        f"Warning: {native}:3: key annotator.rules[1]: rule b is never reached: "
        "rule a before it takes the same.",
        f"Warning: {nine}:1: key includeNamespace is unknown and ignored. Did you mean includeNamespaces?",
        f"Warning: {nine}: sets nothing, which means every PersistentVolumeClaim of every namespace. "
        "If that is not meant, write what is.",
    ]


def test_validate_says_everything_that_is_wrong_and_goes_on_to_the_next_file(files: Files) -> None:
    wrong = files.write("a", NATIVE + "annotator:\n  mode: x\n  adopt: x\n")
    right = files.write("b", NATIVE + "annotator: {default: backup}\n")
    status, out, err = files.call("validate", wrong, right)
    assert (status, out) == (2, f"{right}: valid (native, 0 rules)\n")
    assert err.splitlines() == [
        f"Error: {wrong}:4: key annotator.mode: expected opt-in or opt-out, found 'x'.",
        f"Error: {wrong}:5: key annotator.adopt: expected true or false, found 'x'.",
    ]


def test_validate_as_json_holds_errors_and_warnings(files: Files) -> None:
    wrong, right = (
        files.write("a", "kind: ControllerConfig\n"),
        files.write("b", NATIVE + "annotator: {default: backup}\n---\na: b\n"),
    )
    status, out, err = files.call("validate", wrong, right, "-o", "json")
    assert (status, err) == (2, "")
    assert json.loads(out) == {
        "files": [
            {
                "file": wrong,
                "valid": False,
                "errors": [f"{wrong}:1: lacks the key apiVersion. Add what is missing."],
                "warnings": [],
            },
            {
                "file": right,
                "valid": True,
                "format": "native",
                "rules": 0,
                "errors": [],
                "warnings": [
                    f"{right}: holds more than one YAML document; only the first is read. Remove the others."
                ],
            },
        ]
    }


def test_validate_reads_standard_input(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"kind: ControllerConfig\nx: \xc3\xa4\n")))
    status, out, err = files.call("validate", "-")
    assert (status, out) == (2, "")
    assert err.splitlines()[0] == "Error: standard input:1: lacks the key apiVersion. Add what is missing."


def test_schema_prints_what_is_published(files: Files) -> None:
    status, out, _ = files.call("schema")
    assert (status, json.loads(out)) == (0, json.loads(SCHEMA.read_text()))


def dump(files: Files, pods: list[dict[str, Any]]) -> str:
    items = [{"apiVersion": "v1", "kind": "Pod"} | pod for pod in pods]
    return files.write("dump.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


@pytest.mark.parametrize("record", [record for record in RECORDED if record["exit"] is None])
def test_convert_proves_that_no_decision_changes_on_recorded_pods(
    files: Files, record: dict[str, Any]
) -> None:
    nine = files.write("config.yml", record["config"])
    status, out, err = files.call("convert", nine, "--objects", dump(files, record["pods"]))
    assert status == 0, err
    volumes = sum(len(pod["spec"].get("volumes") or []) for pod in record["pods"])
    assert f"Compared {len(record['pods'])} pods with {volumes} volumes: every decision is the same.\n" in err
    native = load_text(out, "native")
    assert native.native
    assert native.warnings == ()
    assert native.configuration.adopt


LEGACY_POD = {
    "metadata": {"name": "web-0", "namespace": "shop"},
    "spec": {
        "nodeName": "n",
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "a"}},
            {"name": "raw", "persistentVolumeClaim": {"claimName": "b"}},
        ],
        "containers": [
            {
                "name": "c",
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                "volumeDevices": [{"name": "raw", "devicePath": "/dev/raw"}],
            }
        ],
    },
    "status": {"phase": "Running"},
}


def test_convert_prints_no_document_that_would_change_a_decision(files: Files) -> None:
    nine, objects = files.write("config.yml", ""), dump(files, [LEGACY_POD])
    status, out, err = files.call("convert", nine, "--ownership", "legacy", "--objects", objects)
    assert (status, out) == (1, "")
    assert "Compared 1 pod with 2 volumes: 1 pod would be decided differently.\n" in err
    assert "  shop/web-0 raw: backup → skip: a block device: Velero's file-system backup reads" in err
    assert "add --allow-changes" in err


def test_convert_prints_a_document_with_changes_when_they_are_allowed(files: Files) -> None:
    nine, objects = files.write("config.yml", ""), dump(files, [LEGACY_POD])
    status, out, err = files.call(
        "convert", nine, "--ownership", "legacy", "--objects", objects, "--allow-changes"
    )
    assert status == 0
    assert "shop/web-0 raw: backup → skip" in err
    assert load_text(out, "f").configuration.ownership is Ownership.LEGACY


def test_convert_without_objects_says_that_nothing_is_proven(files: Files) -> None:
    nine = files.write("config.yml", "veleroVolumeCfg: {excludeJobs: a}\n")
    status, out, err = files.call("convert", nine)
    assert status == 0
    assert err == "Not proven: give --objects or --live to compare the decision on every pod.\n"
    assert len(load_text(out, "f").configuration.rules) == 1


def test_convert_leaves_out_what_nothing_is_called_and_says_so(files: Files) -> None:
    text = "veleroVolumeCfg: {includeNamespaces: 'shop,bank-*', excludeJobs: 'Nightly,*-cron'}\n"
    _, out, _ = files.call("convert", files.write("config.yml", text))
    comments = [line for line in out.splitlines() if line.startswith("#")]
    assert comments[1:] == [
        "# includeNamespaces: left out 'bank-*', which the nine keys compare exactly and nothing is called.",
        "# excludeJobs: left out 'Nightly', which nothing is called.",
    ]
    (rule,) = load_text(out, "f").configuration.rules
    assert rule.namespaces.include is not None
    assert rule.namespaces.include.exact == {"shop"}
    assert rule.namespaces.include.patterns == ()
    assert rule.pods.exclude_jobs == ("*-cron",)


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        (
            "veleroVolumeCfg: {includeNamespaces: 'bank-*'}\n",
            "includeNamespaces names no namespace that can be.",
        ),
        ("veleroVolumeCfg: {includeNamespaces: ','}\n", "includeNamespaces names no namespace that can be."),
        ("veleroVolumeCfg: {excludeVolumeTypes: persistentVolumeClaim}\n", "no type of volume to back up."),
    ],
    ids=["only a pattern that is none", "only a comma", "no type is left"],
)
def test_convert_makes_no_rule_of_what_matches_nothing(files: Files, text: str, comment: str) -> None:
    _, out, _ = files.call("convert", files.write("config.yml", text))
    assert comment in out
    assert load_text(out, "f").configuration.rules == ()


def test_convert_of_a_native_document_says_that_there_is_nothing_to_do(files: Files) -> None:
    status, _, err = files.call("convert", files.write("a", NATIVE))
    assert status == 2
    assert "is of the native format already" in err


def test_convert_asks_a_cluster_or_a_file_but_not_both(files: Files) -> None:
    status, _, err = files.call("convert", files.write("a", ""), "--objects", "x", "--live")
    assert status == 2
    assert "--objects and --live: expected one of them, found both." in err


def test_convert_reads_a_pipe_once_and_asks_the_cluster_that_it_names(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    reader, writer = os.pipe()
    os.write(writer, b"clusterServerCfg: {masterURL: 'http://127.0.0.1:9'}\n")
    os.close(writer)
    status, out, err = files.call("convert", f"/dev/fd/{reader}", "--live")
    os.close(reader)
    assert (status, out) == (1, "")
    assert "http://127.0.0.1:9" in err


@pytest.mark.parametrize("pods", ["[]", '[{"kind": "Namespace", "metadata": {"name": "shop"}}]'])
def test_convert_on_objects_without_pods_proves_nothing(files: Files, pods: str) -> None:
    objects = files.write("dump.json", f'{{"kind": "List", "items": {pods}}}')
    status, out, err = files.call("convert", files.write("config.yml", ""), "--objects", objects)
    assert (status, out) == (2, "")
    assert f"{objects}: the objects hold no Pods, so nothing is proven." in err
    assert "Compared" not in err
