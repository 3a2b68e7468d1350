"""The main job against a real API server: pods come and change, annotations follow."""

from __future__ import annotations

import time

from hack.lab.certificates import write_kubeconfig
from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import BACKUP_VOLUMES, MARKER, Namespace, eventually
from tests.integration.process import Replica, Vvc
from tests.integration.proxy import Proxy


def settled(replica: Replica) -> None:
    """Everything it knows has been decided."""
    eventually(lambda: replica.leads and replica.metric("vvc_queue_depth") == 0, True)


def test_a_running_pod_gets_its_volumes_in_spec_order_and_the_marker(namespace: Namespace, vvc: Vvc) -> None:
    vvc.start_leading()
    namespace.create_pod("web", ("data", "cache", "a"))
    eventually(lambda: namespace.annotations("web"), {BACKUP_VOLUMES: "data,cache,a", MARKER: "data,cache,a"})


def test_pods_that_were_there_before_are_annotated_at_start(namespace: Namespace, vvc: Vvc) -> None:
    for number in range(30):
        namespace.create_pod(f"pod-{number}")
    vvc.start_leading()
    eventually(lambda: {namespace.value(f"pod-{number}") for number in range(30)}, {"data"})


def test_a_pod_in_a_namespace_the_rules_leave_out_is_not_annotated(namespace: Namespace, vvc: Vvc) -> None:
    other = Namespace.create(namespace.api, f"{namespace.name}-out")
    other.create_pod("web")
    replica = vvc.start_leading()
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data")
    settled(replica)
    assert other.annotations("web") == {}
    other.delete_pod("web")


def test_a_pending_pod_is_annotated_when_it_runs_and_no_longer_when_it_has_ended(
    namespace: Namespace, vvc: Vvc
) -> None:
    replica = vvc.start_leading()
    namespace.create_pod("job", phase="Pending")
    namespace.create_pod("other")
    eventually(lambda: namespace.value("other"), "data")
    settled(replica)
    assert namespace.annotations("job") == {}
    namespace.set_phase("job", "Running")
    eventually(lambda: namespace.value("job"), "data")
    namespace.set_phase("job", "Succeeded")
    eventually(lambda: namespace.annotations("job"), {})


def test_a_pod_made_anew_with_another_volume_is_decided_anew(namespace: Namespace, vvc: Vvc) -> None:
    vvc.start_leading()
    namespace.create_pod("db-0", ("data",))
    eventually(lambda: namespace.value("db-0"), "data")
    namespace.delete_pod("db-0")
    namespace.create_pod("db-0", ("data", "wal"))
    eventually(lambda: namespace.value("db-0"), "data,wal")


def test_an_annotation_somebody_strips_comes_back(namespace: Namespace, vvc: Vvc) -> None:
    vvc.start_leading()
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data")
    namespace.annotate("web", BACKUP_VOLUMES, None)
    eventually(lambda: namespace.value("web"), "data")


def test_an_annotation_of_somebody_else_is_left_alone(namespace: Namespace, vvc: Vvc) -> None:
    replica = vvc.start_leading()
    namespace.create_pod("web", ("data", "cache"), annotations={BACKUP_VOLUMES: "cache"})
    eventually(lambda: replica.metric("vvc_annotations_total", action="foreign") > 0, True)
    settled(replica)
    assert namespace.annotations("web") == {BACKUP_VOLUMES: "cache"}


def test_in_legacy_mode_an_annotation_of_somebody_else_is_overwritten(namespace: Namespace, vvc: Vvc) -> None:
    vvc.start_leading("--ownership", "legacy")
    namespace.create_pod("web", ("data", "cache"), annotations={BACKUP_VOLUMES: "cache"})
    eventually(lambda: namespace.annotations("web"), {BACKUP_VOLUMES: "data,cache"})


def test_what_the_go_program_wrote_is_adopted(namespace: Namespace, vvc: Vvc) -> None:
    vvc.start_leading()
    namespace.create_pod("web", annotations={BACKUP_VOLUMES: "data"})
    eventually(lambda: namespace.annotations("web"), {BACKUP_VOLUMES: "data", MARKER: "data"})


def test_a_restart_writes_nothing(namespace: Namespace, vvc: Vvc) -> None:
    first = vvc.start_leading()
    for number in range(10):
        namespace.create_pod(f"pod-{number}")
    eventually(lambda: {namespace.value(f"pod-{number}") for number in range(10)}, {"data"})
    assert first.terminate()[0] == 0
    before = [namespace.pod(f"pod-{number}").metadata.resource_version for number in range(10)]

    second = vvc.start_leading()
    settled(second)
    # Proof that it decides at all: one more pod gets its annotation, and only that one a write.
    namespace.create_pod("late")
    eventually(lambda: namespace.value("late"), "data")
    assert second.metric("vvc_api_requests_total", verb="PATCH") == 1
    after = [namespace.pod(f"pod-{number}").metadata.resource_version for number in range(10)]
    assert after == before


