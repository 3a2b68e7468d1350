"""CleanRestores when something breaks, or fights back: each ends whole, or says what holds it up."""

from __future__ import annotations

import json

from hack.lab import faults, kubectl
from hack.lab.progress import wait_until
from tests.e2e import restores_operator as operator
from tests.e2e import restores_samples
from tests.e2e.restores_ground import Ground, filled, newest
from tests.e2e.restores_running import RunningRestore
from tests.e2e.restores_samples import differences, pod_of, shop

#: In the order in which they are gone through.
PHASES = (
    "Planning",
    "AwaitingApproval",
    "Validating",
    "UndoBackup",
    "Quiescing",
    "Clearing",
    "WaitingGone",
    "Restoring",
    "Verifying",
)
NEVER = "example.com/never"


def test_when_velero_is_killed_in_the_middle_of_the_restore_it_is_made_again(ground: Ground) -> None:
    app = shop(ground.name("shop"))
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    app.damage()
    with ground.restore({"source": {"backup": backup}}) as run:
        run.carry_out()
        run.wait_for_phase("Restoring")
        wait_until(lambda: _restoring(ground, run), "Velero restores", seconds=120)
        faults.crash(ground.lab, ground.namespace, "deploy=velero")
        status = run.wait_for_end(600)
        assert status["phase"] == "Completed", run.all_told()
        assert [each["phase"] for each in status["restores"]] == ["Failed", "Completed"], run.all_told()
        app.wait_until_running()
        assert differences(before, app.digests()) == {}


def test_when_the_controller_is_killed_at_each_phase_the_run_ends_all_the_same(ground: Ground) -> None:
    app = shop(ground.name("shop"))
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    app.damage()
    killed_in = []
    with ground.without_velero() as back, ground.restore({"source": {"backup": backup}}) as run:
        for phase in PHASES:
            run.wait_for(lambda status, phase=phase: _at(status) >= PHASES.index(phase), f"it is {phase}")  # type: ignore[misc]
            found = run.phase()
            ground.kill_controller()
            killed_in.append(found)
            if phase == "Planning":
                # Without Velero, nothing tells what the Backup holds: so long it was being planned.
                back()
            if phase == "AwaitingApproval":
                run.carry_out()
        status = run.wait_for_end(600)
        assert status["phase"] == "Completed", run.all_told()
        app.wait_until_running()
        assert differences(before, app.digests()) == {}
        assert len(status["restores"]) == 1
        undo = kubectl.items("-n", ground.namespace, "backups.velero.io")
        uid = run.get()["metadata"]["uid"]
        assert len([each for each in undo if uid in each["metadata"].get("labels", {}).values()]) == 1
    assert {"Planning", "UndoBackup", "Quiescing", "Restoring"} <= set(killed_in), killed_in


@newest
def test_an_object_that_does_not_go_is_named_with_its_finalizer(ground: Ground) -> None:
    app = pod_of(ground.name("stuck"))
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    app.damage()
    hold = json.dumps({"metadata": {"finalizers": [NEVER]}})
    kubectl.kubectl("-n", app.namespace, "patch", "configmap", "settings", "--type=merge", "-p", hold)
    with ground.restore({"source": {"backup": backup}, "timeouts": {"clear": "20s"}}) as run:
        run.carry_out()
        status = run.wait_for_end()
        assert (status["phase"], run.reason()) == ("Failed", "NotGone"), run.all_told()
        for told in (f"ConfigMap {app.namespace}/settings", NEVER):
            assert told in run.said()
        found = kubectl.get("-n", app.namespace, "configmap", "settings")
        assert found["metadata"]["finalizers"] == [NEVER]
        restores_samples.release(app.namespace)
        run.resume()
        run.wait_for(lambda status: "ended" not in status, "it goes on")
        assert run.wait_for_end()["phase"] == "Completed", run.all_told()
        app.wait_until_running()
        assert differences(before, app.digests()) == {}


@newest
def test_an_operator_that_starts_what_was_stilled_is_named_and_not_fought(ground: Ground) -> None:
    app = pod_of(ground.name("op"))
    filled(app)
    backup = ground.backup(app.namespace)
    app.damage()
    damaged = app.digests()
    with (
        operator.at_work(ground.name("operator"), app.namespace, "running"),
        ground.restore({"source": {"backup": backup}}) as run,
    ):
        run.carry_out()
        status = run.wait_for_end()
        assert (status["phase"], run.reason()) == ("Failed", "StartedAgain"), run.all_told()
        assert f"Deployment {app.namespace}/notes was stilled and runs again" in run.said()
        assert ground.deleted_by_controller(run) == []
        app.wait_until_running()
        assert differences(damaged, app.digests()) == {}


@newest
def test_an_operator_that_makes_again_what_was_deleted_is_told(ground: Ground) -> None:
    app = pod_of(ground.name("op"))
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    app.damage()
    with ground.restore({"source": {"backup": backup}}) as run:
        with operator.at_work(ground.name("operator"), app.namespace, "settings"):
            run.carry_out()
            status = run.wait_for_end()
            assert (status["phase"], run.reason()) == ("Failed", "MadeAgain"), run.all_told()
            assert f"ConfigMap {app.namespace}/settings" in run.said()
        # Its operator is stopped, as the message asks for; the rest is planned anew.
        run.resume()
        run.wait_for(lambda status: "ended" not in status, "it goes on")
        run.carry_out()
        assert run.wait_for_end()["phase"] == "Completed", run.all_told()
        app.wait_until_running()
        assert differences(before, app.digests()) == {}


@newest
def test_a_custom_resource_with_a_finalizer_goes_only_if_its_kind_may(ground: Ground) -> None:
    app = pod_of(ground.name("op"))
    with (
        ground.defined("v1"),
        operator.at_work(ground.name("operator"), app.namespace, "widgets"),
    ):
        before = filled(app)[app.namespace]
        kubectl.apply(json.dumps(operator.widget(app.namespace, "sprocket")))
        ground.restart_velero()
        backup = ground.backup(app.namespace)
        app.damage()
        with ground.restore({"source": {"backup": backup}}) as run:
            run.wait_for(lambda status: bool(status.get("problems")), "it says what is blocked", 120)
            assert "allowKinds" in run.said()
            assert ground.deleted_by_controller(run) == []
        allowed = {"source": {"backup": backup}, "allowKinds": ["Widget.cr.example.com"]}
        with ground.restore(allowed) as run:
            run.carry_out()
            assert run.wait_for_end()["phase"] == "Completed", run.all_told()
            app.wait_until_running()
            assert differences(before, app.digests()) == {}
        kubectl.kubectl("-n", app.namespace, "delete", "widget", "sprocket")


def _restoring(ground: Ground, run: RunningRestore) -> bool:
    """Whether a volume is being written, or has been."""
    restores = {each["name"] for each in run.status().get("restores", ())}
    return any(
        each["metadata"].get("labels", {}).get("velero.io/restore-name") in restores
        and each.get("status", {}).get("phase") in {"InProgress", "Completed"}
        for each in kubectl.items("-n", ground.namespace, "podvolumerestores.velero.io")
    )


def _at(status: dict[str, object]) -> int:
    """How far it is; Verifying may be over before it is seen."""
    phase = status.get("phase")
    if phase == "Completed":
        return len(PHASES)
    return PHASES.index(phase) if phase in PHASES else -1  # type: ignore[arg-type]
