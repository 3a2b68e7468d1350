"""CleanRestores on real Velero, 1.18.3 with kopia and 1.16.2 with restic: what was lost comes back whole.

In each, every file is as it was backed up, and the API server's audit log says that nothing was deleted but
what the plan names.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from hack.lab import kubectl
from tests.e2e import restores_ground
from tests.e2e import restores_objects as make
from tests.e2e.restores_ground import Ground, filled, newest
from tests.e2e.restores_running import RunningRestore
from tests.e2e.restores_samples import differences, pod_of, shop, web
from tests.e2e.sets_running import RunningSet


def change(namespace: str) -> None:
    """What people do by mistake: settings are changed, a Secret is lost, something is added."""
    to = ["-n", namespace]
    red = json.dumps({"data": {"colour": "red"}})
    kubectl.kubectl(*to, "patch", "configmap", "settings", "--type=merge", "-p", red)
    kubectl.kubectl(*to, "create", "configmap", "extra", "--from-literal=added=later")


def colour(namespace: str) -> str:
    return str(kubectl.get("-n", namespace, "configmap", "settings")["data"]["colour"])


def exists(namespace: str, kind: str, name: str) -> bool:
    return kubectl.get("-n", namespace, kind, name) is not None


def assert_completed(run: RunningRestore) -> dict[str, Any]:
    status = run.wait_for_end()
    assert status["phase"] == "Completed", run.all_told()
    verify = status["verify"]
    assert verify.get("missing", 0) == 0, run.all_told()
    assert verify.get("volumesDone", 0) == verify.get("volumes", 0), run.all_told()
    return status


def test_a_stateful_set_that_was_changed_and_half_deleted_comes_back_as_it_was(ground: Ground) -> None:
    app = shop(ground.name("shop"))
    at = ["-n", app.namespace]
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    app.damage()
    change(app.namespace)
    kubectl.kubectl(*at, "delete", "secret", "keys")
    kubectl.kubectl(*at, "scale", "statefulset", "database", "--replicas=1")
    kubectl.kubectl(*at, "wait", "pod/database-1", "--for=delete", "--timeout=60s")
    kubectl.kubectl(*at, "delete", "persistentvolumeclaim", "data-database-1")
    with ground.restore({"source": {"backup": backup}}) as run:
        plan = run.carry_out()
        assert plan.action("ConfigMap", "extra") == "keep"
        assert plan.action("Secret", "keys") == "create"
        assert plan.action("PersistentVolumeClaim", "data-database-0") == "delete"
        assert_completed(run)
        app.wait_until_running()
        assert differences(before, app.digests()) == {}
        assert colour(app.namespace) == "green"
        assert exists(app.namespace, "secret", "keys")
        assert exists(app.namespace, "configmap", "extra")
        assert kubectl.get(*at, "statefulset", "database")["spec"]["replicas"] == 2
        [undo] = [kubectl.get("-n", ground.namespace, "backup.velero.io", run.status()["undo"]["backup"])]
        assert undo["status"]["phase"] == "Completed"


@newest
def test_scope_volumes_brings_data_back_and_leaves_the_rest_as_it_is(ground: Ground) -> None:
    app = shop(ground.name("shop"), replicas=1)
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    app.damage()
    change(app.namespace)
    with ground.restore({"source": {"backup": backup}, "scope": "volumes"}) as run:
        plan = run.carry_out()
        assert plan.action("ConfigMap", "settings") == "keep"
        assert plan.action("Service", "database") == "keep"
        assert plan.action("StatefulSet.apps", "database") == "delete"
        assert_completed(run)
        app.wait_until_running()
        assert differences(before, app.digests()) == {}
        assert colour(app.namespace) == "red"


@newest
@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"scope": "namespace"}, id="scope namespace"),
        pytest.param({"extras": "delete"}, id="extras are deleted"),
    ],
)
def test_what_the_backup_does_not_hold_goes_where_that_is_asked_for(
    ground: Ground, how: dict[str, str]
) -> None:
    app = pod_of(ground.name("notes"))
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    app.damage()
    change(app.namespace)
    kubectl.apply(json.dumps(make.deployment(app.namespace, "added", {})))
    with ground.restore({"source": {"backup": backup}, **how}) as run:
        plan = run.carry_out()
        assert plan.action("ConfigMap", "extra") == "delete"
        assert plan.action("Deployment.apps", "added") == "delete"
        assert plan.action("ConfigMap", "kube-root-ca.crt") == "keep"
        assert_completed(run)
        app.wait_until_running()
        assert differences(before, app.digests()) == {}
        assert not exists(app.namespace, "configmap", "extra")
        assert not exists(app.namespace, "deployment", "added")


@newest
def test_a_mapped_namespace_comes_back_beside_the_one_that_was_backed_up(ground: Ground) -> None:
    app = pod_of(ground.name("notes"))
    other = ground.name("copy")
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    app.damage()
    damaged = app.digests()
    mapped = {"source": {"backup": backup}, "namespaceMapping": {app.namespace: other}}
    with ground.restore(mapped) as run:
        plan = run.carry_out()
        assert plan.names("delete") == set()
        assert_completed(run)
        kubectl.rollout(other, "deployment/notes")
        assert differences(before, app.digests(other)) == {}
    # What is there now is in the way of the next one; the namespace that was backed up is nobody's business.
    with ground.restore(mapped) as run:
        plan = run.carry_out()
        assert plan.action("Deployment.apps", "notes") == "delete"
        assert_completed(run)
        kubectl.rollout(other, "deployment/notes")
        assert differences(before, app.digests(other)) == {}
        assert {each.namespace for each in ground.deleted_by_controller(run)} == {other}
    assert differences(damaged, app.digests()) == {}


def test_a_backup_set_is_a_restore_point_too(ground: Ground) -> None:
    apps = [pod_of(ground.name(stem)) for stem in ("one", "two")]
    before = filled(*apps)
    names = [app.namespace for app in apps]
    made = RunningSet(ground.namespace, f"set-{uuid4().hex[:6]}", (ground.velero,))
    made.create(names, {"isolate": names, "template": {"defaultVolumesToFsBackup": True}})
    try:
        status = made.wait_for_end()
        assert status["phase"] == "Completed", made.told()
        for app in apps:
            app.damage()
            change(app.namespace)
        with ground.restore({"source": {"backupSet": made.name}, "namespaces": {"include": names}}) as run:
            run.carry_out()
            done = assert_completed(run)
            assert len(done["restores"]) == len(done["plan"]["backups"]) >= 2
            for app in apps:
                app.wait_until_running()
                assert differences(before[app.namespace], app.digests()) == {}
                assert colour(app.namespace) == "green"
    finally:
        made.remove()


def test_a_run_is_undone(ground: Ground) -> None:
    app = pod_of(ground.name("notes"))
    filled(app)
    backup = ground.backup(app.namespace)
    app.damage()
    change(app.namespace)
    damaged = app.digests()
    with ground.restore({"source": {"backup": backup}}) as run:
        run.carry_out()
        assert_completed(run)
        app.wait_until_running()
        assert colour(app.namespace) == "green"
        # Nobody is asked without a terminal: it is made, its plan is shown, and it waits.
        ground.vvc("restore", "undo", run.name, "--namespace", run.namespace, status=2)
        undone = RunningRestore(run.namespace, f"{run.name}-undo", run.since)
        undone.plan()
        approved = ["--plan-hash", undone.status()["plan"]["hash"]]
        ground.vvc("restore", "apply", undone.name, "--namespace", run.namespace, *approved)
        assert_completed(undone)
        app.wait_until_running()
        assert differences(damaged, app.digests()) == {}
        assert colour(app.namespace) == "red"
        assert exists(app.namespace, "configmap", "extra")
        run.plans.extend(undone.plans)
        undone.remove()


def test_every_kind_of_workload_stands_still_and_comes_back(ground: Ground) -> None:
    app = web(ground.name("web"))
    at = ["-n", app.namespace]
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    app.damage()
    kubectl.kubectl(*at, "scale", "deployment", "site", "--replicas=2")
    with ground.restore({"source": {"backup": backup}}) as run:
        run.carry_out()
        status = assert_completed(run)
        app.wait_until_running()
        assert differences(before, app.digests()) == {}
        assert kubectl.get(*at, "deployment", "site")["spec"]["replicas"] == 1
        assert exists(app.namespace, "horizontalpodautoscaler", "site")
        assert not kubectl.get(*at, "cronjob", "tick")["spec"].get("suspend", False)
        daemons = kubectl.get(*at, "daemonset", "agent")["status"]
        assert daemons["numberReady"] == daemons["desiredNumberScheduled"] > 0
        began, ended = (_began(status, phase) for phase in ("Clearing", "Restoring"))
        jobs = kubectl.items(*at, "jobs")
        made = [datetime.fromisoformat(each["metadata"]["creationTimestamp"]) for each in jobs]
        assert not [each for each in made if began < each < ended]


@newest
def test_a_retained_volume_stays_with_its_data(ground: Ground) -> None:
    with restores_ground.retaining() as storage_class:
        app = pod_of(ground.name("kept"), storage_class=storage_class)
        before = filled(app)[app.namespace]
        backup = ground.backup(app.namespace)
        volume = restores_ground.volume_of(app.namespace, "files")
        app.damage()
        with ground.restore({"source": {"backup": backup}}) as run:
            plan = run.carry_out()
            assert plan.action("PersistentVolume", volume) == "keep"
            assert_completed(run)
            app.wait_until_running()
            assert differences(before, app.digests()) == {}
            found = kubectl.get("persistentvolume", volume)
            assert found["status"]["phase"] == "Released"
        restores_ground.delete_volume(volume)


def _began(status: dict[str, Any], phase: str) -> datetime:
    [step] = [each for each in status["steps"] if each["phase"] == phase]
    return datetime.fromisoformat(step["started"])
