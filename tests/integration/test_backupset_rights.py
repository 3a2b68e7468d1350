"""What BackupSets need of the cluster: without it the annotator works on, and what is missing is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from kubernetes import client

from hack.manifests import render
from tests.integration.backup_sets import Installation
from tests.integration.cluster import Namespace, eventually
from tests.integration.installed import ACCOUNT, Installed
from tests.integration.process import Replica, Vvc
from tests.integration.sets import GROUP, VERSION, install_crds
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.credentials import Cluster
from velero_volume_controller.velero.client.installations import read_lane

CARRIED_OUT = "carried out from now on"
NOT_CARRIED_OUT = "not carried out; it is looked for again"
OURS = ("backupsets.vvc.velero.io", "backupsetschedules.vvc.velero.io")


def verbs(piece: str) -> list[tuple[str, str]]:
    """Each verb of each rule of a piece, as (resource, verb)."""
    return [
        (rule["resources"][0], verb)
        for document in yaml.safe_load_all(render())
        if document["kind"] == "ClusterRole" and document["metadata"]["name"] == f"{ACCOUNT}-{piece}"
        for rule in document["rules"]
        for verb in rule["verbs"]
    ]


def ids(pairs: list[tuple[str, str]]) -> list[str]:
    return [f"{verb} {resource}" for resource, verb in pairs]


#: What only says how a Velero is set: test_what_may_not_be_read_of_a_velero_counts_as_its_default.
SETTINGS = [
    ("nodes", "list"),
    ("backupstoragelocations", "list"),
    ("deployments", "list"),
    ("daemonsets", "list"),
    ("configmaps", "get"),
]
SETS = [each for each in verbs("backup") if each not in SETTINGS]
LANE = [each for each in verbs("lane") if each not in SETTINGS]
SCHEDULE = verbs("schedule")


def remove_crds(api: client.ApiClient) -> None:
    extensions = client.ApiextensionsV1Api(api)
    # Warm: a definition whose objects nobody has listed yet is sometimes never gone (the API server's
    # finalizer lists them while it takes their storage down, and waits for ever).
    for name in OURS:
        client.CustomObjectsApi(api).list_cluster_custom_object(GROUP, VERSION, name.partition(".")[0])
    time.sleep(1)
    for name in OURS:
        extensions.delete_custom_resource_definition(name)

    def left() -> set[str]:
        listed: Any = extensions.list_custom_resource_definition().items
        return {crd.metadata.name for crd in listed} & set(OURS)

    eventually(left, set(), within=60)


@pytest.fixture
def put_back(velero_api: client.ApiClient) -> Iterator[None]:
    """The CustomResourceDefinitions are there again afterwards."""
    yield
    install_crds(velero_api)


def annotates(namespace: Namespace, replica: Replica, pod: str) -> None:
    """The annotator works, whatever BackupSets lack."""
    namespace.create_pod(pod)
    eventually(lambda: namespace.value(pod), "data")
    assert replica.metric("vvc_loop_errors_total") == 0


@pytest.mark.usefixtures("put_back")
def test_without_the_crds_it_annotates_and_takes_sets_up_when_they_are_there(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    spec = velero.applications("a")
    remove_crds(namespace.api)
    replica = vvc.start_leading()
    line = replica.line(NOT_CARRIED_OUT, what="BackupSets")
    assert "the API server knows no backupsets.vvc.velero.io" in line["missing"]
    annotates(namespace, replica, "web")
    install_crds(namespace.api)
    replica.line(CARRIED_OUT, what="BackupSets")
    velero.create_set("night", spec)
    assert velero.run_to_end("night")["phase"] == "Completed"
    assert replica.messages().count(NOT_CARRIED_OUT) == 1


@pytest.mark.usefixtures("put_back")
def test_when_the_crds_go_it_says_so_and_annotates_on(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    spec = velero.applications("a")
    replica = vvc.start_leading()
    velero.create_set("night", spec)
    eventually(lambda: len(velero.of("night")), 2, within=20)
    remove_crds(namespace.api)
    replica.line(NOT_CARRIED_OUT, what="BackupSets")
    annotates(namespace, replica, "web")
    assert len(velero.of("night")) == 2
    install_crds(namespace.api)
    replica.line(CARRIED_OUT, what="BackupSetSchedules")
    velero.create_set("again", spec)
    eventually(lambda: velero.phase("again"), "Running", within=20)


def test_the_rights_that_are_installed_suffice(
    velero: Installation, namespace: Namespace, confined: Vvc
) -> None:
    spec = velero.applications("a", "b")
    replica = confined.start_leading()
    velero.create_set("night", spec)
    assert velero.run_to_end("night")["phase"] == "Completed"
    eventually(lambda: len(namespace.events("Planned")), 1)
    assert [line["level"] for line in replica.lines() if line["level"] in {"warning", "error"}] == []


@pytest.mark.parametrize(("resource", "verb"), SETS, ids=ids(SETS))
def test_without_one_verb_on_sets_none_is_carried_out_until_it_is_granted(
    resource: str, verb: str, velero: Installation, namespace: Namespace, installed: Installed, confined: Vvc
) -> None:
    installed.take_away(resource, verb)
    replica = confined.start_leading()
    line = replica.line(NOT_CARRIED_OUT, what="BackupSets")
    plural, _, subresource = resource.partition("/")
    suffix = f"/{subresource}" if subresource else ""
    assert f"may not {verb} {plural}.vvc.velero.io{suffix} in every namespace" in line["missing"]
    velero.create_set("night", velero.applications("a"))
    annotates(namespace, replica, "web")
    assert velero.of("night") == {}
    installed.give_back()
    eventually(lambda: len(velero.of("night")), 2, within=30)


@pytest.mark.parametrize(("resource", "verb"), LANE, ids=ids(LANE))
def test_without_one_verb_in_a_lane_its_sets_say_so(
    resource: str, verb: str, velero: Installation, namespace: Namespace, installed: Installed, confined: Vvc
) -> None:
    installed.take_away(resource, verb)
    replica = confined.start_leading()
    velero.create_set("night", velero.applications("a"))
    eventually(lambda: velero.condition("night", "Planned"), ("False", "LaneHidden"), within=30)
    assert f"{verb} {resource}.velero.io in namespace {namespace.name}" in velero.message("night", "Planned")
    eventually(lambda: len(namespace.events("LaneHidden")), 1)
    annotates(namespace, replica, "web")
    assert velero.of("night") == {}


def test_a_right_in_a_lane_that_is_lost_while_a_set_runs_is_told_and_nothing_is_concluded(
    velero: Installation, namespace: Namespace, installed: Installed, confined: Vvc
) -> None:
    confined.start_leading()
    velero.create_set("night", velero.applications("a", "b", "c"))
    eventually(lambda: len(velero.of("night")), 2, within=20)
    installed.take_away("backups", "create")
    velero.end_all("night")
    replica = confined.replicas[0]
    line = replica.line("a BackupSet could not go on; it will be tried again")
    assert "backups" in line["error"]
    installed.give_back()
    assert velero.run_to_end("night", within=90)["phase"] == "Completed"


@pytest.mark.parametrize(("resource", "verb"), SCHEDULE, ids=ids(SCHEDULE))
def test_without_one_verb_on_schedules_sets_are_carried_out_all_the_same(
    resource: str, verb: str, velero: Installation, installed: Installed, confined: Vvc
) -> None:
    installed.take_away(resource, verb)
    replica = confined.start_leading()
    line = replica.line(NOT_CARRIED_OUT, what="BackupSetSchedules")
    assert f"{verb} {resource.partition('/')[0]}.vvc.velero.io" in line["missing"]
    velero.create_set("night", velero.applications("a"))
    assert velero.run_to_end("night")["phase"] == "Completed"


@pytest.mark.parametrize("lost", [None, *SETTINGS], ids=["with all", *ids(SETTINGS)])
async def test_what_may_not_be_read_of_a_velero_counts_as_its_default(
    lost: tuple[str, str] | None, velero: Installation, namespace: Namespace, installed: Installed
) -> None:
    velero.node_agent({"globalConfig": 2, "perNodeConfig": [{"nodeSelector": {}, "number": 3}]}, node="node7")
    if lost is not None:
        installed.take_away(*lost)
    async with Client.connect(Cluster(installed.kubeconfig)) as connected:
        lane = await read_lane(connected, namespace.name, [])
    assert lane is not None
    found = {
        "deployments": lane.slots == 2,
        "backupstoragelocations": len(lane.locations) == 1,
        "daemonsets": lane.default_load == 2,
        "configmaps": lane.default_load == 2,
        "nodes": lane.load.get("node7") == 3,
    }
    missing = {resource for resource, as_it_is in found.items() if not as_it_is}
    if lost is None:
        assert missing == set()
    elif lost[0] == "deployments":
        assert lane.slots == 1
    elif lost[0] in {"daemonsets", "configmaps"}:
        assert missing == {"daemonsets", "configmaps", "nodes"}
    else:
        assert missing == {lost[0]}
