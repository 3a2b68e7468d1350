"""A real API server for every integration test: one per run, on free ports, with no nodes and no controllers.

What a kubelet would do (a pod's phase) the tests do. Everything is looked at with
the `kubernetes` package, which shares no code with what is tested.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client, config

from hack.lab.controlplane import ControlPlane
from tests.integration import leftovers, velero_crds
from tests.integration.backup_sets import Installation
from tests.integration.cluster import Namespace, install_velero
from tests.integration.installed import Installed
from tests.integration.process import Vvc
from tests.integration.restore_stage import Stage, staged
from tests.integration.sets import install_crds

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    with ControlPlane() as control_plane:
        yield control_plane


@pytest.fixture(scope="session")
def api(control_plane: ControlPlane) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(str(control_plane.kubeconfig)) as api:
        install_velero(api)
        yield api


@pytest.fixture
def namespace(api: client.ApiClient) -> Iterator[Namespace]:
    """A namespace of this test's own. Others made for the test are named after it, with a hyphen."""
    namespace = Namespace.create(api, f"test-{next(_numbers)}")
    yield namespace
    leftovers.clear(namespace)


@pytest.fixture
def vvc(control_plane: ControlPlane, namespace: Namespace, tmp_path: Path) -> Iterator[Vvc]:
    """`vvc run` for this namespace alone, with its Lease there too; started by the test, ended with it."""
    vvc = Vvc.for_namespace(control_plane.kubeconfig, namespace.name, tmp_path)
    yield vvc
    vvc.kill_all()


@pytest.fixture(scope="session")
def velero_api(api: client.ApiClient) -> client.ApiClient:
    """With all that Velero defines, and we."""
    velero_crds.install(api)
    install_crds(api)
    return api


@pytest.fixture
def velero(velero_api: client.ApiClient, namespace: Namespace) -> Installation:
    """A Velero with two slots in this test's namespace."""
    return Installation.install(namespace)


@pytest.fixture
def stage(velero: Installation, namespace: Namespace) -> Iterator[Stage]:
    """That Velero at work, and a namespace with an application for it."""
    shop = Namespace.create(namespace.api, f"{namespace.name}-shop")
    yield from staged(velero, shop)


@pytest.fixture
def installed(control_plane: ControlPlane, namespace: Namespace) -> Iterator[Installed]:
    installed = Installed(control_plane, namespace)
    installed.create()
    yield installed
    installed.delete()


@pytest.fixture
def confined(installed: Installed, namespace: Namespace, tmp_path: Path) -> Iterator[Vvc]:
    """`vvc run` with the permissions that are installed, and no others."""
    vvc = Vvc.for_namespace(installed.kubeconfig, namespace.name, tmp_path)
    yield vvc
    vvc.kill_all()
