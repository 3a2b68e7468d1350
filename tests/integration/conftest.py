"""A real API server for every integration test: one per run, on free ports, with no nodes and no controllers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hack.lab.controlplane import ControlPlane


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    with ControlPlane() as control_plane:
        yield control_plane
