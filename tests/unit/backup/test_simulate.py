"""The simulation of Velero: small cases reckoned by hand."""

from __future__ import annotations

import pytest

from velero_volume_controller.backup.simulate import (
    Job,
    Simulation,
    Velero,
    ends,
    make_pod,
    simulate,
    velero_of,
)
from velero_volume_controller.velero.model.lanes import UNBOUNDED, Lane
from velero_volume_controller.velero.model.versions import Version


def velero(slots: int = 1, workers: int = 1, capacity: int = 1, poll: float = 0.0) -> Velero:
    return Velero(slots, workers, lambda node: capacity, poll)


def job(name: str, of: Velero, *pods: tuple[str, tuple[float, ...]], fixed: float = 0.0) -> Job:
    made = tuple(make_pod(node, seconds, of) for node, seconds in pods)
    return Job(name, "velero", made, fixed / 2, fixed / 2, of)


def run(of: Velero, *jobs: Job, limit: int | None = None) -> Simulation:
    return simulate(jobs, {"velero": of}, limit)


def test_a_backups_pods_go_one_after_another() -> None:
    of = velero()
    found = run(of, job("a", of, ("n1", (10.0,)), ("n2", (20.0,)), fixed=4.0))
    assert found.shards["a"] == (0.0, 34.0)
    assert found.volumes["a"] == ((2.0, 12.0), (12.0, 32.0))


def test_item_workers_take_several_pods_at_a_time() -> None:
    of = velero(workers=2)
    found = run(of, job("a", of, ("n1", (10.0,)), ("n2", (20.0,)), ("n3", (5.0,))))
    assert found.volumes["a"] == ((0.0, 10.0), (0.0, 20.0), (10.0, 15.0))


def test_a_pods_volumes_wait_for_their_node() -> None:
    of = velero(capacity=2)
    found = run(of, job("a", of, ("n1", (10.0, 20.0, 5.0))))
    assert found.volumes["a"] == ((0.0, 10.0), (0.0, 20.0), (10.0, 15.0))


def test_backups_share_a_node_in_the_order_in_which_they_come() -> None:
    of = velero(slots=2)
    found = run(of, job("a", of, ("n1", (10.0,)), ("n1", (10.0,))), job("b", of, ("n1", (5.0,))))
    assert found.volumes["a"] == ((0.0, 10.0), (15.0, 25.0))
    assert found.volumes["b"] == ((10.0, 15.0),)


@pytest.mark.parametrize(("seconds", "end"), [(5.0, 5.0), (5.1, 10.0), (0.2, 5.0), (12.0, 15.0)])
def test_a_worker_sees_what_is_done_every_five_seconds(seconds: float, end: float) -> None:
    of = velero(poll=5.0)
    found = run(of, job("a", of, ("n1", (seconds,))))
    assert found.shards["a"].end == end
    assert found.volumes["a"][0].end == seconds


def test_a_backup_without_pods_takes_its_own_time() -> None:
    of = velero()
    assert run(of, job("a", of, fixed=7.0)).makespan == 7.0


def test_slots_and_the_limit_over_all_lanes_hold_backups_back() -> None:
    of = velero(slots=2)
    jobs = [job(name, of, (f"n{name}", (10.0,))) for name in "abc"]
    assert run(of, *jobs).makespan == 20.0
    assert run(of, *jobs, limit=1).makespan == 30.0


def test_lanes_have_agents_of_their_own() -> None:
    of = velero()
    one = job("a", of, ("n1", (10.0,)))
    other = Job("b", "other", one.pods, 0.0, 0.0, of)
    assert ends([one, other], {"velero": of, "other": of}) == {"a": 10.0, "b": 10.0}


def test_nothing_takes_no_time() -> None:
    assert run(velero()).makespan == 0.0


@pytest.mark.parametrize(
    ("version", "workers", "poll", "end"),
    [
        (Version(1, 18), 1, 5.0, 20.0),
        (Version(1, 16), 2, 5.0, 10.0),
        (Version(1, 14), UNBOUNDED, 0.0, 6.0),
        (Version(1, 13), 1, 0.0, 12.0),
    ],
)
def test_versions_differ_in_how_pods_are_waited_for(
    version: Version, workers: int, poll: float, end: float
) -> None:
    of = velero_of(Lane(namespace="velero", version=version, item_workers=workers), 1, None)
    assert of.poll == poll
    assert run(of, job("a", of, ("n1", (6.0,)), ("n2", (6.0,)))).makespan == end


def test_volumes_on_a_node_are_limited_by_the_spec_too() -> None:
    lane = Lane(namespace="velero", default_load=4, load={"n2": 2})
    of = velero_of(lane, 1, 3)
    assert [of.capacity(node) for node in ("n1", "n2")] == [3, 2]
