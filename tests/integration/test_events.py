"""Events: what people see with `kubectl describe`, said once, and never in the way of the work."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import BACKUP_VOLUMES, Namespace, eventually
from tests.integration.process import Vvc
from tests.integration.test_start import LEASE_VERBS, POD_VERBS, grant
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.credentials import Cluster
from velero_volume_controller.kube.errors import Fenced
from velero_volume_controller.kube.events import Event, Pace, Recorder, Regarding

FOREIGN = "ForeignAnnotation"
NOT_BACKED_UP = "VolumeNotBackedUp"


def notes(namespace: Namespace, reason: str) -> list[str]:
    return sorted(event.note for event in namespace.events(reason))


def only_event(namespace: Namespace, reason: str) -> Any:
    eventually(lambda: len(namespace.events(reason)), 1)
    (event,) = namespace.events(reason)
    return event


def test_an_annotation_of_somebody_else_is_told_on_its_pod(namespace: Namespace, vvc: Vvc) -> None:
    replica = vvc.start_leading()
    namespace.create_pod("web", ("data", "cache"), annotations={BACKUP_VOLUMES: "cache"})
    event = only_event(namespace, FOREIGN)
    assert event.type == "Warning"
    assert event.action == "LeaveAnnotation"
    assert event.reporting_controller == "vvc.velero.io/annotator"
    assert event.reporting_instance == replica.identity
    assert (event.regarding.kind, event.regarding.name) == ("Pod", "web")
    assert event.regarding.uid == namespace.pod("web").metadata.uid
    assert "is 'cache'" in event.note
    assert "it should be 'data,cache'" in event.note
    eventually(lambda: replica.metric("vvc_events_total", reason=FOREIGN, result="created"), 1)


def test_it_is_counted_and_told_once_however_often_the_pod_is_decided(namespace: Namespace, vvc: Vvc) -> None:
    replica = vvc.start_leading()
    namespace.create_pod("web", ("data", "cache"), annotations={BACKUP_VOLUMES: "cache"})
    only_event(namespace, FOREIGN)
    for number in range(5):
        namespace.annotate("web", "example.com/x", str(number))
    time.sleep(1)
    assert replica.metric("vvc_annotations_total", action="foreign") == 1
    assert replica.metric("vvc_events_total", reason=FOREIGN) == 1
    assert replica.metric("vvc_pods", decision="foreign") == 1
    # Another value is another thing to tell; a value that comes back within the hour is not.
    namespace.annotate("web", BACKUP_VOLUMES, "data")
    eventually(lambda: len(namespace.events(FOREIGN)), 2)
    namespace.annotate("web", BACKUP_VOLUMES, "cache")
    eventually(lambda: replica.metric("vvc_events_total", reason=FOREIGN, result="suppressed"), 1)
    assert replica.metric("vvc_annotations_total", action="foreign") == 3
    namespace.annotate("web", BACKUP_VOLUMES, None)
    eventually(lambda: replica.metric("vvc_pods", decision="foreign"), 0)
    assert replica.metric("vvc_pods") == 1


def test_a_restart_tells_nothing_twice(namespace: Namespace, vvc: Vvc) -> None:
    first = vvc.start_leading()
    namespace.create_pod("web", ("data", "cache"), annotations={BACKUP_VOLUMES: "cache"})
    only_event(namespace, FOREIGN)
    first.terminate()
    second = vvc.start_leading()
    eventually(lambda: second.metric("vvc_events_total", reason=FOREIGN, result="exists"), 1)
    assert len(namespace.events(FOREIGN)) == 1


def test_volumes_that_velero_can_not_take_are_told_on_their_pod(namespace: Namespace, vvc: Vvc) -> None:
    namespace.create_claim("raw", mode="Block")
    namespace.create_claim("data")
    vvc.start_leading()
    namespace.create_pod("web", ("data", "raw"))
    event = only_event(namespace, NOT_BACKED_UP)
    assert event.action == "SkipVolume"
    assert "raw: a block device" in event.note
    assert "data:" not in event.note
    assert namespace.value("web") == "data"


def test_of_a_pod_that_does_not_run_nothing_is_told(namespace: Namespace, vvc: Vvc) -> None:
    namespace.create_claim("raw", mode="Block")
    replica = vvc.start_leading()
    namespace.create_pod("job", ("raw",), phase="Succeeded")
    namespace.create_pod("web", ("data",))
    eventually(lambda: namespace.value("web"), "data")
    eventually(lambda: replica.metric("vvc_pods", decision="skip"), 1)
    time.sleep(0.5)
    assert namespace.events() == []


def test_an_annotation_from_the_pods_template_is_no_news_while_the_pod_is_pending(
    namespace: Namespace, vvc: Vvc
) -> None:
    replica = vvc.start_leading()
    namespace.create_pod("web", annotations={BACKUP_VOLUMES: "data"}, phase="Pending")
    eventually(lambda: replica.metric("vvc_pods", decision="foreign"), 1)
    namespace.set_phase("web", "Running")
    eventually(lambda: replica.metric("vvc_annotations_total", action="adopt"), 1)
    time.sleep(0.5)
    assert namespace.events() == []
    assert replica.metric("vvc_annotations_total", action="foreign") == 0


def test_only_the_leader_tells(namespace: Namespace, vvc: Vvc) -> None:
    leader, other = vvc.start_leading(), vvc.start()
    namespace.create_pod("web", ("data", "cache"), annotations={BACKUP_VOLUMES: "cache"})
    event = only_event(namespace, FOREIGN)
    assert event.reporting_instance == leader.identity
    assert other.metric("vvc_events_total") == 0
    assert other.metric("vvc_pods", decision="undecided") == 1


def test_a_configuration_that_is_refused_is_told_on_its_config_map(namespace: Namespace, vvc: Vvc) -> None:
    namespace.core.create_namespaced_config_map(
        namespace.name, {"metadata": {"name": "velero-volume-controller"}, "data": {}}
    )
    good = vvc.config.read_text()
    vvc.start_leading()
    vvc.config.write_text("veleroVolumeCfg: {includeNamespaces: a, excludeNamespaces: b}\n")
    event = only_event(namespace, "InvalidConfiguration")
    assert "config.yml:1: key excludeNamespaces: expected either" in event.note
    assert event.regarding.kind == "ConfigMap"
    config_map = namespace.core.read_namespaced_config_map("velero-volume-controller", namespace.name)
    assert event.regarding.uid == config_map.metadata.uid
    vvc.config.write_text(good)
    assert only_event(namespace, "ConfigurationAccepted").type == "Normal"


def test_the_config_map_may_have_another_name(namespace: Namespace, vvc: Vvc) -> None:
    namespace.core.create_namespaced_config_map(namespace.name, {"metadata": {"name": "rules"}, "data": {}})
    vvc.start_leading("--configmap", f"{namespace.name}/rules")
    vvc.config.write_text("veleroVolumeCfg: [\n")
    assert only_event(namespace, "InvalidConfiguration").regarding.name == "rules"


def test_where_there_is_no_such_config_map_nothing_is_told(namespace: Namespace, vvc: Vvc) -> None:
    replica = vvc.start_leading()
    vvc.config.write_text("veleroVolumeCfg: [\n")
    replica.line("the configuration was refused; the last good one stays in force")
    time.sleep(1)
    assert namespace.events() == []


def test_a_new_leader_tells_what_its_predecessor_could_not(namespace: Namespace, vvc: Vvc) -> None:
    namespace.core.create_namespaced_config_map(
        namespace.name, {"metadata": {"name": "velero-volume-controller"}, "data": {}}
    )
    leader = vvc.start_leading()
    other = vvc.start()
    leader.process.kill()
    vvc.config.write_text("veleroVolumeCfg: [\n")
    other.line("the configuration was refused; the last good one stays in force")
    eventually(lambda: len(namespace.events("InvalidConfiguration")), 1, within=25)


def test_without_the_permission_a_line_of_log_says_so_and_the_work_goes_on(
    control_plane: ControlPlane, namespace: Namespace, vvc: Vvc
) -> None:
    vvc.kubeconfig = grant(control_plane, namespace, POD_VERBS, LEASE_VERBS)
    replica = vvc.start_leading()
    for number in range(3):
        namespace.create_pod(f"pod-{number}", ("data", "cache"), annotations={BACKUP_VOLUMES: "cache"})
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data")
    eventually(lambda: replica.metric("vvc_events_total", reason=FOREIGN, result="forbidden"), 3)
    said = [line for line in replica.lines() if line["message"] == "an Event could not be written"]
    assert len(said) == 1
    assert "events.events.k8s.io is forbidden" in said[0]["error"]


# From here on the recorder by itself, whose pace a test can choose.


def telling(namespace: Namespace, number: int = 0) -> Event:
    return Event(
        Regarding("Pod", namespace.name, f"pod-{number}", f"uid-{number}"), "Test", "Nothing", "a note"
    )


@asynccontextmanager
async def recording(
    control_plane: ControlPlane, pace: Pace, guard: Callable[[], None] | None = None
) -> AsyncIterator[tuple[Recorder, Counter[str]]]:
    results: Counter[str] = Counter()
    async with Client.connect(Cluster(control_plane.kubeconfig)) as connected:
        connected.guard = guard
        recorder = Recorder(
            connected, "example.com/test", "test", lambda reason, result: results.update([result]), pace
        )
        running = asyncio.create_task(recorder.run())
        await asyncio.sleep(0)
        try:
            yield recorder, results
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def until(results: Counter[str], expected: dict[str, int]) -> None:
    deadline = time.monotonic() + 10
    while results != Counter(expected):
        assert time.monotonic() < deadline, f"{results}, expected {expected}"
        await asyncio.sleep(0.02)


async def test_what_is_said_again_later_makes_a_series(
    control_plane: ControlPlane, namespace: Namespace
) -> None:
    async with recording(control_plane, Pace(repeat=0.3)) as (recorder, results):
        recorder.emit(telling(namespace))
        await until(results, {"created": 1})
        recorder.emit(telling(namespace))
        await until(results, {"created": 1, "suppressed": 1})
        await asyncio.sleep(0.4)
        recorder.emit(telling(namespace))
        await until(results, {"created": 1, "suppressed": 1, "repeated": 1})
        (event,) = namespace.events("Test")
        assert event.series.count == 3
        # Kubernetes forgets Events after an hour: then it is a new one.
        client.EventsV1Api(namespace.api).delete_namespaced_event(event.metadata.name, namespace.name)
        await asyncio.sleep(0.4)
        recorder.emit(telling(namespace))
        await until(results, {"created": 2, "suppressed": 1, "repeated": 1})
    assert len(namespace.events("Test")) == 1


async def test_many_at_once_are_written_slowly(control_plane: ControlPlane, namespace: Namespace) -> None:
    async with recording(control_plane, Pace(burst=5, every=0.5)) as (recorder, results):
        for number in range(700):
            recorder.emit(telling(namespace, number))
        await asyncio.sleep(1.2)
        assert results["dropped"] == 200, "what waits is bounded"
        assert 6 <= results["created"] <= 8


async def test_what_is_urgent_comes_first_and_each_time(
    control_plane: ControlPlane, namespace: Namespace
) -> None:
    def urgent(note: str) -> Event:
        return Event(Regarding("ConfigMap", namespace.name, "c", "u"), "Urgent", "Nothing", note, urgent=True)

    async with recording(control_plane, Pace(burst=1, every=0.3)) as (recorder, results):
        for number in range(700):
            recorder.emit(telling(namespace, number))
        for note in ("bad", "good", "bad"):
            recorder.emit(urgent(note))
        await asyncio.sleep(1.5)
        assert results["dropped"] == 200
        assert results["repeated"] == 1
    counts = {event.note: event.series and event.series.count for event in namespace.events("Urgent")}
    assert counts == {"bad": 2, "good": None}


async def test_what_no_longer_holds_is_not_told(control_plane: ControlPlane, namespace: Namespace) -> None:
    async with recording(control_plane, Pace()) as (recorder, results):
        recorder.emit(replace(telling(namespace), stands=lambda: False))
        await until(results, {"outdated": 1})
    assert namespace.events("Test") == []


async def test_one_who_does_not_lead_writes_nothing(
    control_plane: ControlPlane, namespace: Namespace
) -> None:
    def refuse() -> None:
        raise Fenced("not leading")

    async with recording(control_plane, Pace(), refuse) as (recorder, results):
        recorder.emit(telling(namespace))
        await asyncio.sleep(0.3)
    assert results == Counter()
    recorder.emit(telling(namespace))
    assert namespace.events("Test") == []


async def test_a_namespace_that_goes_is_no_complaint(
    control_plane: ControlPlane, namespace: Namespace, capfd: pytest.CaptureFixture[str]
) -> None:
    going = Namespace.create(namespace.api, f"{namespace.name}-going")
    namespace.core.delete_namespace(going.name)
    gone = Namespace(namespace.api, "never-there")
    async with recording(control_plane, Pace()) as (recorder, results):
        recorder.emit(telling(going))
        recorder.emit(telling(gone))
        await until(results, {"failed": 2})
    assert "could not be written" not in capfd.readouterr().out


async def test_a_note_is_cut_to_what_the_server_takes(
    control_plane: ControlPlane, namespace: Namespace
) -> None:
    long = Event(Regarding("Pod", namespace.name, "n" * 253), "Test", "Nothing", "ä" * 2000)
    async with recording(control_plane, Pace()) as (recorder, results):
        recorder.emit(long)
        await until(results, {"created": 1})
    (event,) = namespace.events("Test")
    assert event.note.endswith("ä…")
    assert len(event.note.encode()) <= 1024
