"""A rolling update from the Go program to `vvc` and back, on one Lease: never do two lead at once.

The Go side is client-go's own elector, used as the Go program uses it: it never
gives the Lease back. Its times are a tenth of the Go program's, but for the test
that VVC_FULL_ROLLING_UPDATE=1 asks for.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from tests.integration.candidate import OURS, Candidate, GoTimes, Writes
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import LEASE, Replica, Vvc

GO = GoTimes(6, 1.5, 0.5)
#: Much shorter than the Go candidate's, so that it shows whose duration is respected.
OURS_DURATION, OURS_RETRY = 3, 0.5
TIMES = (
    *("--lease-duration", f"{OURS_DURATION}s"),
    *("--renew-deadline", "2s"),
    *("--retry-period", f"{OURS_RETRY}s"),
)
#: client-go waits for its retry period times 1 to 2.2 between attempts.
GO_RETRY = 2.2 * GO.retry_period
#: For processes to be scheduled and events to arrive, on a busy machine. Seconds.
SLACK = 1.5

StartGo = Callable[..., Candidate]


@pytest.fixture
def start_go(control_plane: ControlPlane, namespace: Namespace, tmp_path: Path) -> Iterator[StartGo]:
    if shutil.which("go") is None:
        pytest.skip("client-go's elector is built with Go, which is not installed")
    started: list[Candidate] = []

    def start(identity: str, times: GoTimes = GO) -> Candidate:
        started.append(Candidate.start(identity, control_plane.kubeconfig, namespace.name, times, tmp_path))
        return started[-1]

    yield start
    for candidate in started:
        candidate.kill()


@pytest.fixture
def writes(control_plane: ControlPlane, namespace: Namespace, vvc: Vvc) -> Iterator[Writes]:
    with Writes(control_plane.kubeconfig, namespace) as writes:
        yield writes
        vvc.kill_all()


def leading(start_go: StartGo, identity: str, writes: Writes) -> Candidate:
    candidate = start_go(identity)
    eventually(lambda: identity in writes.reigns, True)
    return candidate


def standing_by(start_go: StartGo, identity: str) -> Candidate:
    candidate = start_go(identity)
    eventually(lambda: candidate.has_seen_a_leader, True)
    return candidate


def ours_standing_by(vvc: Vvc) -> Replica:
    replica = vvc.start(*TIMES)
    replica.line("another process leads")
    return replica


def ours_leading(vvc: Vvc, writes: Writes) -> Replica:
    replica = vvc.start_leading(*TIMES)
    eventually(lambda: writes.reigns, [OURS])
    return replica


def takes_over(writes: Writes, writer: str, since: float, within: float) -> float:
    """Seconds until the writer's first write."""
    eventually(lambda: writes.first(writer, since) is not None, True, within=within + SLACK)
    first = writes.first(writer, since)
    assert first is not None
    return first - since


def test_from_two_go_replicas_to_two_of_ours_and_back(vvc: Vvc, start_go: StartGo, writes: Writes) -> None:
    going = [leading(start_go, "go-1", writes), standing_by(start_go, "go-2")]
    coming = [ours_standing_by(vvc), ours_standing_by(vvc)]
    # Before the last of a Deployment's old pods is told to go, those that never led are gone.
    for candidate in reversed(going):
        candidate.kill()
    takes_over(writes, OURS, time.monotonic(), GO.lease_duration + 2 * OURS_RETRY)

    standing_by(start_go, "go-3")
    for replica in coming:
        replica.terminate()
    takes_over(writes, "go-3", time.monotonic(), GO_RETRY)
    assert writes.reigns == ["go-1", OURS, "go-3"]


def test_a_go_leader_that_was_told_to_stop_is_respected_until_its_lease_expires(
    namespace: Namespace, vvc: Vvc, start_go: StartGo, writes: Writes
) -> None:
    going = leading(start_go, "go-1", writes)
    coming = ours_standing_by(vvc)
    going.signal(signal.SIGTERM)
    # It works no more but renews until the kubelet kills it, here after longer than our own duration.
    time.sleep(OURS_DURATION + 1)
    assert namespace.holder(LEASE) == "go-1"
    assert not coming.leads
    going.kill()
    took = takes_over(writes, OURS, time.monotonic(), GO.lease_duration + 2 * OURS_RETRY)
    assert took > GO.lease_duration - GO_RETRY, "the Lease's own duration was not waited for"
    assert writes.reigns == ["go-1", OURS]


def test_after_a_killed_leader_of_ours_a_go_candidate_leads_in_time(
    vvc: Vvc, start_go: StartGo, writes: Writes
) -> None:
    going = ours_leading(vvc, writes)
    standing_by(start_go, "go-1")
    going.signal(signal.SIGKILL)
    takes_over(writes, "go-1", time.monotonic(), OURS_DURATION + GO_RETRY)
    assert writes.reigns == [OURS, "go-1"]


def test_what_either_writes_into_the_lease_the_other_reads(
    namespace: Namespace, vvc: Vvc, start_go: StartGo, writes: Writes
) -> None:
    leases = client.CoordinationV1Api(namespace.api)

    def record() -> client.V1LeaseSpec:
        return leases.read_namespaced_lease(LEASE, namespace.name).spec

    replica = ours_leading(vvc, writes)
    held = record()
    assert (held.holder_identity, held.lease_duration_seconds) == (replica.identity, 3)
    assert (held.lease_transitions or 0) == 0
    replica.terminate()
    released = record()
    assert (released.holder_identity, released.lease_duration_seconds) == ("", 1)
    assert released.renew_time > held.acquire_time

    leading(start_go, "go-1", writes)
    taken = record()
    assert (taken.holder_identity, taken.lease_duration_seconds) == ("go-1", GO.lease_duration)
    assert taken.lease_transitions == (released.lease_transitions or 0) + 1
    assert taken.acquire_time > released.renew_time


@pytest.mark.skipif(
    os.environ.get("VVC_FULL_ROLLING_UPDATE") != "1", reason="takes two minutes; VVC_FULL_ROLLING_UPDATE=1"
)
def test_with_the_go_programs_own_times(vvc: Vvc, start_go: StartGo, writes: Writes) -> None:
    going = start_go("go-1", GoTimes())
    eventually(lambda: writes.reigns, ["go-1"])
    coming = vvc.start()
    coming.line("another process leads")
    going.kill()
    took = takes_over(writes, OURS, time.monotonic(), 60 + 2 * 2)
    print(f"from a killed Go leader to ours, 60/15/5 s and 15/10/2 s: {took:.1f} s")
    back = start_go("go-2", GoTimes())
    eventually(lambda: back.has_seen_a_leader, True)
    coming.terminate()
    took = takes_over(writes, "go-2", time.monotonic(), 2.2 * 5)
    print(f"from ours, told to stop, to Go: {took:.1f} s")
    assert writes.reigns == ["go-1", OURS, "go-2"]
