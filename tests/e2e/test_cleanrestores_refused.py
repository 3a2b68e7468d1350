"""CleanRestores that must not begin, or must stop: nothing is deleted, and what is told names the way out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hack.demo.data import Digest
from hack.lab import faults, kubectl
from hack.lab.progress import wait_until
from tests.e2e import restores_ground, sets_running
from tests.e2e import restores_objects as make
from tests.e2e import restores_operator as operator
from tests.e2e.restores_ground import Ground, filled, newest
from tests.e2e.restores_running import RunningRestore
from tests.e2e.restores_samples import Application, differences, pod_of, shop

PROTECT = "vvc.velero.io/protect"
ROLE = "velero-volume-controller-restore"

#: What is refused hangs on no version of Velero's.
pytestmark = newest


def assert_untouched(
    ground: Ground, run: RunningRestore, app: Application, damaged: Mapping[str, Digest]
) -> None:
    """The run has ended Failed, deleted nothing, and all is as it was when it began."""
    status = run.wait_for_end()
    assert status["phase"] == "Failed", run.all_told()
    assert [str(each) for each in ground.deleted_by_controller(run)] == []
    app.wait_until_running()
    assert differences(damaged, app.digests()) == {}


def settings(namespace: str, colour: str) -> None:
    body = json.dumps({"data": {"colour": colour}})
    kubectl.kubectl("-n", namespace, "patch", "configmap", "settings", "--type=merge", "-p", body)


def damaged(app: Application) -> dict[str, Digest]:
    app.damage()
    return app.digests()


def test_an_object_that_changed_since_the_plan_stops_the_run(ground: Ground) -> None:
    app = pod_of(ground.name("notes"))
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    found = damaged(app)
    with ground.restore({"source": {"backup": backup}}) as run:
        run.plan()
        settings(app.namespace, "changed since")
        run.approve()
        assert_untouched(ground, run, app, found)
        assert run.reason() == "PlanIsStale"
        assert f"ConfigMap {app.namespace}/settings" in run.said()
        # It is planned again, and is approved anew.
        run.resume()
        run.wait_for(lambda status: status.get("phase") == "Planning" or "ended" not in status, "it goes on")
        run.carry_out()
        assert run.wait_for_end()["phase"] == "Completed", run.all_told()
        app.wait_until_running()
        assert differences(before, app.digests()) == {}


def test_an_object_of_the_same_name_but_another_uid_stops_the_run(ground: Ground) -> None:
    app = pod_of(ground.name("notes"))
    filled(app)
    backup = ground.backup(app.namespace)
    found = damaged(app)
    with ground.restore({"source": {"backup": backup}}) as run:
        run.plan()
        kubectl.kubectl("-n", app.namespace, "delete", "configmap", "settings")
        again = next(each for each in app.objects if each["kind"] == "ConfigMap")
        kubectl.apply(json.dumps(again))
        run.approve()
        assert_untouched(ground, run, app, found)
        assert run.reason() == "PlanIsStale"
        assert f"ConfigMap {app.namespace}/settings" in run.said()


def test_a_volume_that_the_plan_keeps_and_that_would_go_now_stops_the_run(ground: Ground) -> None:
    with restores_ground.retaining() as storage_class:
        app = pod_of(ground.name("kept"), storage_class=storage_class)
        filled(app)
        backup = ground.backup(app.namespace)
        found = damaged(app)
        volume = restores_ground.volume_of(app.namespace, "files")
        with ground.restore({"source": {"backup": backup}}) as run:
            assert run.carry_out().action("PersistentVolume", volume) == "keep"
            run.wait_for_phase("UndoBackup")
            restores_ground.delete_volume(volume)
            assert_untouched(ground, run, app, found)
            assert run.reason() == "PlanIsStale"
            assert f"PersistentVolume {volume} would go now with its claim" in run.said()


def test_a_kind_that_velero_did_not_know_when_it_made_the_undo_backup_stops_the_run(ground: Ground) -> None:
    app = pod_of(ground.name("notes"))
    filled(app)
    backup = ground.backup(app.namespace)
    found = damaged(app)
    ground.restart_velero()
    with ground.defined("v1"):
        # Velero's next look at what the cluster serves is five minutes away (1.18, server.go).
        kubectl.apply(json.dumps(operator.widget(app.namespace, "sprocket") | {"metadata": _bare(app)}))
        with ground.restore({"source": {"backup": backup}, "scope": "namespace"}) as run:
            assert run.carry_out().action("Widget.cr.example.com", "sprocket") == "delete"
            assert_untouched(ground, run, app, found)
            assert run.reason() == "UndoIncomplete"
            assert f"Widget {app.namespace}/sprocket (Velero did not take it)" in run.said()


def test_a_partially_failed_backup_is_restored_only_if_that_is_allowed(ground: Ground) -> None:
    app = pod_of(ground.name("notes"))
    broken = pod_of(ground.name("hooked"))
    before = filled(app, broken)
    hook, on_error = "pre.hook.backup.velero.io/command", "pre.hook.backup.velero.io/on-error"
    annotations = {hook: '["/bin/false"]', on_error: "Fail"}
    template = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    patch = ["patch", "deployment", "notes", "--type=merge", "-p", json.dumps(template)]
    kubectl.kubectl("-n", broken.namespace, *patch)
    broken.wait_until_running()
    names = [app.namespace, broken.namespace]
    backup = ground.backup(*names, expect="PartiallyFailed")
    app.damage()
    found = app.digests()
    with ground.restore({"source": {"backup": backup}, "namespaces": {"include": [app.namespace]}}) as run:
        run.carry_out()
        assert_untouched(ground, run, app, found)
        assert run.reason() == "BackupPartiallyFailed"
        assert "allowPartial" in run.said()
    partly = {"source": {"backup": backup}, "namespaces": {"include": [app.namespace]}, "allowPartial": True}
    with ground.restore(partly) as run:
        run.carry_out()
        assert run.wait_for_end()["phase"] in {"Completed", "CompletedWithWarnings"}, run.all_told()
        app.wait_until_running()
        assert differences(before[app.namespace], app.digests()) == {}


def test_a_backup_that_expires_before_the_restore_can_end_is_refused(ground: Ground) -> None:
    app = pod_of(ground.name("notes"))
    filled(app)
    backup = ground.backup(app.namespace, spec={"ttl": "30m"})
    found = damaged(app)
    with ground.restore({"source": {"backup": backup}}) as run:
        run.carry_out()
        assert_untouched(ground, run, app, found)
        assert run.reason() == "BackupExpires"
        assert backup in run.said()


def test_a_kind_that_the_cluster_serves_in_other_versions_only_is_named(ground: Ground) -> None:
    app = pod_of(ground.name("notes"))
    filled(app)
    with ground.defined("v1"):
        kubectl.apply(json.dumps(operator.widget(app.namespace, "sprocket") | {"metadata": _bare(app)}))
        ground.restart_velero()
        backup = ground.backup(app.namespace)
    found = damaged(app)
    with ground.defined("v2"), ground.restore({"source": {"backup": backup}}) as run:
        run.carry_out()
        assert_untouched(ground, run, app, found)
        assert run.reason() == "VersionNotServed"
        assert "cr.example.com/v1" in run.said()
        assert "cr.example.com/v2" in run.said()


def test_storage_that_is_lost_after_the_plan_stops_the_run_until_it_is_back(ground: Ground) -> None:
    app = pod_of(ground.name("notes"))
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    found = damaged(app)
    lanes = (ground.velero,)
    with sets_running.location_looked_at_often(lanes), ground.restore({"source": {"backup": backup}}) as run:
        run.plan()
        undo = faults.kill_service(ground.lab.s3, "s3")
        try:
            sets_running.wait_for_location(lanes, "Unavailable")
            run.approve()
            assert_untouched(ground, run, app, found)
            assert "default" in run.said()
        finally:
            undo()
        sets_running.wait_for_location(lanes, "Available")
        run.resume()
        run.wait_for(lambda status: "ended" not in status, "it goes on")
        if run.status()["phase"] in {"Planning", "AwaitingApproval"}:
            run.carry_out()
        assert run.wait_for_end()["phase"] == "Completed", run.all_told()
        app.wait_until_running()
        assert differences(before, app.digests()) == {}


def test_a_claim_that_the_undo_backup_can_not_have_stops_the_run(ground: Ground) -> None:
    app = shop(ground.name("shop"), replicas=1)
    filled(app)
    kubectl.apply(json.dumps(make.claim(app.namespace, "spare")))
    kubectl.apply(json.dumps(make.pod(app.namespace, "user", {"spare": "spare"})))
    kubectl.kubectl("-n", app.namespace, "wait", "pod/user", "--for=condition=Ready", "--timeout=120s")
    backup = ground.backup(app.namespace)
    kubectl.kubectl("-n", app.namespace, "delete", "pod", "user")
    found = damaged(app)
    with ground.restore({"source": {"backup": backup}}) as run:
        run.carry_out()
        assert_untouched(ground, run, app, found)
        assert run.reason() == "UndoIncomplete"
        assert f"{app.namespace}/spare" in run.said()


def test_a_protected_namespace_is_refused(ground: Ground) -> None:
    app = pod_of(ground.name("notes"))
    filled(app)
    backup = ground.backup(app.namespace)
    found = damaged(app)
    kubectl.kubectl("annotate", "namespace", app.namespace, f"{PROTECT}=true")
    with ground.restore({"source": {"backup": backup}}) as run:
        run.wait_for(lambda status: bool(status.get("problems")), "it says what stands against it", 120)
        assert run.phase() == "Planning"
        assert PROTECT in run.said()
        kubectl.kubectl("annotate", "namespace", app.namespace, f"{PROTECT}-")
        run.plan()
        run.patch({"cancel": True})
        assert run.wait_for_end()["phase"] == "Cancelled", run.all_told()
        assert ground.deleted_by_controller(run) == []
        assert differences(found, app.digests()) == {}


def test_a_protected_object_stays_and_what_hangs_on_it_is_told(ground: Ground) -> None:
    app = pod_of(ground.name("notes"))
    filled(app)
    backup = ground.backup(app.namespace)
    found = damaged(app)
    at = ["-n", app.namespace]
    kubectl.kubectl(*at, "annotate", "configmap", "settings", f"{PROTECT}=true")
    settings(app.namespace, "protected")
    with ground.restore({"source": {"backup": backup}}) as run:
        assert run.plan().action("ConfigMap", "settings") == "keep"
        run.patch({"cancel": True})
        assert run.wait_for_end()["phase"] == "Cancelled"
    # A pod would write into the protected claim: the plan is refused as a whole.
    kubectl.kubectl(*at, "annotate", "persistentvolumeclaim", "files", f"{PROTECT}=true")
    with ground.restore({"source": {"backup": backup}}) as run:
        run.wait_for(lambda status: bool(status.get("problems")), "it says what is blocked", 120)
        assert run.status()["plan"]["blocked"] > 0
        assert "files" in run.said()
        assert ground.deleted_by_controller(run) == []
    kubectl.kubectl(*at, "annotate", "persistentvolumeclaim", "files", f"{PROTECT}-")
    assert differences(found, app.digests()) == {}


def test_without_the_right_to_still_workloads_nothing_is_deleted(ground: Ground) -> None:
    app = pod_of(ground.name("notes"))
    filled(app)
    backup = ground.backup(app.namespace)
    found = damaged(app)
    with without("patch"), ground.restore({"source": {"backup": backup}}) as run:
        run.carry_out()
        assert_untouched(ground, run, app, found)
        assert "patch" in run.said()
        assert "deployments" in run.said()


def test_without_the_right_to_delete_it_says_what_is_missing_and_goes_on_once_it_is_there(
    ground: Ground,
) -> None:
    app = pod_of(ground.name("notes"))
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    app.damage()
    with ground.restore({"source": {"backup": backup}}) as run:
        run.plan()
        with without("delete"):
            run.approve()
            missing = lambda status: "delete" in json.dumps(status)  # noqa: E731
            wait_until(lambda: missing(run.status()), "it says what is missing", seconds=180, every=0.5)
            assert ground.deleted_by_controller(run) == []
        if run.phase() == "Failed":
            run.resume()
            run.wait_for(lambda status: "ended" not in status, "it goes on")
            if run.status()["phase"] in {"Planning", "AwaitingApproval"}:
                run.carry_out()
        assert run.wait_for_end()["phase"] == "Completed", run.all_told()
        app.wait_until_running()
        assert differences(before, app.digests()) == {}


def test_of_two_runs_over_one_namespace_the_second_waits(ground: Ground) -> None:
    app = pod_of(ground.name("notes"))
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    found = damaged(app)
    assert found
    spec = {"source": {"backup": backup}}
    with ground.restore(spec) as first, ground.restore(spec) as second:
        first.plan()
        second.plan()
        first.approve()
        first.wait_for(lambda status: status["phase"] not in {"AwaitingApproval", "Validating"}, "it begins")
        second.approve()
        second.wait_for_phase("Validating")
        wait_until(lambda: first.name in second.said(), "the second says for whom it waits", seconds=30)
        assert first.wait_for_end()["phase"] == "Completed", first.all_told()
        # What the second was planned on is gone.
        assert second.wait_for_end()["phase"] == "Failed", second.all_told()
        assert second.reason() == "PlanIsStale"
        first.plans.extend(second.plans)
        app.wait_until_running()
        assert differences(before, app.digests()) == {}


@contextmanager
def without(verb: str) -> Iterator[None]:
    """The controller's piece for CleanRestores lacks a verb."""
    role = kubectl.get("clusterrole", ROLE)
    kept: list[Any] = [
        {**rule, "verbs": [each for each in rule["verbs"] if each != verb]} for rule in role["rules"]
    ]
    _grant([rule for rule in kept if rule["verbs"]])
    try:
        yield
    finally:
        _grant(role["rules"])


def _grant(rules: list[Any]) -> None:
    kubectl.kubectl("patch", "clusterrole", ROLE, "--type=merge", "-p", json.dumps({"rules": rules}))


def _bare(app: Application) -> dict[str, str]:
    return {"name": "sprocket", "namespace": app.namespace}
