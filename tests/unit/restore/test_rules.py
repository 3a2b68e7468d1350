"""The rules of a plan, a sentence each: what goes, what stays, what is in the way, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.unit.restore.makers import (
    SHOP,
    claim,
    clearing,
    cluster,
    contents,
    deployment,
    fs_data,
    key,
    live,
    plan,
    pod,
    snapshot,
    told,
    verdicts,
    volume,
)
from velero_volume_controller.api.backupset import LabelSelector
from velero_volume_controller.api.cleanrestore import Protect
from velero_volume_controller.restore.live import Live, Owner
from velero_volume_controller.restore.plan import make_plan
from velero_volume_controller.restore.planned import Action, Input, Plan
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup


@dataclass(frozen=True)
class Case:
    """``expected`` is the action of each object, or the action and a part of its reason."""

    there: Iterable[Live]
    held: Iterable[Live | str | Key]
    expected: Mapping[str, str | tuple[str, str]]
    data: Iterable[VolumeData] = ()
    known: bool = True
    hosts: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)

    def plan(self) -> Plan:
        return plan(
            list(self.there), list(self.held), self.data, known=self.known, hosts=self.hosts, **self.asked
        )


def check(case: Case) -> None:
    made = case.plan()
    for name, expectation in case.expected.items():
        action, why = (expectation, "") if isinstance(expectation, str) else expectation
        found = told(made, name)
        assert (found.action.value, why in found.reason) == (action, True), f"{name}: {found}"
    blocked = [each for each in made.objects if each.action is Action.BLOCKED]
    expected = {
        key(name) for name, each in case.expected.items() if each == "blocked" or each[0] == "blocked"
    }
    assert {each.key for each in blocked} <= expected, f"blocked beside what was expected: {blocked}"


WEB = deployment("web")
SET = live("StatefulSet db")
DB = pod("db-0", "data", controller=SET)
DATA = claim("data")
DB_DATA = [fs_data("db-0", "data", "data")]
JOB = live("Job once", ended=True)
ENDED = pod("once-abcde", "data", controller=JOB, ended=True)
OPERATOR = live("Widget w", finalizers=("example.com/cleanup",))

SCOPES: dict[str, Case] = {
    "what the backup holds goes": Case([live("ConfigMap a")], ["ConfigMap a"], {"ConfigMap a": "delete"}),
    "what the backup does not hold stays": Case(
        [live("ConfigMap a"), live("ConfigMap b")],
        ["ConfigMap a"],
        {"ConfigMap b": ("keep", "the backup does not hold it")},
    ),
    "extras go where that is asked for": Case(
        [live("ConfigMap a"), live("ConfigMap b")],
        ["ConfigMap a"],
        {"ConfigMap b": ("delete", "extras are deleted")},
        asked={"extras": "delete"},
    ),
    "scope namespace deletes extras, too": Case(
        [live("ConfigMap a"), live("ConfigMap b")],
        ["ConfigMap a"],
        {"ConfigMap b": ("delete", "scope is namespace")},
        asked={"scope": "namespace"},
    ),
    "what is not there is created": Case(
        [live("ConfigMap a")], ["ConfigMap a", "Secret s"], {"Secret s": ("create", "is not there")}
    ),
    "a version of the API is no difference": Case(
        [live("ConfigMap a")], [Key("", "ConfigMap", SHOP, "a")], {"ConfigMap a": "delete"}
    ),
    "scope volumes leaves alone what is not about volumes": Case(
        [SET, DB, DATA, *WEB],
        [SET, DB, DATA, *WEB],
        {
            "StatefulSet db": "delete",
            "Pod db-0": "delete",
            "PersistentVolumeClaim data": ("delete", "its data comes back"),
            "Deployment web": ("keep", "scope is volumes"),
            "Pod web-5d8f96-x0000": "keep",
        },
        DB_DATA,
        asked={"scope": "volumes"},
    ),
    "scope volumes takes a workload whose pods are gone, for it would adopt the restored ones": Case(
        [live("ReplicaSet web-5d8f96"), live("Deployment web")],
        [Key("", "Pod", SHOP, "web-5d8f96-x0000"), live("ReplicaSet web-5d8f96")],
        {"ReplicaSet web-5d8f96": ("delete", "would make, or adopt"), "Deployment web": "keep"},
        [fs_data("web-5d8f96-x0000", "cache")],
        asked={"scope": "volumes"},
    ),
    "scope volumes takes a pod of another name that mounts a claim with data": Case(
        [*deployment("web", "data"), DATA],
        ["Deployment web", "ReplicaSet web-5d8f96", DATA, "Pod web-5d8f96-old00"],
        {
            "Pod web-5d8f96-x0000": "delete",
            "Deployment web": "delete",
            "PersistentVolumeClaim data": "delete",
        },
        [fs_data("web-5d8f96-old00", "data", "data")],
        asked={"scope": "volumes"},
    ),
    "scope volumes keeps what the backup does not hold, though data comes back into it": Case(
        [claim("data", volume="")],
        ["Pod db-0"],
        {"PersistentVolumeClaim data": ("keep", "the backup does not hold it")},
        [snapshot("data")],
        asked={"scope": "volumes"},
    ),
    "what has ended stays, for it does not come back": Case(
        [JOB], [JOB], {"Job once": ("keep", "it has ended, and what has ended does not come back")}
    ),
    "a pod that has ended goes when data comes back with it": Case(
        [pod("p", ended=True)], ["Pod p"], {"Pod p": "delete"}, [fs_data("p", "cache")]
    ),
    "a pod that has ended goes when it keeps a claim from going, and its Job stays": Case(
        [JOB, ENDED, DATA],
        [JOB, ENDED, DATA],
        {
            "Pod once-abcde": ("delete", "can't go before it"),
            "PersistentVolumeClaim data": "delete",
            "Job once": "keep",
        },
        [snapshot("data")],
    ),
    "scope namespace deletes what has ended": Case(
        [JOB], [JOB], {"Job once": "delete"}, asked={"scope": "namespace"}
    ),
    "a Namespace is never deleted": Case(
        [live("Namespace shop"), live("ConfigMap a")],
        ["ConfigMap a", "Namespace shop"],
        {"Namespace shop": ("keep", "a Namespace is never deleted")},
        asked={"scope": "namespace"},
    ),
    "a Namespace that is not there is created": Case(
        [live("ConfigMap other/a")], ["ConfigMap a"], {"Namespace shop": "create", "ConfigMap a": "create"}
    ),
    "cluster-scoped objects are never deleted": Case(
        [live("ClusterRole r"), live("ConfigMap a")],
        ["ClusterRole r", "StorageClass s", "ConfigMap a"],
        {"ClusterRole r": ("keep", "never deleted"), "StorageClass s": "create"},
    ),
    "objects come back under another name of the namespace": Case(
        [live("ConfigMap test/a"), live("ConfigMap a")],
        ["ConfigMap a", "ConfigMap b"],
        {"ConfigMap test/a": "delete", "ConfigMap test/b": "create"},
        asked={"mapping": {SHOP: "test"}},
    ),
}

PROTECTED: dict[str, Case] = {
    "an object that bears the label stays": Case(
        [live("ConfigMap a", protected=True)],
        ["ConfigMap a"],
        {"ConfigMap a": ("keep", "protected: it bears vvc.velero.io/protect")},
        asked={"scope": "namespace"},
    ),
    "an object that the selector selects stays": Case(
        [live("ConfigMap a", labels={"tier": "db"}), live("ConfigMap b")],
        ["ConfigMap a", "ConfigMap b"],
        {"ConfigMap a": ("keep", "spec.protect.selector"), "ConfigMap b": "delete"},
        asked={"protect": Protect(selector=LabelSelector(match_labels={"tier": "db"}))},
    ),
    "what a protected workload makes stays with it": Case(
        [live("Deployment web", protected=True), *deployment("web")[1:]],
        deployment("web"),
        {
            "Deployment web": "keep",
            "ReplicaSet web-5d8f96": ("keep", "Deployment shop/web, which controls it, is protected"),
            "Pod web-5d8f96-x0000": "keep",
        },
    ),
    "Velero's own objects stay": Case(
        [live("Backup b")], ["Backup b"], {"Backup b": ("keep", "Velero's own")}, asked={"scope": "namespace"}
    ),
    "this project's own objects stay": Case(
        [live("CleanRestore c")],
        ["CleanRestore c", "ConfigMap a"],
        {"CleanRestore c": ("keep", "this project's own")},
        asked={"scope": "namespace"},
    ),
    "what Kubernetes makes in every namespace stays": Case(
        [
            live("ServiceAccount default"),
            live("ConfigMap kube-root-ca.crt"),
            live("Service default/kubernetes"),
        ],
        ["ServiceAccount default", "ConfigMap kube-root-ca.crt", "Service default/kubernetes"],
        {
            "ServiceAccount default": "keep",
            "ConfigMap kube-root-ca.crt": "keep",
            "Service default/kubernetes": ("keep", "Kubernetes makes it itself"),
        },
        asked={"scope": "namespace"},
    ),
    "a mirror pod stays": Case(
        [pod("static", mirror=True)], ["Pod static"], {"Pod static": ("keep", "static pod")}
    ),
    "a protected claim stays, and what mounts it and gets no data may go": Case(
        [claim("data", protected=True), *deployment("web", "data")],
        ["PersistentVolumeClaim data", *deployment("web", "data")],
        {"PersistentVolumeClaim data": "keep", "Pod web-5d8f96-x0000": "delete"},
    ),
}

OWNERS: dict[str, Case] = {
    "what a controller made goes with it, though the backup does not hold it": Case(
        deployment("web"),
        ["Deployment web"],
        {
            "ReplicaSet web-5d8f96": ("delete", "goes with Deployment shop/web"),
            "Pod web-5d8f96-x0000": "delete",
        },
    ),
    "a kept dependent blocks the object that owns it": Case(
        [parent := live("ConfigMap a"), live("Secret s", parent, protected=True)],
        ["ConfigMap a", "Secret s"],
        {
            "ConfigMap a": ("blocked", "Secret shop/s, which it owns and which would go with it, stays"),
            "Secret s": "keep",
        },
    ),
    "an extra with a plain owner blocks it": Case(
        [parent, live("Secret s", parent)],
        ["ConfigMap a"],
        {"ConfigMap a": ("blocked", "set extras: delete, or delete that by hand, or protect this one")},
    ),
    "a dependent with another owner that stays is left by the garbage collector": Case(
        [parent, other := live("ConfigMap b"), live("Secret s", parent, other)],
        ["ConfigMap a"],
        {"ConfigMap a": "delete", "Secret s": "keep"},
    ),
    "a dependent whose owners both go blocks both": Case(
        [parent, other, live("Secret s", parent, other, protected=True)],
        ["ConfigMap a", "ConfigMap b"],
        {"ConfigMap a": "blocked", "ConfigMap b": "blocked", "Secret s": "keep"},
    ),
    "a dependent in another namespace blocks": Case(
        [parent, live("Secret other/s", parent)],
        ["ConfigMap a"],
        {"ConfigMap a": ("blocked", "is outside of this plan")},
    ),
    "a cluster-scoped dependent does not block, for the garbage collector leaves it": Case(
        [parent, live("ClusterRole r", parent)], ["ConfigMap a"], {"ConfigMap a": "delete"}
    ),
    "what a controller that stays would make again is blocked": Case(
        deployment("web"),
        ["ReplicaSet web-5d8f96"],
        {
            "ReplicaSet web-5d8f96": (
                "blocked",
                "Deployment shop/web, which controls it and would make it again",
            ),
            "Pod web-5d8f96-x0000": ("blocked", "see there"),
            "Deployment web": "keep",
        },
    ),
    "a controller that is not among the objects blocks": Case(
        [live("ConfigMap a", owners=(Owner("Widget", "w", "gone", controller=True),))],
        ["ConfigMap a"],
        {"ConfigMap a": ("blocked", "Widget w, which controls it, is not among the objects; give all kinds")},
    ),
    "a claim that its StatefulSet controls is not taken along": Case(
        [SET, claim("data", volume="", controller=SET)],
        ["StatefulSet db"],
        {"StatefulSet db": ("blocked", "which would go with it"), "PersistentVolumeClaim data": "keep"},
    ),
    "an extra with another owner that stays is not taken along": Case(
        [SET, other, live("ConfigMap c", other, controller=SET)],
        ["StatefulSet db"],
        {"StatefulSet db": "delete", "ConfigMap c": "keep"},
    ),
    "an owner in another namespace keeps nothing from the garbage collector": Case(
        [parent, far := live("ConfigMap other/b"), live("Secret s", parent, far, protected=True)],
        ["ConfigMap a"],
        {"ConfigMap a": ("blocked", "which would go with it"), "Secret s": "keep"},
    ),
    "a claim that its StatefulSet owns and that stays blocks the StatefulSet": Case(
        [SET, claim("data", SET, volume="")],
        ["StatefulSet db"],
        {"StatefulSet db": ("blocked", "which would go with it"), "PersistentVolumeClaim data": "keep"},
    ),
    "a claim of an ephemeral volume goes with its pod": Case(
        [once := pod("once"), claim("once-scratch", controller=once)],
        ["Pod once", "PersistentVolumeClaim once-scratch"],
        {"Pod once": "delete", "PersistentVolumeClaim once-scratch": "delete"},
    ),
    "an operator's finalizer blocks": Case(
        [OPERATOR],
        ["Widget w"],
        {"Widget w": ("blocked", "allow it by allowKinds: [Widget.example.com], or protect it")},
    ),
    "an operator's finalizer that is allowed does not": Case(
        [OPERATOR], ["Widget w"], {"Widget w": "delete"}, asked={"allow": ["Widget.example.com"]}
    ),
    "a finalizer of the garbage collector's does not": Case(
        [live("Widget w", finalizers=("foregroundDeletion",))], ["Widget w"], {"Widget w": "delete"}
    ),
    "a finalizer of a kind of Kubernetes's own does not": Case(
        [live("Service s", finalizers=("service.kubernetes.io/load-balancer-cleanup",))],
        ["Service s"],
        {"Service s": "delete"},
    ),
    "what hangs on a blocked object is blocked with it": Case(
        [top := live("Widget w", finalizers=("x",)), live("Secret s", controller=top)],
        ["Widget w", "Secret s"],
        {
            "Widget w": "blocked",
            "Secret s": (
                "blocked",
                "Widget shop/w, which controls it and would make it again, is blocked; see there",
            ),
        },
    ),
}

CLAIMS: dict[str, Case] = {
    "a claim whose data is not in the backup is blocked": Case(
        [DATA], [DATA], {"PersistentVolumeClaim data": ("blocked", "would be lost; protect it")}
    ),
    "a claim whose retained volume keeps the data is blocked all the same": Case(
        [DATA, volume("data", stays=True)],
        [DATA],
        {
            "PersistentVolumeClaim data": ("blocked", "PersistentVolume pv-data would keep it"),
            "PersistentVolume pv-data": "keep",
        },
    ),
    "a claim that is bound to nothing holds no data": Case(
        [claim("data", volume="")], [DATA], {"PersistentVolumeClaim data": "delete"}
    ),
    "a claim is blocked where it can't be told whether the backup has its data": Case(
        [DATA], [DATA], {"PersistentVolumeClaim data": ("blocked", "can't be told")}, known=False
    ),
    "an extra claim goes where extras are deleted, with its data": Case(
        [DATA, volume("data")],
        ["ConfigMap a"],
        {
            "PersistentVolumeClaim data": "delete",
            "PersistentVolume pv-data": ("delete", "so does the data in it"),
        },
        asked={"extras": "delete"},
    ),
    "a claim that a pod mounts which stays would never go": Case(
        [DATA, pod("extra", "data"), volume("data")],
        [DATA],
        {
            "PersistentVolumeClaim data": ("blocked", "it would never go: Pod shop/extra"),
            "PersistentVolume pv-data": ("keep", "is blocked"),
        },
        [snapshot("data")],
    ),
    "a pod without a node does not hold a claim": Case(
        [DATA, pod("extra", "data", scheduled=False)],
        [DATA],
        {"PersistentVolumeClaim data": "delete"},
        [snapshot("data")],
    ),
    "a claim comes back by a file-system backup, whatever becomes of its volume": Case(
        [SET, DB, DATA, volume("data", stays=True)],
        [SET, DB, DATA],
        {"PersistentVolumeClaim data": "delete", "PersistentVolume pv-data": ("keep", "stays Released")},
        DB_DATA,
    ),
    "a native snapshot of a retained volume is blocked, for Velero waits on it": Case(
        [DATA, volume("data", stays=True)],
        [DATA],
        {
            "PersistentVolumeClaim data": ("blocked", "set its persistentVolumeReclaimPolicy to Delete"),
            "PersistentVolume pv-data": "keep",
        },
        [snapshot("data", native=True, of="pv-data")],
    ),
    "a native snapshot of a volume that is not told of is blocked": Case(
        [DATA],
        [DATA],
        {"PersistentVolumeClaim data": ("blocked", "is not among the objects")},
        [snapshot("data", native=True, of="pv-data")],
    ),
    "a native snapshot of a volume that is gone since is not": Case(
        [DATA, volume("data", stays=True)],
        [DATA],
        {"PersistentVolumeClaim data": "delete"},
        [snapshot("data", native=True, of="pv-older")],
    ),
    "a CSI snapshot gets a new volume, and the retained one stays": Case(
        [DATA, volume("data", stays=True)],
        [DATA],
        {"PersistentVolumeClaim data": "delete", "PersistentVolume pv-data": "keep"},
        [snapshot("data")],
    ),
    "a claim that is gone is blocked while its retained volume is there": Case(
        [volume("data", stays=True)],
        [DATA],
        {"PersistentVolumeClaim data": ("blocked", "delete it by hand if its claim is gone")},
        [snapshot("data", native=True, of="pv-data")],
    ),
    "a pod is blocked whose data would be written into a claim that stays": Case(
        [SET, DB, claim("data", protected=True)],
        [SET, DB, DATA],
        {
            "Pod db-0": ("blocked", "Velero would write its data into PersistentVolumeClaim shop/data"),
            "StatefulSet db": ("blocked", "is blocked"),
            "PersistentVolumeClaim data": "keep",
        },
        DB_DATA,
    ),
    "a pod that is gone is blocked likewise": Case(
        [claim("data", protected=True)],
        ["Pod db-0", DATA],
        {"Pod db-0": ("blocked", "lift that protection"), "PersistentVolumeClaim data": "keep"},
        DB_DATA,
    ),
    "a pod is blocked that a workload which stays would adopt, if data comes back with it": Case(
        [live("ReplicaSet web-5d8f96", protected=True)],
        ["Pod web-5d8f96-x0000"],
        {
            "Pod web-5d8f96-x0000": ("blocked", "would adopt or delete this pod"),
            "ReplicaSet web-5d8f96": "keep",
        },
        [fs_data("web-5d8f96-x0000", "cache")],
    ),
    "a pod that is there, and that nobody controls, is blocked likewise": Case(
        [pod("web-5d8f96-x0000", "cache"), live("ReplicaSet web-5d8f96")],
        ["Pod web-5d8f96-x0000"],
        {
            "Pod web-5d8f96-x0000": ("blocked", "would adopt or delete this pod"),
            "ReplicaSet web-5d8f96": "keep",
        },
        [fs_data("web-5d8f96-x0000", "cache")],
        asked={"scope": "volumes"},
    ),
    "a pod without data may be adopted": Case(
        [live("ReplicaSet web-5d8f96", protected=True)],
        ["Pod web-5d8f96-x0000"],
        {"Pod web-5d8f96-x0000": "create"},
    ),
    "a pod whose long name was cut is found by its workload": Case(
        [live(f"ReplicaSet {'r' * 60}", protected=True)],
        [f"Pod {'r' * 58}x0000"],
        {f"Pod {'r' * 58}x0000": ("blocked", "would adopt"), f"ReplicaSet {'r' * 60}": "keep"},
        [fs_data(f"{'r' * 58}x0000", "cache")],
    ),
    "a pod's data whose claim can't be told blocks a pod beside claims that stay": Case(
        [claim("data", protected=True)],
        ["Pod gone-0", DATA],
        {"Pod gone-0": ("blocked", "give the PodVolumeBackups"), "PersistentVolumeClaim data": "keep"},
        [fs_data("gone-0", "data")],
    ),
    "a volume that another claim is bound to stays out of it": Case(
        [claim("data", volume="pv-data"), volume("data", bound=("other", "data"))],
        ["ConfigMap a"],
        {"PersistentVolumeClaim data": "delete"},
        asked={"extras": "delete"},
    ),
}

ALL = {**SCOPES, **PROTECTED, **OWNERS, **CLAIMS}


@pytest.mark.parametrize("sentence", ALL)
def test_rule(sentence: str) -> None:
    check(ALL[sentence])


def test_no_sentence_stands_twice() -> None:
    assert len(ALL) == len(SCOPES) + len(PROTECTED) + len(OWNERS) + len(CLAIMS)


def test_every_blocked_object_says_the_way_out() -> None:
    ways = ("protect", "allowKinds", "give", "by hand", "see there", "set ", "lift", "wait")
    for sentence, case in ALL.items():
        for each in case.plan().objects:
            if each.action is Action.BLOCKED:
                assert any(way in each.reason for way in ways), f"{sentence}: {each}"


def test_a_namespace_that_is_being_deleted_blocks() -> None:
    made = plan([live("Namespace shop", terminating=True)], ["ConfigMap a"])
    assert told(made, "Namespace shop").action is Action.BLOCKED
    assert made.refused


def test_an_object_with_an_owner_that_is_not_known_is_deleted_by_itself() -> None:
    """The garbage collector leaves an object of which an owner exists."""
    top = live("Widget w")
    below = live("Secret s", controller=top)
    strange = live("Secret t", owners=(*below.owners, Owner("ConfigMap", "unseen", "unseen")))
    made = plan([top, below, strange], ["Widget w", "Secret s", "Secret t"])
    assert told(made, "Secret s").by == key("Widget w")
    assert told(made, "Secret t").by is None
    assert [each.key.name for each in made.clear] == ["w", "t"]


HASHES: dict[str, tuple[list[Live], bool]] = {
    "the same": ([live("ConfigMap a"), live("ConfigMap extra"), *WEB], True),
    "other pods": ([live("ConfigMap a"), live("ConfigMap extra"), *deployment("web", pods=5)], True),
    "an extra that was changed": (
        [live("ConfigMap a"), live("ConfigMap extra", mark="generation:2"), *WEB],
        True,
    ),
    "an object that was changed": (
        [live("ConfigMap a", mark="generation:2"), live("ConfigMap extra"), *WEB],
        False,
    ),
    "an object that was made again": ([live("ConfigMap a", uid="2"), live("ConfigMap extra"), *WEB], False),
    "an object that is gone": ([live("ConfigMap extra"), *WEB], False),
    "an extra that is gone": ([live("ConfigMap a"), *WEB], False),
    "an extra that is new": (
        [live("ConfigMap a"), live("ConfigMap extra"), live("ConfigMap b"), *WEB],
        False,
    ),
}


@pytest.mark.parametrize("sentence", HASHES)
def test_the_hash_is_of_what_nobody_else_makes(sentence: str) -> None:
    there, same = HASHES[sentence]
    held = ["ConfigMap a", "Deployment web"]
    first = plan(HASHES["the same"][0], held).hash
    assert (plan(there, held).hash == first) is same


def test_a_volume_that_goes_with_its_claim_makes_no_plan_stale_when_it_is_gone() -> None:
    """The claim was deleted just before the plan was made; the provisioner takes its time with the volume."""
    held = ["ConfigMap a", "PersistentVolumeClaim data", "PersistentVolume pv-data"]
    others = [live("ConfigMap a"), claim("other")]
    made = plan([*others, volume("data")], held)
    going = told(made, "PersistentVolume pv-data")
    assert (going.action.value, going.reason) == ("keep", "its claim is gone, and it is about to go, too")
    assert plan(others, held).hash == made.hash
    # One that is retained stays, and is missed; claims of other namespaces are not looked at.
    for there in (volume("data", stays=True), volume("data", bound=("elsewhere", "data"))):
        assert told(plan([*others, there], held), "PersistentVolume pv-data").root


def test_quiescing_stops_what_starts_others_first() -> None:
    cron = live("CronJob nightly")
    job = live("Job nightly-1", controller=cron)
    made = plan(
        [cron, job, *WEB, SET, live("DaemonSet agent")], ["CronJob nightly", *WEB, SET, "DaemonSet agent"]
    )
    assert [(str(each.key), each.how) for each in made.quiesce] == [
        ("CronJob shop/nightly", "suspend"),
        ("Deployment shop/web", "scale"),
        ("StatefulSet shop/db", "scale"),
        ("Job shop/nightly-1", "suspend"),
    ]


def test_clearing_goes_from_what_makes_others_to_what_they_read() -> None:
    there = [
        live("Secret s"), claim("c", volume=""), live("ServiceAccount sa"), live("Service svc"), pod("p"),
        live("Deployment web"), live("Widget w"), live("CronJob nightly"),
    ]  # fmt: skip
    made = plan(there, there)
    assert [each.key.kind for each in made.clear] == [
        "CronJob", "Widget", "Deployment", "Pod", "Service", "PersistentVolumeClaim",
        "Secret", "ServiceAccount",
    ]  # fmt: skip


def test_what_goes_with_another_is_not_deleted_by_itself() -> None:
    made = plan(WEB, WEB)
    assert [each.key.name for each in made.clear] == ["web"]
    assert told(made, "Pod web-5d8f96-x0000").by == key("ReplicaSet web-5d8f96")


def test_kinds_that_nothing_is_known_of_are_named() -> None:
    made = plan([live("ConfigMap a")], ["ConfigMap a", "Widget w", "Secret s"])
    note = next(note for note in made.notes if "none of these kinds" in note)
    assert "Secret, Widget" in note


def test_cluster_scoped_objects_are_left_alone_unless_all_namespaces_are_asked_for() -> None:
    made = plan([live("ClusterRole r")], ["ClusterRole r", "ConfigMap a"], include=[SHOP])
    assert "ClusterRole r" not in verdicts(made)
    assert any("left alone" in note for note in made.notes)


ORDERS: dict[str, Callable[[list[Live]], list[Live]]] = {
    "backwards": lambda objects: objects[::-1],
    "by name": lambda objects: sorted(objects, key=lambda each: each.key.name),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sentence", ALL)
def test_the_order_of_the_objects_is_no_difference(sentence: str, order: str) -> None:
    case = ALL[sentence]
    there = ORDERS[order](list(case.there))
    again = make_plan(
        Input(
            clearing(**case.asked),
            contents(list(case.held)[::-1], list(case.data)[::-1], known=case.known),
            cluster(*there, hosts=case.hosts),
        )
    )
    first = case.plan()
    assert (again.objects, again.hash) == (first.objects, first.hash)


@pytest.mark.parametrize(
    ("volume", "claim_there", "action"),
    [
        pytest.param("cache", "data", "create", id="a volume without a claim is written into none"),
        pytest.param("scratch", "gone-0-scratch", "blocked", id="that of an ephemeral volume bears its name"),
    ],
)
def test_a_volume_of_which_a_podvolumebackup_names_no_claim(
    volume: str, claim_there: str, action: str
) -> None:
    taken = PodVolumeBackup(
        name="p",
        namespace="velero",
        backup="b1",
        pod_namespace=SHOP,
        pod="gone-0",
        volume=volume,
        phase="Completed",
    )
    stays = claim(claim_there, protected=True)
    held = contents(["Pod gone-0", stays], [fs_data("gone-0", volume)])
    given = Input(clearing(), held, replace(cluster(stays), taken=(taken,)))
    assert told(make_plan(given), "Pod gone-0").action.value == action
    # Without it nobody knows.
    given = replace(given, cluster=cluster(stays))
    assert told(make_plan(given), "Pod gone-0").action is Action.BLOCKED
