"""The API server or its etcd goes away and comes back: nothing crashes or is lost, work goes on soon."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from kubernetes import client, config

from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import Namespace, eventually, install_velero
from tests.integration.process import Vvc

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
