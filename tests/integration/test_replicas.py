"""Two replicas: one leads, the other takes over, and never do both write."""

from __future__ import annotations

import signal
import time

import pytest
from kubernetes import client

from hack.lab.certificates import write_kubeconfig
from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import LEASE, Replica, Vvc
from tests.integration.proxy import Proxy

LEASE_DURATION, RENEW_DEADLINE, RETRY_PERIOD = 5, 3, 1
TIMES = (
    *("--lease-duration", f"{LEASE_DURATION}s"),
    *("--renew-deadline", f"{RENEW_DEADLINE}s"),
    *("--retry-period", f"{RETRY_PERIOD}s"),
)
TAKEOVER = LEASE_DURATION + 2 * RETRY_PERIOD


@pytest.fixture
def pair(vvc: Vvc) -> tuple[Replica, Replica]:
    """The leader and the other one."""
    leader = vvc.start_leading(*TIMES)
    return leader, vvc.start(*TIMES)


def test_one_of_two_replicas_leads_and_only_it_writes(
    namespace: Namespace, pair: tuple[Replica, Replica]
) -> None:
    leader, other = pair
    for number in range(10):
        namespace.create_pod(f"pod-{number}")
    eventually(lambda: {namespace.value(f"pod-{number}") for number in range(10)}, {"data"})
    assert leader.leads
    assert not other.leads
    assert namespace.holder(LEASE) == leader.identity
    assert other.metric("vvc_api_requests_total", verb="PATCH") == 0
    assert other.get("/readyz") == "ok\n", "a replica that doesn't lead is ready too"


def test_after_the_leader_is_killed_the_other_writes_in_time(
    namespace: Namespace, pair: tuple[Replica, Replica]
) -> None:
    leader, other = pair
    leader.signal(signal.SIGKILL)
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data", within=TAKEOVER)
    assert other.leads


def test_after_the_leader_is_told_to_stop_the_other_writes_within_three_seconds(
    namespace: Namespace, vvc: Vvc
) -> None:
    leader, other = vvc.start_leading(), vvc.start()
    namespace.create_pod("before")
    eventually(lambda: namespace.value("before"), "data")
    start = time.monotonic()
    status, took = leader.terminate()
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data")
    assert time.monotonic() - start < 3
    assert (status, took < 2) == (0, True)
    assert other.leads


def test_a_leader_that_was_stopped_past_its_deadline_writes_nothing_when_it_continues(
    namespace: Namespace, pair: tuple[Replica, Replica]
) -> None:
    leader, other = pair
    leader.signal(signal.SIGSTOP)
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data", within=TAKEOVER)
    leader.signal(signal.SIGCONT)
    eventually(lambda: leader.leads, False)
    assert other.leads
    assert leader.metric("vvc_api_requests_total", verb="PATCH") == 0
    assert namespace.holder(LEASE) == other.identity


def test_a_leader_whose_lease_is_taken_away_stops_at_once(
    namespace: Namespace, pair: tuple[Replica, Replica]
) -> None:
    leader, _ = pair
    spec = {"holderIdentity": "somebody_else", "leaseDurationSeconds": 60}
    leases = client.CoordinationV1Api(namespace.api)
    leases.patch_namespaced_lease(LEASE, namespace.name, {"spec": spec})
    eventually(lambda: leader.leads, False, within=2 * RETRY_PERIOD)
    namespace.create_pod("web")
    time.sleep(TAKEOVER)
    assert namespace.value("web") is None, "the lease is respected for its own sixty seconds"


def test_a_lease_that_a_go_client_released_is_taken_and_its_labels_stay(
    namespace: Namespace, vvc: Vvc
) -> None:
    released = {
        "metadata": {"name": LEASE, "labels": {"kept": "yes"}},
        "spec": {
            "holderIdentity": "",
            "leaseDurationSeconds": 1,
            "acquireTime": "2024-05-01T10:00:00.123456Z",
            "renewTime": "2024-05-01T10:00:00.123456Z",
            "leaseTransitions": 7,
        },
    }
    leases = client.CoordinationV1Api(namespace.api)
    leases.create_namespaced_lease(namespace.name, released)
    vvc.start_leading()
    lease = leases.read_namespaced_lease(LEASE, namespace.name)
    assert lease.metadata.labels == {"kept": "yes"}
    assert lease.spec.lease_transitions == 8
    assert lease.spec.lease_duration_seconds == 15


def test_a_leader_cut_off_from_the_api_server_stops_before_the_other_leads(
    control_plane: ControlPlane, namespace: Namespace, vvc: Vvc
) -> None:
    direct = vvc.kubeconfig
    with Proxy(control_plane.port) as proxy:
        vvc.kubeconfig = write_kubeconfig(
            vvc.directory / "proxied", proxy.server, control_plane.authority, control_plane.admin
        )
        leader = vvc.start_leading(*TIMES)
        vvc.kubeconfig = direct
        other = vvc.start(*TIMES)
        proxy.freeze()
        namespace.create_pod("web")
        eventually(lambda: other.leads, True, within=TAKEOVER)
        assert not leader.leads, "two lead at once"
        eventually(lambda: namespace.value("web"), "data")
        proxy.thaw()
        leader.line("another process leads", within=2 * LEASE_DURATION)
        assert leader.metric("vvc_api_requests_total", verb="PATCH") == 0
        assert namespace.holder(LEASE) == other.identity
        assert other.metric("vvc_api_requests_total", verb="PATCH") == 1
