"""What is a difference to the backup and what is not, a sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.unit.restore.makers import claim, deployment, fs_data, key, live, pod, snapshot, volume
from tests.unit.restore_verify.makers import BYTES, World, restored
from velero_volume_controller.restore import verify_objects as why
from velero_volume_controller.velero.model.names import backup_label
from velero_volume_controller.velero.model.restore_runs import RESTORE_LABEL, Restore
from velero_volume_controller.velero.model.restored_files import Messages
from velero_volume_controller.velero.model.stored_files import LackingVolume

WEB = restored(deployment("web", pods=2))
DB = live("StatefulSet db")
DATABASE = restored(
    [DB, pod("db-0", "data", controller=DB), claim("data"), volume("data")],
    [fs_data("db-0", "data", "data")],
)
SCRATCH = restored([DB, pod("db-0", controller=DB)], [fs_data("db-0", "scratch")])
ALL = restored([live("ConfigMap a"), live("Namespace shop"), live("ClusterRole r")], everything=True)
CONFIG = restored([live("ConfigMap a")])
ALONE = restored([pod("alone")])
JOB = live("Job nightly", ended=True)
USED = restored([pod("alone", "data"), claim("data")])
SNAPPED = restored([claim("data")], [snapshot("data")])
STARVED = DATABASE.state("StatefulSet db", ready=0).state("Pod db-0", ready=False, phase="Pending")
STARVED_ALONE = restored(
    [pod("alone", "data"), claim("data"), volume("data")], [fs_data("alone", "data", "data")]
).state("Pod alone", ready=False, phase="Pending")


def errors(text: str) -> Messages:
    return Messages(namespaces={"shop": (text,)})


DIFFERENCES: dict[str, tuple[World, Sequence[str]]] = {
    "an object that Velero restored and that is gone": (
        CONFIG.objects("ConfigMap a"),
        ["ConfigMap shop/a is gone since Velero restored it; see who deletes it"],
    ),
    "an object that Velero could not restore, in its words": (
        CONFIG.objects("ConfigMap a")
        .tells({"ConfigMap a": "failed"})
        .says(errors=errors("error restoring configmaps/shop/a: too large")),
        [
            "ConfigMap shop/a was not restored, for Velero could not: error restoring configmaps/shop/a: too"
            " large; see velero restore describe back-1 --details"
        ],
    ),
    "words about an object with a longer name are not about this one": (
        CONFIG.objects("ConfigMap a")
        .tells({"ConfigMap a": "failed"})
        .says(errors=errors("error restoring configmaps/shop/ab: too large")),
        [
            "ConfigMap shop/a was not restored, for Velero could not; see",
            "error for namespace shop: error rest",
        ],
    ),
    "an object that a plugin discards": (
        CONFIG.objects("ConfigMap a").tells({"ConfigMap a": "skipped"}),
        ["ConfigMap shop/a is not there: a plugin of Velero's discards it"],
    ),
    "an object that Velero never came to": (
        CONFIG.objects("ConfigMap a").tells({"ConfigMap a": None}),
        ["ConfigMap shop/a is not there: Velero did not come to it"],
    ),
    "an object that is not there, and nobody can say why": (
        CONFIG.objects("ConfigMap a").unreadable(),
        ["ConfigMap shop/a is not there; see velero restore describe back-1"],
    ),
    "an object that is being deleted": (
        CONFIG.objects(change={"ConfigMap a": {"terminating": True}}),
        ["ConfigMap shop/a is gone since"],
    ),
    "an object that was there before Velero came to it": (
        CONFIG.objects(change={"ConfigMap a": {"labels": {}}}).tells({"ConfigMap a": "failed"}),
        ["ConfigMap shop/a was there before Velero came to it, and is not as it was backed up"],
    ),
    "an object that was to be kept and is gone": (
        CONFIG.keeps("ConfigMap a").objects("ConfigMap a"),
        ["ConfigMap shop/a was to be kept, and is gone"],
    ),
    "a Namespace that is not there": (ALL.objects("Namespace shop"), ["Namespace shop is gone since"]),
    "a cluster-scoped object, where all comes back": (
        ALL.objects("ClusterRole r"),
        ["ClusterRole r is gone"],
    ),
    "a kind that this cluster does not serve": (
        restored([live("Widget w")]).objects("Widget w").tells({"Widget w": "failed"}).without_kinds(),
        ["Widget shop/w is not there: this cluster does not serve Widget.example.com; install the API"],
    ),
    "an API that does not answer": (
        restored([live("Widget w")]).objects("Widget w").unanswered("example.com/v1"),
        ["Widget shop/w can't be seen: example.com/v1 does not answer"],
    ),
    "a pod of nobody's that is gone": (ALONE.objects("Pod alone"), ["Pod shop/alone is gone since Velero"]),
    "a pod with data, which was running, that Velero never came to": (
        DATABASE.objects("Pod db-0").tells({"Pod db-0": None}),
        ["Pod shop/db-0 is not there: Velero did not come to it"],
    ),
    "a pod that was replaced with what had been written into a volume of no claim": (
        SCRATCH.objects("Pod db-0"),
        ["Pod shop/db-0 is gone since it was restored, and what was written into its volumes scratch"],
    ),
    "pods and Jobs of which nobody can say whether they had ended": (
        restored([pod("alone"), live("Job j")]).objects("Pod alone", "Job j").unreadable(),
        ["2 pods and Jobs of the backup are not there, Pod shop/alone first; whether they had ended"],
    ),
    "a PersistentVolume that Velero could not restore": (
        restored([live("PersistentVolume pv-a")], everything=True)
        .objects("PersistentVolume pv-a")
        .tells({"PersistentVolume pv-a": "failed"}),
        ["PersistentVolume pv-a was not restored"],
    ),
    "a claim that is not bound, into which data was to come back": (
        DATABASE.state("PersistentVolumeClaim data", phase="Pending"),
        ["PersistentVolumeClaim shop/data is not bound but Pending; see kubectl -n shop describe"],
    ),
    "a claim without data that is not bound, which a pod uses": (
        USED.state("PersistentVolumeClaim data", phase="Pending"),
        ["PersistentVolumeClaim shop/data is not bound but Pending"],
    ),
    "a pod whose workload is going": (
        restored([DB, pod("db-0", controller=DB)]).objects(
            "Pod db-0", change={"StatefulSet db": {"terminating": True}}
        ),
        ["Pod shop/db-0 is gone since Velero restored it", "StatefulSet shop/db is gone since"],
    ),
    "a claim that has lost its volume": (
        DATABASE.state("PersistentVolumeClaim data", phase="Lost"),
        ["PersistentVolumeClaim shop/data has lost its PersistentVolume"],
    ),
    "a volume that failed": (
        DATABASE.volume("pvr-db-0-data", phase="Failed", message="disk full"),
        [
            "Volume data of Pod shop/db-0 was not written in full: PodVolumeRestore velero/pvr-db-0-data is"
            " Failed: disk full; see the log of the node-agent"
        ],
    ),
    "a volume that is still being written when its Restore has ended": (
        DATABASE.volume("pvr-db-0-data", phase="InProgress"),
        ["is InProgress, though its Restore has ended"],
    ),
    "a volume with less than was backed up": (
        restored([pod("p")], [fs_data("p", "v")])
        .taken(bytes_total=10_000_000)
        .volume("pvr-p-v", bytes_done=5_000_000, bytes_total=10_000_000),
        ["Volume v of Pod shop/p was written with 4.8 of 9.5 MiB, though PodVolumeRestore"],
    ),
    "a volume with nothing": (
        DATABASE.volume("pvr-db-0-data", bytes_done=0),
        ["Volume data of Pod shop/db-0 was written with 0.0 of 4.9 KiB"],
    ),
    "a volume whose pod was there when Velero came": (
        DATABASE.objects(change={"Pod db-0": {"labels": {}}}).without_volumes(),
        ["Volume data of Pod shop/db-0 was not written: Pod shop/db-0 was there when Velero came to it"],
    ),
    "a volume whose pod Velero could not restore": (
        ALONE.of(data=(fs_data("alone", "v"),))
        .objects("Pod alone")
        .tells({"Pod alone": "failed"})
        .says(errors=errors("error restoring pods/shop/alone: denied")),
        [
            "Pod shop/alone was not restored, for Velero could not: error restoring",
            "Volume v of Pod shop/alone was not written: Velero could not restore its pod: error restoring",
        ],
    ),
    "a volume of a pod that Velero restored, without a PodVolumeRestore": (
        DATABASE.without_volumes(),
        ["Volume data of Pod shop/db-0 was not written: there is no PodVolumeRestore of it"],
    ),
    "a volume that only a Restore wrote that was made again": (
        DATABASE.volume("pvr-db-0-data", restore="back-0"),
        ["Volume data of Pod shop/db-0 was not written"],
    ),
    "a snapshot whose claim was there": (
        SNAPPED.tells({"PersistentVolumeClaim data": "skipped"}),
        ["Snapshot of PersistentVolumeClaim shop/data was not restored: the claim was there when"],
    ),
    "a snapshot whose claim nobody made anew": (
        SNAPPED.objects(change={"PersistentVolumeClaim data": {"labels": {}}}).unreadable(),
        ["Snapshot of PersistentVolumeClaim shop/data was not restored: the claim was there"],
    ),
    "a volume that failed when it was backed up": (
        CONFIG.of(lacking=(LackingVolume("shop", "data", "db-0", "data", "its backup is Failed"),)),
        ["PersistentVolumeClaim shop/data came back without its data, for the backup lacks it: its backup"],
    ),
    "a workload with too few pods, and why": (
        WEB.state("Deployment web", desired=2, ready=1).state(
            "Pod web-5d8f96-x0001", ready=False, why="container app: ImagePullBackOff"
        ),
        [
            "Deployment shop/web has 1 of 2 pods ready: web-5d8f96-x0001 (container app: ImagePullBackOff);"
            " see kubectl -n shop describe pod web-5d8f96-x0001"
        ],
    ),
    "a workload that its controller has not seen": (
        DATABASE.state("StatefulSet db", settled=False),
        ["StatefulSet shop/db has 1 of 1 pods ready, and its controller has not looked at it yet"],
    ),
    "a pod of nobody's that is not ready": (
        ALONE.state("Pod alone", ready=False, why="Unschedulable: no node"),
        ["Pod shop/alone is not ready (Unschedulable: no node); see kubectl -n shop describe pod alone"],
    ),
    "a workload that still stands still": (
        DATABASE.objects(change={"StatefulSet db": {"quiesced": '{"by":"u","mark":"m","replicas":3}'}}),
        ["StatefulSet shop/db was stilled for a restore, and still bears the note of it (it had 3 replicas)"],
    ),
    "an error of Velero's that is about no object": (
        CONFIG.says(errors=Messages(general=("timed out waiting for all PodVolumeRestores",))),
        ["Restore back-1 reports an error: timed out waiting for all PodVolumeRestores"],
    ),
}


@pytest.mark.parametrize("sentence", DIFFERENCES)
def test_it_is_a_difference(sentence: str) -> None:
    world, expected = DIFFERENCES[sentence]
    found = world.differences()
    for part in expected:
        assert any(part in each for each in found), f"{part!r} is not in {found}"


@pytest.mark.parametrize("sentence", DIFFERENCES)
def test_a_difference_is_one_sentence_that_says_where_to_look(sentence: str) -> None:
    world, _ = DIFFERENCES[sentence]
    for each in world.differences():
        assert not each.endswith("."), each
        assert "; " in each or each.startswith(("Restore ", "PersistentVolumeClaim shop/data came")), each


def test_the_whole_of_what_is_told_of_the_simple_cases() -> None:
    """Nothing more is told than there is to tell."""
    several = {
        "words about an object with a longer name are not about this one": 2,
        "a volume whose pod Velero could not restore": 2,
        "a pod whose workload is going": 2,
        "a pod with data, which was running, that Velero never came to": 1,
    }
    for sentence, (world, _) in DIFFERENCES.items():
        assert len(world.differences()) == several.get(sentence, 1), f"{sentence}: {world.differences()}"


LEFT_OUT: dict[str, tuple[World, str, str]] = {
    "Velero's own objects": (
        restored(["Backup velero/b0"], targets={"velero": "velero"}).objects("Backup velero/b0"),
        "Backup velero/b0",
        why.NEVER,
    ),
    "Nodes": (restored(["Node n1"], everything=True).objects("Node n1"), "Node n1", why.NEVER),
    "Endpoints, which nobody looks for": (
        restored(["Endpoints web"]).objects("Endpoints web"),
        "Endpoints web",
        why.CONTROL_PLANE,
    ),
    "a pod that had ended when it was backed up": (
        ALONE.objects("Pod alone").tells({"Pod alone": None}),
        "Pod alone",
        why.ENDED,
    ),
    "a Job that had ended when it was backed up": (restored([JOB]).tells({}), "Job nightly", why.ENDED),
    "a mirror pod": (ALONE.objects("Pod alone").tells({"Pod alone": "skipped"}), "Pod alone", why.MIRROR),
    "a pod of a Deployment that made another": (
        WEB.objects("Pod web-5d8f96-x0001"),
        "Pod web-5d8f96-x0001",
        why.REPLACED,
    ),
    "a pod whose ReplicaSet is gone, too": (
        WEB.objects("Pod web-5d8f96-x0001", "ReplicaSet web-5d8f96"),
        "Pod web-5d8f96-x0001",
        why.REPLACED,
    ),
    "a pod with data in a claim, after it was written": (
        DATABASE.objects("Pod db-0"),
        "Pod db-0",
        why.REPLACED,
    ),
    "a pod of a kept workload": (
        WEB.keeps("Pod web-5d8f96-x0001")
        .objects("Pod web-5d8f96-x0001")
        .tells({"Pod web-5d8f96-x0001": "failed"}),
        "Pod web-5d8f96-x0001",
        why.REPLACED,
    ),
    "a pod of a Job": (
        restored([live("Job j"), pod("j-x7k2p")]).objects("Pod j-x7k2p"),
        "Pod j-x7k2p",
        why.OF_JOBS,
    ),
    "an old ReplicaSet": (
        restored([*deployment("web"), live("ReplicaSet web-777")]).objects("ReplicaSet web-777"),
        "ReplicaSet web-777",
        why.REVISIONS,
    ),
    "a PersistentVolume that was provisioned anew": (
        restored([live("PersistentVolume pv-a")], everything=True)
        .objects("PersistentVolume pv-a")
        .tells({"PersistentVolume pv-a": "skipped"}),
        "PersistentVolume pv-a",
        why.PROVISIONED,
    ),
    "a PersistentVolume that Velero 1.16 restored under a new name": (
        restored([live("PersistentVolume pv-a")], targets={"shop": "shop-2"}, everything=True).objects(
            "PersistentVolume pv-a"
        ),
        "PersistentVolume pv-a",
        why.PROVISIONED,
    ),
    "a token of a ServiceAccount": (
        restored([live("ServiceAccount bot"), live("Secret bot-token-x7k2p")])
        .objects("Secret bot-token-x7k2p")
        .tells({"Secret bot-token-x7k2p": "skipped"}),
        "Secret bot-token-x7k2p",
        why.TOKENS,
    ),
}


@pytest.mark.parametrize("sentence", LEFT_OUT)
def test_that_it_is_not_there_is_all_right(sentence: str) -> None:
    world, text, reason = LEFT_OUT[sentence]
    found = world.findings()
    assert found.differences == ()
    assert key(text) in found.left_out.get(reason, ()), found.left_out
    assert found.summary.missing == 0


FINE: dict[str, World] = {
    "a volume in which there was nothing, of which restic takes no snapshot": restored(
        [pod("p")], [fs_data("p", "v")]
    )
    .taken(bytes_total=0, message="volume was empty so no snapshot was taken")
    .without_volumes(),
    "a ConfigMap that is made in every namespace": restored(["ConfigMap kube-root-ca.crt"])
    .objects(change={"ConfigMap kube-root-ca.crt": {"labels": {}}})
    .tells({"ConfigMap kube-root-ca.crt": "failed"}),
    "a pod without data that its workload has made under the same name": SCRATCH.of(data=())
    .objects(change={"Pod db-0": {"labels": {}}})
    .tells({"Pod db-0": "failed"}),
    "an object that was kept, and that Velero therefore could not restore": CONFIG.keeps("ConfigMap a").tells(
        {"ConfigMap a": "failed"}
    ),
    "a pod that has ended since": ALONE.state("Pod alone", ready=False, phase="Succeeded"),
    "a pod that a Job made, however it is": restored([live("Job j"), pod("j-x7k2p")]).state(
        "Pod j-x7k2p", ready=False, of_job=True
    ),
    "a claim without data that no pod uses": restored([claim("spare")]).state(
        "PersistentVolumeClaim spare", phase="Pending"
    ),
    "a claim without data that only a pod uses which has ended": USED.state(
        "PersistentVolumeClaim data", phase="Pending"
    )
    .state("Pod alone", ready=False, phase="Succeeded")
    .objects(change={"Pod alone": {"ended": True}}),
    "a Restore that only warned": CONFIG.says(warnings=errors("something is odd")),
    "a volume of which links were counted": restored([pod("p")], [fs_data("p", "v")])
    .taken(bytes_total=BYTES + 900)
    .volume("pvr-p-v", bytes_done=BYTES),
    "a volume that was skipped when it was backed up": CONFIG.of(
        lacking=(LackingVolume("shop", "cache", "", "", "skipped: opted out"),)
    ),
    "a cluster-scoped object, where only namespaces come back": restored(
        ["ConfigMap a", "ClusterRole r"]
    ).objects("ClusterRole r"),
    "what is in a namespace that is not restored": restored(["ConfigMap a", "ConfigMap other/b"]).objects(
        "ConfigMap other/b"
    ),
    "a snapshot": SNAPPED,
    "a database": DATABASE,
    "a namespace under another name": restored(
        ["Namespace shop", "ConfigMap a", pod("p")], [fs_data("p", "v")], targets={"shop": "shop-2"}
    ),
}


@pytest.mark.parametrize("sentence", FINE)
def test_it_is_no_difference(sentence: str) -> None:
    assert FINE[sentence].differences() == ()


WAITING: dict[str, tuple[World, bool]] = {
    "for a claim that a pod uses": (DATABASE.state("PersistentVolumeClaim data", phase="Pending"), True),
    "for a workload": (WEB.state("Deployment web", desired=2, ready=1), True),
    "for a pod of nobody's": (ALONE.state("Pod alone", ready=False), True),
    "not for a lost claim": (DATABASE.state("PersistentVolumeClaim data", phase="Lost"), False),
    "not for a pod that has failed": (ALONE.state("Pod alone", ready=False, phase="Failed"), False),
    "not for a workload whose pods wait for data that will not come": (
        STARVED.volume("pvr-db-0-data", phase="Failed"),
        False,
    ),
    "not for such a pod of nobody's": (STARVED_ALONE.volume("pvr-alone-data", phase="Canceled"), False),
    "not for a pod of which Velero forgot the data": (STARVED_ALONE.without_volumes(), False),
    "for a pod that Velero lets start without its data, for it has forgotten that it was taken": (
        STARVED_ALONE.without_volumes().forgotten(),
        True,
    ),
    "for a pod whose data has come": (STARVED, True),
    "for a pod whose data still comes": (STARVED.volume("pvr-db-0-data", phase="InProgress"), True),
    "for a workload that lacks more pods than those": (
        STARVED.volume("pvr-db-0-data", phase="Failed").state("StatefulSet db", desired=2),
        True,
    ),
    "for a pod that was made again, without data": (
        STARVED.volume("pvr-db-0-data", phase="Failed").objects(change={"Pod db-0": {"labels": {}}}),
        True,
    ),
    "not for what is missing": (CONFIG.objects("ConfigMap a"), False),
    "not when all is there": (DATABASE, False),
}


@pytest.mark.parametrize("sentence", WAITING)
def test_it_is_waited(sentence: str) -> None:
    world, expected = WAITING[sentence]
    assert world.findings().waiting is expected


def test_a_restore_with_a_long_name_is_known_by_its_label() -> None:
    name = "back-" + "x" * 80
    (outcome,) = CONFIG.found.outcomes
    renamed = replace(outcome, restore=Restore(name=name, namespace="velero", phase="Completed"))
    world = replace(CONFIG, found=replace(CONFIG.found, outcomes=(renamed,))).tells({"ConfigMap a": "failed"})
    ours = world.objects(change={"ConfigMap a": {"labels": {RESTORE_LABEL: backup_label(name)}}})
    assert ours.differences() == ()
    assert len(world.differences()) == 1, "that it was there is no difference, though nobody made it anew"


def test_what_was_found_is_counted() -> None:
    found = DATABASE.findings().summary
    assert (found.objects, found.missing, found.claims, found.claims_bound) == (3, 0, 1, 1)
    assert (found.volumes, found.volumes_done, found.bytes) == (1, 1, BYTES)
    assert (found.pods, found.pods_ready) == (1, 1)
