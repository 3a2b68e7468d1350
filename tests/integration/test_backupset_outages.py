"""The API server goes away while a set runs. What ran goes on when it is back, and is made once."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from kubernetes import client, config

from hack.lab.controlplane import ControlPlane
from tests.integration import velero_crds
from tests.integration.backup_sets import Installation
from tests.integration.cluster import eventually, install_velero
from tests.integration.process import Vvc
from tests.integration.sets import install_crds


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


@pytest.fixture(scope="module")
def velero_api(api: client.ApiClient) -> client.ApiClient:
    velero_crds.install(api)
    install_crds(api)
    return api


def test_the_api_server_is_killed_while_a_set_runs(
    control_plane: ControlPlane, velero: Installation, vvc: Vvc
) -> None:
    spec = velero.applications("a", "b", "c")
    replica = vvc.start_leading()
    velero.create_set("night", spec)
    eventually(lambda: len(velero.of("night")), 2, within=20)
    control_plane.kill_apiserver()
    replica.line("the watch broke; it will be resumed")
    control_plane.start_apiserver()
    status = velero.run_to_end("night", within=90)
    assert status["phase"] == "Completed"
    assert len(velero.of("night")) == 4
    assert [len(shard["attempts"]) for shard in status["shards"]] == [1, 1, 1, 1]
    assert replica.metric("vvc_loop_errors_total") == 0


def test_etcd_is_away_while_a_set_runs(control_plane: ControlPlane, velero: Installation, vvc: Vvc) -> None:
    """The API server answers then, with errors."""
    spec = velero.applications("a", "b")
    replica = vvc.start_leading()
    velero.create_set("night", spec)
    eventually(lambda: len(velero.of("night")), 2, within=20)
    control_plane.stop_etcd()
    time.sleep(8)
    control_plane.start_etcd()
    control_plane.wait_ready()
    status = velero.run_to_end("night", within=90)
    assert status["phase"] == "Completed"
    assert len(velero.of("night")) == 3
    assert replica.metric("vvc_loop_errors_total") == 0
