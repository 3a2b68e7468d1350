"""Whatever becomes of our process: nothing is made twice, and the set ends as if nothing had happened."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter

import pytest

from hack.lab.certificates import write_kubeconfig
from hack.lab.controlplane import ControlPlane
from tests.integration.backup_sets import Installation, stays
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import LEASE, Vvc
from tests.integration.proxy import Proxy
from velero_volume_controller.backup import naming

TIMES = ("--lease-duration", "3s", "--renew-deadline", "2s", "--retry-period", "500ms")


def each_once(velero: Installation, name: str) -> None:
    """No two Backups for one attempt at one shard, none beside the plan, no second attempt at anything."""
    made = Counter(
        (labels[naming.SHARD], labels[naming.ATTEMPT])
        for each in velero.backups().values()
        if (labels := each["metadata"].get("labels", {})).get(naming.SET) == name
    )
    planned = [(shard["name"], "1") for shard in velero.status(name)["shards"]]
    assert made == Counter(planned)


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_a_process_that_is_killed_soon_after_the_set_was_made_makes_nothing_twice(
    moment: float, velero: Installation, vvc: Vvc
) -> None:
    spec = velero.applications("a", "b", "c")
    first = vvc.start_leading(*TIMES)
    velero.create_set("night", spec)
    time.sleep(moment)
    first.signal(signal.SIGKILL)
    vvc.start(*TIMES)
    assert velero.run_to_end("night")["phase"] == "Completed"
    each_once(velero, "night")


def test_a_process_that_is_killed_again_and_again_brings_the_set_to_its_end(
    velero: Installation, vvc: Vvc
) -> None:
    spec = velero.applications("a", "b", "c", "d")
    velero.create_set("night", spec)
    ended = threading.Event()

    def keep_killing() -> None:
        wait = 0.3
        while not ended.is_set():
            replica = vvc.start_leading(*TIMES)
            ended.wait(wait)
            wait += 0.2
            if not ended.is_set():
                replica.signal(signal.SIGKILL)

    killing = threading.Thread(target=keep_killing)
    killing.start()
    try:
        assert velero.run_to_end("night", within=120)["phase"] == "Completed"
    finally:
        ended.set()
        killing.join()
    each_once(velero, "night")
    assert len(vvc.replicas) > 1


def test_another_replica_goes_on_when_the_leader_is_killed(velero: Installation, vvc: Vvc) -> None:
    spec = velero.applications("a", "b", "c")
    leader = vvc.start_leading(*TIMES)
    other = vvc.start(*TIMES)
    velero.create_set("night", spec)
    eventually(lambda: len(velero.of("night")), 2, within=20)
    assert other.metric("vvc_backupset_step_duration_seconds_count") == 0, "only the leader takes steps"
    leader.signal(signal.SIGKILL)
    assert velero.run_to_end("night")["phase"] == "Completed"
    each_once(velero, "night")
    assert other.metric("vvc_backupset_step_duration_seconds_count") > 0


def test_a_leader_that_was_cut_off_makes_nothing_when_it_is_back(
    control_plane: ControlPlane, namespace: Namespace, velero: Installation, vvc: Vvc
) -> None:
    spec = velero.applications("a", "b", "c")
    direct = vvc.kubeconfig
    with Proxy(control_plane.port) as proxy:
        vvc.kubeconfig = write_kubeconfig(
            vvc.directory / "proxied", proxy.server, control_plane.authority, control_plane.admin
        )
        leader = vvc.start_leading(*TIMES)
        vvc.kubeconfig = direct
        other = vvc.start(*TIMES)
        velero.create_set("night", spec)
        eventually(lambda: len(velero.of("night")), 2, within=20)
        proxy.freeze()
        velero.end_all("night")
        eventually(lambda: other.leads, True, within=20)
        assert velero.run_to_end("night")["phase"] == "Completed"
        proxy.thaw()
        leader.line("another process leads", within=20)
        assert namespace.holder(LEASE) == other.identity
        stays(lambda: len(velero.of("night")), 4, 1)
    each_once(velero, "night")


def test_a_backup_that_was_recorded_and_not_made_is_made_by_the_next_process(
    velero: Installation, vvc: Vvc
) -> None:
    """The status is written first: a process that ends right after leaves a Backup that is not there."""
    spec = velero.applications("a")
    spec["selection"]["clusterResources"] = False
    first = vvc.start_leading(*TIMES)
    velero.create_set("night", spec)
    eventually(lambda: len(velero.of("night")), 1, within=20)
    first.signal(signal.SIGKILL)
    (name,) = [each["metadata"]["name"] for each in velero.of("night").values()]
    uid = velero.backups()[name]["metadata"]["uid"]
    velero.forget(name)
    velero.rewind("night")
    vvc.start(*TIMES)
    eventually(lambda: len(velero.of("night")), 1, within=40)
    assert velero.backups()[name]["metadata"]["uid"] != uid
    assert velero.run_to_end("night")["phase"] == "Completed"
    each_once(velero, "night")
