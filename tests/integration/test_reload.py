"""A changed configuration takes effect without a restart; one that is wrong takes none."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.integration.cluster import Namespace, eventually
from tests.integration.process import LEASE, Replica, Vvc

REFUSED = "the configuration was refused; the last good one stays in force"
#: From a change of the file to its first effect. Seconds.
SOON = 3.0


def text(namespace: Namespace, types: str = "persistentVolumeClaim", more: str = "") -> str:
    return (
        f"clusterServerCfg: {{leaseLockNamespace: {namespace.name}, leaseLockName: {LEASE}}}\n"
        f"veleroVolumeCfg: {{includeNamespaces: {namespace.name}, includeVolumeTypes: {types}{more}}}\n"
    )


def reloads(replica: Replica, result: str) -> float:
    return replica.metric("vvc_configuration_reloads_total", result=result)


def patches(replica: Replica) -> float:
    return replica.metric("vvc_api_requests_total", verb="PATCH")


def test_a_changed_file_takes_effect_within_seconds(namespace: Namespace, vvc: Vvc) -> None:
    namespace.create_pod("web")
    replica = vvc.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    vvc.config.write_text(text(namespace, "emptyDir"))
    assert eventually(lambda: namespace.value("web"), None, within=SOON) < SOON
    assert reloads(replica, "success") == 1
    assert replica.metric("vvc_configuration_valid") == 1
    rules = replica.line("configuration reloaded")["rules"]
    assert rules[0]["volumes"] == {"types": ["emptyDir"]}


def test_a_native_file_may_take_the_place_of_the_nine_keys(namespace: Namespace, vvc: Vvc) -> None:
    namespace.create_claim("data", labels={"tier": "gold"})
    namespace.create_claim("scratch")
    namespace.create_pod("web", ("data", "scratch"))
    replica = vvc.start_leading()
    eventually(lambda: namespace.value("web"), "data,scratch")
    vvc.config.write_text(
        "apiVersion: vvc.velero.io/v1alpha1\nkind: ControllerConfig\n"
        f"leaderElection: {{resourceNamespace: {namespace.name}, resourceName: {LEASE}}}\n"
        "annotator:\n  rules:\n  - name: gold\n    action: backup\n"
        f"    namespaces: {{include: [{namespace.name}]}}\n"
        "    volumes: {claimSelector: {matchLabels: {tier: gold}}}\n"
    )
    eventually(lambda: namespace.value("web"), "data", within=SOON)
    assert reloads(replica, "success") == 1


def test_a_mounted_config_map_is_followed_through_its_links(
    namespace: Namespace, vvc: Vvc, tmp_path: Path
) -> None:
    """The kubelet writes a new folder and renames a link to it into place."""
    mounted = tmp_path / "mounted"
    for version, types in (("..1", "persistentVolumeClaim"), ("..2", "emptyDir")):
        (mounted / version).mkdir(parents=True)
        (mounted / version / "config.yml").write_text(text(namespace, types))
    (mounted / "..data").symlink_to("..1")
    vvc.config = mounted / "config.yml"
    vvc.config.symlink_to("..data/config.yml")
    namespace.create_pod("web")
    vvc.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    (mounted / "..tmp").symlink_to("..2")
    (mounted / "..tmp").rename(mounted / "..data")
    eventually(lambda: namespace.value("web"), None, within=SOON)


def test_a_wrong_file_is_refused_and_the_last_good_one_stays(namespace: Namespace, vvc: Vvc) -> None:
    replica = vvc.start_leading()
    vvc.config.write_text(text(namespace, more=", excludeNamespaces: x"))
    line = replica.line(REFUSED)
    assert line["level"] == "error"
    assert f"{vvc.config}:2: key excludeNamespaces: expected either" in line["error"]
    assert replica.metric("vvc_configuration_valid") == 0
    assert reloads(replica, "failure") == 1
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data")
    vvc.config.write_text(text(namespace, "emptyDir"))
    eventually(lambda: namespace.value("web"), None, within=SOON)
    assert replica.metric("vvc_configuration_valid") == 1
    assert reloads(replica, "success") == 1


def test_the_last_good_file_put_back_is_valid_again(namespace: Namespace, vvc: Vvc) -> None:
    good = vvc.config.read_text()
    replica = vvc.start_leading()
    vvc.config.write_text("veleroVolumeCfg: [")
    replica.line(REFUSED)
    vvc.config.write_text(good)
    eventually(lambda: replica.metric("vvc_configuration_valid"), 1, within=SOON)


def test_only_what_differs_is_written(namespace: Namespace, vvc: Vvc) -> None:
    for number in range(10):
        namespace.create_pod(f"pod-{number}")
    namespace.create_pod("db-0", ("data", "wal"))
    replica = vvc.start_leading()
    eventually(lambda: patches(replica), 11)
    eventually(lambda: replica.metric("vvc_queue_depth"), 0)
    vvc.config.write_text(text(namespace, more=', excludeJobs: "none-*"'))
    eventually(lambda: reloads(replica, "success"), 1)
    time.sleep(1)
    assert patches(replica) == 11
    vvc.config.touch()
    time.sleep(2)
    assert reloads(replica, "success") == 1, "a file that says the same is no change"


def test_after_a_reload_pods_change_at_a_bounded_rate_and_new_ones_need_not_wait(
    namespace: Namespace, vvc: Vvc
) -> None:
    for number in range(40):
        namespace.create_pod(f"pod-{number}")
    replica = vvc.start_leading("--reload-rate", "10")
    eventually(lambda: patches(replica), 40)
    # The pods made here mount claims alone, so this takes every annotation away; all but the new one's.
    vvc.config.write_text(text(namespace, "emptyDir"))
    eventually(lambda: reloads(replica, "success"), 1)
    began, before = time.monotonic(), patches(replica)
    time.sleep(1)
    namespace.create_pod("late", annotations={"vvc.velero.io/backup": "true"})
    assert eventually(lambda: namespace.value("late"), "data") < 1
    eventually(lambda: patches(replica), 81, within=20)
    rate = (81 - before) / (time.monotonic() - began)
    assert rate <= 12, f"{rate:.1f} writes a second"


def test_a_file_is_not_read_while_it_is_being_written(namespace: Namespace, vvc: Vvc) -> None:
    namespace.create_pod("web")
    replica = vvc.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    written = text(namespace, "emptyDir")
    for length in range(0, len(written), 12):
        vvc.config.write_text(written[:length])
        time.sleep(0.1)
    vvc.config.write_text(written)
    eventually(lambda: namespace.value("web"), None, within=SOON)
    assert reloads(replica, "success") == 1
    assert reloads(replica, "failure") == 0


def test_a_file_that_is_gone_for_a_moment_is_no_alarm_but_for_longer_it_is(
    namespace: Namespace, vvc: Vvc
) -> None:
    replica = vvc.start_leading()
    aside = vvc.config.with_name("aside")
    vvc.config.rename(aside)
    time.sleep(2)
    aside.rename(vvc.config)
    time.sleep(2)
    assert REFUSED not in replica.messages()
    vvc.config.rename(aside)
    assert "there is no such file" in replica.line(REFUSED)["error"]
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data")
    aside.rename(vvc.config)
    eventually(lambda: replica.metric("vvc_configuration_valid"), 1, within=SOON)


def test_a_replica_that_does_not_lead_reloads_too(namespace: Namespace, vvc: Vvc) -> None:
    namespace.create_pod("web")
    leader = vvc.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    other = vvc.start()
    leader.signal(signal.SIGSTOP)
    try:
        vvc.config.write_text(text(namespace, "emptyDir"))
        eventually(lambda: reloads(other, "success"), 1, within=SOON)
        assert patches(other) == 0
    finally:
        leader.process.kill()
    eventually(lambda: namespace.value("web"), None, within=25)


def test_what_takes_effect_only_at_a_start_is_said(namespace: Namespace, vvc: Vvc) -> None:
    replica = vvc.start_leading()
    vvc.config.write_text(text(namespace).replace(LEASE, "another-lease"))
    replica.line(
        "what the configuration says of the API server and of leader election takes effect at the"
        " next start; restart all replicas"
    )


def test_the_command_lines_ownership_stays_in_force(namespace: Namespace, vvc: Vvc) -> None:
    replica = vvc.start_leading("--ownership", "legacy")
    vvc.config.write_text(text(namespace, more=', excludeJobs: "none-*"'))
    assert replica.line("configuration reloaded")["ownership"] == "legacy"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_read_once(namespace: Namespace, vvc: Vvc, tmp_path: Path) -> None:
    content, vvc.config = vvc.config.read_text(), tmp_path / "pipe"
    os.mkfifo(vvc.config)
    replica = vvc.launch()
    vvc.config.write_text(content)
    replica.line("the configuration is no regular file, so it is not read again")
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data")


def test_another_mode_takes_back_what_was_written_in_the_first(namespace: Namespace, vvc: Vvc) -> None:
    def native(mode: str) -> str:
        return (
            "apiVersion: vvc.velero.io/v1alpha1\nkind: ControllerConfig\n"
            f"leaderElection: {{resourceNamespace: {namespace.name}, resourceName: {LEASE}}}\n"
            f"annotator:\n  mode: {mode}\n  rules:\n  - name: data\n    action: backup\n"
            "    volumes: {names: [data]}\n"
        )

    vvc.config.write_text(native("opt-in"))
    namespace.create_pod("web", ("data", "cache"))
    replica = vvc.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    vvc.config.write_text(native("opt-out"))
    expected = {"backup.velero.io/backup-volumes-excludes": "cache"}
    eventually(lambda: velero_annotations(namespace, "web"), expected, within=SOON)
    line = replica.line("annotation of the other mode: remove")
    assert (line["pod"], line["before"]) == ("web", "data")
    assert [replica.metric("vvc_annotations_total", action=action) for action in ("add", "remove")] == [2, 1]


def velero_annotations(namespace: Namespace, pod: str) -> dict[str, str]:
    found = namespace.annotations(pod)
    return {key: value for key, value in found.items() if key.startswith("backup.velero.io/")}
