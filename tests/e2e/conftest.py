"""The lab for the end-to-end tests, and the demo's story told on it once for each Velero."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hack.demo import ground, summary
from hack.demo.story import Story
from hack.lab import cluster, places, storage, velero
from hack.lab.cluster import Lab

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


@pytest.fixture(scope="session")
def told(lab: Lab) -> Callable[[str], Story]:
    """Tells the story with a version of Velero, once; what it made is gone again afterwards."""
    stories: dict[str, Story] = {}

    def tell(version: str) -> Story:
        if version not in stories:
            with ground.ground(version) as (on, installed):
                story = Story(on, installed, summary.judge)
                story.tell()
            stories[version] = story
        return stories[version]

    return tell


@pytest.fixture(scope="session", params=[pytest.param("1.18.3", marks=pytest.mark.smoke), "1.16.2"])
def story(request: pytest.FixtureRequest, told: Callable[[str], Story]) -> Story:
    """What the story saw with the version of Velero that is the parameter."""
    return told(request.param)
