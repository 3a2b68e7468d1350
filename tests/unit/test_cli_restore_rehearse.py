"""`vvc restore rehearse`: what it takes, its words for what it does not, and what runs it at night."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from velero_volume_controller.cli.main import main
from velero_volume_controller.cli.restore_rehearse import rehearse

NIGHTLY = Path(__file__).resolve().parents[2] / "docs/examples/rehearsals/nightly.yaml"

REFUSED: dict[str, tuple[list[str], str]] = {
    "nothing to rehearse": ([], "expected exactly one of SOURCE, --backup and --schedule"),
    "a set and a Backup": (["nightly-1", "--backup", "b1"], "expected exactly one of SOURCE, --backup"),
    "a set and a schedule": (["nightly-1", "--schedule", "nightly"], "expected exactly one of SOURCE"),
    "a document of what is not waited for": (["nightly-1", "-o", "json", "--no-wait"], "--output: says"),
    "a name that no set has": (["Nightly"], "SOURCE: "),
    "a name that no class has": (["nightly-1", "--storage-class", "Fast"], "--storage-class: "),
    "none is kept": (["nightly-1", "--keep", "0"], "--keep"),
}


@pytest.mark.parametrize(("arguments", "told"), REFUSED.values(), ids=REFUSED)
def test_what_it_does_not_take_is_said_before_the_cluster_is_asked(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["restore", "rehearse", *arguments, "--kubeconfig", "/nowhere"]) == 2
    assert told in capsys.readouterr().err


def _documents() -> dict[str, Any]:
    return {each["kind"]: each for each in yaml.safe_load_all(NIGHTLY.read_text())}


def test_the_command_of_the_manifest_is_one_that_it_takes() -> None:
    found = _documents()["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    group, command, *arguments = found["containers"][0]["args"]
    assert (group, command) == ("restore", rehearse.name)
    given = rehearse.make_context("rehearse", list(arguments)).params
    assert (given["schedule"], given["keep"], given["wait"]) == ("nightly", 14, True)
    assert found["serviceAccountName"] == _documents()["ServiceAccount"]["metadata"]["name"]


def test_who_rehearses_at_night_may_touch_nothing_but_rehearsals() -> None:
    rules = _documents()["Role"]["rules"]
    writing = [
        (rule["resources"], verb) for rule in rules for verb in rule["verbs"] if verb not in {"get", "list"}
    ]
    assert writing == [(["cleanrestores"], "create"), (["cleanrestores"], "delete")]
