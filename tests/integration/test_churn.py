"""Whatever happens in whatever order: the right end, nobody's annotation harmed, no write too many.

A failure prints the seed and what had happened. VVC_CHURN_SEED repeats a run,
VVC_CHURN_STEPS makes it longer.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable, Iterator

import pytest

from hack.lab.controlplane import ControlPlane
from tests.integration.churn import Churn, Versions, asked
from tests.integration.cluster import Namespace
from tests.integration.process import Vvc
from velero_volume_controller.velero.model.annotations import MARKERS

STEPS = int(os.environ.get("VVC_CHURN_STEPS", "40"))

StartChurn = Callable[[bool], Churn]


@pytest.fixture
def versions(control_plane: ControlPlane, namespace: Namespace) -> Iterator[Versions]:
    with Versions(str(control_plane.kubeconfig), namespace) as versions:
        yield versions


@pytest.fixture
def start_churn(
    control_plane: ControlPlane, namespace: Namespace, vvc: Vvc, versions: Versions
) -> Iterator[StartChurn]:
    seed = int(os.environ.get("VVC_CHURN_SEED") or secrets.randbits(32))
    started: list[Churn] = []

    def start(settle: bool) -> Churn:
        churn = Churn(control_plane, namespace, vvc, random.Random(seed), settle)
        churn.start()
        started.append(churn)
        return churn

    yield start
    # Shown when the test fails.
    print(f"VVC_CHURN_SEED={seed} VVC_CHURN_STEPS={STEPS}")
    for churn in started:
        print("\n".join(churn.history))


def check(churn: Churn, versions: Versions) -> int:
    """Holds each write of the controller's against the version before it; returns how many there were."""
    versions.finish()
    writes = 0
    for before, after in versions.changes():
        if after.metadata.resource_version in churn.mine:
            continue
        writes += 1
        name, was, is_ = before.metadata.name, before.metadata.annotations, after.metadata.annotations
        for key, marker in MARKERS.items():
            foreign = key in was and was[key] != was.get(marker)
            assert not foreign or is_.get(key) == was[key], f"{name}: {was} was foreign and became {is_}"
        outcomes = [_applied(was, asked(before, configuration)) for configuration in churn.used]
        assert is_ in outcomes, f"{name}: {was} became {is_}, but the rules asked for one of {outcomes}"
    return writes


def _applied(annotations: dict[str, str], patch: dict[str, str | None]) -> dict[str, str]:
    merged = {**annotations, **patch}
    return {key: value for key, value in merged.items() if value is not None}


def test_when_each_event_may_settle_there_is_one_write_for_each_that_calls_for_one_and_no_more(
    start_churn: StartChurn, versions: Versions
) -> None:
    churn = start_churn(True)
    before = churn.foreign_patches()
    churn.run(STEPS)
    writes = check(churn, versions)
    assert writes == churn.due
    assert churn.foreign_patches() - before == churn.due, "requests that changed nothing, or were refused"


def test_when_events_follow_each_other_at_once_the_end_is_the_same_and_each_write_was_due(
    start_churn: StartChurn, versions: Versions
) -> None:
    churn = start_churn(False)
    churn.run(2 * STEPS)
    check(churn, versions)
