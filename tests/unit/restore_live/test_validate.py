"""What stands against a run, and what is only remarked: each by itself, all else being well."""

from __future__ import annotations

import pytest

from tests.unit.restore_live.factmaker import (
    CLAIM,
    KINDS,
    POD,
    WEB,
    backup,
    contents,
    facts,
    location,
    plan,
    planned,
    server,
    source,
    spec,
    taken,
    velero,
)
from velero_volume_controller.api.backupset import LabelSelector
from velero_volume_controller.api.cleanrestore import Rehearsal, Timeouts, Undo
from velero_volume_controller.restore.admission import Hook, Rule
from velero_volume_controller.restore.facts import Agent, Facts, Node, Quota, Served, ServedKind, Source
from velero_volume_controller.restore.naming import RUN_UID
from velero_volume_controller.restore.planned import Action
from velero_volume_controller.restore.validate import CHECKS, remarks, validate
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData
from velero_volume_controller.velero.model.claims import Claim
from velero_volume_controller.velero.model.namespaces import Namespace
from velero_volume_controller.velero.model.restore_runs import Restore
from velero_volume_controller.velero.model.stored_files import LackingVolume, Results
from velero_volume_controller.velero.model.validations import Validation
from velero_volume_controller.velero.model.versions import Version

#: (facts, the reason of the only problem, a piece of its sentence).
Case = tuple[Facts, str, str]

QUOTA = Key("", "ResourceQuota", "shop", "few")
WIDGET = Key("example.com", "Widget", "shop", "w")
FAILED_IN = Results(("no plugin",), {"shop": ("db: cannot exec",), "other": ("unrelated",)})
LACKING = LackingVolume("shop", "data", "web-0", "data", "its backup is Failed")

MAPPED = plan(planned(CLAIM._replace(namespace="scratch"), Action.CREATE), targets={"shop": "scratch"})


def partial(**more: object) -> Source:
    return source(backup("PartiallyFailed", errors=3), **more)


def quota(**hard: str) -> Quota:
    names = {name.replace("__", "/").replace("_", "."): value for name, value in hard.items()}
    return Quota(QUOTA, names, {"pods": "3", "count/deployments.apps": "1"})


def with_quota(found: Quota, *more: Key, action: Action = Action.KEEP) -> Facts:
    objects = [planned(POD), planned(CLAIM), planned(WEB), planned(QUOTA, action)]
    objects += [planned(key, Action.CREATE) for key in more]
    return facts(plan=plan(*objects), quotas=(found,))


def hook(selector: LabelSelector | None = None, *, choosy: bool = False, operation: str = "CREATE") -> Hook:
    rule = Rule((operation,), ("apps",), ("deployments",))
    return Hook(
        "check.example.com",
        "ValidatingWebhookConfiguration policy",
        ("policy", "hook"),
        (rule,),
        selector or LabelSelector(),
        choosy,
    )


def hooked(found: Hook, **more: object) -> Facts:
    return facts(served=Served(KINDS, (), (found,), frozenset({("policy", "hook")})), **more)


def restoring(**more: object) -> Facts:
    found = Restore(name="r1", namespace="velero", **{"phase": "InProgress", **more})  # type: ignore[arg-type]
    return facts(velero=velero(restores=(found,)), run="uid-of-this")


def coming_widget(
    *versions: str, served: dict[tuple[str, str], ServedKind] | None = None, also: Key | None = None
) -> Facts:
    objects = [planned(WIDGET, Action.CREATE)] + ([planned(also, Action.CREATE)] if also else [])
    return facts(
        plan=plan(*objects),
        contents=contents(
            items=frozenset({WIDGET}),
            versions=frozenset(("example.com", each, "Widget") for each in versions),
        ),
        served=Served(KINDS | (served or {})),
    )


