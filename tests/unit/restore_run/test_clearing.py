"""Clearing and WaitingGone: what is planned to go is told to go, rank by rank, until it is gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tests.unit.restore.makers import claim, fs_data, key, live, plan, pod, volume
from tests.unit.restore_run.runmaker import (
    P,
    deletes,
    in_phase,
    make_spec,
    of,
    outcome,
    puts_back,
    said,
    take,
)
from tests.unit.restore_run.test_quiescing import noted
from velero_volume_controller.api.cleanrestore import RunRestore, RunStep, UndoStatus
from velero_volume_controller.restore.live import Live, decode_live
from velero_volume_controller.restore.planned import Action, Planned
from velero_volume_controller.restore.steps import Delete, Step
from velero_volume_controller.velero.model.restore_runs import RESTORE_LABEL

CRON = live("CronJob nightly", suspended=False)
WIDGET = live("Widget w", mark="generation:4")
WEB = live("Deployment web", replicas=3)
STILL = live("Deployment web", replicas=0)
SET = live("ReplicaSet web-2", controller=STILL, replicas=0)
OLD = live("ReplicaSet web-1", controller=STILL, replicas=1)
BARE = pod("bare", "data")
SERVICE = live("Service web")
DATA = claim("data")
VOLUME = volume("data")
SETTINGS = live("ConfigMap settings", version="v9")
ACCOUNT = live("ServiceAccount web")
ALL = (CRON, WIDGET, WEB, BARE, SERVICE, DATA, SETTINGS, ACCOUNT)
PLAN = plan((*ALL, VOLUME), (*ALL, "ConfigMap gone"), [fs_data("bare", "data", "data")])
MADE_UNDO = UndoStatus(backup="u", namespace="velero", phase="Completed")


def gone(*objects: Live) -> tuple[Live, ...]:
    """All that is planned, but for these."""
    return tuple(each for each in (*ALL, VOLUME) if each not in objects)


def swap(*changed: Live) -> tuple[Live, ...]:
    """All that is planned, with these as they are now."""
    now = {each.key: each for each in (*ALL, VOLUME, *changed)}
    return tuple(now.values())


def clear(*there: Live, **fields: Any) -> Step:
    """One step of Clearing."""
    return take(in_phase(P.CLEARING, PLAN, **fields.pop("status", {})), PLAN, live=there, **fields)


RANKS: dict[str, tuple[tuple[Live, ...], list[str]]] = {
    "what starts others": ((), ["CronJob shop/nightly"]),
    "then custom resources": ((CRON,), ["Widget shop/w"]),
    "then workloads": ((CRON, WIDGET), ["Deployment shop/web"]),
    "then pods": ((CRON, WIDGET, WEB), ["Pod shop/bare"]),
    "then the rest": ((CRON, WIDGET, WEB, BARE), ["Service shop/web"]),
    "then claims": ((CRON, WIDGET, WEB, BARE, SERVICE), ["PersistentVolumeClaim shop/data"]),
    "then what is read": ((CRON, WIDGET, WEB, BARE, SERVICE, DATA), ["ConfigMap shop/settings"]),
    "then who may read it": (
        (CRON, WIDGET, WEB, BARE, SERVICE, DATA, SETTINGS),
        ["ServiceAccount shop/web"],
    ),
}


@pytest.mark.parametrize(("without", "due"), RANKS.values(), ids=RANKS.keys())
def test_the_order(without: tuple[Live, ...], due: list[str]) -> None:
    assert deletes(clear(*gone(*without))) == due


def test_a_later_rank_waits_until_the_earlier_one_is_really_gone() -> None:
    going = msgspec.structs.replace(CRON, terminating=True)
    taken = clear(*swap(going))
    assert not deletes(taken)
    assert taken.status.phase is P.CLEARING


def test_it_is_the_version_that_was_seen_that_is_deleted() -> None:
    taken = clear(*gone(CRON, WIDGET, WEB, BARE, SERVICE, DATA))
    assert of(taken, Delete) == [Delete(SETTINGS.key, SETTINGS.uid, "v9", foreground=False)]


@pytest.mark.parametrize(
    ("there", "foreground"),
    [
        pytest.param([WEB], True, id="a workload may own something that nobody has seen"),
        pytest.param([STILL, SET], False, id="a Deployment at none above a ReplicaSet at none"),
        pytest.param([STILL], True, id="one that is at none, and of whose ReplicaSets none was seen"),
        pytest.param([WEB, SET], True, id="one that is not at none"),
        pytest.param([STILL, OLD, SET], True, id="above a ReplicaSet that is not at none"),
        pytest.param([STILL, SET, live("Pod w", SET)], True, id="above a ReplicaSet that has a pod"),
        pytest.param([STILL, SET, live("Event e", STILL)], True, id="above something else"),
        pytest.param([BARE], True, id="so may a pod"),
        pytest.param([SERVICE], False, id="what a Service owns is in no plan"),
        pytest.param([SERVICE, live("Event e", SERVICE)], True, id="unless it owns something else"),
        pytest.param([DATA], True, id="a claim holds data"),
        pytest.param([WIDGET], True, id="what a custom resource owns nobody knows"),
        pytest.param([SETTINGS], False, id="what others read owns nothing"),
        pytest.param([ACCOUNT], False, id="nor does who may read it"),
        pytest.param([SETTINGS, live("Event e", SETTINGS)], True, id="unless somebody has made it so"),
    ],
)
def test_what_may_own_something_is_deleted_in_the_foreground(there: list[Live], foreground: bool) -> None:
    (deleted,) = of(clear(*there), Delete)
    assert deleted.foreground is foreground


def test_that_it_deletes_is_written_before_and_with_it_that_the_undo_backup_is_kept() -> None:
    taken = clear(*ALL, status={"undo": MADE_UNDO})
    assert taken.status.deleted
    assert taken.status.undo is not None
    assert taken.status.undo.kept


def test_a_persistent_volume_is_never_deleted_itself_but_waited_for() -> None:
    taken = clear(VOLUME)
    assert not deletes(taken)
    assert taken.status.phase is P.WAITING_GONE
    waits = take(in_phase(P.WAITING_GONE, PLAN), PLAN, live=[VOLUME])
    assert waits.status.phase is P.WAITING_GONE


def test_a_retained_volume_is_not_waited_for() -> None:
    stays = volume("data", stays=True)
    made = plan((*ALL, stays), ALL)
    assert take(in_phase(P.WAITING_GONE, made), made, live=[stays]).status.phase is P.RESTORING


DRIFTS: dict[str, tuple[tuple[Live, ...], str]] = {
    "an object that changed": (
        swap(msgspec.structs.replace(SETTINGS, mark="generation:2")),
        "ConfigMap shop/settings changed",
    ),
    "an object that bears a label of protection since": (
        swap(msgspec.structs.replace(WEB, protected=True)),
        "Deployment shop/web is protected now",
    ),
    "an object that the selector of protection selects since": (
        swap(msgspec.structs.replace(WEB, labels={"keep": "me"})),
        "Deployment shop/web is protected now (spec.protect.selector selects it)",
    ),
    "a pod of a workload that is protected since": (
        (*gone(), pod("web-x", controller=WEB, protected=True)),
        "Pod shop/web-x was made since, and is protected",
    ),
    "a custom resource that an operator holds since": (
        swap(msgspec.structs.replace(WIDGET, finalizers=("example.com/cleanup",))),
        "Widget shop/w has an operator's finalizer now (example.com/cleanup)",
    ),
    "a claim with data that would go along unseen": (
        (*gone(), claim("new", WIDGET)),
        "PersistentVolumeClaim shop/new was made since, and would go with what owns it",
    ),
    "a claim that would go along by what goes along": (
        (*gone(), (middle := live("ConfigMap middle", WIDGET)), claim("new", middle)),
        "PersistentVolumeClaim shop/new was made since",
    ),
    "a volume that is retained since, and would be waited for in vain": (
        swap(volume("data", stays=True)),
        "PersistentVolume pv-data would stay now when its claim goes (its reclaim policy has changed)",
    ),
    "a namespace that is protected since": (
        (*gone(), live("Namespace shop", protected=True)),
        "Namespace shop is protected now",
    ),
    "a namespace that is being deleted": (
        (*gone(), live("Namespace shop", terminating=True)),
        "Namespace shop is being deleted",
    ),
    "a workload that was stilled and is started": (
        swap(noted(WEB, replicas=3, mark="generation:3")),
        "Deployment shop/web was stilled and runs again",
    ),
}


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_data_that_the_plan_promised_to_keep_is_not_deleted_with_the_claim(policy: str) -> None:
    made = plan((*ALL, volume("data", stays=True)), ALL, [fs_data("bare", "data", "data")])
    there = (*ALL, volume("data", stays=policy == "Retain"))
    taken = take(in_phase(P.CLEARING, made), made, live=there)
    if policy == "Retain":
        assert deletes(taken) == ["CronJob shop/nightly"]
        return
    assert not deletes(taken)
    assert outcome(taken)[:2] == ("Failed", "PlanIsStale")
    assert "PersistentVolume pv-data would go now with its claim, and its data with it" in outcome(taken)[2]


def test_a_released_volume_that_somebody_gives_up_is_no_drift() -> None:
    made = plan((*ALL, volume("data", stays=True)), ALL, [fs_data("bare", "data", "data")])
    without = [SETTINGS, ACCOUNT]
    going = msgspec.structs.replace(DATA, terminating=True)
    given_up = volume("data", stays=False)
    for there in ([*without, given_up], [*without, given_up, going]):
        taken = take(in_phase(P.CLEARING, made, deleted=True), made, live=there)
        assert outcome(taken)[0] != "Failed"


@pytest.mark.parametrize(("there", "message"), DRIFTS.values(), ids=DRIFTS.keys())
@pytest.mark.parametrize("deleted", [False, True], ids=["before anything is deleted", "in the middle"])
def test_what_has_changed_since_the_plan_stops_it(
    there: tuple[Live, ...], message: str, deleted: bool
) -> None:
    spec = make_spec(protect={"selector": {"matchLabels": {"keep": "me"}}})
    now = [each for each in there if not deleted or each.key != CRON.key]
    taken = clear(*now, status={"deleted": deleted, "undo": MADE_UNDO}, spec=spec)
    assert not deletes(taken)
    assert outcome(taken)[0] == "Failed"
    assert message in outcome(taken)[2]
    if deleted:
        assert taken.status.phase is P.FAILED
        assert "vvc restore undo rescue" in outcome(taken)[2]
    else:
        assert taken.status.unwinding is not None, "what was stilled is put back"
        assert "undo rescue" not in outcome(taken)[2]


PASSES: dict[str, tuple[Live, ...]] = {
    "what stilling has changed is expected": swap(noted(WEB), noted(CRON)),
    "a new pod of a planned workload goes along": (*gone(), pod("web-x", controller=WEB)),
    "a claim of a pod's own goes along": (
        *gone(),
        (made := pod("web-x", controller=WEB)),
        live("PersistentVolumeClaim tmp", controller=made),
    ),
    "a claim that another owner keeps does not go along": (
        *gone(),
        (stays := live("ConfigMap stays")),
        claim("new", WIDGET, stays),
    ),
    "what goes already is not looked at": swap(
        msgspec.structs.replace(SETTINGS, mark="generation:2", terminating=True)
    ),
    "what nobody plans may change": (*gone(), live("ConfigMap other", mark="generation:7", protected=True)),
}


@pytest.mark.parametrize("there", PASSES.values(), ids=PASSES.keys())
def test_what_is_no_drift(there: tuple[Live, ...]) -> None:
    assert deletes(clear(*there)) == ["CronJob shop/nightly"]


REMADE = msgspec.structs.replace(SETTINGS, uid="another", mark="generation:1")


@pytest.mark.parametrize("phase", [P.CLEARING, P.WAITING_GONE])
def test_an_object_that_is_made_again_is_not_deleted_and_stops_the_run(phase: Any) -> None:
    status = in_phase(phase, PLAN, deleted=True, undo=MADE_UNDO)
    taken = take(status, PLAN, live=swap(REMADE))
    assert not deletes(taken)
    assert outcome(taken)[:2] == ("Failed", "MadeAgain")
    assert "ConfigMap shop/settings was deleted and somebody has made it again" in outcome(taken)[2]
    assert taken.status.resume_from is P.PLANNING


def test_what_is_made_in_the_place_of_what_comes_back_stops_the_run() -> None:
    taken = take(in_phase(P.WAITING_GONE, PLAN, deleted=True), PLAN, live=[live("ConfigMap gone")])
    assert outcome(taken)[:2] == ("Failed", "MadeAgain")
    assert "ConfigMap shop/gone was made since the plan" in outcome(taken)[2]


def test_another_object_of_that_name_that_is_going_is_waited_for_for_velero_finds_the_name_taken() -> None:
    for going in (
        msgspec.structs.replace(REMADE, terminating=True),
        live("ConfigMap gone", terminating=True),
    ):
        taken = take(in_phase(P.WAITING_GONE, PLAN, deleted=True), PLAN, live=[going])
        assert taken.status.phase is P.WAITING_GONE
        late = take(in_phase(P.WAITING_GONE, PLAN, deleted=True), PLAN, live=[going], now=901)
        assert outcome(late)[:2] == ("Failed", "NotGone")


def test_a_pod_made_again_by_a_workload_that_goes_is_waited_for() -> None:
    of_set = live("StatefulSet db", replicas=1)
    first = pod("db-0", controller=of_set)
    made = plan((of_set, first), (of_set, first))
    again = msgspec.structs.replace(first, uid="made by the set before it went")
    taken = take(in_phase(P.WAITING_GONE, made, deleted=True), made, live=[again])
    assert taken.status.phase is P.WAITING_GONE, "its pod would get no data, silently"
    assert take(taken.status, made, live=[], now=2).status.phase is P.RESTORING


def test_a_pod_that_a_kept_workload_makes_is_not_in_the_way() -> None:
    of_set = live("StatefulSet db", replicas=1, protected=True)
    made = plan((of_set,), ("StatefulSet db", "Pod db-0"))
    scaled = pod("db-0", controller=of_set)
    taken = take(in_phase(P.WAITING_GONE, made), made, live=[of_set, scaled])
    assert taken.status.phase is P.RESTORING


HELD: dict[str, tuple[tuple[Live, ...], dict[str, Any], str]] = {
    "a finalizer, with who usually takes it off": (
        (
            msgspec.structs.replace(
                SERVICE, terminating=True, finalizers=("service.kubernetes.io/load-balancer-cleanup",)
            ),
        ),
        {},
        "usually taken off by the cloud's load balancer controller",
    ),
    "a finalizer of nobody known": (
        (msgspec.structs.replace(SETTINGS, terminating=True, finalizers=("example.com/hold",)),),
        {},
        "ConfigMap shop/settings (finalizer example.com/hold, usually taken off by the operator of",
    ),
    "an operator that was stilled itself": (
        (msgspec.structs.replace(WIDGET, terminating=True, finalizers=("example.com/hold",)),),
        {},
        "the operator of example.com, which was stilled if it runs in these namespaces",
    ),
    "the pod that mounts a claim": (
        (msgspec.structs.replace(DATA, terminating=True), pod("stranger", "data")),
        {},
        "until Pod shop/stranger is gone, which mounts it",
    ),
    "a pod whose kubelet does not answer": (
        (msgspec.structs.replace(BARE, terminating=True),),
        {},
        "Pod shop/bare (nothing holds it: its kubelet or controller has not finished)",
    ),
    "a volume that its provisioner does not delete": (
        (VOLUME,),
        {},
        "PersistentVolume pv-data (its claim is gone: its provisioner has not deleted it)",
    ),
    "a volume that is still attached": (
        (),
        {"attachments": {"pv-data": "node-7"}},
        "PersistentVolume pv-data is still attached to node node-7 (a node that is dead keeps a volume for 6",
    ),
}


@pytest.mark.parametrize(("there", "more", "message"), HELD.values(), ids=HELD.keys())
def test_what_does_not_go_is_named_with_what_holds_it(
    there: tuple[Live, ...], more: dict[str, Any], message: str
) -> None:
    status = in_phase(P.WAITING_GONE, PLAN, deleted=True)
    waits = take(status, PLAN, live=there, now=800, **more)
    assert waits.status.phase is P.WAITING_GONE
    taken = take(status, PLAN, live=there, now=901, **more)
    assert outcome(taken)[:2] == ("Failed", "NotGone")
    assert message in outcome(taken)[2]
    assert "no finalizer is ever removed" in outcome(taken)[2]
    assert taken.status.resume_from is P.WAITING_GONE
    assert not deletes(taken)


def test_the_attachment_of_a_volume_that_stays_is_nobodys_business() -> None:
    taken = take(in_phase(P.WAITING_GONE, PLAN), PLAN, live=[], attachments={"pv-other": "node-1"})
    assert taken.status.phase is P.RESTORING


def test_the_time_counts_from_when_clearing_began_however_often_the_two_phases_take_turns() -> None:
    status = in_phase(P.WAITING_GONE, PLAN, deleted=True)
    first, second = "2026-11-24T02:00:00Z", "2026-11-24T02:14:00Z"
    status.steps = [
        RunStep(phase=P.CLEARING, started=first, ended=second),
        RunStep(phase=P.WAITING_GONE, started=second),
    ]
    held = msgspec.structs.replace(SETTINGS, terminating=True)
    assert take(status, PLAN, live=[held], now=901).status.phase is P.FAILED
    # Told to go on: some time lies between, and it begins anew.
    status.steps[0].ended = "2026-11-24T02:13:00Z"
    assert take(status, PLAN, live=[held], now=901).status.phase is P.WAITING_GONE


def again(*there: Live, phase: Any = P.CLEARING, now: float = 20, **fields: Any) -> Step:
    """One step of clearing what a Restore has made that Velero failed."""
    known = RunRestore(name="r1", namespace="velero", backup="b1", phase="Failed")
    done = RunRestore(name="r0", namespace="velero", backup="b0", phase="Completed")
    status = in_phase(phase, PLAN, restores=[done, known], clear_again=["r1"], deleted=True)
    return take(status, PLAN, live=there, now=now, **fields)


def made_by(name: str, restore: str = "r1", **fields: Any) -> Live:
    whole = {"uid": f"{restore}-{name}", "labels": {RESTORE_LABEL: restore}, "owners": ()}
    at = key(name)
    return live(name, **{**whole, "mounts": (("data", "data"),) if at.kind == "Pod" else (), **fields})


def test_what_a_failed_restore_made_is_cleared_away_rank_by_rank() -> None:
    there = (made_by("ConfigMap settings"), made_by("Pod bare"), made_by("PersistentVolumeClaim data"))
    assert deletes(again(*there)) == ["Pod shop/bare"]
    assert deletes(again(*there[::2])) == ["PersistentVolumeClaim shop/data"]


NOT_MADE: dict[str, Live] = {
    "what another Restore of the run made": made_by("ConfigMap settings", "r0"),
    "what bears the label and was not to come back": made_by("ConfigMap other"),
    "what bears the label and was there before": live("ConfigMap settings", labels={RESTORE_LABEL: "r1"}),
    "what is cluster-scoped": made_by("PersistentVolume pv-data"),
    "what is protected": made_by("ConfigMap settings", protected=True),
}


@pytest.mark.parametrize("there", NOT_MADE.values(), ids=NOT_MADE.keys())
def test_what_a_failed_restore_did_not_make_is_left_alone(there: Live) -> None:
    assert not deletes(again(there))


def test_what_somebody_else_made_meanwhile_is_in_the_way() -> None:
    taken = again(live("Pod bare", uid="stranger"), phase=P.WAITING_GONE)
    assert outcome(taken)[:2] == ("Failed", "MadeAgain")


def test_a_half_restored_claim_that_is_protected_is_in_the_way() -> None:
    taken = again(made_by("PersistentVolumeClaim data", protected=True), phase=P.WAITING_GONE)
    assert outcome(taken)[:2] == ("Failed", "MadeAgain")
    assert "PersistentVolumeClaim shop/data, which is half restored, is protected now" in outcome(taken)[2]


def test_an_old_velero_gets_some_seconds_to_stop_making_more() -> None:
    early = again(phase=P.WAITING_GONE, now=9)
    assert early.status.phase is P.WAITING_GONE
    assert early.again is not None
    late = again(made_by("ConfigMap settings"), phase=P.WAITING_GONE, now=9)
    assert late.status.phase is P.CLEARING, "it has made one more"
    calm = again(phase=P.WAITING_GONE, now=10)
    assert calm.status.phase is P.RESTORING
    assert not calm.status.clear_again
    assert [each.cleared for each in calm.status.restores] == [False, True]


def test_how_far_it_is() -> None:
    taken = clear(*gone(CRON, WIDGET), status={"deleted": True})
    assert taken.status.progress is not None
    assert (taken.status.progress.gone, taken.status.progress.to_go) == (2, 9)
    assert said(taken)[2] == "2 of 9 objects are gone"


def tampered(name: str) -> Step:
    """A plan that names what is never deleted: somebody wrote it, or a fault of ours."""
    of_plan = live(name)
    planned = replace(PLAN.clear[0], key=of_plan.key, uid=of_plan.uid, mark=of_plan.mark)
    wrong = replace(PLAN, objects=(planned,), clear=(planned,))
    return take(in_phase(P.CLEARING, wrong), wrong, live=[of_plan])


@pytest.mark.parametrize(
    "name", ["Backup velero/b1", "CleanRestore velero/rescue", "Service default/kubernetes"]
)
def test_what_is_never_deleted_is_not_though_a_plan_names_it(name: str) -> None:
    taken = tampered(name)
    assert not deletes(taken)
    assert outcome(taken)[:2] == ("Failed", "PlanIsStale")


def test_the_last_door_lets_nothing_through_that_is_cluster_scoped() -> None:
    with pytest.raises(AssertionError, match="Namespace shop is cluster-scoped"):
        tampered("Namespace shop")


def test_what_the_run_that_is_undone_left_stilled_is_put_back_before_anything_is_restored() -> None:
    left = live("Deployment left", replicas=3)
    status = in_phase(P.WAITING_GONE, PLAN, deleted=True)
    assert status.plan is not None
    status.plan.undoes = "the earlier run"
    there = (noted(left, by="the earlier run"), noted(live("CronJob x", suspended=False), by="another"))
    taken = take(status, PLAN, live=there)
    assert taken.status.phase is P.WAITING_GONE
    assert puts_back(taken) == {"Deployment shop/left": {"replicas": 3}}
    assert take(status, PLAN, live=(left, there[1])).status.phase is P.RESTORING
    status.plan.undoes = ""
    assert take(status, PLAN, live=there).status.phase is P.RESTORING


def test_an_account_that_loses_its_cleared_secret_has_not_changed() -> None:
    """Kubernetes takes it off the account itself, just before that would be deleted."""

    def account(*secrets: str) -> Live:
        metadata = {"name": "web", "namespace": "shop", "uid": "u"}
        whole = {"metadata": metadata, "secrets": [{"name": name} for name in secrets]}
        return decode_live(msgspec.json.encode(whole), "", "ServiceAccount")

    made = plan([account("web-token")], ["ServiceAccount web"])
    taken = take(in_phase(P.CLEARING, made), made, live=[account()])
    assert deletes(taken) == ["ServiceAccount shop/web"]


def test_another_pod_of_that_name_is_not_deleted_though_a_workload_made_it() -> None:
    planned = Planned(BARE.key, Action.DELETE, "why", "an earlier one", "generation:1")
    made = replace(PLAN, objects=(planned,), clear=(planned,))
    there = msgspec.structs.replace(pod("bare", controller=WEB), uid="a later one")
    taken = take(in_phase(P.CLEARING, made, deleted=True), made, live=[there])
    assert not deletes(taken)
    waits = take(in_phase(P.WAITING_GONE, made, deleted=True), made, live=[there])
    assert waits.status.phase is P.WAITING_GONE
