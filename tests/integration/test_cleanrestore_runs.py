"""A CleanRestore from its making to its end: what is deleted, what stays, what comes back, what is told."""

from __future__ import annotations

import json
from typing import Any

from kubernetes import client

from tests.integration.backup_sets import stays
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import Vvc
from tests.integration.restore_stage import PLACES, Stage, packed
from velero_volume_controller.api.cleanrestore import QUIESCED
from velero_volume_controller.restore import naming

PHASES = (
    *("Planning", "AwaitingApproval", "Validating", "UndoBackup", "Quiescing", "Clearing", "WaitingGone"),
    *("Restoring", "Verifying"),
)


def test_a_run_clears_and_restores_what_the_backup_holds_and_leaves_the_rest(stage: Stage, vvc: Vvc) -> None:
    replica, before = stage.begun(vvc)
    stage.create("monday", namespaces={"include": [stage.shop.name]})
    stage.approve("monday")
    assert stage.ended("monday") == "Completed", stage.condition("monday")
    after = stage.objects()
    assert set(after) == {*before, "Secret/password"}
    assert {key for key in before if after[key] == before[key]} == {"ConfigMap/extra"}
    settings = stage.shop.core.read_namespaced_config_map("settings", stage.shop.name)
    assert settings.data == {"colour": "blue"}
    assert stage.replicas() == 1
    assert tuple(stage.phases("monday")) == PHASES
    status, uid = stage.status("monday"), stage.run("monday")["metadata"]["uid"]
    assert status["progress"]["gone"] == status["progress"]["toGo"] == status["plan"]["delete"]
    assert "missing" not in status["verify"], status["verify"]
    (restore,) = stage.restores()
    assert restore["metadata"]["labels"][naming.RUN_UID] == uid
    assert restore["spec"]["includedNamespaces"] == [stage.shop.name]
    (undo,) = stage.undo_backups()
    assert undo["metadata"]["name"] == status["undo"]["backup"]
    assert replica.metric("vvc_loop_errors_total") == 0
    assert replica.metric("vvc_clean_restore_step_errors_total") == 0
    # The rest goes with the StatefulSet, or with the claim.
    assert replica.metric("vvc_clean_restore_objects_deleted_total") == 3
    eventually(lambda: replica.metric("vvc_clean_restores", phase="Completed"), 1)
    assert replica.metric("vvc_clean_restore_seconds_count", phase="Clearing", result="done") == 1


def test_a_plan_is_kept_where_nobody_changes_it_and_goes_with_its_run(stage: Stage, vvc: Vvc) -> None:
    stage.begun(vvc)
    stage.create("monday")
    eventually(lambda: stage.phase("monday"), "AwaitingApproval", within=30)
    status, run = stage.status("monday"), stage.run("monday")
    assert stage.maps("monday") == status["plan"]["configMaps"]
    for name in status["plan"]["configMaps"]:
        found: Any = stage.shop.core.read_namespaced_config_map(name, stage.here)
        assert found.immutable is True
        (owner,) = found.metadata.owner_references
        assert (owner.kind, owner.name, owner.uid) == ("CleanRestore", "monday", run["metadata"]["uid"])


def test_nothing_is_touched_before_the_plan_is_approved(stage: Stage, vvc: Vvc) -> None:
    _, before = stage.begun(vvc)
    stage.create("monday")
    eventually(lambda: stage.phase("monday"), "AwaitingApproval", within=30)
    stage.patch("monday", {"spec": {"planHash": f"sha256:{'0' * 64}"}})
    stays(lambda: (stage.phase("monday"), stage.objects()), ("AwaitingApproval", before), 3)
    assert "is that of another plan" in stage.condition("monday", "Approved")[2]