PROBLEMS: dict[str, Case] = {
    "velero is not installed": (facts(velero=velero(server=None)), "VeleroMissing", "in velero; install it"),
    "velero has no ready pod": (
        facts(velero=velero(server=server(0))),
        "VeleroNotReady",
        "describe deployment velero",
    ),
    "a group of the api does not answer": (
        facts(served=Served(KINDS, ("example.com/v1",))),
        "ApiUnanswered",
        "example.com/v1; see kubectl get apiservices",
    ),
    "the backup is gone": (
        facts(sources=(Source("nightly", None),)),
        "BackupMissing",
        "Backup nightly is gone",
    ),
    "the backup is being deleted": (
        facts(sources=(source(backup("Deleting")),)),
        "BackupNotRestorable",
        "in phase Deleting",
    ),
    "the backup failed in part, and that is not allowed": (
        facts(sources=(partial(results=FAILED_IN),)),
        "BackupPartiallyFailed",
        "(what failed in it: no plugin, db: cannot exec); choose a Completed one, or set spec.allowPartial",
    ),
    "the backup expires before the restore can have ended": (
        facts(sources=(source(backup(expiration="2026-11-28T16:15:00Z")),)),
        "BackupExpires",
        "expires at 2026-11-28T16:15:00Z, and this run may take until 2026-11-28T16:15:00Z",
    ),
    "the storage location is gone": (
        facts(velero=velero(locations=()), spec=spec(undo=Undo.NONE)),
        "StorageLocationMissing",
        "BackupStorageLocation velero/default, where the backup is, is gone",
    ),
    "the storage location is unavailable": (
        facts(
            velero=velero(locations=(location(available=False, message="no such host"),)),
            spec=spec(undo=Undo.NONE),
        ),
        "StorageLocationUnavailable",
        "is Unavailable: no such host",
    ),
    "the storage location was never looked at": (
        facts(velero=velero(validations=(Validation("default"),))),
        "StorageLocationNotValidated",
        "has not looked yet",
    ),
    "the storage location was last looked at an hour ago": (
        facts(velero=velero(validations=(Validation("default", "2026-11-28T11:00:00Z"),))),
        "StorageLocationNotValidated",
        "last looked at 2026-11-28T11:00:00Z",
    ),
    "a volume failed, as the backup tells": (
        facts(contents=contents(lacking=(LACKING,))),
        "VolumesIncomplete",
        "PersistentVolumeClaim shop/data (its backup is Failed); choose another one, or set",
    ),
    "a volume failed, as its PodVolumeBackup tells": (
        facts(taken=(taken("Failed", message="disk full"),)),
        "VolumesIncomplete",
        "shop/data (disk full)",
    ),
    "a volume is still being taken": (
        facts(taken=(taken("InProgress"),)),
        "VolumesIncomplete",
        "is InProgress",
    ),
    "another restore writes to the namespace": (
        restoring(targets=frozenset({"shop", "x"})),
        "OtherRestore",
        "is InProgress and restores into shop; wait",
    ),
    "another restore writes to every namespace": (
        restoring(everywhere=True, phase=""),
        "OtherRestore",
        "is New and",
    ),
    "another restore names namespaces by a pattern": (
        restoring(targets=frozenset({"sh*"})),
        "OtherRestore",
        "into shop",
    ),
    "the namespace is being deleted": (
        facts(namespaces={"shop": Namespace(name="shop", terminating=True)}),
        "NamespaceTerminating",
        "shop is being deleted",
    ),
    "a kind is not served at all": (
        coming_widget("v1alpha1"),
        "VersionNotServed",
        "1 of kind Widget would not come back (Widget shop/w): the backup has them as"
        " example.com/v1alpha1, and this cluster serves no version of it",
    ),
    "a kind is served in another version": (
        coming_widget(
            "v1alpha1", served={("example.com", "Widget"): ServedKind("widgets", ("v1", "v1beta1"))}
        ),
        "VersionNotServed",
        "as example.com/v1alpha1, and this cluster serves example.com/v1, example.com/v1beta1",
    ),
    "a StorageClass is missing": (
        facts(classes=frozenset({"slow"})),
        "StorageClassMissing",
        "no StorageClass fast, which PersistentVolumeClaim shop/data would wait for",
    ),
    "of a claim that comes from another namespace, it is missing": (
        facts(plan=MAPPED, classes=frozenset({"slow"})),
        "StorageClassMissing",
        "no StorageClass fast, which PersistentVolumeClaim scratch/data would wait for",
    ),
    "velero would change it into one that is missing": (
        facts(velero=velero(class_changes={"fast": "faster"})),
        "StorageClassMissing",
        "no StorageClass faster",
    ),
    "a quota leaves no room for what comes back": (
        with_quota(quota(pods="3"), Key("", "Pod", "shop", "web-1")),
        "QuotaExceeded",
        "ResourceQuota shop/few allows 3 pods, of which 2 stay used, and 2 would come back",
    ),
    "a quota that nobody has counted yet does": (
        with_quota(Quota(QUOTA, {"pods": "0"}, {})),
        "QuotaExceeded",
        "allows 0 pods, of which 0 stay used, and 1 would come back",
    ),
    "a quota of any kind does": (
        with_quota(quota(count__deployments_apps="0")),
        "QuotaExceeded",
        "allows 0 count/deployments.apps, of which 0 stay used, and 1 would come back",
    ),
    "a webhook would refuse what is made": (
        hooked(hook()),
        "WebhookUnavailable",
        "of ValidatingWebhookConfiguration policy would refuse Deployment shop/web: Service policy/hook",
    ),
    "a webhook would refuse what is deleted": (
        hooked(hook(operation="DELETE")),
        "WebhookUnavailable",
        "Deployment shop/web",
    ),
    "a webhook selects the namespace": (
        hooked(hook(LabelSelector(match_labels={"team": "a"}))),
        "WebhookUnavailable",
        "Deployment shop/web",
    ),
    "restic would write two volumes at a time": (
        facts(
            velero=velero(server=server(version=Version(1, 16)), load=2),
            taken=(taken(uploader="restic"), taken(uploader="restic", name="nightly-2", volume="logs")),
        ),
        "ResticConcurrency",
        "the node-agents in velero write 2 volumes at a time (loadConcurrency), and 2 come back",
    ),
    "no node-agent is ready": (
        facts(velero=velero(agents=(Agent("a", "node1", False),))),
        "NodeAgentsMissing",
        "no node-agent in velero is ready",
    ),
    "no node-agent is there, and what data there is can't be told": (
        facts(velero=velero(agents=()), contents=contents(data=(), data_known=False)),
        "NodeAgentsMissing",
        "no node-agent",
    ),
    "the node-agent of one node is not ready": (
        facts(
            velero=velero(agents=(Agent("a", "node1", True), Agent("b", "node2", False))),
            nodes=(Node("node1", True), Node("node2", True)),
        ),
        "NodeAgentsNotReady",
        "b on node2; see to them, or cordon the nodes",
    ),
    "an undo backup is required of a velero that only restores": (
        facts(velero=velero(server=server(restore_only="true"))),
        "UndoImpossible",
        "runs with --restore-only",
    ),
    "an undo backup is required, and the default location is read-only": (
        facts(velero=velero(locations=(location(read_only=True),))),
        "UndoImpossible",
        "is read-only",
    ),
}


