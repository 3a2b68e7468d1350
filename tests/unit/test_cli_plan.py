"""`vvc plan` without a cluster: what it prints and how it ends."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from tests.unit.test_cli import outcome
from tests.unit.test_objects import ALL, pod
from velero_volume_controller.cli import main
from velero_volume_controller.cli.plan import plan

KEY, MARKER = "backup.velero.io/backup-volumes", "vvc.velero.io/backup-volumes"
PVCS = "veleroVolumeCfg: {includeVolumeTypes: persistentVolumeClaim}\n"

VVC = [sys.executable, "-m", "velero_volume_controller"]


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yml"
    path.write_text(PVCS)
    return str(path)


def dump(directory: Path, *pods: dict[str, Any]) -> str:
    path = directory / "dump.json"
    path.write_text(json.dumps({"kind": "List", "items": [*ALL[2:], *pods]}))
    return str(path)


PODS = [
    pod("new"),
    pod("old", annotations={KEY: "a", MARKER: "a"}),
    pod("done", annotations={KEY: "data", MARKER: "data"}) | {"status": {"phase": "Succeeded"}},
    pod("theirs", annotations={KEY: "cache"}),
    pod("taken", annotations={KEY: "data"}),
    pod("right", annotations={KEY: "data", MARKER: "data"}),
    pod("back", annotations={f"{KEY}-excludes": "x", f"{MARKER}-excludes": "x"}),
]


def test_the_diff_has_a_sign_for_each_change_and_counts(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status, printed = outcome(capfd, "plan", "-c", config, "--objects", dump(tmp_path, *PODS))
    assert status == 0
    assert printed.splitlines() == [
        "namespace shop",
        "  + new     data",
        "  ~ old     a → data",
        "  - done    data",
        "  ! theirs  cache (not ours; by the rules: data)",
        "  = taken   data",
        "  + back    data",
        "      takes back backup-volumes-excludes: x",
        "",
        "backup.velero.io/backup-volumes, protect:",
        "2 to add, 1 to change, 1 to remove, 1 to adopt, 1 to take back in 7 pods.",
        "7 volumes: by the rules 6 to be backed up, 1 not.",
        "1 annotation not ours, left alone (!).",
    ]


def test_all_lists_pods_that_stay_as_they_are(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    objects = dump(tmp_path, PODS[5])
    _, printed = outcome(capfd, "plan", "-c", config, "--objects", objects)
    assert "right" not in printed
    assert "nothing to change in 1 pod." in printed
    _, printed = outcome(capfd, "plan", "-c", config, "--objects", objects, "--all")
    assert "    right  data" in printed.splitlines()


def test_json_tells_of_every_pod_and_only_of_some_with_only(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ("plan", "-c", config, "--objects", dump(tmp_path, *PODS), "-o", "json")
    _, printed = outcome(capfd, *arguments)
    assert [each["name"] for each in json.loads(printed)["pods"]] == [
        each["metadata"]["name"] for each in PODS
    ]
    _, printed = outcome(capfd, *arguments, "--only", "foreign,update")
    told = json.loads(printed)
    assert [each["name"] for each in told["pods"]] == ["old", "theirs"]
    assert told["summary"]["pods"] == 7, "the counts are of all"
    _, printed = outcome(capfd, *arguments, "--only", "none")
    assert [each["name"] for each in json.loads(printed)["pods"]] == ["taken", "right"]
    _, printed = outcome(capfd, *arguments, "--only", "withdrawn")
    assert [each["name"] for each in json.loads(printed)["pods"]] == ["back"]


def test_what_is_only_taken_back_is_a_change(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    back = pod("back", annotations={f"{KEY}-excludes": "x", f"{MARKER}-excludes": "x", KEY: "cache"})
    status, printed = outcome(
        capfd, "plan", "-c", config, "--objects", dump(tmp_path, back), "--exit-code", "--only", "withdrawn"
    )
    assert status == 3
    assert "1 to take back in 1 pod." in printed
    assert "takes back backup-volumes-excludes: x" in printed


def test_objects_from_standard_input(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path(dump(tmp_path, *PODS)).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    status, printed = outcome(capfd, "plan", "-c", config, "--objects", "-")
    assert status == 0
    assert "  + new     data" in printed


EXIT_CODES = {
    "something is to be added": (PODS[0], 3),
    "only a marker is to be written": (PODS[4], 3),
    "all is right": (PODS[5], 0),
    "an annotation is someone else's": (PODS[3], 0),
}


@pytest.mark.parametrize(("one", "status"), EXIT_CODES.values(), ids=EXIT_CODES.keys())
def test_exit_code_tells_whether_a_pod_would_be_written_to(
    one: dict[str, Any], status: int, config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ("plan", "-c", config, "--objects", dump(tmp_path, one))
    assert outcome(capfd, *arguments, "--exit-code")[0] == status
    assert outcome(capfd, *arguments)[0] == 0


def test_the_configuration_from_standard_input(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PVCS.encode())))
    status, printed = outcome(capfd, "plan", "-c", "-", "--objects", dump(tmp_path, PODS[0]))
    assert status == 0
    assert "  + new  data" in printed


def test_a_configuration_that_sets_nothing_is_warned_of(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    warning = f"Warning: {config}: sets nothing, which means every PersistentVolumeClaim of every namespace."
    for text, warned in (("", True), ("veleroVolumeCfg: {}\n", True), (PVCS, False)):
        Path(config).write_text(text)
        for arguments in (
            ["plan", "-c", config, "--objects", dump(tmp_path)],
            ["config", "validate", config],
        ):
            assert main(arguments) == 0
            assert (warning in capfd.readouterr().err) is warned


def test_without_a_cluster_objects_are_offered(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status, printed = outcome(capfd, "plan", "-c", config, "--kubeconfig", str(tmp_path / "none"))
    assert status == 1
    assert "without a cluster, give --objects" in printed


def test_exit_code_is_not_satisfied_by_objects_without_pods(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ("plan", "-c", config, "--objects", dump(tmp_path))
    status, printed = outcome(capfd, *arguments, "--exit-code")
    assert status == 2
    assert "dump.json: the objects hold no Pods, so --exit-code checks nothing." in printed
    assert outcome(capfd, *arguments)[0] == 0


def test_ownership_on_the_command_line(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ("plan", "-c", config, "--objects", dump(tmp_path, PODS[3]))
    assert "! theirs" in outcome(capfd, *arguments, "--ownership", "protect")[1]
    assert "~ theirs  cache → data" in outcome(capfd, *arguments, "--ownership", "legacy")[1]


def test_velero_version_decides_what_can_be_taken(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    windows = pod("win")
    windows["spec"]["os"] = {"name": "windows"}
    arguments = ("plan", "-c", config, "--objects", dump(tmp_path, windows))
    assert "+ win" in outcome(capfd, *arguments)[1]
    assert "nothing to change" in outcome(capfd, *arguments, "--velero-version", "v1.16.2")[1]


def test_nothing_is_wider_than_80_columns_and_nothing_is_lost(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    value = ",".join(f"volume-number-{number}" for number in range(20))
    long = pod("a" * 60, annotations={KEY: value, MARKER: value})
    _, printed = outcome(capfd, "plan", "-c", config, "--objects", dump(tmp_path, long, *PODS))
    assert max(map(len, printed.splitlines())) <= 80
    assert value in "".join(line.strip() for line in printed.splitlines())


def test_what_a_program_reads_is_not_wrapped(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    value = ",".join(f"volume-number-{number}" for number in range(20))
    long = pod("long", annotations={KEY: value, MARKER: value})
    _, printed = outcome(capfd, "plan", "-c", config, "--objects", dump(tmp_path, long))
    assert f"  ~ long  {value} → data" in printed.splitlines()


def test_what_a_terminal_would_obey_is_printed_as_text(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    evil = pod("evil", annotations={KEY: "\x1b[31mred"})
    _, printed = outcome(capfd, "plan", "-c", config, "--objects", dump(tmp_path, evil))
    assert "\x1b" not in printed
    assert r"\x1b[31mred" in printed


def test_json_is_ascii_whatever_the_objects_hold(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c\udcff.yml"
    config.write_text("veleroVolumeCfg: {includeVolumeTypes: hostpath}\n")
    arguments = ("-c", str(config), "--objects", dump(tmp_path, pod(annotations={KEY: "é"})), "-o", "json")
    assert main(["plan", *arguments]) == 0
    printed = capfd.readouterr().out
    assert printed.isascii()
    told = json.loads(printed)
    assert told["pods"][0]["current"] == "é"
    assert told["summary"]["warnings"][0].startswith(str(config)), "a path that is not UTF-8 is kept"


def test_an_encoding_without_arrows_gets_escapes(config: str, tmp_path: Path) -> None:
    command = [*VVC, "plan", "-c", config, "--objects", dump(tmp_path, *PODS)]
    done = subprocess.run(command, capture_output=True, check=True, env={"PYTHONIOENCODING": "latin-1"})
    assert b"  ~ old     a \\u2192 data\n" in done.stdout
    assert done.stderr == b""


def test_a_reader_that_goes_away_is_no_failure(config: str, tmp_path: Path) -> None:
    many = dump(tmp_path, *(pod(f"web-{number}") for number in range(2000)))
    command = [*VVC, "plan", "-c", config, "--objects", many, "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 141


@pytest.mark.parametrize(
    "words", [["plan"], ["plan", "-o", "json"], ["plan", "--help"], ["config", "schema"]]
)
def test_a_full_disk_is_one_sentence_and_status_1(words: list[str], config: str, tmp_path: Path) -> None:
    arguments = ["-c", config, "--objects", dump(tmp_path, *PODS)] if words[0] == "plan" else []
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*VVC, *words, *arguments], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.stderr.decode() == (
        "Error: standard output can't be written: No space left on device."
        " Free some space, or write elsewhere.\n"
    )
    assert done.returncode == 1


def in_terminal(command: str, **environment: str) -> str:
    """What a terminal of 80 columns is sent."""
    done = subprocess.run(
        ["script", "-qec", f"stty cols 80; {command}", "/dev/null"],
        capture_output=True,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "TERM": "xterm", **environment},
        timeout=60,
        check=True,
    )
    return done.stdout.decode()


def test_colour_on_a_terminal_unless_no_color_says_otherwise(config: str, tmp_path: Path) -> None:
    command = f"vvc plan -c {config} --objects {dump(tmp_path, *PODS)}"
    coloured = in_terminal(command)
    assert "\x1b[32m  + new     data\x1b[0m" in coloured
    assert "\n    right   data\r" in in_terminal(command + " --all"), (
        "and what stays keeps the terminal's own"
    )
    plain = in_terminal(command, NO_COLOR="1")
    assert "\x1b" not in plain
    assert in_terminal(command, TERM="dumb") == plain
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain


BAD: dict[str, tuple[list[str], str]] = {
    "no configuration": (["--objects", "DUMP"], "the configuration to ask about is missing"),
    "no such configuration": (["-c", "/nowhere.yml", "--objects", "DUMP"], "/nowhere.yml: there is no such"),
    "no such objects": (["-c", "CONFIG", "--objects", "/nowhere.json"], "/nowhere.json: there is no such"),
    "a directory": (["-c", "CONFIG", "--objects", "/tmp"], "/tmp: can't be read: Is a directory"),
    "objects that are none": (["-c", "CONFIG", "--objects", "CONFIG"], "config.yml:1: expected a Kubernetes"),
    "objects in another encoding": (["-c", "CONFIG", "--objects", "UTF16"], "utf16:1: is not UTF-8 text"),
    "an action that is none": (
        ["-c", "CONFIG", "--objects", "DUMP", "--only", "add,delete"],
        "expected some of add,update,remove,adopt,foreign,none,withdrawn, found 'delete'.",
    ),
    "objects and a cluster": (
        ["-c", "CONFIG", "--objects", "DUMP", "--kubeconfig", "x"], "--objects and --kubeconfig: expected",
    ),
    "objects and a cluster's context": (
        ["-c", "CONFIG", "--objects", "DUMP", "--context", "x"], "--objects and --context: expected one",
    ),
    "standard input twice": (["-c", "-", "--objects", "-"], "standard input can be read once only"),
    "a version that is none": (
        ["-c", "CONFIG", "--objects", "DUMP", "--velero-version", "new"],
        "expected a version of Velero such as 1.18.3, found 'new'.",
    ),
    "a ConfigMap without a namespace": (["--configmap", "x"], "expected NAMESPACE/NAME"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD.keys())
def test_what_can_not_be_used_is_one_message_and_status_2(
    arguments: list[str], message: str, config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "utf16").write_bytes('{"kind": "Pod"}'.encode("utf-16"))
    words = {"CONFIG": config, "DUMP": dump(tmp_path, *PODS), "UTF16": str(tmp_path / "utf16")}
    status = main(["plan", *(words.get(each, each) for each in arguments)])
    out, err = capfd.readouterr()
    assert status == 2
    assert out == ""
    assert message in " ".join(err.split())
    assert "Traceback" not in err


def test_warnings_go_to_standard_error(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pods.json"
    path.write_text(json.dumps(pod()))
    assert main(["plan", "-c", config, "--objects", str(path), "-o", "json"]) == 0
    out, err = capfd.readouterr()
    warned = json.loads(out)["summary"]["warnings"]
    assert len(warned) == 2
    assert err == "".join(f"Warning: {each}\n" for each in warned)


def test_what_help_and_offline_questions_do_not_need_is_not_imported(config: str, tmp_path: Path) -> None:
    program = (
        "import sys; from velero_volume_controller.cli import main; status = main(sys.argv[1:]);"
        "print(status, {'kubernetes_asyncio', 'aiohttp', 'rich.progress'} & set(sys.modules))"
    )
    for arguments in (["plan", "--help"], ["plan", "-c", config, "--objects", dump(tmp_path, *PODS)]):
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, check=True)
        assert done.stdout.decode().splitlines()[-1] == "0 set()", done.stderr


def test_the_last_of_the_actions_is_completed() -> None:
    (only,) = (each for each in plan.params if each.name == "only")
    context = click.Context(plan)
    found = [each.value for each in only.shell_complete(context, "add,re")]
    assert found == ["add,remove"]
    assert "withdrawn" in [each.value for each in only.shell_complete(context, "")]