def test_what_happens_is_told_in_events(stage: Stage, namespace: Namespace, vvc: Vvc) -> None:
    stage.begun(vvc)
    stage.create("monday", approval="automatic")
    assert stage.ended("monday") == "Completed", stage.condition("monday")
    uid = stage.run("monday")["metadata"]["uid"]
    eventually(lambda: len(namespace.events("Completed")), 1)
    (event,) = namespace.events("Completed")
    assert event.regarding.kind == "CleanRestore"
    assert event.regarding.uid == uid
    assert event.reporting_controller == "vvc.velero.io/restore"
    assert event.type == "Normal"


def test_what_stands_still_for_a_run_that_is_gone_is_told_and_not_started(stage: Stage, vvc: Vvc) -> None:
    stage.application()
    apps = client.AppsV1Api(stage.shop.api)
    found: Any = apps.read_namespaced_stateful_set("db", stage.shop.name)
    note = {"by": "gone", "mark": "generation:1", "of": found.metadata.uid, "replicas": 3}
    body: Any = {"metadata": {"annotations": {QUIESCED: json.dumps(note)}}, "spec": {"replicas": 0}}
    apps.patch_namespaced_stateful_set("db", stage.shop.name, body)
    replica = stage.started(vvc)
    eventually(lambda: len(stage.shop.events("LeftStilled")), 1, within=30)
    (event,) = stage.shop.events("LeftStilled")
    assert (event.regarding.kind, event.regarding.name) == ("StatefulSet", "db")
    assert "it was replicas: 3" in event.note
    eventually(lambda: replica.metric("vvc_clean_restore_left_stilled"), 1)
    assert stage.replicas() == 0


def test_a_restore_that_velero_fails_is_cleared_away_and_made_again(stage: Stage, vvc: Vvc) -> None:
    stage.begun(vvc)
    stage.failing = 1
    stage.create("monday", approval="automatic")
    assert stage.ended("monday", within=90) == "Completed", stage.condition("monday")
    assert len(stage.restores()) == 2
    assert len(stage.undo_backups()) == 1
    assert "Secret/password" in stage.objects()


def test_a_backup_that_is_not_there_is_told_and_waited_for(stage: Stage, vvc: Vvc) -> None:
    stage.begun(vvc)
    stage.create("monday", source={"backup": "b2"})
    eventually(lambda: stage.condition("monday")[1], "NotRestorable", within=30)
    assert "There is no Backup b2" in stage.condition("monday")[2]


def test_a_set_that_is_not_there_is_told(stage: Stage, vvc: Vvc) -> None:
    stage.begun(vvc)
    stage.create("monday", source={"backupSet": "nightly"})
    eventually(lambda: stage.condition("monday")[1], "NoSource", within=30)
    assert "there is no BackupSet" in stage.condition("monday")[2]


def test_a_set_is_restored_from_the_backups_of_its_restore_point(stage: Stage, vvc: Vvc) -> None:
    stage.application()
    stage.started(vvc)
    selection = {"namespaces": {"include": [stage.shop.name]}, "clusterResources": False}
    stage.velero.create_set("nightly", {"selection": selection})
    status = stage.velero.run_to_end("nightly")
    assert status["phase"] == "Completed"
    (backup,) = [each["name"] for each in status["restorePoint"]["backups"]]
    stage.keep(backup)
    stage.change()
    stage.create("monday", source={"backupSet": "nightly"}, approval="automatic")
    assert stage.ended("monday") == "Completed", stage.condition("monday")
    assert stage.status("monday")["plan"]["backups"] == [{"name": backup, "namespace": stage.here}]
    assert {"Secret/password", "ConfigMap/extra"} <= set(stage.objects())


def test_one_in_another_namespace_is_left_alone_and_told(stage: Stage, vvc: Vvc) -> None:
    replica, before = stage.begun(vvc)
    body = {
        "apiVersion": "vvc.velero.io/v1alpha1",
        "kind": "CleanRestore",
        "metadata": {"name": "monday"},
        "spec": {"source": {"backup": "b1"}, "approval": "automatic"},
    }
    where = ("vvc.velero.io", "v1alpha1", stage.shop.name, "cleanrestores")
    stage.custom.create_namespaced_custom_object(*where, body)
    eventually(lambda: len(stage.shop.events("Elsewhere")), 1)
    found: Any = stage.custom.get_namespaced_custom_object(*where, "monday")
    assert "status" not in found
    assert stage.objects() == before
    replica.line(
        f"it is left alone: CleanRestores count in namespace {stage.here} alone, where this program and"
        " Velero are; make it there"
    )


