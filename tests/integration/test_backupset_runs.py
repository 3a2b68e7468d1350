"""A BackupSet from its making to its end: what is handed to Velero, and what is told."""

from __future__ import annotations

import time

from tests.integration import leftovers
from tests.integration.backup_sets import Installation, namespaces_of, stays
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import Vvc
from velero_volume_controller.backup import naming
from velero_volume_controller.velero.model.backups import spec_hash


def test_a_set_is_planned_handed_over_slot_by_slot_and_ends_as_one_restore_point(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    spec = velero.applications("a", "b", "c")
    vvc.start_leading()
    velero.create_set("night", {**spec, "template": {"ttl": "72h0m0s"}})
    eventually(lambda: len(velero.of("night")), 2, within=20)
    stays(lambda: len(velero.of("night")), 2, 2)
    status = velero.run_to_end("night")
    assert status["phase"] == "Completed"
    backups = velero.of("night")
    assert len(backups) == 4, "three namespaces that stand alone, and the cluster's own resources"
    taken = [name for each in backups.values() for name in namespaces_of(each) if name != "*"]
    assert sorted(taken) == [f"{namespace.name}-{each}" for each in "abc"]
    uid = velero.set("night")["metadata"]["uid"]
    for backup in backups.values():
        metadata = backup["metadata"]
        assert metadata["name"].startswith(f"night-{uid[:8]}-")
        assert metadata["labels"][naming.SET_UID] == uid
        assert metadata["annotations"][naming.SHARDS] == "4"
        assert metadata["annotations"][naming.LANE] == namespace.name
        assert metadata["annotations"][naming.SPEC] == spec_hash(backup["spec"])
        assert backup["spec"]["ttl"] == "72h0m0s"
        assert "ownerReferences" not in metadata, "a Backup outlives its set"
    point = status["restorePoint"]
    assert {each["name"] for each in point["backups"]} == {
        each["metadata"]["name"] for each in backups.values()
    }
    assert "missing" not in point
    assert int(status["clusterRevision"]["end"]) > int(status["clusterRevision"]["start"]) > 0
    assert velero.condition("night", "Complete")[0] == "True"


def test_the_next_backup_waits_a_moment_for_the_one_before_to_begin(velero: Installation, vvc: Vvc) -> None:
    spec = velero.applications("a", "b")
    vvc.start_leading()
    velero.create_set("night", spec)
    eventually(lambda: len(velero.of("night")), 1, within=20)
    stays(lambda: len(velero.of("night")), 1, 1)
    eventually(lambda: len(velero.of("night")), 2, within=5)


def test_what_happened_is_told_in_events_and_counted(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    spec = velero.applications("a")
    replica = vvc.start_leading()
    velero.create_set("night", {**spec, "retry": {"limit": 1, "backoff": "1s"}})
    eventually(lambda: len(velero.of("night")), 2, within=20)
    velero.end_all("night", "Failed")
    assert velero.run_to_end("night")["phase"] == "Completed"
    assert replica.metric("vvc_backupset_attempts_total", result="failed") == 2
    assert replica.metric("vvc_backupset_attempts_total", result="completed") == 2
    eventually(lambda: replica.metric("vvc_backupset_phase", phase="Completed"), 1)
    assert replica.metric("vvc_backupset_duration_seconds_count", phase="Completed") == 1
    assert replica.metric("vvc_loop_errors_total") == 0
    uid = velero.set("night")["metadata"]["uid"]
    eventually(lambda: len(namespace.events("Retrying")), 2)
    for event in namespace.events("Retrying"):
        assert event.regarding.kind == "BackupSet"
        assert event.regarding.api_version == "vvc.velero.io/v1alpha1"
        assert event.regarding.uid == uid
        assert event.reporting_controller == "vvc.velero.io/backup"
        assert event.type == "Warning"
    assert namespace.events("Planned")


def test_progress_of_volumes_is_shown(velero: Installation, namespace: Namespace, vvc: Vvc) -> None:
    spec = velero.applications("a")
    vvc.start_leading()
    velero.create_set("night", {**spec, "selection": {**spec["selection"], "clusterResources": False}})
    eventually(lambda: len(velero.of("night")), 1, within=20)
    ((_, backup),) = velero.of("night").items()
    name = backup["metadata"]["name"]
    velero.report(name, "InProgress")
    velero.volume(name, f"{namespace.name}-a", "InProgress", done=30, total=100)
    expected = {"bytesDone": 30, "bytesTotal": 100, "volumesTotal": 1}
    eventually(lambda: velero.status("night").get("progress"), expected)


def test_a_backup_of_somebody_else_with_the_same_name_is_refused(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    spec = velero.applications("a")
    spec["selection"]["clusterResources"] = False
    replica = vvc.start_leading()
    velero.create_set("night", {**spec, "paused": True, "retry": {"limit": 0}})
    eventually(lambda: velero.phase("night"), "Paused", within=20)
    uid = velero.set("night")["metadata"]["uid"]
    name = f"night-{uid[:8]}-{namespace.name}-a-1"
    velero.foreign(name, ["default"])
    velero.report(name, "Completed")
    velero.patch_set("night", {"spec": {"paused": False}})
    eventually(lambda: velero.phase("night"), "Failed", within=20)
    (attempt,) = velero.status("night")["shards"][0]["attempts"]
    assert attempt["backup"] == name
    assert attempt["phase"] == "Refused"
    assert f"Backup {namespace.name}/{name} exists and was not made for this attempt" in attempt["reason"]
    assert velero.backups()[name]["spec"]["includedNamespaces"] == ["default"]
    assert velero.status("night")["restorePoint"].get("backups", []) == []
    assert replica.metric("vvc_loop_errors_total") == 0


def test_a_set_that_selects_nothing_says_so_and_goes_on_when_there_is_something(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    vvc.start_leading()
    include = [f"{namespace.name}-a"]
    velero.create_set("night", {"selection": {"namespaces": {"include": include}}})
    eventually(lambda: velero.condition("night", "Planned"), ("False", "NothingSelected"), within=20)
    assert f"include {namespace.name}-a" in velero.message("night", "Planned")
    eventually(lambda: len(namespace.events("NothingSelected")), 1)
    assert velero.backups() == {}
    velero.applications("a")
    velero.patch_set("night", {"metadata": {"labels": {"looked": "again"}}})
    assert velero.run_to_end("night")["phase"] == "Completed"


def test_a_lane_that_is_missing_or_down_is_told_and_waited_for(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    spec = velero.applications("a")
    vvc.start_leading()
    lanes = [{"namespace": namespace.name}, {"namespace": "no-velero-here"}]
    velero.create_set("both", {**spec, "lanes": lanes})
    eventually(lambda: velero.condition("both", "Planned"), ("False", "LaneMissing"), within=20)
    velero.create_set("elsewhere", {**spec, "lanes": lanes[1:]})
    eventually(lambda: velero.condition("elsewhere", "Planned"), ("False", "LanesElsewhere"), within=20)
    velero.location("Unavailable")
    velero.create_set("night", spec)
    eventually(lambda: velero.condition("night", "Planned")[1], "LaneUnavailable", within=30)
    assert "unavailable" in velero.message("night", "Planned").lower()
    assert velero.of("night") == {}


def test_two_sets_over_the_same_namespaces_go_one_after_the_other(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    spec = velero.applications("a")
    spec["selection"]["clusterResources"] = False
    vvc.start_leading()
    velero.create_set("first", spec)
    eventually(lambda: len(velero.of("first")), 1, within=20)
    time.sleep(1)  # the API server's clock has seconds
    velero.create_set("second", spec)
    eventually(lambda: velero.condition("second", "Progressing"), ("False", "Blocked"), within=20)
    assert f"{namespace.name}/first" in velero.message("second", "Progressing")
    stays(lambda: velero.of("second"), {}, 2)
    velero.run_to_end("first")
    eventually(lambda: len(velero.of("second")), 1)
    velero.run_to_end("second")


def test_a_paused_set_starts_nothing_until_it_goes_on(velero: Installation, vvc: Vvc) -> None:
    spec = velero.applications("a", "b", "c")
    vvc.start_leading()
    velero.create_set("night", spec)
    eventually(lambda: len(velero.of("night")), 2, within=20)
    velero.patch_set("night", {"spec": {"paused": True}})
    eventually(lambda: velero.phase("night"), "Paused")
    velero.end_all("night")
    stays(lambda: len(velero.of("night")), 2, 2)
    velero.patch_set("night", {"spec": {"paused": False}})
    assert velero.run_to_end("night")["phase"] == "Completed"


def test_what_may_be_edited_while_it_runs_takes_effect(velero: Installation, vvc: Vvc) -> None:
    spec = velero.applications("a", "b", "c")
    vvc.start_leading()
    velero.create_set("night", {**spec, "concurrency": {"max": 1}})
    eventually(lambda: len(velero.of("night")), 1, within=20)
    stays(lambda: len(velero.of("night")), 1, 2)
    velero.patch_set("night", {"spec": {"concurrency": {"max": 2}}})
    eventually(lambda: len(velero.of("night")), 2)


def test_backups_of_others_take_slots_and_namespaces(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    spec = velero.applications("a", "b")
    spec["selection"]["clusterResources"] = False
    velero.foreign("theirs", [f"{namespace.name}-a"])
    velero.report("theirs", "InProgress")
    vvc.start_leading()
    velero.create_set("night", spec)
    eventually(lambda: len(velero.of("night")), 1, within=20)
    (backup,) = velero.of("night").values()
    assert namespaces_of(backup) == [f"{namespace.name}-b"]
    velero.end_all("night")
    stays(lambda: len(velero.of("night")), 1, 2)
    velero.report("theirs", "Completed")
    eventually(lambda: len(velero.of("night")), 2)


def test_a_set_that_is_deleted_leaves_its_backups(velero: Installation, vvc: Vvc) -> None:
    spec = velero.applications("a", "b", "c")
    replica = vvc.start_leading()
    velero.create_set("night", spec)
    eventually(lambda: len(velero.of("night")), 2, within=20)
    velero.delete_set("night")
    velero.end_all("night")
    stays(lambda: len(velero.of("night")), 2, 2)
    assert replica.metric("vvc_loop_errors_total") == 0


def test_shards_that_failed_are_tried_again_on_demand(velero: Installation, vvc: Vvc) -> None:
    spec = velero.applications("a")
    spec["selection"]["clusterResources"] = False
    vvc.start_leading()
    velero.create_set("night", {**spec, "retry": {"limit": 0}})
    eventually(lambda: len(velero.of("night")), 1, within=20)
    velero.end_all("night", "Failed")
    eventually(lambda: velero.phase("night"), "Failed")
    velero.patch_set("night", {"metadata": {"annotations": {naming.RETRY: "once"}}})
    eventually(lambda: len(velero.of("night")), 2)
    assert velero.run_to_end("night")["phase"] == "Completed"


def test_a_set_where_no_velero_is_makes_no_backup_anywhere(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    """Or who may make BackupSets in a namespace of his own could read all others, and run hooks in them."""
    spec = velero.applications("a")
    elsewhere = Installation(Namespace(namespace.api, f"{namespace.name}-a"))
    vvc.start_leading()
    try:
        elsewhere.create_set("night", {**spec, "lanes": [{"namespace": namespace.name}]})
        elsewhere.create_set("own", spec)
        eventually(lambda: elsewhere.condition("night", "Planned"), ("False", "LanesElsewhere"), within=20)
        eventually(lambda: elsewhere.condition("own", "Planned"), ("False", "LaneMissing"), within=20)
    finally:
        leftovers.clear(elsewhere.namespace)
    assert velero.backups() == {}


def test_a_planned_volume_that_velero_skipped_is_missing_until_it_is_tried_again(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    """Velero warns in its log alone, and ends the Backup Completed."""
    spec = velero.applications("a", "b")
    vvc.start_leading()
    velero.create_set("night", {**spec, "selection": {**spec["selection"], "clusterResources": False}})
    eventually(lambda: len(velero.of("night")), 2, within=20)
    velero.made[0].set_phase("web", "Succeeded")
    for each in velero.of("night").values():
        skipped = namespaces_of(each) == [velero.made[0].name]
        velero.report(each["metadata"]["name"], "Completed", taken=not skipped)
    eventually(lambda: velero.phase("night"), "PartiallyFailed", within=40)
    (missing,) = velero.status("night")["restorePoint"]["missing"]
    assert (missing["namespace"], missing["claim"]) == (f"{namespace.name}-a", "data")
    assert "pod web, which mounts it, is Succeeded now" in missing["reason"]
    assert velero.condition("night", "Degraded") == ("True", "VolumesNotTaken")
    velero.patch_set("night", {"metadata": {"annotations": {naming.RETRY: "now"}}})
    eventually(lambda: len(velero.of("night")), 3, within=20)
    status = velero.run_to_end("night")
    assert status["phase"] == "Completed"
    assert "missing" not in status["restorePoint"]


def test_a_claim_that_was_deleted_meanwhile_is_not_missing(velero: Installation, vvc: Vvc) -> None:
    spec = velero.applications("a")
    vvc.start_leading()
    velero.create_set("night", {**spec, "selection": {**spec["selection"], "clusterResources": False}})
    eventually(lambda: len(velero.of("night")), 1, within=20)
    application = velero.made[0]
    application.delete_pod("web")
    # The finalizer would be taken away by Kubernetes' controllers, which do not run beside this API server.
    application.core.patch_namespaced_persistent_volume_claim(
        "data", application.name, {"metadata": {"finalizers": None}}
    )
    application.core.delete_namespaced_persistent_volume_claim("data", application.name)
    (backup,) = velero.backups()
    velero.report(backup, "Completed", taken=False)
    eventually(lambda: velero.phase("night"), "Completed", within=40)


def test_namespaces_that_are_labelled_or_deleted_after_the_plan_are_left_out_and_named(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    spec = velero.applications("a", "b", "c")
    vvc.start_leading()
    names = {each: f"{namespace.name}-{each}" for each in "abc"}
    velero.create_set(
        "night",
        {**spec, "first": [names["a"]], "concurrency": {"max": 1}, "paused": False},
    )
    eventually(lambda: len(velero.of("night")), 1, within=20)
    label = {"metadata": {"labels": {"velero.io/exclude-from-backup": "true"}}}
    namespace.core.patch_namespace(names["b"], label)
    namespace.core.delete_namespace(names["c"])
    eventually(lambda: namespace.core.read_namespace(names["c"]).status.phase, "Terminating")
    status = velero.run_to_end("night")
    assert status["phase"] == "Completed"
    assert {each["namespace"]: each["reason"][:8] for each in status["restorePoint"]["missing"]} == {
        names["b"]: "left out",
        names["c"]: "left out",
    }
    taken = [name for each in velero.of("night").values() for name in namespaces_of(each)]
    assert sorted(taken) == ["*", names["a"]]
    assert velero.condition("night", "Degraded") == ("True", "LeftOut")
    assert namespace.events("LeftOut")
