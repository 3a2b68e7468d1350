"""BackupSets on real Velero: 1.18.3 with four slots, 1.16.2 with restic in two lanes; what breaks on the way.

In each the set ends as it should, and Velero alone restores every file from its restore point.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from hack.demo.data import Digest
from hack.lab import controller, faults, kubectl
from hack.lab.cluster import Lab
from hack.lab.progress import wait_until
from tests.e2e import sets_running, sets_samples
from tests.e2e.sets_ground import LANES, Ground, standing
from tests.e2e.sets_running import RunningSet, attempts_of
from tests.e2e.sets_samples import CLUSTER_ROLE, POD

#: Once Velero knows that its storage location is gone: longer than the wait before a retry.
STORAGE_AWAY = 15
UNREADABLE = "unreadable.bin"


@pytest.fixture(scope="module", params=list(LANES))
def ground(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Ground]:
    """The version that is the parameter, in all its lanes, with applications and the controller."""
    if len(lab.nodes) < 3:
        pytest.skip("needs three nodes: LAB_NODES=3")
    with standing(lab, request.param) as found:
        yield found


def differences(before: Mapping[str, Digest], after: Mapping[str, Digest]) -> dict[str, str]:
    """How the volumes that were looked into after the restore differ from what they were."""
    found = {key: before[key].difference(digest) for key, digest in after.items()}
    return {key: text for key, text in found.items() if text}


def assert_whole(status: Mapping[str, Any], ground: Ground) -> None:
    """The set says that it has completed and that its restore point holds everything, once."""
    assert status["phase"] == "Completed", status
    assert status["restorePoint"].get("missing", []) == []
    held = Counter(
        name for backup in status["restorePoint"]["backups"] for name in backup.get("namespaces", ())
    )
    assert {name: held[name] for name in ground.namespaces} == dict.fromkeys(ground.namespaces, 1)


def test_a_set_completes_in_parallel_and_restores_every_file(ground: Ground) -> None:
    before = ground.filled()
    with ground.set() as made:
        status = made.wait_for_end()
        assert_whole(status, ground)
        backups = made.backups()
        assert [len(shard["attempts"]) for shard in status["shards"]] == [1] * len(status["shards"])
        assert {item["metadata"]["namespace"] for item in backups} == {
            lane.namespace for lane in ground.lanes
        }
        assert 1 < sets_running.most_at_once(backups) <= ground.slots
        revision = status["clusterRevision"]
        assert 0 < int(revision["start"]) <= int(revision["end"])
        kubectl.kubectl("delete", "clusterrole", CLUSTER_ROLE)
        assert differences(before, ground.restored(status)) == {}
        assert kubectl.get("clusterrole", CLUSTER_ROLE) is not None


def test_backups_of_others_in_between_are_neither_disturbed_nor_in_the_way(ground: Ground) -> None:
    before = ground.filled()
    lane, theirs = ground.lanes[0], [f"theirs-{uuid4().hex[:6]}" for _ in range(3)]
    create = ["backup", "create"]
    lane.command(*create, theirs[0], f"--include-namespaces={ground.namespaces[1]}")
    lane.command(*create, theirs[1], "--include-namespaces=default")
    with ground.set() as made:
        made.wait_for(lambda status: bool(attempts_of(status)), "the first Backup is handed over")
        lane.command(*create, theirs[2], f"--include-namespaces={ground.namespaces[0]},default")
        status = made.wait_for_end()
        assert_whole(status, ground)
        phases = sets_running.wait_for_backups(lane, theirs)
        assert phases == dict.fromkeys(theirs, "Completed")
        assert differences(before, ground.restored(status)) == {}


def test_when_veleros_pod_is_killed_what_ran_is_made_anew_and_nothing_else(ground: Ground) -> None:
    before = ground.filled()
    with ground.set({"concurrency": {"max": 2}, "isolate": list(ground.namespaces)}) as made:
        made.wait_for(
            lambda status: any(attempt.get("phase") == "Completed" for attempt in attempts_of(status)),
            "the first Backup completes",
        )
        lane = ground.lanes[0]
        sets_running.wait_while_moving(lane)
        finished = {attempt["backup"] for attempt in attempts_of(made.status()) if attempt.get("ended")}
        faults.crash(ground.lab, lane.namespace, "deploy=velero")
        status = made.wait_for_end()
        assert_whole(status, ground)
        failed = [attempt for attempt in attempts_of(status) if attempt["phase"] != "Completed"]
        assert failed, "the kill hit a Backup that ran"
        assert finished <= {backup["name"] for backup in status["restorePoint"]["backups"]}
        assert differences(before, ground.restored(status)) == {}


def test_when_the_controller_is_killed_at_each_phase_no_backup_is_made_twice(ground: Ground) -> None:
    before = ground.filled()
    moments = (
        ("before it is planned", lambda status: True),
        ("when a Backup is handed over", lambda status: bool(attempts_of(status))),
        ("while Velero works", lambda status: bool(sets_running.running(status))),
        ("when one has completed", lambda status: any(each.get("ended") for each in attempts_of(status))),
    )
    with ground.set({"concurrency": {"max": 2}, "isolate": list(ground.namespaces)}) as made:
        for what, so in moments:
            made.wait_for(so, what, seconds=240)
            _kill_controller(ground)
        status = made.wait_for_end()
        assert_whole(status, ground)
        assert [len(shard["attempts"]) for shard in status["shards"]] == [1] * len(status["shards"])
        named = {attempt["backup"] for attempt in attempts_of(status)}
        uid = kubectl.get("-n", made.namespace, sets_running.RESOURCE, made.name)["metadata"]["uid"]
        carrying = {
            item["metadata"]["name"]
            for lane in ground.lanes
            for item in sets_running.backups_in(lane)
            if uid in item["metadata"].get("labels", {}).values()
        }
        assert carrying == named
        assert differences(before, ground.restored(status)) == {}


def test_when_a_node_agent_is_killed_the_set_completes_all_the_same(ground: Ground) -> None:
    before = ground.filled()
    with ground.set() as made:
        for lane in ground.lanes:
            sets_running.wait_while_moving(lane)
            faults.crash(ground.lab, lane.namespace, "name=node-agent")
        status = made.wait_for_end()
        assert_whole(status, ground)
        assert differences(before, ground.restored(status)) == {}


def test_when_the_storage_is_away_for_a_while_the_set_waits_and_completes(ground: Ground) -> None:
    before = ground.filled()
    retry = {"limit": 4, "backoff": "10s"}
    with sets_running.location_looked_at_often(ground.lanes), ground.set({"retry": retry}) as made:
        sets_running.wait_while_moving(ground.lanes[0])
        undo = faults.kill_service(ground.lab.s3, "s3")
        try:
            sets_running.wait_for_location(ground.lanes, "Unavailable")
            time.sleep(STORAGE_AWAY)
            assert made.phase() not in sets_running.SET_ENDED
        finally:
            undo()
        status = made.wait_for_end()
        assert_whole(status, ground)
        assert differences(before, ground.restored(status)) == {}


def test_a_hook_that_fails_in_one_namespace_costs_that_pod_alone(ground: Ground) -> None:
    before = ground.filled()
    hurt = ground.namespaces[1]
    hook, on_error = "pre.hook.backup.velero.io/command", "pre.hook.backup.velero.io/on-error"
    annotate = ["-n", hurt, "annotate", "--overwrite", "pod", POD]
    kubectl.kubectl(*annotate, f'{hook}=["/bin/false"]', f"{on_error}=Fail")
    with ground.set({"retry": {"limit": 1, "backoff": "5s"}}) as made:
        try:
            status = made.wait_for_end()
        finally:
            kubectl.kubectl(*annotate, f"{hook}-", f"{on_error}-")
        assert status["phase"] == "PartiallyFailed", status
        missing = status["restorePoint"]["missing"]
        # No PodVolumeBackup tells of the hook, so that of a Backup of several namespaces all are named; and
        # the pod's volumes were planned and not taken.
        assert all(hurt in (each["namespace"] or each["reason"]) for each in missing), missing
        named = {each["volume"] for each in missing if each.get("volume")}
        assert named == set(ground.app(hurt).volumes), missing
        assert len(missing) == len(named) + 1, missing
        attempts = {shard["name"]: len(shard["attempts"]) for shard in status["shards"]}
        holding = [shard["name"] for shard in status["shards"] if hurt in shard.get("namespaces", ())]
        assert attempts == {name: 2 if name in holding else 1 for name in attempts}
        others = [name for name in ground.namespaces if name != hurt]
        assert differences(before, ground.restored(status, others)) == {}


def test_a_volume_that_cannot_be_read_is_named_and_the_rest_is_whole(ground: Ground) -> None:
    before = ground.filled()
    app = ground.apps[2]
    pod = kubectl.get("-n", app.namespace, "pod", POD)
    volume = next(iter(app.volumes))
    machine = next(node for node in ground.lab.nodes if node.name == pod["spec"]["nodeName"])
    claimed = sets_samples.persistent_volume(app.namespace, volume)
    undo = faults.make_unreadable(machine, pod["metadata"]["uid"], claimed, UNREADABLE)
    with ground.set({"retry": {"limit": 1, "backoff": "5s"}}) as made:
        try:
            status = made.wait_for_end()
        finally:
            undo()
        assert status["phase"] == "PartiallyFailed", status
        [missing] = status["restorePoint"]["missing"]
        assert (missing["namespace"], missing["pod"], missing["volume"]) == (app.namespace, POD, volume)
        assert missing["reason"]
        after = ground.restored(status)
        del after[f"{app.namespace}/{POD}:{volume}"]
        assert differences(before, after) == {}


def test_what_changes_after_the_plan_is_missing_or_left_out_and_said_so(ground: Ground) -> None:
    """Velero skips the claims of a pod that is gone, and fails a Backup that names an excluded namespace."""
    before = ground.filled()
    first, *_, idle, excluded = ground.namespaces
    spec = {"first": [first], "isolate": list(ground.namespaces), "concurrency": {"max": 1}}
    label = ["label", "namespace", excluded]
    with ground.set(spec) as made:
        try:
            made.wait_for(attempts_of, "its first Backup is made")
            kubectl.kubectl(*label, "velero.io/exclude-from-backup=true")
            kubectl.kubectl("-n", idle, "delete", "pod", POD, "--grace-period=0", "--force")
            status = made.wait_for_end()
        finally:
            kubectl.kubectl(*label, "velero.io/exclude-from-backup-")
        assert status["phase"] == "PartiallyFailed", status
        missing = {each["namespace"]: each for each in status["restorePoint"]["missing"]}
        assert set(missing) == {idle, excluded}
        assert missing[idle]["claim"] in ground.app(idle).volumes
        assert missing[idle]["reason"].startswith("planned and not taken")
        assert missing[excluded]["reason"].startswith("left out")
        sets_samples.deploy([ground.app(idle)])
        _vvc("backup", "retry", made.name, "--namespace", made.namespace)
        wait_until(lambda: made.phase() == "Completed", "what was missing is taken", seconds=300)
        assert differences(before, ground.restored(made.status(), [first, idle])) == {}


def test_a_set_is_rebuilt_from_its_backups_alone_and_restores_every_file(ground: Ground) -> None:
    before = ground.filled()
    with ground.set() as made:
        status = made.wait_for_end()
        assert_whole(status, ground)
        _lose(made)
        lanes = [f"--lane={lane.namespace}" for lane in ground.lanes]
        _vvc("backup", "import", made.name, "--namespace", made.namespace, *lanes)
        wait_until(lambda: bool(made.phase()), "the set is back", seconds=60)
        found = made.status()
        assert_whole(found, ground)
        assert _by_name(found) == _by_name(status)
        assert differences(before, ground.restored(found)) == {}


def _kill_controller(ground: Ground) -> None:
    """Both replicas are killed; new ones come at once, for kubelet would pause before it restarts them."""
    replicas = f"app={controller.NAME}"
    faults.crash(ground.lab, controller.NAMESPACE, replicas)
    away = ["delete", "pods", "-l", replicas, "--force", "--grace-period=0"]
    kubectl.kubectl("-n", controller.NAMESPACE, *away)
    kubectl.rollout(controller.NAMESPACE, f"deployment/{controller.NAME}")


def _lose(made: RunningSet) -> None:
    """The cluster forgets the set and its Backups; Velero brings the Backups back from the bucket."""
    names = {(item["metadata"]["namespace"], item["metadata"]["name"]) for item in made.backups()}
    kubectl.kubectl("-n", made.namespace, "delete", sets_running.RESOURCE, made.name)
    for namespace, name in names:
        kubectl.kubectl("-n", namespace, "delete", "backups.velero.io", name)

    def back() -> bool:
        found = [item["metadata"] for lane in made.lanes for item in sets_running.backups_in(lane)]
        return names <= {(metadata["namespace"], metadata["name"]) for metadata in found}

    wait_until(back, "Velero's sync brings the Backups back", seconds=180, every=1)


def _vvc(*arguments: str) -> str:
    command = [sys.executable, "-m", "velero_volume_controller", *arguments]
    environment = {**os.environ, "KUBECONFIG": kubectl.kubeconfig()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _by_name(status: Mapping[str, Any]) -> dict[str, list[str]]:
    return {item["name"]: sorted(item.get("namespaces", ())) for item in status["restorePoint"]["backups"]}
