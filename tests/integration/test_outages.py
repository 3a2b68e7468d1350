"""The API server or its etcd goes away and comes back: nothing crashes or is lost, work goes on soon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from kubernetes import client, config

from hack.lab.certificates import write_kubeconfig
from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import Namespace, eventually, install_velero
from tests.integration.process import Replica, Vvc
from tests.integration.proxy import Proxy

CAUGHT_UP = 10.0  # seconds after the end of the fault


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    """One of its own, to break."""
    with ControlPlane() as control_plane:
        yield control_plane


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(str(control_plane.kubeconfig)) as api:
        install_velero(api)
        yield api


def test_the_api_server_is_killed_and_comes_back(
    control_plane: ControlPlane, namespace: Namespace, vvc: Vvc
) -> None:
    replica = vvc.start_leading()
    namespace.create_pod("before")
    eventually(lambda: namespace.value("before"), "data")
    control_plane.kill_apiserver()
    time.sleep(13)  # longer than the renew deadline
    assert not replica.leads
    control_plane.start_apiserver()
    namespace.create_pod("after")
    eventually(lambda: namespace.value("after"), "data", within=CAUGHT_UP)
    assert namespace.value("before") == "data"
    assert replica.process.poll() is None
    assert replica.metric("vvc_loop_errors_total") == 0


def test_etcd_stops_and_comes_back(control_plane: ControlPlane, namespace: Namespace, vvc: Vvc) -> None:
    replica = vvc.start_leading()
    control_plane.stop_etcd()
    time.sleep(5)
    control_plane.start_etcd()
    control_plane.wait_ready()
    namespace.create_pod("after")
    eventually(lambda: namespace.value("after"), "data", within=CAUGHT_UP)
    assert replica.process.poll() is None
    assert replica.metric("vvc_loop_errors_total") == 0


def test_a_new_configuration_waits_for_no_answer_about_veleros_version(
    control_plane: ControlPlane, namespace: Namespace, vvc: Vvc
) -> None:
    """What was seen of it before the outage is believed."""
    install_server(namespace, "velero/velero:v1.16.2")
    with Proxy(control_plane.port) as proxy:
        admin, authority = control_plane.admin, control_plane.authority
        vvc.kubeconfig = write_kubeconfig(vvc.directory / "proxied", proxy.server, authority, admin)
        replica = vvc.start_leading()
        assert replica.line("Velero's version")["counts_as"] == "1.16.2"
        proxy.freeze()
        for number, types in enumerate(("emptyDir", "persistentVolumeClaim"), 1):
            text = vvc.config.read_text().partition("  includeVolumeTypes")[0]
            vvc.config.write_text(f"{text}  includeVolumeTypes: {types}\n")
            eventually(partial(reloaded, replica), number, within=12)
        seen = [line for line in replica.lines() if line["message"] == "Velero's version"]
        assert [(line["counts_as"], line["seen"]) for line in seen] == [
            ("1.16.2", True),
            ("1.16.2", False),
            ("1.16.2", False),
        ]


def reloaded(replica: Replica) -> int:
    """How often a new configuration took effect."""
    return replica.messages().count("configuration reloaded")


def install_server(namespace: Namespace, image: str) -> None:
    """Velero's Deployment, as far as it is asked for its version; nothing runs it here."""
    pod: dict[str, Any] = {
        "metadata": {"labels": {"deploy": "velero"}},
        "spec": {"containers": [{"name": "velero", "image": image}]},
    }
    spec = {"selector": {"matchLabels": {"deploy": "velero"}}, "template": pod}
    body: Any = {"metadata": {"name": "velero"}, "spec": spec}
    client.AppsV1Api(namespace.api).create_namespaced_deployment(namespace.name, body)
