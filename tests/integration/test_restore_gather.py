"""What a plan is made from, read from the real API server: the same as kubectl's dump of it gives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from tests.integration import restore_ground as ground
from tests.integration.backup_sets import Installation
from tests.integration.cluster import Namespace, eventually
from velero_volume_controller.kube import discovery
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.credentials import Cluster as Target
from velero_volume_controller.restore.cluster import Cluster, read_cluster
from velero_volume_controller.restore.gather import ReadForbidden, gather_cluster
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.owners import relations
from velero_volume_controller.velero.model.backup_contents import Key

BROKEN = "broken.example.com"


@dataclass(frozen=True)
class Ground:
    control_plane: ControlPlane
    shop: Namespace
    elsewhere: Namespace
    hooks: Namespace
    storage: Namespace
    velero: Namespace

    async def gather(self, *namespaces: str, backups: tuple[str, ...] | None = None) -> Cluster:
        wanted = frozenset(namespaces) or None
        async with Client.connect(Target(self.control_plane.kubeconfig)) as connected:
            return await gather_cluster(connected, wanted, backups)

    def dumped(self) -> Cluster:
        return read_cluster(ground.dump(self.control_plane.kubeconfig), "objects.json")


@pytest.fixture(scope="module")
def cluster(control_plane: ControlPlane, velero_api: client.ApiClient) -> Iterator[Ground]:
    names = ("gather-shop", "gather-elsewhere", "gather-hooks", "gather-storage", "gather-velero")
    made = Ground(control_plane, *(Namespace.create(velero_api, name) for name in names))
    ground.define(velero_api, ground.definition("Widget", "Namespaced", "v1", "v1alpha1"))
    ground.define(velero_api, ground.definition("Gadget", "Cluster", "v1beta1"))
    ground.fill(made.shop, made.elsewhere)
    ground.dependencies(made.hooks, made.storage)
    installation = Installation.install(made.velero)
    config = {"spec": {"config": {"s3Url": f"http://minio.{made.storage.name}.svc:9000"}}}
    installation.custom.patch_namespaced_custom_object(
        "velero.io", "v1", made.velero.name, "backupstoragelocations", "default", config
    )
    for backup in ("nightly", "weekly"):
        ground.make_custom(made.velero, "podvolumebackups", taken(made, backup))
    yield made
    ground.release(made.shop)
    for namespace in (made.shop, made.elsewhere):
        namespace.core.delete_collection_namespaced_pod(namespace.name, grace_period_seconds=0)
    hooks = client.AdmissionregistrationV1Api(velero_api)
    hooks.delete_validating_webhook_configuration(made.hooks.name)


def taken(made: Ground, backup: str) -> dict[str, Any]:
    return {
        "apiVersion": "velero.io/v1",
        "kind": "PodVolumeBackup",
        "metadata": {
            "name": f"{backup}-1",
            "labels": {"velero.io/backup-name": backup},
            "annotations": {"velero.io/pvc-name": "data"},
        },
        "spec": {
            "node": "node1",
            "backupStorageLocation": "default",
            "repoIdentifier": "",
            "pod": {"kind": "Pod", "namespace": made.shop.name, "name": "web-5d8f96-x7k2p"},
            "volume": "data",
        },
        "status": {"phase": "Completed"},
    }


def comparable(objects: Mapping[Key, Live]) -> dict[Key, Live]:
    """Without the marks of cluster-scoped objects, which are never deleted, and without what the API server
    writes about itself in the meantime."""
    return {
        key: live if key.namespace else msgspec.structs.replace(live, mark="", version="")
        for key, live in objects.items()
        if key.group != "internal.apiserver.k8s.io"
    }


async def test_a_whole_cluster_is_what_its_dump_says(cluster: Ground) -> None:
    # What other tests have left goes at its own time: compared is a moment in which nothing changed.
    for _ in range(20):
        dumped = await asyncio.to_thread(cluster.dumped)
        gathered = await cluster.gather()
        after = await asyncio.to_thread(cluster.dumped)
        if comparable(dumped.objects) == comparable(after.objects):
            break
    assert comparable(gathered.objects) == comparable(dumped.objects)
    assert gathered.hosts == dumped.hosts
    assert set(gathered.hosts) >= {cluster.hooks.name, cluster.storage.name, cluster.velero.name}
    assert sorted(each.name for each in gathered.taken) == ["nightly-1", "weekly-1"]
    assert gathered.kinds >= dumped.kinds
    assert (gathered.unanswered, gathered.notes) == ((), ())


async def test_of_one_namespace_it_is_the_same_and_of_others_only_what_it_would_take_along(
    cluster: Ground,
) -> None:
    dumped = await asyncio.to_thread(cluster.dumped)
    gathered = await cluster.gather(cluster.shop.name, backups=("nightly",))
    inside = {key: live for key, live in dumped.objects.items() if key.namespace == cluster.shop.name}
    assert {
        key: live for key, live in gathered.objects.items() if key.namespace == cluster.shop.name
    } == inside
    outside = [key for key in gathered.objects if key.namespace not in {"", cluster.shop.name}]
    assert outside == [Key("", "ConfigMap", cluster.elsewhere.name, "dependent")]
    assert gathered.hosts == dumped.hosts
    assert [each.name for each in gathered.taken] == ["nightly-1"]


async def test_what_a_plan_asks_of_objects_is_there(cluster: Ground) -> None:
    gathered = await cluster.gather(cluster.shop.name)
    shop, objects = cluster.shop.name, gathered.objects
    assert objects[Key("apps", "Deployment", shop, "web")].replicas == 3
    assert objects[Key("batch", "CronJob", shop, "nightly")].suspended is True
    assert objects[Key(ground.GROUP, "Widget", shop, "kept")].finalizers == ("restore.example.com/slow",)
    assert objects[Key("rbac.authorization.k8s.io", "Role", shop, "web")].protected
    pod = objects[Key("", "Pod", shop, "web-5d8f96-x7k2p")]
    assert pod.mounts == (("data", "data"),)
    assert relations(objects).pods_using(objects[Key("", "PersistentVolumeClaim", shop, "data")]) == (pod,)
    assert objects[Key("", "Secret", shop, "password")].mark.startswith("resourceVersion:")
    assert objects[Key("", "ServiceAccount", shop, "web")].mark.startswith("sha256:")


async def test_a_changed_secret_has_another_mark_and_nothing_of_it_is_kept(cluster: Ground) -> None:
    key = Key("", "Secret", cluster.shop.name, "password")
    before = (await cluster.gather(cluster.shop.name)).objects[key]
    assert "hunter2" not in repr(before)
    assert "aHVudGVyMg" not in repr(before)
    cluster.shop.core.patch_namespaced_secret("password", cluster.shop.name, {"stringData": {"p": "hunter4"}})
    after = (await cluster.gather(cluster.shop.name)).objects[key]
    assert (after.uid, after.mark != before.mark) == (before.uid, True)


async def test_a_server_that_tells_of_its_groups_one_by_one_gives_the_same(
    cluster: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Client.connect(Target(cluster.control_plane.kubeconfig)) as connected:
        whole = await discovery.discover(connected)
        monkeypatch.setattr(discovery, "_AGGREGATED", "application/json")
        single = await discovery.discover(connected)
    assert set(single.served) == set(whole.served)
    assert {each.resource for each in single.preferred()} == {each.resource for each in whole.preferred()}
    assert (
        whole.versions(ground.GROUP, "Widget")
        == single.versions(ground.GROUP, "Widget")
        == ("v1", "v1alpha1")
    )


@pytest.fixture
def broken(cluster: Ground) -> Iterator[str]:
    """An APIService with nobody behind it: the group is known, and never answers."""
    service = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1.{BROKEN}"},
        "spec": {
            "group": BROKEN,
            "version": "v1",
            "groupPriorityMinimum": 1000,
            "versionPriority": 10,
            "insecureSkipTLSVerify": True,
            "service": {"namespace": cluster.hooks.name, "name": "nobody"},
        },
    }
    registrations = client.ApiregistrationV1Api(cluster.shop.api)
    registrations.create_api_service(service)

    def known() -> bool:
        groups = client.ApisApi(cluster.shop.api).get_api_versions().groups
        return BROKEN in {group.name for group in groups}

    eventually(known, True, within=30)
    yield f"{BROKEN}/v1"
    registrations.delete_api_service(f"v1.{BROKEN}")
    eventually(known, False, within=30)


@pytest.mark.parametrize(
    "accept", [pytest.param(None, id="aggregated"), pytest.param("application/json", id="old")]
)
async def test_a_group_that_does_not_answer_is_named(
    cluster: Ground, broken: str, accept: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if accept is not None:
        monkeypatch.setattr(discovery, "_AGGREGATED", accept)
    gathered = await cluster.gather(cluster.shop.name)
    assert gathered.unanswered == (broken,)
    assert gathered.notes == (
        f"These APIs do not answer, and what there is of them can't be seen: {broken}."
        " Nothing is cleared away before they do.",
    )
    assert Key("apps", "Deployment", cluster.shop.name, "web") in gathered.objects
    # Others still work, but what serves it can't be cleared away.
    assert cluster.hooks.name in gathered.hosts


async def test_kinds_that_may_not_be_listed_are_named_with_the_role_that_grants_it(cluster: Ground) -> None:
    rbac = client.RbacAuthorizationV1Api(cluster.shop.api)
    async with Client.connect(Target(cluster.control_plane.kubeconfig)) as connected:
        found = await discovery.discover(connected)
    every = {(each.resource.group, each.resource.plural) for each in found.preferred()}
    rules = [
        {"apiGroups": [group], "resources": [plural], "verbs": ["list"]}
        for group, plural in sorted(every - {("", "secrets"), (ground.GROUP, "widgets")})
    ]
    rbac.create_cluster_role({"metadata": {"name": "nearly-all"}, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "nearly-all"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nearly-all"}
    rbac.create_cluster_role_binding(
        {"metadata": {"name": "nearly-all"}, "roleRef": reference, "subjects": [subject]}
    )
    async with Client.connect(Target(cluster.control_plane.kubeconfig_for("nearly-all"))) as connected:
        with pytest.raises(ReadForbidden) as refused:
            await gather_cluster(connected, frozenset({cluster.shop.name}))
    said = str(refused.value)
    assert (
        "may not list secrets in every namespace; list widgets.restore.example.com in every namespace" in said
    )
    assert "Apply manifests/restore.yaml, which binds ClusterRole velero-volume-controller-restore" in said


async def test_many_pages_of_one_kind_come_whole_and_keep_nobody_waiting(cluster: Ground) -> None:
    """What the loop's thread computes at a stretch counts: other processes may keep it waiting, too."""
    number = 1300
    crowd = await asyncio.to_thread(Namespace.create, cluster.shop.api, "gather-crowd")
    await asyncio.to_thread(fill_with, crowd, number)
    stretches, stop = [0.0], asyncio.Event()

    async def beat() -> None:
        while not stop.is_set():
            began = time.thread_time()
            await asyncio.sleep(0)
            stretches.append(time.thread_time() - began)

    beating = asyncio.create_task(beat())
    gathered = await cluster.gather("gather-crowd")
    stop.set()
    await beating
    held = sum(key.namespace == "gather-crowd" and key.kind == "ConfigMap" for key in gathered.objects)
    assert held == number
    assert max(stretches) < 0.05


def fill_with(crowd: Namespace, number: int) -> None:
    for index in range(number):
        body = {"metadata": {"name": f"c-{index}", "labels": {"app": "crowd"}}, "data": {"a": "b" * 200}}
        crowd.core.create_namespaced_config_map(crowd.name, body)
