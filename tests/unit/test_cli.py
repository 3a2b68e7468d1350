"""What the shell sees: exit statuses and messages, without a cluster."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from velero_volume_controller.cli import main
from velero_volume_controller.cli.options import Address, Duration, election_times
from velero_volume_controller.kube.lease import ElectionTimes
from velero_volume_controller.manager.settings import ListenAddress


def outcome(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit status and everything printed."""
    status = main(arguments)
    out, err = capfd.readouterr()
    return status, out + err


DURATIONS = {"15s": 15.0, "500ms": 0.5, "1m": 60.0, "1h": 3600.0, "7": 7.0, "1.5s": 1.5}
ADDRESSES = {
    ":8080": ListenAddress("", 8080),
    "127.0.0.1:0": ListenAddress("127.0.0.1", 0),
    "[::1]:9": ListenAddress("::1", 9),
    "off": None,
}


@pytest.mark.parametrize(("written", "seconds"), DURATIONS.items(), ids=DURATIONS.keys())
def test_durations(written: str, seconds: float) -> None:
    assert Duration().convert(written, None, None) == seconds


@pytest.mark.parametrize("written", ["", "s", "-1s", "0s", "1 s", "15 minutes", "nan"])
def test_what_is_no_duration(written: str) -> None:
    with pytest.raises(click.BadParameter, match="expected a duration such as 15s"):
        Duration().convert(written, None, None)


@pytest.mark.parametrize(("written", "address"), ADDRESSES.items(), ids=ADDRESSES.keys())
def test_addresses(written: str, address: ListenAddress | None) -> None:
    assert Address().convert(written, None, None) == address


@pytest.mark.parametrize("written", ["", "8080", "host:", ":99999", "::1:80", "a:b"])
def test_what_is_no_address(written: str) -> None:
    with pytest.raises(click.BadParameter, match="expected HOST:PORT, :PORT or off"):
        Address().convert(written, None, None)


def test_the_default_times_are_allowed() -> None:
    assert election_times(15, 10, 2) == ElectionTimes()


CLASHES = {
    "a deadline as long as the lease": (
        (10, 10, 2),
        "--lease-duration 10s must be longer than --renew-deadline 10s",
    ),
    "a deadline too short for two tries": (
        (15, 2.4, 2),
        "--renew-deadline 2.4s must be longer than 1.2 times",
    ),
    "a lease without end": ((float("inf"), 10, 2), "--lease-duration infs: expected a day at most"),
    "a lease longer than a Lease can say": ((1e10, 10, 2), "expected a day at most"),
    "a lease of fractions": ((1.5, 1, 0.5), "--lease-duration 1.5s: expected whole seconds"),
}