def test_our_own_write_causes_no_second_one(namespace: Namespace, vvc: Vvc) -> None:
    replica = vvc.start_leading()
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data")
    time.sleep(1)
    settled(replica)
    assert replica.metric("vvc_api_requests_total", verb="PATCH") == 1


def test_a_pod_that_is_deleted_at_once_is_no_error(namespace: Namespace, vvc: Vvc) -> None:
    replica = vvc.start_leading()
    for number in range(20):
        namespace.create_pod(f"brief-{number}")
        namespace.delete_pod(f"brief-{number}")
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data")
    settled(replica)
    assert [line for line in replica.lines() if line["level"] == "error"] == []
    eventually(lambda: replica.metric("vvc_pods"), 1)


def test_every_decision_is_logged_with_v_4_and_only_changes_without(namespace: Namespace, vvc: Vvc) -> None:
    namespace.create_pod("web")
    namespace.create_pod("plain", ())
    quiet = vvc.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    settled(quiet)
    assert {line["pod"] for line in quiet.lines() if "pod" in line} == {"web"}
    quiet.terminate()
    replica = vvc.start_leading("-v", "4")
    settled(replica)
    decided = {line["pod"]: line["wanted"] for line in replica.lines() if line["message"] == "decided"}
    assert decided == {"web": "data", "plain": None}


def test_pods_are_counted_by_decision(namespace: Namespace, vvc: Vvc) -> None:
    namespace.create_claim("data")
    replica = vvc.start_leading()
    namespace.create_pod("good")
    namespace.create_pod("unseen", ("missing",))
    namespace.create_pod("plain", ())
    namespace.create_pod("theirs", annotations={BACKUP_VOLUMES: "other"})

    def counts() -> dict[str, float]:
        ways = ("backup", "unchecked", "skip", "foreign", "undecided")
        return {way: replica.metric("vvc_pods", decision=way) for way in ways}

    eventually(counts, {"backup": 1, "unchecked": 1, "skip": 1, "foreign": 1, "undecided": 0})
    namespace.delete_pod("theirs")
    namespace.delete_pod("good")
    namespace.create_pod("good", ())
    eventually(counts, {"backup": 0, "unchecked": 1, "skip": 2, "foreign": 0, "undecided": 0})
    assert replica.metric("vvc_pods") == 3


def test_the_queue_tells_how_long_pods_wait(
    control_plane: ControlPlane, namespace: Namespace, vvc: Vvc
) -> None:
    for number in range(4):
        namespace.create_pod(f"pod-{number}")
    with Proxy(control_plane.port) as proxy:
        admin, authority = control_plane.admin, control_plane.authority
        vvc.kubeconfig = write_kubeconfig(vvc.directory / "proxied", proxy.server, authority, admin)
        replica = vvc.start_leading("--max-in-flight", "1", "--velero-version", "1.18")
        settled(replica)
        assert replica.metric("vvc_queue_oldest_seconds") == 0
        done = replica.metric("vvc_reconcile_duration_seconds_count")
        assert done >= 4
        # Now all are to change. One is being written and gets no answer; the others wait behind it.
        proxy.freeze()
        vvc.config.write_text(vvc.config.read_text().replace("persistentVolumeClaim", "emptyDir"))
        eventually(lambda: replica.metric("vvc_queue_oldest_seconds") > 0.5, True, within=6)
        proxy.thaw()
        eventually(lambda: {namespace.value(f"pod-{number}") for number in range(4)}, {None})
        settled(replica)
        assert replica.metric("vvc_queue_oldest_seconds") == 0
        assert replica.metric("vvc_reconcile_duration_seconds_sum") > 0.5


def test_it_says_how_soon_every_pod_was_what_it_should_be(namespace: Namespace, vvc: Vvc) -> None:
    for name in ("a", "b", "c"):
        namespace.create_pod(name)
    line = vvc.start_leading().line("every pod is decided")
    assert line["pods"] >= 3
    assert 0 <= line["seconds"] < 30
    assert [namespace.value(name) for name in ("a", "b", "c")] == ["data"] * 3


def test_what_it_has_written_itself_is_not_decided_again(namespace: Namespace, vvc: Vvc) -> None:
    names = [f"pod-{number}" for number in range(30)]
    for name in names:
        namespace.create_pod(name)
    replica = vvc.start_leading()
    replica.line("every pod is decided")
    time.sleep(1)
    decided = replica.metric("vvc_reconcile_duration_seconds_count")
    # The watch may be faster than the answer, on a busy machine for most; never for all.
    assert len(names) <= decided < 2 * len(names)
