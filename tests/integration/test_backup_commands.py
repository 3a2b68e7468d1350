"""`vvc backup` on a real API server: what is made, changed and deleted, and how each command ends."""

from __future__ import annotations

import json
import os
import pty
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
from tests.integration.backup_sets import VELERO, Installation
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import Vvc
from tests.integration.sets import GROUP, VERSION, install_crds
from velero_volume_controller.backup import naming

Done = subprocess.CompletedProcess[str]
TIMES = ("--lease-duration", "3s", "--renew-deadline", "2s", "--retry-period", "500ms")


@dataclass(frozen=True)
class Commands:
    """`vvc backup` in this test's namespace."""

    kubeconfig: Path
    namespace: str

    def line(self, *arguments: str) -> list[str]:
        script = str(Path(sys.executable).parent / "vvc")
        where = ["-n", self.namespace, "--kubeconfig", str(self.kubeconfig)]
        return [script, "backup", *arguments, *where]

    def call(self, *arguments: str, text: str = "", **environment: str) -> Done:
        command, environment = self.line(*arguments), {**os.environ, **environment}
        return subprocess.run(
            command, input=text, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def __call__(self, *arguments: str, text: str = "", **environment: str) -> str:
        """What it prints; it must succeed."""
        done = self.call(*arguments, text=text, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def vvc_backup(control_plane: ControlPlane, velero: Installation) -> Commands:
    return Commands(control_plane.kubeconfig, velero.namespace.name)


@pytest.fixture
def spec(velero: Installation) -> dict[str, Any]:
    """One namespace with one pod, in this test's own names."""
    found: dict[str, Any] = velero.applications("a")
    return found


def written(spec: dict[str, Any], name: str = "night") -> str:
    head = {"apiVersion": "vvc.velero.io/v1alpha1", "kind": "BackupSet", "metadata": {"name": name}}
    return yaml.safe_dump({**head, "spec": spec})


def test_a_set_is_made_run_listed_deleted_and_made_anew(
    velero: Installation, vvc_backup: Commands, vvc: Vvc, spec: dict[str, Any]
) -> None:
    assert vvc_backup("list") == f"There are no BackupSets in {velero.namespace.name}.\n"
    made = vvc_backup("create", "-f", "-", text=written(spec))
    there = velero.namespace.name
    assert made == f"BackupSet {there}/night: made. Look on: vvc backup watch night -n {there}\n"
    replica = vvc.start_leading()
    assert velero.run_to_end("night")["phase"] == "Completed"
    heading, row = vvc_backup("list").splitlines()
    assert heading.split()[:3] == ["NAME", "PHASE", "BACKUPS"]
    assert row.split()[:3] == ["night", "Completed", "2/2"]
    narrow = vvc_backup("list", COLUMNS="60").splitlines()
    assert max(map(len, narrow)) <= 60
    assert narrow[1].split()[:3] == ["night", "Completed", "2/2"]
    told = json.loads(vvc_backup("list", "-A", "-o", "json"))["backupSets"]
    assert [(each["name"], each["phase"]) for each in told if each["namespace"] == velero.namespace.name] == [
        ("night", "Completed")
    ]
    before = velero.set("night")

    gone = vvc_backup("delete", "night", "--yes")
    assert "Its 2 Backups stay, until they expire." in gone
    assert len(velero.backups()) == 2, "nothing of Velero's goes with the set"
    assert requests(velero) == []

    assert "would be made anew from 2 Backups (Completed" in vvc_backup("import", "--dry-run")
    assert "made anew from 2 Backups (Completed" in vvc_backup("import")
    after = velero.set("night")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"] == before["spec"]
    assert point(after) == point(before) != []
    assert vvc_backup("import") == f"BackupSet {velero.namespace.name}/night: is there already.\n"
    eventually(lambda: velero.set("night")["metadata"]["generation"] >= 2, True)
    assert len(velero.backups()) == 2, "an imported set makes no Backups"
    assert replica.metric("vvc_loop_errors_total") == 0

    told_of = vvc_backup("delete", "night", "--with-backups", "--yes")
    assert "Of its 2 Backups Velero is to delete 2, with all their data:" in told_of
    assert sorted(each["spec"]["backupName"] for each in requests(velero)) == sorted(velero.backups())


def point(found: dict[str, Any]) -> list[Any]:
    """The Backups of the set's restore point."""
    return sorted(found["status"]["restorePoint"]["backups"], key=lambda each: str(each["name"]))


def requests(velero: Installation) -> list[Any]:
    found: Any = velero.custom.list_namespaced_custom_object(
        *VELERO, velero.namespace.name, "deletebackuprequests"
    )
    return list(found["items"])


def test_with_backups_spares_what_is_not_the_sets(
    velero: Installation, vvc_backup: Commands, spec: dict[str, Any]
) -> None:
    vvc_backup("create", "-f", "-", text=written(spec))
    uid = velero.set("night")["metadata"]["uid"]
    velero.foreign("theirs", ["x"])
    velero.foreign("other-set", ["x"], labels={naming.SET_UID: "another", naming.SET: "night"})
    velero.foreign("ours-done", ["x"], labels={naming.SET_UID: uid})
    velero.foreign("ours-running", ["x"], labels={naming.SET_UID: uid})
    velero.report("ours-done", "Completed")
    velero.report("ours-running", "InProgress")
    told = vvc_backup("delete", "night", "--with-backups", "--yes")
    assert "/ours-running (InProgress): is not ended, and stays" in told
    assert [each["spec"]["backupName"] for each in requests(velero)] == ["ours-done"]
    labels = requests(velero)[0]["metadata"]["labels"]
    assert labels["velero.io/backup-name"] == "ours-done"
    assert labels["velero.io/backup-uid"] == velero.backups()["ours-done"]["metadata"]["uid"]


def test_nobody_to_ask_means_nothing_is_deleted(
    velero: Installation, vvc_backup: Commands, spec: dict[str, Any]
) -> None:
    vvc_backup("create", "-f", "-", text=written(spec))
    done = vvc_backup.call("delete", "night")
    assert done.returncode == 2
    assert "nobody can be asked here: nothing is deleted. Give --yes to delete it." in done.stderr
    assert on_terminal(vvc_backup.line("delete", "night"), "n\n") == 1
    assert velero.set("night")
    assert on_terminal(vvc_backup.line("delete", "night"), "y\n") == 0
    assert vvc_backup("list") == f"There are no BackupSets in {velero.namespace.name}.\n"


def on_terminal(command: list[str], typed: str) -> int:
    """The exit status with this typed on a terminal."""
    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(command, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.write(master, typed.encode())
        process.communicate(timeout=60)
        return process.returncode
    finally:
        os.close(master)
        os.close(slave)


def test_pausing_and_resuming(velero: Installation, vvc_backup: Commands, spec: dict[str, Any]) -> None:
    vvc_backup("create", "-f", "-", text=written(spec))
    assert vvc_backup("resume", "night").endswith("/night: is not paused.\n")
    assert vvc_backup("pause", "night").endswith("/night: starts no further Backups.\n")
    assert velero.set("night")["spec"]["paused"] is True
    assert vvc_backup("pause", "night").endswith("/night: is paused already.\n")
    assert vvc_backup("resume", "night").endswith("/night: goes on.\n")
    assert velero.set("night")["spec"]["paused"] is False


def test_what_failed_is_tried_again_and_waited_for(
    velero: Installation, vvc_backup: Commands, vvc: Vvc, spec: dict[str, Any]
) -> None:
    vvc_backup("create", "-f", "-", text=written({**spec, "retry": {"limit": 0}}))
    vvc.start_leading()
    eventually(lambda: len(velero.of("night")), 2, within=20)
    velero.end_all("night", "Failed")
    eventually(lambda: velero.phase("night"), "Failed", within=20)
    done = vvc_backup.call("retry", "night", "--shard", "nowhere")
    assert done.returncode == 2
    shards = [shard["name"] for shard in velero.status("night")["shards"]]
    assert f"has no shard nowhere; it has {', '.join(shards)}." in done.stderr
    waiting = subprocess.Popen(
        vvc_backup.line("retry", "night", "--wait"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    eventually(lambda: len(velero.of("night")), 4, within=20)
    velero.end_all("night")
    printed, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, printed
    assert velero.phase("night") == "Completed"
    done = vvc_backup.call("retry", "night")
    assert done.returncode == 2
    assert "is Completed: nothing of it failed. Make another set." in done.stderr


def test_two_who_try_again_at_once_both_get_what_they_asked_for(
    velero: Installation, vvc_backup: Commands, vvc: Vvc
) -> None:
    spec = {**velero.applications("a", "b", "c"), "retry": {"limit": 0}}
    velero.create_set("night", spec)
    leader = vvc.start_leading(*TIMES)
    shards = [f"{velero.namespace.name}-{name}" for name in ("a", "b")]

    def failed() -> bool:
        velero.end_all("night", "Failed")
        return velero.phase("night") == "Failed"

    eventually(failed, True, within=30)
    leader.signal(signal.SIGKILL)
    waiting = [
        subprocess.Popen(
            vvc_backup.line("retry", "night", "--shard", shard, "--wait"), stdout=subprocess.DEVNULL
        )
        for shard in shards
    ]
    eventually(lambda: retried(velero), set(shards), within=20)
    vvc.start_leading(*TIMES)
    eventually(lambda: velero.phase("night"), "Running", within=20)
    assert velero.run_to_end("night")["phase"] == "PartiallyFailed"
    made = {each.rpartition("-")[0] for each in velero.of("night") if each.endswith("-2")}
    assert made == set(shards)
    assert [each.wait(timeout=30) for each in waiting] == [3, 3]


def retried(velero: Installation) -> set[str]:
    """The shards that the demand to try again names."""
    annotations = velero.set("night")["metadata"].get("annotations", {})
    return set(annotations.get(naming.RETRY, "").partition(" ")[2].split(","))


ENDS: dict[str, int] = {"Completed": 0, "Failed": 1}


@pytest.mark.parametrize(("phase", "status"), ENDS.items())
def test_waiting_ends_as_the_set_does(
    velero: Installation, vvc_backup: Commands, vvc: Vvc, spec: dict[str, Any], phase: str, status: int
) -> None:
    vvc.start_leading()
    text = written({**spec, "retry": {"limit": 0}})
    waiting = subprocess.Popen(
        vvc_backup.line("create", "-f", "-", "--wait"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert waiting.stdin is not None
    waiting.stdin.write(text)
    waiting.stdin.close()
    waiting.stdin = None
    eventually(lambda: len(velero.of("night")), 2, within=20)
    velero.end_all("night", phase)
    printed, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == status, printed


def test_what_the_api_server_refuses_is_told(
    velero: Installation, vvc_backup: Commands, spec: dict[str, Any]
) -> None:
    vvc_backup("create", "-f", "-", text=written(spec))
    done = vvc_backup.call("create", "-f", "-", text=written(spec))
    assert done.returncode == 1
    assert "there is one of that name already. Choose another name, or delete it" in done.stderr
    done = vvc_backup.call("create", "b", "--first", "a,a")
    assert done.returncode == 2
    assert "the API server refuses it" in done.stderr
    assert "spec.first[1]: Duplicate value" in done.stderr


def test_a_lane_without_velero_is_refused_before_the_set_is_made(
    velero: Installation, vvc_backup: Commands
) -> None:
    here = velero.namespace.name
    done = vvc_backup.call("create", "night", "--lane", here, "--lane", "nowhere")
    assert done.returncode == 2
    assert "--lane: there is no Velero in namespace nowhere." in done.stderr
    assert vvc_backup("list") == f"There are no BackupSets in {here}.\n"


def test_a_set_of_which_every_shard_has_its_backup_is_not_tried_again(
    velero: Installation, vvc_backup: Commands, vvc: Vvc, spec: dict[str, Any]
) -> None:
    include = [*spec["selection"]["namespaces"]["include"], "gone"]
    velero.create_set("night", {"selection": {"namespaces": {"include": include}}})
    vvc.start_leading()
    assert velero.run_to_end("night")["phase"] == "PartiallyFailed"
    done = vvc_backup.call("retry", "night")
    assert done.returncode == 2
    assert "every shard of it has a Completed Backup, so there is nothing to try again" in done.stderr


@pytest.mark.parametrize("command", ["pause", "resume", "retry", "delete", "status", "plan"])
def test_a_name_that_is_none_is_told_with_those_that_are(
    velero: Installation, vvc_backup: Commands, spec: dict[str, Any], command: str
) -> None:
    vvc_backup("create", "-f", "-", text=written(spec))
    done = vvc_backup.call(command, "nigth")
    assert done.returncode == 2
    assert "there is none of that name" in done.stderr
    assert "night" in done.stderr.replace("nigth", "")


def test_a_set_that_can_not_be_made_anew_keeps_back_no_other(
    velero: Installation, vvc_backup: Commands
) -> None:
    for name, uid in (("Not A Name", "1"), ("night", "2")):
        labels = {naming.SET: "night", naming.SET_UID: uid, naming.SHARD: "a", naming.ATTEMPT: "1"}
        annotations = {naming.SET_NAME: name, naming.SHARDS: "1", naming.PLAN: "h"}
        velero.foreign(f"backup-{uid}", ["a"], labels=labels, annotations=annotations)
        velero.report(f"backup-{uid}", "Completed")
    done = vvc_backup.call("import")
    assert done.returncode == 2
    assert f"BackupSet {velero.namespace.name}/night: made anew from 1 Backup (Completed" in done.stdout
    assert f"BackupSet {velero.namespace.name}/Not A Name: the API server refuses it" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(velero.sets()) == ["night"]


def test_nothing_to_import_is_told(velero: Installation, vvc_backup: Commands) -> None:
    done = vvc_backup.call("import")
    assert done.returncode == 2
    assert f"no Backup in {velero.namespace.name} tells of a BackupSet." in done.stderr


def test_a_plan_of_the_cluster_as_it_is(
    velero: Installation, vvc_backup: Commands, namespace: Namespace, spec: dict[str, Any]
) -> None:
    told = json.loads(vvc_backup("plan", "--namespaces", f"{namespace.name}-a", "-o", "json"))
    assert [lane["slots"] for lane in told["lanes"]] == [2]
    assert [shard["namespaces"] for shard in told["shards"] if not shard["cluster"]] == [
        [f"{namespace.name}-a"]
    ]
    vvc_backup("create", "-f", "-", text=written(spec))
    assert json.loads(vvc_backup("plan", "night", "-o", "json"))["shards"]
    assert velero.backups() == {}, "a plan starts nothing"
    velero.location("Unavailable")
    done = vvc_backup.call("plan", "night")
    assert done.returncode == 1
    assert "no Velero takes Backups now" in done.stderr


def test_what_may_not_be_read_is_said_with_the_plan(
    control_plane: ControlPlane, velero: Installation, namespace: Namespace, spec: dict[str, Any]
) -> None:
    user = f"planner-{namespace.name}"
    rules = [
        {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["deployments", "daemonsets"], "verbs": ["list"]},
        {"apiGroups": ["velero.io"], "resources": ["backupstoragelocations"], "verbs": ["list"]},
    ]
    group = "rbac.authorization.k8s.io"
    rbac: Any = client.RbacAuthorizationV1Api(namespace.api)
    rbac.create_cluster_role({"metadata": {"name": user}, "rules": rules})
    rbac.create_cluster_role_binding(
        {
            "metadata": {"name": user},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }
    )
    asked = Commands(control_plane.kubeconfig_for(user), namespace.name)
    selected = spec["selection"]["namespaces"]["include"][0]
    notes = json.loads(asked("plan", "--namespaces", selected, "-o", "json"))["notes"]
    for resource in ("backups", "podvolumebackups"):
        said = f"The {resource} in {namespace.name} may not be listed, so nothing is learnt from them"
        assert any(note.startswith(said) for note in notes), notes
    assert any("PersistentVolumeClaims can't be listed" in note for note in notes), notes
    done = asked.call("list")
    assert done.returncode == 1
    assert "grant the verb to this user or service account (RBAC)" in done.stderr


def test_names_are_completed(velero: Installation, vvc_backup: Commands, spec: dict[str, Any]) -> None:
    vvc_backup("create", "-f", "-", text=written(spec))
    words = f"vvc backup pause -n {velero.namespace.name} --kubeconfig {vvc_backup.kubeconfig} ni"
    environment = {
        **os.environ,
        "_VVC_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    script = str(Path(sys.executable).parent / "vvc")
    done = subprocess.run([script], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == ["plain,night"], done.stderr


def test_a_cluster_without_our_definitions_is_told_how_to_get_them(
    velero: Installation, vvc_backup: Commands
) -> None:
    extensions = client.ApiextensionsV1Api(velero.namespace.api)
    ours = client.CustomObjectsApi(velero.namespace.api)
    removed = {"backupsets", "backupsetschedules"}

    def served() -> bool:
        found: Any = ours.get_api_resources(GROUP, VERSION)
        return not removed.isdisjoint(each.name for each in found.resources)

    for plural in removed:
        extensions.delete_custom_resource_definition(f"{plural}.{GROUP}")
    try:
        eventually(lambda: vvc_backup.call("list").returncode, 1)
        for command in (["list"], ["create", "a"], ["pause", "a"]):
            done = vvc_backup.call(*command)
            assert done.returncode == 1
            assert "BackupSets are not known to this cluster. Install them: kubectl apply -f" in done.stderr
    finally:
        eventually(served, False)
        install_crds(velero.namespace.api)