def test_of_two_runs_over_one_namespace_the_second_waits_and_is_stale_then(stage: Stage, vvc: Vvc) -> None:
    stage.begun(vvc)
    stage.absent.add("undo")
    stage.create("first")
    stage.create("second")
    for name in ("first", "second"):
        stage.approve(name)
        if name == "first":
            eventually(lambda: stage.phase("first"), "UndoBackup", within=30)
    eventually(lambda: stage.condition("second")[1], "OtherCleanRestore", within=30)
    assert "CleanRestore first is at work in" in stage.condition("second")[2]
    stays(lambda: stage.phase("second"), "Validating", 2)
    stage.absent.discard("undo")
    assert stage.ended("first") == "Completed", stage.condition("first")
    assert stage.ended("second") == "Failed"
    assert stage.condition("second")[1] == "PlanIsStale"
    stage.resume("second")
    stage.approve("second", within=60)
    assert stage.ended("second") == "Completed", stage.condition("second")
    assert stage.maps("second").count(stage.status("second")["plan"]["configMaps"][0]) == 1
    plans = [each for each in stage.maps("second") if "report" not in each]
    assert plans == stage.status("second")["plan"]["configMaps"], "what was kept of the first plan is gone"


def test_a_plan_that_somebody_has_changed_is_not_carried_out(stage: Stage, vvc: Vvc) -> None:
    _, before = stage.begun(vvc)
    stage.create("monday")
    eventually(lambda: stage.phase("monday"), "AwaitingApproval", within=30)
    (name,) = stage.status("monday")["plan"]["configMaps"]
    core = stage.shop.core
    core.delete_namespaced_config_map(name, stage.here)
    data = {"plan.json.gz": "H4sIAAAAAAACA6uuBQBDv6ajAgAAAA=="}
    core.create_namespaced_config_map(stage.here, {"metadata": {"name": name}, "binaryData": data})
    stage.approve("monday")
    assert stage.ended("monday") == "Failed"
    assert stage.condition("monday")[1] == "PlanLost"
    assert "its digest is another" in stage.condition("monday")[2]
    assert stage.objects() == before
    assert stage.undo_backups() == []


def test_what_changes_after_the_approval_stops_the_run_and_what_was_stilled_runs_again(
    stage: Stage, vvc: Vvc
) -> None:
    _, before = stage.begun(vvc)
    stage.absent.add("controllers")
    stage.create("monday", approval="automatic")
    eventually(stage.replicas, 0, within=60)
    stage.shop.core.patch_namespaced_config_map("settings", stage.shop.name, {"data": {"colour": "green"}})
    assert stage.ended("monday") == "Failed"
    assert stage.condition("monday")[1] == "PlanIsStale"
    assert stage.replicas() == 1
    assert stage.objects() == before
    found: Any = client.AppsV1Api(stage.shop.api).read_namespaced_stateful_set("db", stage.shop.name)
    assert "vvc.velero.io/quiesced" not in (found.metadata.annotations or {})


def test_a_run_that_is_cancelled_puts_back_what_it_has_stilled(stage: Stage, vvc: Vvc) -> None:
    _, before = stage.begun(vvc)
    stage.absent.add("controllers")
    stage.create("monday", approval="automatic")
    eventually(stage.replicas, 0, within=60)
    stage.patch("monday", {"spec": {"cancel": True}})
    assert stage.ended("monday") == "Cancelled"
    assert stage.replicas() == 1
    assert stage.objects() == before


