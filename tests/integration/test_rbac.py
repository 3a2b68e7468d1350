"""The permissions that are installed: each of their verbs is needed, and together they suffice."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
import yaml
from kubernetes import client

from hack.manifests import render
from tests.integration.cluster import BACKUP_VOLUMES, Namespace, eventually
from tests.integration.installed import ACCOUNT, Installed
from tests.integration.process import LEASE, Replica, Vvc
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.credentials import Cluster
from velero_volume_controller.kube.events import Event, Pace, Recorder, Regarding

UNCHECKED = "what may not be read goes unchecked"

#: The pieces for BackupSets, test_backupset_rights.py, for CleanRestores, test_cleanrestore_rights.py, and
#: for people, test_people_rights.py.
PIECES = ("backup", "lane", "schedule", "clean-restore", "view", "edit", "plan")
ELSEWHERE = {f"{ACCOUNT}-{piece}" for piece in PIECES}

#: Each verb of each rule, as (resource, verb); those without which nothing works, and the optional reads.
VERBS = [
    (rule["resources"][0], verb)
    for document in yaml.safe_load_all(render())
    if document["kind"] in {"ClusterRole", "Role"} and document["metadata"]["name"] not in ELSEWHERE
    for rule in document["rules"]
    for verb in rule["verbs"]
]
NEEDED = [(resource, verb) for resource, verb in VERBS if resource in {"pods", "leases"}]
SURROUNDINGS = [
    (resource, verb) for resource, verb in VERBS if verb in {"list", "watch"} and resource != "pods"
]
#: These have a test each below.
SINGLE = [("events", "create"), ("events", "patch"), ("configmaps", "get"), ("deployments", "get")]

#: A rule that can't be decided without each of the resources that a rule can ask for.
CONDITIONS = {
    "namespaces": "namespaces: {selector: {matchLabels: {shop: a}}}",
    "persistentvolumeclaims": "volumes: {claimSelector: {matchLabels: {tier: gold}}}",
}


@pytest.fixture
def neighbours(namespace: Namespace) -> None:
    """The ConfigMap, and an old Velero that takes no volumes of pods on Windows."""
    metadata = {"name": "velero-volume-controller"}
    namespace.core.create_namespaced_config_map(namespace.name, {"metadata": metadata, "data": {}})
    labels = {"app": "velero"}
    container = {"name": "velero", "image": "registry.example:5000/velero/velero:v1.16.2@sha256:" + "0" * 64}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    client.AppsV1Api(namespace.api).create_namespaced_deployment(
        namespace.name, {"metadata": {"name": "velero"}, "spec": spec}
    )


def native(namespace: Namespace, condition: str) -> str:
    return (
        "apiVersion: vvc.velero.io/v1alpha1\nkind: ControllerConfig\n"
        f"leaderElection: {{resourceNamespace: {namespace.name}, resourceName: {LEASE}}}\n"
        f"annotator:\n  rules:\n  - name: chosen\n    action: backup\n    {condition}\n"
    )


def lines(replica: Replica, message: str) -> list[dict[str, Any]]:
    return [line for line in replica.lines() if line["message"] == message]


def test_each_verb_that_is_granted_is_tried_here() -> None:
    assert sorted(VERBS) == sorted(NEEDED + SURROUNDINGS + SINGLE)


@pytest.mark.usefixtures("neighbours")
def test_the_permissions_that_are_installed_suffice(namespace: Namespace, confined: Vvc) -> None:
    namespace.create_claim("raw", mode="Block")
    namespace.create_pod("web", ("data", "raw"))
    replica = confined.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    eventually(lambda: len(namespace.events("VolumeNotBackedUp")), 1)
    confined.config.write_text("veleroVolumeCfg: [\n")
    eventually(lambda: len(namespace.events("InvalidConfiguration")), 1)
    assert replica.terminate()[0] == 0
    assert lines(replica, UNCHECKED) == []
    assert lines(replica, "Velero's version")[0]["counts_as"] == "1.16.2"
    assert "forbidden" not in replica.log.read_text()


@pytest.mark.parametrize(("resource", "verb"), NEEDED, ids=[f"{verb} {what}" for what, verb in NEEDED])
def test_without_one_verb_it_says_which_and_exits_with_1(
    resource: str, verb: str, installed: Installed, confined: Vvc
) -> None:
    installed.take_away(resource, verb)
    ended = confined.run_to_end()
    assert ended.returncode == 1
    assert f"{verb} {resource}" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("resource", "verb"), SURROUNDINGS, ids=[f"{verb} {what}" for what, verb in SURROUNDINGS]
)
def test_without_one_verb_of_an_optional_read_it_works_and_says_what_goes_unchecked(
    resource: str, verb: str, namespace: Namespace, installed: Installed, confined: Vvc
) -> None:
    installed.take_away(resource, verb)
    namespace.create_pod("web")
    replica = confined.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    (line,) = lines(replica, UNCHECKED)
    assert line["missing"] == f"{verb} {resource} in every namespace"
    assert replica.terminate()[0] == 0
    if resource in CONDITIONS:
        confined.config.write_text(native(namespace, CONDITIONS[resource]))
        ended = confined.run_to_end()
        assert ended.returncode == 1
        expected = f"{confined.config}: rule chosen cannot be decided without {resource}"
        assert expected in ended.stderr
        assert f"{verb} {resource} in every namespace." in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_reload_that_needs_what_may_not_be_read_is_refused(
    namespace: Namespace, installed: Installed, confined: Vvc
) -> None:
    installed.take_away("namespaces", "list")
    replica = confined.start_leading()
    confined.config.write_text(native(namespace, CONDITIONS["namespaces"]))
    refused = replica.line("the configuration was refused; the last good one stays in force")
    assert "list namespaces in every namespace" in refused["error"]
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data")
    assert replica.metric("vvc_configuration_valid") == 0


def test_a_replica_that_does_not_lead_may_ask_for_its_rights_when_it_reloads(
    namespace: Namespace, installed: Installed, confined: Vvc
) -> None:
    """It may write nothing, and a question about rights is sent by POST."""
    installed.take_away("namespaces", "list")
    confined.start_leading()
    other = confined.start()
    confined.config.write_text(confined.config.read_text().replace("persistentVolumeClaim", "emptyDir"))
    eventually(lambda: other.metric("vvc_configuration_reloads_total", result="success"), 1)
    assert other.metric("vvc_leader") == 0


def test_without_create_no_event_is_made(namespace: Namespace, installed: Installed, confined: Vvc) -> None:
    installed.take_away("events", "create")
    replica = confined.start_leading()
    namespace.create_pod("web", ("data", "cache"), annotations={BACKUP_VOLUMES: "cache"})
    eventually(lambda: replica.metric("vvc_events_total", result="forbidden"), 1)
    assert namespace.events() == []
    (line,) = lines(replica, "an Event could not be written")
    assert "events" in line["error"]


@pytest.mark.parametrize("granted", [True, False], ids=["with patch", "without patch"])
async def test_what_is_said_again_needs_patch(
    granted: bool, namespace: Namespace, installed: Installed
) -> None:
    if not granted:
        installed.take_away("events", "patch")
    results: list[str] = []
    async with Client.connect(Cluster(installed.kubeconfig)) as connected:
        recorder = Recorder(
            connected, "example.com/t", "t", lambda _, result: results.append(result), Pace(repeat=0.1)
        )
        running = asyncio.create_task(recorder.run())
        for _ in range(2):
            await asyncio.sleep(0.3)
            recorder.emit(Event(Regarding("Pod", namespace.name, "web"), "Test", "Nothing", "a note"))
        await asyncio.sleep(0.3)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert results == ["created", "repeated" if granted else "forbidden"]


@pytest.mark.usefixtures("neighbours")
def test_without_get_on_the_config_map_its_event_has_no_uid(
    namespace: Namespace, installed: Installed, confined: Vvc
) -> None:
    installed.take_away("configmaps", "get")
    confined.start_leading()
    confined.config.write_text("veleroVolumeCfg: [\n")
    eventually(lambda: len(namespace.events("InvalidConfiguration")), 1)
    (event,) = namespace.events("InvalidConfiguration")
    assert event.regarding.uid is None


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("granted", [True, False], ids=["with get", "without get"])
def test_what_an_older_velero_can_not_take_is_known_where_its_deployment_may_be_read(
    granted: bool, namespace: Namespace, installed: Installed, confined: Vvc
) -> None:
    if not granted:
        installed.take_away("deployments", "get")
    namespace.create_pod("web")
    namespace.create_pod("windows", os="windows")
    replica = confined.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    eventually(lambda: replica.metric("vvc_pods", decision="undecided"), 0)
    eventually(lambda: namespace.value("windows"), None if granted else "data")
    assert lines(replica, "Velero's version")[0]["seen"] is granted
