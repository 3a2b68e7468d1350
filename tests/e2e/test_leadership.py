"""The controller as it is deployed: two replicas on two nodes, and one of them loses power."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hack.lab import controller, faults, images, kubectl
from hack.lab.cluster import Lab
from hack.lab.machine import Machine
from hack.lab.progress import wait_until

LEASE = ("-n", "velero", "lease", "velero-volume-controller")
KEY = "backup.velero.io/backup-volumes"
NAMESPACE = "leadership"

LEASE_DURATION = 15.0
RETRY_PERIOD = 2.0
# What one write and one look at it may take on a busy machine.
SLACK = 2.0


def holder() -> str:
    """The name of the pod that leads; a holder is `pod_uuid`."""
    lease = kubectl.get(*LEASE)
    return str((lease or {"spec": {}})["spec"].get("holderIdentity", "")).rpartition("_")[0]


def controller_pods() -> dict[str, dict[str, Any]]:
    pods = kubectl.items("-n", "velero", "pods", "-l", "app=velero-volume-controller")
    return {pod["metadata"]["name"]: pod for pod in pods}


def annotation() -> str | None:
    pod = kubectl.get("-n", NAMESPACE, "pod", "witness")
    value: str | None = pod["metadata"].get("annotations", {}).get(KEY)
    return value


def run_witness(node: Machine) -> None:
    """A pod with one claim, bound to this node by the claim's volume."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "witness", "namespace": NAMESPACE},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    container = {
        "name": "main",
        "image": images.BUSYBOX_REFERENCE,
        "imagePullPolicy": "Never",
        "command": ["sleep", "3600"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "witness", "namespace": NAMESPACE},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node.name},
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "witness"}}],
        },
    }
    kubectl.apply("\n---\n".join(json.dumps(item) for item in (claim, pod)))


@pytest.fixture(scope="module")
def deployed(lab: Lab) -> Iterator[Lab]:
    if len(lab.nodes) < 3:
        pytest.skip("needs three nodes: LAB_NODES=3")
    controller.deploy(lab)
    kubectl.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}))
    wait_until(lambda: holder() in controller_pods(), "a replica leads", seconds=60)
    yield lab
    kubectl.kubectl("delete", "namespace", NAMESPACE)
    controller.remove()


@pytest.fixture
def played() -> Iterator[Callable[[faults.Undo], faults.Undo]]:
    """Registers a fault's undo, which is called at the end where the test did not."""
    open_undos: list[faults.Undo] = []

    def register(undo: faults.Undo) -> faults.Undo:
        def once() -> None:
            if undo in open_undos:
                open_undos.remove(undo)
                undo()

        open_undos.append(undo)
        return once

    yield register
    for undo in reversed(open_undos):
        undo()


def test_the_two_replicas_are_on_two_nodes(deployed: Lab) -> None:
    nodes = {pod["spec"]["nodeName"] for pod in controller_pods().values()}
    assert len(nodes) == 2


def test_when_the_leaders_node_loses_power_the_other_replica_acts_in_time(
    deployed: Lab, played: Callable[[faults.Undo], faults.Undo]
) -> None:
    leader = holder()
    leaders_node = controller_pods()[leader]["spec"]["nodeName"]
    machine = next(node for node in deployed.nodes if node.name == leaders_node)
    alive = next(
        node
        for node in deployed.nodes
        if node != machine and node.name in {pod["spec"]["nodeName"] for pod in controller_pods().values()}
    )
    run_witness(alive)
    wait_until(lambda: annotation() == "data", "the first leader annotates", seconds=60)

    undo = played(faults.power_off(deployed, machine))
    off = time.monotonic()
    kubectl.kubectl("-n", NAMESPACE, "annotate", "pod", "witness", f"{KEY}-")
    wait_until(lambda: holder() not in {"", leader}, "another replica leads", seconds=60)
    led = time.monotonic() - off
    wait_until(lambda: annotation() == "data", "the new leader annotates", seconds=60)
    acted = time.monotonic() - off
    node = kubectl.get("node", machine.name)
    ready = next(item for item in node["status"]["conditions"] if item["type"] == "Ready")
    print(f"another led after {led:.1f} s and acted after {acted:.1f} s; the node is Ready={ready['status']}")
    bound = LEASE_DURATION + 2 * RETRY_PERIOD
    assert led <= bound + SLACK, f"another replica led after {led:.1f} s"
    assert acted <= bound + SLACK, f"the new leader acted after {acted:.1f} s"
    assert ready["status"] == "True", "Kubernetes itself has not noticed yet"
    undo()
    wait_until(lambda: holder() in controller_pods(), "the lab has recovered", seconds=60)