@pytest.mark.parametrize(("times", "message"), CLASHES.values(), ids=CLASHES.keys())
def test_times_that_clash_are_named(times: tuple[float, float, float], message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        election_times(*times)


USAGE = {
    "an unknown command": (["dance"], "No such command 'dance'"),
    "an unknown option": (["run", "--fast"], "--fast"),
    "a verbosity that is no number": (["-c", "x", "-v", "true"], "Invalid value for '-v'"),
    "times that clash": (["run", "--renew-deadline", "20s"], "must be longer than --renew-deadline 20s"),
    "an address that is none": (
        ["run", "--metrics-address", "x"],
        "expected HOST:PORT, :PORT or off, found 'x'",
    ),
    "an ownership that is none": (["run", "--ownership", "mine"], "'mine' is not one of 'protect', 'legacy'"),
    "a ConfigMap without its namespace": (
        ["run", "--configmap", "velero-volume-controller"],
        "expected NAMESPACE/NAME such as velero/my-config, found 'velero-volume-controller'",
    ),
    "a version that is none": (
        ["run", "--velero-version", "new"],
        "expected a version of Velero such as 1.18.3",
    ),
    "no rate at all": (["run", "--reload-rate", "0"], "0.0 is not in the range"),
    "a stray word": (["-c", "x", "y"], "Got unexpected extra argument (y)"),
    "no requests at all": (["run", "--max-in-flight", "0"], "0 is not in the range"),
}


@pytest.mark.parametrize(("arguments", "message"), USAGE.values(), ids=USAGE.keys())
def test_bad_usage_exits_with_2_and_says_what_is_wrong(
    arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status, printed = outcome(capfd, *arguments)
    assert status == 2
    assert message in " ".join(printed.split())
    assert "Traceback" not in printed


def test_a_missing_configuration_exits_with_2(capfd: pytest.CaptureFixture[str]) -> None:
    status, printed = outcome(capfd, "run", "-c", "/nowhere/config.yml")
    assert status == 2
    assert printed.startswith("Error: /nowhere/config.yml: there is no such file.")
    assert printed.count("\n") == 1


def test_a_broken_configuration_exits_with_2_when_called_as_the_go_program(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yml"
    path.write_text("veleroVolumeCfg:\n  includeNamespaces: [a]\n")
    status, printed = outcome(capfd, "-c", str(path), "-v=4", "-logtostderr", "true")
    assert status == 2
    assert f"{path}:2: key includeNamespaces: expected text, found a list" in printed


def test_help_shows_examples(capfd: pytest.CaptureFixture[str]) -> None:
    status, printed = outcome(capfd, "run", "--help")
    assert status == 0
    assert "vvc run -c config.yml --ownership legacy" in printed


def test_the_version_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    assert outcome(capfd, "version") == outcome(capfd, "version")
    assert outcome(capfd, "version")[1].startswith("velero-volume-controller ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed(shell: str, capfd: pytest.CaptureFixture[str]) -> None:
    status, printed = outcome(capfd, "completion", shell)
    assert status == 0
    assert "_VVC_COMPLETE" in printed


def test_a_reader_that_goes_away_leaves_no_traceback() -> None:
    command = f"{sys.executable} -m velero_volume_controller completion bash | true"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stderr == ""


def config_file(folder: Path) -> Path:
    path = folder / "config.yml"
    path.write_text("veleroVolumeCfg: {includeNamespaces: shop}\n")
    return path


def test_a_missing_kubeconfig_exits_with_1(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    options = ["--kubeconfig", "/nowhere/kc", "--metrics-address", "off"]
    status, printed = outcome(capfd, "run", "-c", str(config_file(tmp_path)), *options)
    assert status == 1
    assert printed.splitlines()[-1].startswith("Error: /nowhere/kc: there is no such kubeconfig")


def test_a_host_that_no_name_can_be_exits_with_1(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    address = f"{'a' * 64}:80"
    status, printed = outcome(capfd, "run", "-c", str(config_file(tmp_path)), "--metrics-address", address)
    assert status == 1
    assert printed.splitlines()[-1].startswith(f"Error: --metrics-address {address}: ")


def test_a_server_that_does_not_answer_exits_with_1_and_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        "users: [{name: u, user: {token: x}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
    )
    options = ["--kubeconfig", str(kubeconfig), "--metrics-address", "off"]
    status, printed = outcome(capfd, "run", "-c", str(config_file(tmp_path)), *options)
    assert status == 1
    assert "https://127.0.0.1:1" in printed.splitlines()[-1]
    assert "Traceback" not in printed


def test_a_warning_about_the_configuration_is_a_line_of_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = config_file(tmp_path)
    path.write_text("veleroVolumeCfg: {includeNamespace: shop}\n")
    options = ["--kubeconfig", "/nowhere", "--metrics-address", "off", "--log-format", "json"]
    _, printed = outcome(capfd, "run", "-c", str(path), *options)
    first = json.loads(printed.splitlines()[0])
    assert first["level"] == "warning"
    assert "Did you mean includeNamespaces?" in first["message"]
