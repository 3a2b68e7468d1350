"""`vvc backup create` without a cluster: what options and files become, and how mistakes end."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from tests.unit.test_cli import outcome
from velero_volume_controller.cli.backup import backup

HEAD = "apiVersion: vvc.velero.io/v1alpha1\nkind: BackupSet\n"


def printed(capfd: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """The object that --dry-run prints."""
    status, text = outcome(capfd, "backup", "create", *arguments, "--dry-run")
    assert status == 0, text
    return yaml.safe_load(text)


def test_options_become_a_set(capfd: pytest.CaptureFixture[str]) -> None:
    made = printed(
        capfd,
        *("shops", "-n", "velero-b", "--namespaces", "shop-*,bank", "--namespaces", "media"),
        *("--exclude", "shop-tmp", "--selector", "tier in (db,cache),!tmp", "--no-cluster-resources"),
        *("--ttl", "720h", "--storage-location", "far", "--template", "defaultVolumesToFsBackup=true"),
        *("--together", "shop-a,shop-b", "--together", "c,d", "--first", "bank", "--isolate", "media"),
        *(
            "--max-shards",
            "9",
            "--lane",
            "velero=4",
            "--lane",
            "velero-b",
            "--max",
            "5",
            "--per-node",
            "auto",
        ),
        *("--retries", "0", "--backoff", "30s", "--deadline", "4h", "--window", "22:00-05:30"),
        *("--time-zone", "Europe/Berlin", "--paused"),
    )
    assert made["metadata"] == {"name": "shops", "namespace": "velero-b"}
    assert made["spec"] == {
        "selection": {
            "namespaces": {
                "include": ["shop-*", "bank", "media"],
                "exclude": ["shop-tmp"],
                "selector": {
                    "matchExpressions": [
                        {"key": "tier", "operator": "In", "values": ["db", "cache"]},
                        {"key": "tmp", "operator": "DoesNotExist"},
                    ]
                },
            },
            "clusterResources": False,
        },
        "template": {"defaultVolumesToFsBackup": True, "storageLocation": "far", "ttl": "720h"},
        "together": [["shop-a", "shop-b"], ["c", "d"]],
        "first": ["bank"],
        "isolate": ["media"],
        "maxShards": 9,
        "concurrency": {"max": 5},
        "lanes": [{"namespace": "velero", "slots": 4}, {"namespace": "velero-b"}],
        "retry": {"limit": 0, "backoff": "30s"},
        "deadline": "4h",
        "window": {"start": "22:00", "end": "05:30", "timeZone": "Europe/Berlin"},
        "paused": True,
    }


def test_fields_of_the_template_may_be_maps(capfd: pytest.CaptureFixture[str]) -> None:
    made = printed(capfd, "a", "--template", "resourcePolicy={kind: configmap, name: '1'}")
    assert made["spec"]["template"] == {"resourcePolicy": {"kind": "configmap", "name": "1"}}


def test_a_file_becomes_a_set_and_what_is_printed_is_a_file_again(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "set.yaml"
    path.write_text(f"{HEAD}metadata: {{name: nightly, namespace: backup}}\nspec: {{maxShards: 3}}\n")
    made = printed(capfd, "-f", str(path))
    assert made["metadata"] == {"name": "nightly", "namespace": "backup"}
    again = yaml.safe_dump(made).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(again)))
    assert printed(capfd, "-f", "-") == made


def test_a_set_without_a_namespace_goes_where_velero_is(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert printed(capfd, "a")["metadata"]["namespace"] == "velero"
    monkeypatch.setenv("VELERO_NAMESPACE", "elsewhere")
    assert printed(capfd, "a")["metadata"]["namespace"] == "elsewhere"


def test_json_is_printed_on_demand(capfd: pytest.CaptureFixture[str]) -> None:
    _, text = outcome(capfd, "backup", "create", "a", "--dry-run", "-o", "json")
    assert json.loads(text)["kind"] == "BackupSet"


WRONG: dict[str, tuple[list[str], str]] = {
    "no name": ([], "NAME: is missing. Name the BackupSet"),
    "a name in capitals": (["Nightly"], "NAME: expected a name of at most 63 small letters"),
    "a namespace in capitals": (
        ["a", "--namespaces", "Shop"], "--namespaces: expected the name of a namespace (in which * is any",
    ),
    "a group of one": (["a", "--together", "x"], "--together: expected at least 2 entries, found 1."),
    "a word for a number": (["a", "--max", "lots"], "--max: expected auto or a whole number from 1 on"),
    "a lane without slots": (["a", "--lane", "velero=0"], "--lane: expected a whole number from 1 on"),
    "lanes elsewhere": (
        ["a", "--lane", "velero-b"],
        "--lane: names velero-b and not velero, where the set would be. A set has to be",
    ),
    "a window without an end": (["a", "--window", "22:00"], "--window: expected START-END such as 22:00"),
    "an hour that no day has": (["a", "--window", "22:00-25:00"], "--window: expected a time such as 22:00"),
    "a time zone of nothing": (["a", "--time-zone", "UTC"], "--time-zone: is of --window, which is missing."),
    "a field without a value": (
        ["a", "--template", "ttl"], "--template: expected KEY=VALUE such as snapshotVolumes=false",
    ),
    "a field of the wrong type": (
        ["a", "--template", "snapshotVolumes=maybe"],
        "--template snapshotVolumes: expected true or false, found 'maybe'.",
    ),
    "a ttl without a unit": (
        ["a", "--ttl", "720"], "Error: --ttl: expected a duration such as 90s or 1h30m, found '720'.",
    ),
    "namespaces in the template": (
        ["a", "--template", "includedNamespaces=x"],
        "--template includedNamespaces: is the plan's to say. Give --namespaces.",
    ),
    "alone and together": (
        ["a", "--isolate", "x", "--together", "x,y"], "--isolate: x is in a group of together, too.",
    ),
    "a namespace in two groups": (
        ["a", "--together", "x,y", "--together", "y,z"], "--together: y is in 2 groups.",
    ),
    "no wait at all": (["a", "--backoff", "0s"], "--backoff: expected a duration longer than none"),
    "a zone of nowhere": (
        ["a", "--window", "22:00-05:00", "--time-zone", "Mars/X"],
        "--time-zone: expected a name of the tz database such as Europe/Berlin, found 'Mars/X'.",
    ),
    "a map that is none": (["a", "--template", "hooks={a: *b}"], "--template hooks:1: *b is not in quotes"),
    "a selector that is none": (["a", "--selector", "a in b"], "--selector: expected terms such as app=shop"),
    "a deadline without a unit": (["a", "--deadline", "4"], "--deadline: expected a duration such as 90s"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_names_the_option_and_ends_with_2(
    capfd: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    status, text = outcome(capfd, "backup", "create", *arguments, "--dry-run")
    assert status == 2
    assert words in text
    assert "Traceback" not in text


def test_a_file_says_all_or_nothing(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "set.yaml"
    path.write_text(f"{HEAD}metadata: {{name: nightly, namespace: backup}}\nspec: {{}}\n")
    for arguments, words in (
        (["--max", "4"], "--file describes the whole set; write the other options' values into it."),
        (["other"], "NAME: the file names the set nightly, the command line other."),
        (["-n", "other"], "--namespace: the file says backup, the option other."),
    ):
        status, text = outcome(capfd, "backup", "create", "-f", str(path), *arguments, "--dry-run")
        assert (status, words in text) == (2, True), text


def test_lanes_elsewhere_are_told_of_a_file_too(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "set.yaml"
    path.write_text(f"{HEAD}metadata: {{name: nightly}}\nspec: {{lanes: [{{namespace: velero-b}}]}}\n")
    status, text = outcome(capfd, "backup", "create", "-f", str(path), "--dry-run")
    assert (status, f"{path}: spec.lanes: names velero-b and not velero" in text) == (2, True), text


def test_mistakes_in_a_file_name_its_lines(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "set.yaml"
    path.write_text(f"{HEAD}metadata: {{name: nightly}}\nspec:\n  maxShards: 0\n  togethr: []\n")
    status, text = outcome(capfd, "backup", "create", "-f", str(path))
    assert status == 2
    assert f"{path}:5: key spec.maxShards: expected a whole number" in text
    assert f"{path}:6: key spec.togethr: is unknown. Did you mean together?" in text


@pytest.mark.parametrize("name", backup.commands)
def test_each_command_explains_itself_with_examples(capfd: pytest.CaptureFixture[str], name: str) -> None:
    status, text = outcome(capfd, "backup", name, "--help")
    assert status == 0
    assert "Example" in text
    described = [each for each in backup.commands[name].params if isinstance(each, click.Option)]
    assert all(option.help for option in described)
    assert max(map(len, text.splitlines())) <= 92
