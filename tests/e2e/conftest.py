"""The lab for the end-to-end tests, and the demo's story told on it once for each Velero."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hack.demo import ground, summary
from hack.demo.story import Story
from hack.demo.telling import tell
from hack.lab import audit, cluster, existing, places, storage, velero
from hack.lab.cluster import Lab
from tests.e2e import demo_audit
from tests.e2e.restores_ground import Ground, standing

# The first test waits for the lab, whose cold build takes a quarter of an hour on two cores.
SECONDS = 3600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab that is up, else one that goes down again after the tests."""
    was_up = ground.is_up()
    try:
        lab = cluster.up(places.node_count())
        storage.install()
        velero.install(lab, velero.DEFAULT)
        yield lab
    finally:
        if not was_up:
            cluster.down()


@dataclass(frozen=True)
class Told:
    """A story, and what was deleted though no plan names it: None where there is no audit log."""

    story: Story
    not_planned: list[str] | None


@pytest.fixture(scope="session")
def telling(lab: Lab) -> Callable[[str], Told]:
    """Tells the story with a version of Velero, once; what it made is gone again afterwards."""
    stories: dict[str, Told] = {}

    def once(version: str) -> Told:
        if version not in stories:
            began = audit.now()
            with ground.ground(version) as (on, installed):
                story = Story(on, installed, summary.judge)
                tell(story)
                found = None if existing.chosen() else demo_audit.not_planned(on, installed, began)
            stories[version] = Told(story, found)
        return stories[version]

    return once


@pytest.fixture(scope="session", params=[pytest.param("1.18.3", marks=pytest.mark.smoke), "1.16.2"])
def told(request: pytest.FixtureRequest, telling: Callable[[str], Told]) -> Told:
    """The story with the version of Velero that is the parameter."""
    return telling(request.param)


@pytest.fixture
def story(told: Told) -> Story:
    """What the story saw."""
    return told.story


@pytest.fixture(scope="module", params=["1.18.3", "1.16.2"], name="ground")
def ground_of_restores(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Ground]:
    """For CleanRestores: the version that is the parameter, with the controller beside it."""
    if existing.chosen():
        pytest.skip("needs the lab's audit log")
    with standing(lab, request.param) as found:
        yield found
