"""The lab comes up from anything, and leaves nothing when it goes down."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.lab import existing, places
from hack.lab.shell import run

NAME = "updown"


def lab(*arguments: str) -> str:
    """Run the lab's command line on a lab of this test's own."""
    environment = {**os.environ, "LAB_NAME": NAME}
    return run([sys.executable, "-m", "hack.lab", *arguments], environment=environment, timeout=280)


def traces() -> set[str]:
    """What a lab leaves in the kernel: mounts, cgroups, links, routes, rules, namespaces, processes."""
    commands = {
        "mount": ["cat", "/proc/self/mounts"],
        "cgroup": ["find", "/sys/fs/cgroup", "-type", "d", "-name", f"*{NAME}*"],
        "link": ["ip", "-brief", "link"],
        "route": ["ip", "route"],
        "namespace": ["ip", "netns", "list"],
        "rule": ["iptables-save"],
    }
    lines = {f"{kind}: {line}" for kind, command in commands.items() for line in run(command).splitlines()}
    for cgroups in Path("/proc").glob("[0-9]*/cgroup"):
        with contextlib.suppress(OSError):  # it may have ended meanwhile
            if f"vvc-{NAME}/" in cgroups.read_text():
                lines.add(f"process: {NAME} {(cgroups.parent / 'comm').read_text().strip()}")
    return {line for line in lines if NAME in line or f"10.50.{number()}." in line}


def number() -> str:
    environment = {**os.environ, "LAB_NAME": NAME}
    return run(
        [sys.executable, "-c", "from hack.lab import places; print(places.NUMBER)"], environment=environment
    ).strip()


@pytest.fixture(scope="module", autouse=True)
def purged() -> Iterator[None]:
    if existing.chosen():
        pytest.skip("these tests are of the lab's own machines")
    lab("purge")
    yield
    lab("purge")
    assert not (places.CACHE / "labs" / NAME).exists()


def test_down_leaves_nothing_behind() -> None:
    lab("up", "--nodes", "1", "--without-velero")
    assert any("containerd" in line for line in traces())
    lab("down")
    assert traces() == set()


def test_up_twice_is_up_once() -> None:
    lab("up", "--nodes", "1", "--without-velero")
    before = lab("kubectl", "get", "nodes", "-o", "jsonpath={.items[*].status.nodeInfo.bootID}")
    lab("up", "--nodes", "1", "--without-velero")
    assert lab("kubectl", "get", "nodes", "-o", "jsonpath={.items[*].status.nodeInfo.bootID}") == before
    lab("down")


def test_a_lab_that_is_up_takes_more_nodes_whose_pods_the_others_reach() -> None:
    lab("up", "--nodes", "1", "--without-velero")
    lab("up", "--nodes", "2", "--without-velero")
    probe = ["run", "answerer", "--image=docker.io/local/busybox:1", "--image-pull-policy=Never"]
    where = '{"spec": {"nodeName": "node2"}}'
    lab(
        "kubectl",
        *probe,
        f"--overrides={where}",
        "--command",
        "--",
        "nc",
        "-ll",
        "-p",
        "80",
        "-e",
        "echo",
        "here",
    )
    lab("kubectl", "wait", "--for=condition=Ready", "pod/answerer", "--timeout=60s")
    address = lab("kubectl", "get", "pod", "answerer", "-o", "jsonpath={.status.podIP}")
    asker = [
        "run",
        "asker",
        "--image=docker.io/local/busybox:1",
        "--image-pull-policy=Never",
        "--restart=Never",
    ]
    where = '{"spec": {"nodeName": "node1"}}'
    lab("kubectl", *asker, f"--overrides={where}", "--command", "--", "nc", "-w", "5", address, "80")
    lab("kubectl", "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/asker", "--timeout=60s")
    assert lab("kubectl", "logs", "asker").strip() == "here"
    lab("purge")


@pytest.mark.parametrize("seconds", [0.5, 0.6, 0.7, 0.8, 0.9, 1.2, 1.5, 3.0], ids="killed after {} s".format)
def test_up_and_down_work_after_an_up_that_was_killed(seconds: float) -> None:
    command = [sys.executable, "-m", "hack.lab", "up", "--nodes", "2", "--without-velero"]
    environment = {**os.environ, "LAB_NAME": NAME}
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
    lab("up", "--nodes", "2", "--without-velero")
    ready = lab("kubectl", "get", "nodes", "-o", "name").split()
    assert ready == ["node/node1", "node/node2"]
    lab("down")
    assert traces() == set()


def test_an_existing_cluster_that_does_not_answer_is_named(tmp_path: Path) -> None:
    environment = {**os.environ, "VVC_TEST_KUBECONFIG": str(tmp_path / "none")}
    command = [sys.executable, "-m", "hack.lab", "up"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "VVC_TEST_KUBECONFIG" in done.stderr
    assert "Traceback" not in done.stderr