def test_a_run_that_is_deleted_before_it_deletes_anything_leaves_nothing_stilled(
    stage: Stage, vvc: Vvc
) -> None:
    _, before = stage.begun(vvc)
    stage.absent.add("controllers")
    stage.create("monday", approval="automatic")
    eventually(stage.replicas, 0, within=60)
    run = ("vvc.velero.io", "v1alpha1", stage.here, "cleanrestores", "monday")
    stage.custom.delete_namespaced_custom_object(*run)
    eventually(stage.replicas, 1, within=30)
    assert stage.objects() == before


def test_a_restore_of_somebody_else_under_the_same_name_is_refused(stage: Stage, vvc: Vvc) -> None:
    stage.begun(vvc)
    stage.absent |= {"undo", "restores"}
    stage.create("monday", approval="automatic")
    eventually(lambda: stage.phase("monday"), "UndoBackup", within=30)
    uid = stage.run("monday")["metadata"]["uid"]
    name = f"monday-{uid[:8]}-1-1"
    body = {
        "apiVersion": "velero.io/v1",
        "kind": "Restore",
        "metadata": {"name": name},
        "spec": {"backupName": "other"},
    }
    stage.custom.create_namespaced_custom_object("velero.io", "v1", stage.here, "restores", body)
    stage.absent.discard("undo")
    assert stage.ended("monday") == "Failed"
    assert (
        f"Restore {stage.here}/{name} exists and was not made for this attempt"
        in stage.condition("monday")[2]
    )


def test_a_finalizer_that_never_ends_is_named_and_never_taken_off(stage: Stage, vvc: Vvc) -> None:
    _, before = stage.begun(vvc)
    path = f"{PLACES['v1', 'ConfigMap'].format(stage.shop.name)}/settings"
    stage.api.merge(path, {"metadata": {"finalizers": ["example.com/slow"]}})
    stage.create("monday", approval="automatic", timeouts={"clear": "10s"})
    assert stage.ended("monday") == "Failed"
    assert stage.condition("monday")[1] == "NotGone"
    assert "finalizer example.com/slow" in stage.condition("monday")[2]
    found = stage.api.call("GET", path)
    assert "example.com/slow" in found["metadata"]["finalizers"]
    stage.api.merge(path, {"metadata": {"finalizers": None}})
    stage.resume("monday")
    eventually(lambda: stage.phase("monday"), "Completed", within=60)
    assert set(stage.objects()) == {*before, "Secret/password"}


def test_a_run_is_undone_and_nothing_goes_but_what_it_restored(stage: Stage, vvc: Vvc) -> None:
    _, before = stage.begun(vvc)
    stage.create("monday", approval="automatic")
    assert stage.ended("monday") == "Completed", stage.condition("monday")
    between = stage.objects()
    undo = stage.status("monday")["undo"]["backup"]
    names = {"include": [stage.shop.name]}
    stage.create("back", source={"backup": undo}, undoOf="monday", undo="none", namespaces=names)
    stage.approve("back")
    assert stage.ended("back") == "Completed", stage.condition("back")
    after = stage.objects()
    assert set(after) == set(before), "the Secret that the run brought back is gone again"
    assert after["ConfigMap/extra"] == between["ConfigMap/extra"] == before["ConfigMap/extra"]
    settings = stage.shop.core.read_namespaced_config_map("settings", stage.shop.name)
    assert settings.data == {"colour": "red"}


def test_a_run_that_is_not_there_can_not_be_undone(stage: Stage, vvc: Vvc) -> None:
    _, before = stage.begun(vvc)
    stage.create("back", undoOf="monday", undo="none", approval="automatic")
    eventually(lambda: stage.condition("back")[1], "NoSource", within=30)
    assert stage.objects() == before


def test_a_backup_whose_storage_is_lost_after_the_plan_stops_the_run(stage: Stage, vvc: Vvc) -> None:
    _, before = stage.begun(vvc)
    stage.create("monday")
    eventually(lambda: stage.phase("monday"), "AwaitingApproval", within=30)
    stage.files.clear()
    stage.approve("monday")
    assert stage.ended("monday") == "Failed"
    assert stage.condition("monday")[1] == "NotFetched"
    assert stage.objects() == before
    stage.files["b1", "BackupResourceList"] = packed({})