@pytest.mark.parametrize(("given", "reason", "said"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_stands_against_a_run(given: Facts, reason: str, said: str) -> None:
    found = validate(given)
    assert [each.reason for each in found] == [reason], found
    assert said in found[0].message
    assert not found[0].message.endswith(".")


#: (facts, a piece of the only remark); nothing stands against the run.
REMARKS: dict[str, tuple[Facts, str]] = {
    "velero's version is not known": (
        facts(velero=velero(server=server(version=None))),
        "can't be told from its image",
    ),
    "the backup failed in part, and that is allowed": (
        facts(spec=spec(allow_partial=True), sources=(partial(results=FAILED_IN),)),
        "is PartiallyFailed, and this does not come back: what failed in it: no plugin; db: cannot exec",
    ),
    "what failed in it could not be read": (
        facts(spec=spec(allow_partial=True), sources=(partial(),)),
        "what failed in it could not be read",
    ),
    "what failed is about other namespaces": (
        facts(spec=spec(allow_partial=True), sources=(partial(results=Results((), {"other": ("x",)})),)),
        "3 errors, of which none is told of these namespaces",
    ),
    "a volume failed, and that is allowed": (
        facts(spec=spec(allow_partial=True), taken=(taken("Failed", message="disk full"),)),
        "shop/data (disk full)",
    ),
    "a volume was left out": (
        facts(contents=contents(lacking=(LackingVolume("shop", "cache", "", "", "skipped: a policy"),))),
        "was left out of the backup: PersistentVolumeClaim shop/cache (skipped: a policy)",
    ),
    "velero never looks at the location, by its own word": (
        facts(velero=velero(validations=(Validation("default", "2025-01-01T00:00:00Z", 0.0),))),
        "never looks whether",
    ),
    "velero never looks at any location": (
        facts(velero=velero(server=server(store_validation_frequency="0s"), validations=())),
        "never looks whether",
    ),
    "another restore writes elsewhere": (restoring(targets=frozenset({"x"})), "this one has to wait for it"),
    "a claim that is not there has a class that can't be told": (
        facts(claims=()),
        "which StorageClass these claims need can't be told",
    ),
    "a quota of sizes, and more comes back than goes": (
        with_quota(Quota(QUOTA, {"requests.cpu": "4"}, {}), Key("", "Pod", "shop", "web-1")),
        "can't be told of requests.cpu",
    ),
    "a quota of some pods alone": (
        with_quota(Quota(QUOTA, {"pods": "0"}, {"pods": "0"}, scoped=True), Key("", "Pod", "shop", "web-1")),
        "can't be told of pods",
    ),
    "a webhook that looks into objects": (hooked(hook(choosy=True)), "may refuse Deployment shop/web"),
    "a webhook that selects by labels of a namespace that is not there": (
        hooked(hook(LabelSelector(match_labels={"team": "a"})), namespaces={}),
        "may refuse Deployment shop/web",
    ),
    "a node without a node-agent": (
        facts(nodes=(Node("node1", True), Node("gpu", True))),
        "no node-agent runs on gpu",
    ),
    "an undo backup would be good, and can't be made": (
        facts(spec=spec(undo=Undo.BEST_EFFORT), velero=velero(server=server(restore_only="true"))),
        "--restore-only",
    ),
}


@pytest.mark.parametrize(("given", "said"), REMARKS.values(), ids=REMARKS)
def test_what_is_only_remarked(given: Facts, said: str) -> None:
    assert validate(given) == []
    told = remarks(given)
    assert len(told) == 1, told
    assert said in told[0]


RESTIC = (taken(uploader="restic"), taken(uploader="restic", name="nightly-2", volume="logs"))
OLD = server(version=Version(1, 16))

FINE: dict[str, Facts] = {
    "restic writes one volume at a time": facts(velero=velero(server=OLD), taken=RESTIC),
    "restic writes one volume in all": facts(velero=velero(server=OLD, load=2), taken=RESTIC[:1]),
    "since 1.17 each volume has a pod of its own": facts(
        velero=velero(server=server(version=Version(1, 17)), load=2), taken=RESTIC
    ),
    "a claim that comes from another namespace has the class of the one there": facts(plan=MAPPED),
    "a rehearsal names the class, and its own check looks for it": facts(
        plan=MAPPED, spec=spec(rehearsal=Rehearsal(storage_class="scratch")), classes=frozenset({"slow"})
    ),
    "nothing is wrong": facts(),
    "the backup expires a second after the restore must have ended": facts(
        sources=(source(backup(expiration="2026-11-28T16:15:01Z")),)
    ),
    "the time-outs are short enough": facts(
        sources=(source(backup(expiration="2026-11-28T13:00:00Z")),),
        spec=spec(timeouts=Timeouts("5m", "30m")),
    ),
    "the backup never expires": facts(sources=(source(backup(expiration=None)),)),
    "a volume of another namespace failed": facts(taken=(taken("Failed", pod_namespace="other"),)),
    "a restore has ended": restoring(everywhere=True, phase="Completed"),
    "the restore is this run's own": restoring(everywhere=True, labels={RUN_UID: "uid-of-this"}),
    "another namespace is being deleted": facts(namespaces={"x": Namespace(name="x", terminating=True)}),
    "one of the backup's versions is served": coming_widget(
        "v1alpha1", "v1", served={("example.com", "Widget"): ServedKind("widgets", ("v1",))}
    ),
    "the definition comes back, too": coming_widget(
        "v1", also=Key("apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.example.com")
    ),
    "which versions the backup has is not told": facts(contents=contents(versions=frozenset())),
    "the StorageClass comes back, too": facts(
        plan=plan(planned(CLAIM), planned(Key("storage.k8s.io", "StorageClass", "", "fast"), Action.CREATE)),
        contents=contents(versions=frozenset()),
        classes=frozenset(),
    ),
    "velero changes the StorageClass into one that is there": facts(
        velero=velero(class_changes={"gone": "fast"}),
        claims=(Claim(name="data", namespace="shop", storage_class="gone"),),
    ),
    "the claim stays": facts(plan=plan(planned(CLAIM, Action.KEEP), planned(POD)), classes=frozenset()),
    "what goes makes room": with_quota(quota(pods="3")),
    "a quota is used up by what neither goes nor comes": with_quota(
        Quota(QUOTA, {"secrets": "1"}, {"secrets": "3"})
    ),
    "a quota has room for what comes back": with_quota(quota(pods="4"), Key("", "Pod", "shop", "web-1")),
    "a quota of sizes, and as much goes as comes": with_quota(Quota(QUOTA, {"requests.cpu": "4"}, {})),
    "the quota goes, too": with_quota(quota(pods="0"), action=Action.DELETE),
    "a webhook answers": facts(served=Served(KINDS, (), (hook(),), frozenset())),
    "a webhook selects another namespace": hooked(hook(LabelSelector(match_labels={"team": "b"}))),
    "a webhook selects another new namespace by its name": hooked(
        hook(LabelSelector(match_labels={"kubernetes.io/metadata.name": "x"})), namespaces={}
    ),
    "a webhook is asked about updates": hooked(hook(operation="UPDATE")),
    "a webhook is asked about what goes by itself": hooked(
        hook(operation="DELETE"),
        plan=plan(planned(WEB, by=POD)),
    ),
    "no data comes back, so no node-agent is needed": facts(
        velero=velero(agents=()), contents=contents(data=())
    ),
    "data comes back by snapshots alone": facts(
        velero=velero(agents=()),
        contents=contents(data=(VolumeData(namespace="shop", claim="data", snapshot=True),)),
    ),
    "data comes back to other namespaces alone": facts(
        velero=velero(agents=()),
        contents=contents(data=(VolumeData(namespace="other", claim="data", pod="p", volume="v"),)),
    ),
    "a node that takes no pods has no node-agent": facts(
        nodes=(Node("node1", True), Node("control-plane", False))
    ),
    "no undo is wanted of a velero that only restores": facts(
        spec=spec(undo=Undo.NONE), velero=velero(server=server(restore_only="true"))
    ),
    "another velero makes the undo backup": facts(
        velero=velero(server=server(restore_only="true")), undo_in="elsewhere"
    ),
    "nothing is deleted, so there is nothing to undo": facts(
        plan=plan(planned(POD, Action.CREATE)), velero=velero(locations=(location(read_only=True),))
    ),
}


@pytest.mark.parametrize("given", FINE.values(), ids=FINE)
def test_what_stands_against_nothing(given: Facts) -> None:
    assert validate(given) == []
    assert remarks(given) == []


def test_everything_is_told_at_once() -> None:
    given = facts(velero=velero(server=None, agents=(), locations=()), sources=(Source("nightly", None),))
    assert [each.reason for each in validate(given)] == [
        "VeleroMissing",
        "BackupMissing",
        "NodeAgentsMissing",
    ]


def test_every_check_finds_something_in_these_tables() -> None:
    tables = [case[0] for case in PROBLEMS.values()] + [case[0] for case in REMARKS.values()]
    idle = [check.__name__ for check in CHECKS if not any(list(check(given)) for given in tables)]
    assert idle == []


def test_a_mapped_namespace_is_looked_at_under_its_new_name() -> None:
    mapped = Key("", "PersistentVolumeClaim", "shop-test", "data")
    given = facts(
        plan=plan(planned(mapped), targets={"shop": "shop-test"}),
        namespaces={"shop-test": Namespace(name="shop-test", terminating=True)},
        taken=(taken("Failed"),),
        claims=(Claim(name="data", namespace="shop-test", storage_class="gone"),),
    )
    reasons = [each.reason for each in validate(given)]
    assert reasons == ["VolumesIncomplete", "NamespaceTerminating", "StorageClassMissing"]
