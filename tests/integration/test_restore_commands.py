"""`vvc restore` on a real API server with the real controller; Velero and the kubelet are played."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from tests.integration.backup_sets import VELERO
from tests.integration.cluster import eventually
from tests.integration.process import Vvc
from tests.integration.restore_stage import Stage
from tests.integration.terminal import Typed, at_terminal

Done = subprocess.CompletedProcess[str]
SCRIPT = str(Path(sys.executable).parent / "vvc")
PROMPT = "Anything else ends this."
#: Whole runs, each with a dozen commands: half a minute on a machine that is quiet.
pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Commands:
    """`vvc restore` in this test's namespace."""

    stage: Stage
    kubeconfig: Path

    def line(self, *arguments: str) -> list[str]:
        where = ["-n", self.stage.here, "--kubeconfig", str(self.kubeconfig)]
        return [SCRIPT, "restore", *arguments, *where]

    def call(self, *arguments: str, text: str = "", **environment: str) -> Done:
        return subprocess.run(
            self.line(*arguments),
            input=text,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def __call__(self, *arguments: str, text: str = "", **environment: str) -> str:
        """What it prints; it must succeed."""
        done = self.call(*arguments, text=text, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *arguments: str, text: str = "") -> str:
        """What it says; it must be refused, in words."""
        done = self.call(*arguments, text=text)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    def typing(self, typed: str, *arguments: str, **environment: str) -> Typed:
        return at_terminal(self.line(*arguments), typed, PROMPT, **environment)

    def apply(self, name: str, *more: str) -> list[str]:
        """The arguments that make one of the shop."""
        return ["apply", name, "--from-backup", "b1", "--include-namespaces", self.stage.shop.name, *more]


@pytest.fixture
def vvc_restore(control_plane: ControlPlane, stage: Stage) -> Commands:
    return Commands(stage, control_plane.kubeconfig)


def changed(stage: Stage) -> None:
    """An application that was backed up, and is not what it was any more."""
    stage.application()
    stage.back_up("b1")
    stage.change()


def runs(stage: Stage) -> list[str]:
    found: Any = stage.custom.list_namespaced_custom_object(
        "vvc.velero.io", "v1alpha1", stage.here, "cleanrestores"
    )
    return [each["metadata"]["name"] for each in found["items"]]


def test_nothing_is_touched_before_its_plan_is_approved(
    stage: Stage, vvc_restore: Commands, vvc: Vvc
) -> None:
    changed(stage)
    before = stage.objects()
    shop = stage.shop.name
    assert vvc_restore("list") == f"There are no CleanRestores in {stage.here}.\n"
    asked = ("--from-backup", "b1", "--include-namespaces", shop)
    live = json.loads(vvc_restore("plan", *asked, "-o", "json"))
    assert runs(stage) == [], "a plan makes nothing"
    maps = {each["name"]: each["action"] for each in live["objects"] if each["kind"] == "ConfigMap"}
    assert (maps["settings"], maps["extra"]) == ("delete", "keep")

    vvc.start_leading()
    done = vvc_restore.call(*vvc_restore.apply("back"))
    assert done.returncode == 2, "nobody could be asked"
    command = f"vvc restore apply back -n {stage.here} --plan-hash {live['hash']}"
    said = f"nobody can be asked here, and nothing was approved. Look at the plan, and approve it: {command}"
    assert said in done.stderr
    claims = "1 PersistentVolumeClaim deleted, with the data that is in it now:"
    assert f"{claims}\n  {shop}/data" in done.stdout
    assert json.loads(vvc_restore("plan", "back", "-o", "json"))["hash"] == live["hash"]

    told = vvc_restore.refused("apply", "back", "--plan-hash", f"sha256:{'0' * 64}")
    assert f"--plan-hash: is not that of the plan, which is {live['hash']}. Nothing was approved." in told
    typed = vvc_restore.typing("not-the-shop", "apply", "back")
    assert typed.status == 2
    assert f"Nothing was approved: {shop} was not typed." in typed.shown
    assert "planHash" not in stage.run("back")["spec"]
    assert stage.objects() == before, "nothing is touched before it is approved"


def test_it_is_approved_by_typing_and_followed_to_its_end(
    stage: Stage, vvc_restore: Commands, vvc: Vvc
) -> None:
    changed(stage)
    before = stage.objects()
    vvc.start_leading()
    typed = vvc_restore.typing(stage.shop.name, *vvc_restore.apply("back"))
    assert typed.status == 0, typed.shown
    assert stage.phase("back") == "Completed"
    assert "█" in typed.shown
    assert "\x1b[32m" in typed.shown
    after = stage.objects()
    assert set(after) == {*before, "Secret/password"}
    assert after["ConfigMap/extra"] == before["ConfigMap/extra"]

    status = vvc_restore("status", "back", COLUMNS="100")
    assert f"CleanRestore {stage.here}/back: Completed" in status
    assert f"restores  Backup b1 into {stage.shop.name}" in status
    assert "\x1b" not in status
    shown = json.loads(vvc_restore("status", "back", "-o", "json"))
    assert shown["clearing"] == {"gone": shown["plan"]["delete"], "toGo": shown["plan"]["delete"]}
    assert shown["restores"][0]["volumes"][0]["bytesDone"] == 10
    assert yaml.safe_load(vvc_restore("status", "back", "-o", "yaml"))["phase"] == "Completed"
    heading, row = vvc_restore("list").splitlines()
    assert heading.split()[:3] == ["NAME", "PHASE", "SOURCE"]
    assert row.split()[:4] == ["back", "Completed", "Backup", "b1"]
    assert max(map(len, vvc_restore("list", "-A", COLUMNS="40").splitlines())) <= 40
    told = vvc_restore.refused("apply", "back")
    assert "has ended, or is about to (Completed). Make another one." in told
    report = vvc_restore("report", "back", COLUMNS="80")
    assert f"CleanRestore {stage.here}/back: All of it is as it was backed up." in report
    assert max(map(len, report.splitlines())) <= 80
    assert json.loads(vvc_restore("report", "back", "-o", "json"))["name"] == "back"
    assert "<html" in vvc_restore("report", "back", "-o", "html")


def test_a_plan_that_is_refused_says_what_is_in_the_way(
    stage: Stage, vvc_restore: Commands, vvc: Vvc
) -> None:
    changed(stage)
    stage.shop.core.patch_namespaced_pod(
        "db-0", stage.shop.name, {"metadata": {"labels": {"vvc.velero.io/protect": "true"}}}
    )
    before = stage.objects()
    live = vvc_restore.call("plan", "--from-backup", "b1", "--include-namespaces", stage.shop.name)
    assert live.returncode == 2
    assert "REFUSED" in live.stdout
    vvc.start_leading()
    done = vvc_restore.call(*vvc_restore.apply("back"))
    assert done.returncode == 2
    assert "in the way: nothing of this plan may be carried out." in done.stdout
    assert "its plan is refused, and nothing was touched." in done.stderr
    assert f"StatefulSet {stage.shop.name}/db" in done.stderr
    assert vvc_restore.call("plan", "back").returncode == 2
    assert stage.objects() == before
    assert "problems" in stage.status("back")
    assert stage.phase("back") == "Planning"

    told = vvc_restore.refused("apply", "none", "--from-backup", "nowhere")
    assert f"There is no Backup nowhere in {stage.here}" in told
    told = vvc_restore.refused("plan", "--from-backup", "nowhere")
    assert f"Error: There is no Backup nowhere in {stage.here}" in told
    told = vvc_restore.refused("plan", "--from-set", "nightly")
    assert f"there is no BackupSet {stage.here}/nightly" in told


def test_it_can_be_cancelled_until_something_is_deleted(
    stage: Stage, vvc_restore: Commands, vvc: Vvc
) -> None:
    changed(stage)
    vvc.start_leading()
    assert vvc_restore.call(*vvc_restore.apply("early")).returncode == 2
    assert vvc_restore("cancel", "early") == (
        f"CleanRestore {stage.here}/early: cancelled; nothing was deleted.\n"
    )
    assert "has ended (Cancelled): there is nothing to cancel." in vvc_restore.refused("cancel", "early")
    assert "has deleted nothing, so there is nothing to bring back." in vvc_restore.refused("undo", "early")

    stage.absent.add("gc")
    assert vvc_restore.call(*vvc_restore.apply("late")).returncode == 2
    plan_hash = stage.status("late")["plan"]["hash"]
    said = vvc_restore("apply", "late", "--plan-hash", plan_hash, "--no-wait")
    assert said.endswith(
        f"CleanRestore {stage.here}/late: goes on. Look on: vvc restore watch late -n {stage.here}\n"
    )
    eventually(lambda: stage.phase("late") in {"Clearing", "WaitingGone"}, True, within=120)
    assert "has not ended (" in vvc_restore.refused("undo", "late")
    done = vvc_restore.call("cancel", "late")
    assert done.returncode == 1
    assert "clearing has begun, so it goes on; half is worst." in done.stderr
    assert stage.run("late")["spec"]["cancel"] is False

    looking = subprocess.Popen(
        vvc_restore.line("watch", "late"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert looking.stdout is not None
    assert looking.stdout.readline().endswith("objects\n") or True
    looking.send_signal(signal.SIGINT)
    _, said = looking.communicate(timeout=30)
    assert looking.returncode == 130
    assert f"CleanRestore {stage.here}/late goes on." in said
    stage.absent.clear()
    watched = vvc_restore.call("watch", "late")
    assert watched.returncode == 0, watched.stdout
    assert watched.stdout.splitlines()[-1].endswith("late: Completed, 1 of 1 volume, 10 B")


def test_one_that_failed_says_why_and_goes_on(stage: Stage, vvc_restore: Commands, vvc: Vvc) -> None:
    changed(stage)
    stage.failing = 4
    vvc.start_leading()
    assert vvc_restore.call(*vvc_restore.apply("back")).returncode == 2
    plan_hash = stage.status("back")["plan"]["hash"]
    done = vvc_restore.call("apply", "back", "--plan-hash", plan_hash)
    assert done.returncode == 1, done.stdout
    assert "back: Failed: RestoreFailed:" in done.stdout.splitlines()[-1]
    status = vvc_restore("status", "back", COLUMNS="80")
    assert "! RestoreFailed: " in status
    assert "asks, and goes on with Restoring" in status

    done = vvc_restore.call("apply", "back")
    assert done.returncode == 2
    assert f"CleanRestore {stage.here}/back failed: RestoreFailed:" in done.stdout
    assert stage.phase("back") == "Failed", "it is not resumed before somebody says so"
    typed = vvc_restore.typing(stage.shop.name, "apply", "back")
    assert typed.status == 0, typed.shown
    assert stage.phase("back") == "Completed"


def test_one_that_is_stale_is_planned_and_asked_for_again(
    stage: Stage, vvc_restore: Commands, vvc: Vvc
) -> None:
    changed(stage)
    vvc.start_leading()
    assert vvc_restore.call(*vvc_restore.apply("back")).returncode == 2
    first = stage.status("back")["plan"]["hash"]
    stage.shop.core.patch_namespaced_config_map("settings", stage.shop.name, {"data": {"colour": "green"}})
    done = vvc_restore.call("apply", "back", "--plan-hash", first)
    assert done.returncode == 2, "refused before anything was touched"
    assert "PlanIsStale" in done.stdout.splitlines()[-1]
    told = vvc_restore.refused("apply", "back", "--plan-hash", first)
    second = stage.status("back")["plan"]["hash"]
    assert second != first
    assert f"which is {second}" in told
    assert "planHash" not in stage.run("back")["spec"], "the approval of the old plan was taken back"
    assert vvc_restore.call("apply", "back", "--plan-hash", second).returncode == 0


def test_a_run_is_undone(stage: Stage, vvc_restore: Commands, vvc: Vvc) -> None:
    changed(stage)
    before = stage.objects()
    vvc.start_leading()
    assert vvc_restore.call(*vvc_restore.apply("back")).returncode == 2
    plan_hash = stage.status("back")["plan"]["hash"]
    assert vvc_restore.call("apply", "back", "--plan-hash", plan_hash).returncode == 0
    assert "Secret/password" in stage.objects()
    backup = stage.status("back")["undo"]["backup"]
    done = vvc_restore.call("undo", "back")
    assert done.returncode == 2, done.stderr
    assert f"CleanRestore {stage.here}/back-undo: made. Nothing is touched yet." in done.stdout
    assert "* This undoes back. What was written since that is lost" in done.stdout
    spec = stage.run("back-undo")["spec"]
    assert (spec["undoOf"], spec["source"], spec["undo"]) == ("back", {"backup": backup}, "none")
    typed = vvc_restore.typing(stage.shop.name, "undo", "back")
    assert typed.status == 0, typed.shown
    after = stage.objects()
    assert set(after) == set(before), "what the run had made and was not there before is gone"
    assert after["ConfigMap/extra"] == before["ConfigMap/extra"]
    settings = stage.shop.core.read_namespaced_config_map("settings", stage.shop.name)
    assert settings.data == {"colour": "red"}
    assert "has ended, or is about to (Completed)" in vvc_restore.refused("undo", "back")
    assert "has itself undone back" in vvc_restore.refused("undo", "back-undo")

    stage.custom.delete_namespaced_custom_object(*VELERO, stage.here, "backups", backup)
    stage.custom.delete_namespaced_custom_object(
        "vvc.velero.io", "v1alpha1", stage.here, "cleanrestores", "back-undo"
    )
    told = vvc_restore.refused("undo", "back")
    assert f"can't be undone any more: There is no Backup {backup} in {stage.here}" in told


def test_who_has_few_rights_is_told_what_is_possible(
    stage: Stage, vvc_restore: Commands, control_plane: ControlPlane
) -> None:
    changed(stage)
    stage.create("back")
    known = {"name": "back-1", "namespace": stage.here, "backup": "b1", "phase": "InProgress"}
    progress = {
        "gone": 5,
        "toGo": 5,
        "volumesDone": 1,
        "volumesTotal": 2,
        "bytesDone": 512,
        "bytesTotal": 999,
    }
    status = {"phase": "Restoring", "restores": [known], "progress": progress}
    stage.custom.patch_namespaced_custom_object_status(
        "vvc.velero.io", "v1alpha1", stage.here, "cleanrestores", "back", {"status": status}
    )
    user = f"user-{stage.here}"
    rules = [
        {"apiGroups": ["vvc.velero.io"], "resources": ["cleanrestores"], "verbs": ["get", "list"]},
        {
            "apiGroups": ["velero.io"],
            "resources": ["backups", "backupstoragelocations", "downloadrequests"],
            "verbs": ["get", "create", "delete"],
        },
    ]
    rbac = client.RbacAuthorizationV1Api(stage.shop.api)
    rbac.create_cluster_role({"metadata": {"name": user}, "rules": rules})
    rbac.create_cluster_role_binding(
        {
            "metadata": {"name": user},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }
    )
    few = Commands(stage, control_plane.kubeconfig_for(user))
    done = few.call("plan", "--from-backup", "b1", "--include-namespaces", stage.shop.name)
    assert done.returncode == 1, done.stdout
    assert "may not list" in done.stderr
    assert "ClusterRole" not in done.stderr, "that of the controller may delete everything"
    assert "vvc restore apply with the same options" in done.stderr
    shown = few("status", "back", COLUMNS="120")
    assert f"* you may not get restores.velero.io in namespace {stage.here}" in shown
    told = json.loads(few("status", "back", "-o", "json"))["progress"]
    assert (told["bytesDone"], told["volumesTotal"]) == (512, 2)


def test_what_is_written_wrong_is_named(stage: Stage, vvc_restore: Commands) -> None:
    head = {"apiVersion": "vvc.velero.io/v1alpha1", "kind": "CleanRestore", "metadata": {"name": "x"}}
    automatic = yaml.safe_dump({**head, "spec": {"source": {"backup": "b"}, "approval": "automatic"}})
    told = vvc_restore.refused("apply", "-f", "-", text=automatic)
    assert "spec.approval: automatic would let the plan go on before anybody has seen it." in told
    wrong = yaml.safe_dump({**head, "spec": {"source": {"backup": "b"}, "scope": "everything"}})
    assert "standard input:" in vvc_restore.refused("apply", "-f", "-", text=wrong)
    assert "expected one of them, found none" in vvc_restore.refused("apply")
    told = vvc_restore.refused("apply", "x", "--from-set", "a", "--from-backup", "b")
    assert "expected one of them, found both" in told
    assert "--allow-kind" in vvc_restore.refused("apply", "x", "--from-set", "a", "--allow-kind", "nonsense")
    assert "NAME: " in vvc_restore.refused("apply", "Not A Name", "--from-set", "a")
    for command in ("apply", "plan", "status", "watch", "cancel", "undo"):
        told = vvc_restore.refused(command, "nowhere")
        assert f"CleanRestore {stage.here}/nowhere: there is none of that name" in told
    assert runs(stage) == []


def test_names_are_completed(stage: Stage, vvc_restore: Commands) -> None:
    stage.create("monday")
    stage.create("tuesday")
    words = " ".join(["vvc", *vvc_restore.line("status")[1:], "mo"])
    done = subprocess.run(
        [SCRIPT],
        env={**os.environ, "_VVC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "7"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["plain,monday"], done.stderr
