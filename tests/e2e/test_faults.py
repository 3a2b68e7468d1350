"""Each fault does what it says, and its undo undoes it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.lab import cgroups, faults, images, kubectl
from hack.lab.cluster import Lab
from hack.lab.machine import Machine
from hack.lab.network import HOST_ADDRESS
from hack.lab.progress import wait_until
from hack.lab.shell import LabError, succeeds

KUBELET = 10250
API = 6443


def reaches(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        return False
    return True


@pytest.fixture
def node(lab: Lab) -> Machine:
    return lab.nodes[-1]


def test_a_machine_without_power_has_no_process_left_and_comes_back_with_its_disk(
    lab: Lab, node: Machine
) -> None:
    (node.disk / "var/tmp/mark").write_text("kept")
    undo = faults.power_off(lab, node)
    assert node.pid is None
    assert cgroups.memory_bytes(node.name) is None
    assert not reaches(node.address, KUBELET)
    undo()
    wait_until(lambda: reaches(node.address, KUBELET), f"kubelet answers on {node.name}", seconds=60)
    assert node.run(["cat", "/var/tmp/mark"]) == "kept"


def test_a_cut_cable_lets_nothing_through_until_it_is_healed(node: Machine) -> None:
    assert reaches(node.address, KUBELET)
    undo = faults.cut_cable(node)
    assert not reaches(node.address, KUBELET)
    assert node.pid is not None
    undo()
    wait_until(lambda: reaches(node.address, KUBELET), "the healed cable carries", seconds=30)


@pytest.fixture
def pod(lab: Lab, node: Machine) -> Iterator[str]:
    """A pod on the node that can try connections; yields its address."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "fault-probe", "namespace": "default"},
        "spec": {
            "nodeName": node.name,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "probe",
                    "image": images.BUSYBOX_REFERENCE,
                    "imagePullPolicy": "Never",
                    "command": ["sleep", "3600"],
                }
            ],
        },
    }
    kubectl.apply(json.dumps(manifest))
    kubectl.kubectl("wait", "--for=condition=Ready", "pod/fault-probe", "--timeout=60s")
    yield kubectl.get("pod", "fault-probe")["status"]["podIP"]
    kubectl.kubectl("delete", "pod", "fault-probe", "--wait=false")


def pod_reaches(address: str) -> bool:
    probe = ["exec", "fault-probe", "--", "nc", "-w", "2", address, str(API)]
    return succeeds(kubectl.command(*probe), timeout=20)


def test_one_pods_path_is_dropped_and_the_rest_of_the_node_goes_on(lab: Lab, node: Machine, pod: str) -> None:
    server = lab.control_plane.address
    assert pod_reaches(server)
    undo = faults.drop_pod_path(node, pod, server)
    assert not pod_reaches(server)
    assert not pod_reaches("10.96.0.1"), "the Service in front of the API server is behind the same path"
    assert succeeds(node.inside(["busybox", "nc", "-w", "2", server, str(API)]))
    undo()
    assert pod_reaches(server)


CLIENT = """
import http.client, ssl, sys
context = ssl._create_unverified_context()
connection = http.client.HTTPSConnection(sys.argv[1], 6443, timeout=2, context=context)
for line in sys.stdin:
    try:
        connection.request("GET", "/version")
        connection.getresponse().read()
        print("answered", flush=True)
    except OSError:
        print("silence", flush=True)
"""


def test_one_processs_path_is_dropped_its_open_connections_too(lab: Lab) -> None:
    server = lab.control_plane.address
    command = [sys.executable, "-c", CLIENT, server]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin is not None
        assert client.stdout is not None

        def ask() -> str:
            assert client.stdin is not None
            assert client.stdout is not None
            client.stdin.write("ask\n")
            client.stdin.flush()
            return client.stdout.readline().strip()

        assert ask() == "answered"
        undo = faults.drop_process_path(client.pid, server)
        assert ask() == "silence"
        assert reaches(server, API), "other processes go on"
        undo()
        assert not faults.NET_CLS.exists()
        assert reaches(server, API)


def test_a_killed_service_stays_down_until_the_undo_starts_it(lab: Lab) -> None:
    undo = faults.kill_service(lab.control_plane, "kube-apiserver")
    assert not kubectl.answers()
    time.sleep(1)  # longer than the pause before a service that ended is started again
    assert lab.control_plane.service_pid("kube-apiserver") is None
    undo()
    wait_until(kubectl.answers, "the API server answers again", seconds=60)


def test_a_stopped_service_answers_nothing_until_it_is_continued(lab: Lab) -> None:
    undo = faults.stop_service(lab.control_plane, "etcd")
    assert not kubectl.answers("/api/v1/namespaces/default")
    undo()
    wait_until(lambda: kubectl.answers("/api/v1/namespaces/default"), "etcd answers again", seconds=60)


def restarts() -> int:
    [container] = kubectl.get("pod", "fault-probe")["status"]["containerStatuses"]
    return int(container["restartCount"])


@pytest.mark.usefixtures("pod")
def test_a_crashed_container_is_started_again_in_the_same_pod(lab: Lab) -> None:
    kubectl.kubectl("label", "pod", "fault-probe", "crash=me")
    uid = kubectl.get("pod", "fault-probe")["metadata"]["uid"]
    assert faults.crash(lab, "default", "crash=me") == 1
    wait_until(lambda: restarts() == 1, "kubelet starts the container again", seconds=60)
    assert kubectl.get("pod", "fault-probe")["metadata"]["uid"] == uid


def test_a_crash_of_nothing_is_an_error(lab: Lab) -> None:
    with pytest.raises(LabError, match="no process of a pod with app=none in default"):
        faults.crash(lab, "default", "app=none")


def test_a_stopped_process_stands_still_and_goes_on(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        state = lambda: Path(f"/proc/{process.pid}/stat").read_text().split()[2]  # noqa: E731
        undo = faults.stop_process(process.pid)
        wait_until(lambda: state() == "T", "the process is stopped", seconds=5)
        undo()
        wait_until(lambda: state() == "S", "the process goes on", seconds=5)
        process.kill()


def seconds_to_send(node: Machine, megabytes: int) -> float:
    """How long the node takes to send so much to the host."""
    with socket.create_server((HOST_ADDRESS, 0)) as server:
        script = f"head -c {megabytes}M /dev/zero | busybox nc {HOST_ADDRESS} {server.getsockname()[1]}"
        sender = threading.Thread(target=lambda: node.run(["sh", "-c", script]))
        sender.start()
        connection, _ = server.accept()
        started = time.monotonic()
        with connection:
            while connection.recv(1 << 16):
                pass
        taken = time.monotonic() - started
        sender.join()
    return taken


def test_a_shaped_network_is_slower_and_fast_again_after_the_undo(node: Machine) -> None:
    undo = faults.shape(node, megabits_per_second=8)
    slow = seconds_to_send(node, 4)
    undo()
    fast = seconds_to_send(node, 4)
    assert slow > 5 * fast, f"4 MB took {slow:.2f} s shaped and {fast:.2f} s unshaped"
