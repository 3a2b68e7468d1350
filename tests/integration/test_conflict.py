"""Somebody changes the pod between our reading and our writing: what they did counts, and is decided anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import BACKUP_VOLUMES, MARKER, Namespace
from velero_volume_controller import __version__
from velero_volume_controller.annotate.apply import Outcome, read, write
from velero_volume_controller.annotate.controller import Annotator, Caches, Rates
from velero_volume_controller.annotate.gather import PodCache
from velero_volume_controller.annotate.surroundings import LiveSurroundings
from velero_volume_controller.api.configuration import Action, Configuration, Names, NamespaceFilter, Rule
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.credentials import Cluster
from velero_volume_controller.kube.events import Recorder
from velero_volume_controller.kube.watches import Key
from velero_volume_controller.observe.metrics import Metrics
from velero_volume_controller.velero.model.surroundings import Surroundings


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[Client]:
    async with Client.connect(Cluster(control_plane.kubeconfig)) as client:
        yield client


async def test_a_patch_of_a_version_that_has_passed_changes_nothing(
    client: Client, namespace: Namespace
) -> None:
    namespace.create_pod("web")
    seen = await read(client, Key(namespace.name, "web"))
    assert seen is not None
    namespace.annotate("web", "example.com/x", "y")
    assert await write(client, seen, {BACKUP_VOLUMES: "data"}) is Outcome.CONFLICT
    assert namespace.annotations("web") == {"example.com/x": "y"}


async def test_a_patch_of_a_pod_that_was_made_anew_changes_nothing(
    client: Client, namespace: Namespace
) -> None:
    namespace.create_pod("db-0")
    seen = await read(client, Key(namespace.name, "db-0"))
    assert seen is not None
    namespace.delete_pod("db-0")
    namespace.create_pod("db-0")
    assert await write(client, seen, {BACKUP_VOLUMES: "data"}) is Outcome.CONFLICT
    assert namespace.annotations("db-0") == {}


async def test_a_patch_of_a_pod_that_is_gone_is_no_error(client: Client, namespace: Namespace) -> None:
    namespace.create_pod("web")
    seen = await read(client, Key(namespace.name, "web"))
    assert seen is not None
    namespace.delete_pod("web")
    assert await write(client, seen, {BACKUP_VOLUMES: "data"}) is Outcome.GONE
    assert await read(client, Key(namespace.name, "web")) is None


async def frozen_cache(client: Client, metrics: Metrics) -> PodCache:
    """A cache that has seen the pods as they are now and sees nothing of what comes."""
    cache = PodCache(metrics)
    following = asyncio.create_task(cache.follow(client))
    await asyncio.wait_for(cache.synced.wait(), 10)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    return cache


async def annotate_all(client: Client, cache: PodCache, namespace: Namespace, metrics: Metrics) -> None:
    rule = Rule("all", Action.BACKUP, NamespaceFilter(include=Names(frozenset({namespace.name}))))
    recorder = Recorder(client, "example.com/test", "test", lambda reason, result: None)
    caches = Caches(cache, LiveSurroundings(client, metrics, lambda coroutine: coroutine.close()))
    annotator = Annotator(client, caches, recorder, metrics, Rates(workers=3, reload_rate=50))
    annotator.configure(Configuration(rules=(rule,)), Surroundings())
    stop = asyncio.Event()
    leading = asyncio.create_task(annotator.lead(stop))
    await asyncio.sleep(1)
    stop.set()
    await leading


async def test_a_pod_that_has_changed_since_is_read_again_and_annotated(
    client: Client, namespace: Namespace
) -> None:
    namespace.create_pod("web")
    metrics = Metrics(__version__)
    cache = await frozen_cache(client, metrics)
    namespace.annotate("web", "example.com/x", "y")
    await annotate_all(client, cache, namespace, metrics)
    expected = {"example.com/x": "y", BACKUP_VOLUMES: "data", MARKER: "data"}
    assert namespace.annotations("web") == expected


async def test_an_annotation_that_somebody_wrote_in_between_is_theirs(
    client: Client, namespace: Namespace
) -> None:
    namespace.create_pod("web", ("data", "cache"))
    metrics = Metrics(__version__)
    cache = await frozen_cache(client, metrics)
    namespace.annotate("web", BACKUP_VOLUMES, "cache")
    await annotate_all(client, cache, namespace, metrics)
    assert namespace.annotations("web") == {BACKUP_VOLUMES: "cache"}


async def test_a_pod_that_has_ended_in_between_is_not_annotated(client: Client, namespace: Namespace) -> None:
    namespace.create_pod("job")
    metrics = Metrics(__version__)
    cache = await frozen_cache(client, metrics)
    namespace.set_phase("job", "Succeeded")
    await annotate_all(client, cache, namespace, metrics)
    assert namespace.annotations("job") == {}
