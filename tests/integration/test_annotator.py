"""The main job against a real API server: pods come and change, annotations follow."""

from __future__ import annotations

import time

from tests.integration.cluster import BACKUP_VOLUMES, MARKER, Namespace, eventually
from tests.integration.process import Replica, Vvc


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
