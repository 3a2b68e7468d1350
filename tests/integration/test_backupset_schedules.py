"""Schedules make BackupSets when they are due, once, and remove those that their limits do not keep."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tests.integration.backup_sets import Installation, stays
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import Vvc
from tests.integration.sets import GROUP, VERSION
from velero_volume_controller.api.backupset import SCHEDULE
from velero_volume_controller.backup import naming

TIMES = ("--lease-duration", "3s", "--renew-deadline", "2s", "--retry-period", "500ms")
EVERY_MINUTE, YEARLY = "* * * * *", "0 0 1 1 *"


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def away_from_the_minute(seconds: int) -> None:
    """Waits until the next full minute is so far away: what is due in between would be made, too."""
    while datetime.now(UTC).second > 60 - seconds:
        time.sleep(0.2)


def names(velero: Installation) -> list[str]:
    return sorted(velero.sets())


def test_a_set_is_made_at_its_minute_and_the_schedule_says_so(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    template = {"labels": {"team": "shop"}, "spec": velero.applications("a")}
    vvc.start_leading()
    velero.create_schedule("nightly", schedule=EVERY_MINUTE, template=template)
    due = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    name = f"nightly-{int(due.timestamp()) // 60}"
    eventually(lambda: names(velero), [name], within=75)
    made = velero.set(name)
    created = datetime.fromisoformat(made["metadata"]["creationTimestamp"])
    assert timedelta(0) <= created - due < timedelta(seconds=3)
    labels = made["metadata"]["labels"]
    assert labels["team"] == "shop"
    assert labels[SCHEDULE] == "nightly"
    assert labels[naming.SCHEDULE_UID] == velero.schedule("nightly")["metadata"]["uid"]
    assert "ownerReferences" not in made["metadata"], "a set outlives its schedule"
    eventually(lambda: velero.schedule("nightly")["status"].get("active"), [name])
    status = velero.schedule("nightly")["status"]
    assert status["lastScheduleTime"] == due.strftime("%Y-%m-%dT%H:%M:%SZ")
    eventually(lambda: len(namespace.events("Created")), 1)


def test_a_missed_run_is_made_up_for_once_whoever_is_killed(velero: Installation, vvc: Vvc) -> None:
    template = {"spec": {**velero.applications("a"), "paused": True}}
    velero.create_schedule("yearly", schedule="0 0 * * *", template=template)
    velero.patch_schedule_status("yearly", {"lastScheduleTime": ago(36 * 3600)})
    for _ in range(4):
        replica = vvc.start_leading(*TIMES)
        time.sleep(0.3)
        replica.signal(signal.SIGKILL)
    vvc.start_leading(*TIMES)
    eventually(lambda: len(names(velero)), 1)
    stays(lambda: len(names(velero)), 1, 2)


def test_forbid_waits_for_the_run_that_is_under_way_and_allow_does_not(
    velero: Installation, vvc: Vvc
) -> None:
    spec = velero.applications("a")
    vvc.start_leading()
    away_from_the_minute(30)
    for policy in ("Forbid", "Allow"):
        name = policy.lower()
        velero.create_schedule(
            name,
            schedule=EVERY_MINUTE,
            concurrencyPolicy=policy,
            template={"spec": {**spec, "paused": True}},
            suspend=True,
        )
        eventually(partial(velero.schedule_condition, name), ("False", "Suspended"))
        uid = velero.schedule(name)["metadata"]["uid"]
        labels = {SCHEDULE: name, naming.SCHEDULE_UID: uid}
        velero.create_set(f"{name}-1", {**spec, "paused": True}, labels=labels)
        velero.patch_schedule_status(name, {"lastScheduleTime": ago(90)})
        velero.patch_schedule(name, {"spec": {"suspend": False}})
    eventually(lambda: sum(each.startswith("allow-") for each in names(velero)), 2)
    eventually(lambda: velero.schedule_condition("forbid"), ("False", "StillRunning"))
    assert [each for each in names(velero) if each.startswith("forbid-")] == ["forbid-1"]
    velero.delete_set("forbid-1")
    eventually(lambda: sum(each.startswith("forbid-") for each in names(velero)), 1)


def test_history_limits_remove_old_sets_of_this_schedule_only_and_no_backup(
    velero: Installation, vvc: Vvc
) -> None:
    spec = velero.applications("a")
    spec["selection"]["clusterResources"] = False
    vvc.start_leading()
    velero.create_schedule("nightly", schedule=YEARLY, successfulHistoryLimit=2)
    uid = velero.schedule("nightly")["metadata"]["uid"]
    for number in range(4):
        velero.create_set(f"nightly-{number}", spec, labels={naming.SCHEDULE_UID: uid})
        assert velero.run_to_end_or_gone(f"nightly-{number}")
        time.sleep(1)
    velero.create_set("nightly-other", spec, labels={naming.SCHEDULE_UID: "another"})
    velero.run_to_end("nightly-other")
    velero.create_set("by-hand", spec)
    velero.run_to_end("by-hand")
    eventually(lambda: names(velero), ["by-hand", "nightly-2", "nightly-3", "nightly-other"])
    assert len(velero.backups()) == 6


def test_a_schedule_that_can_not_be_kept_says_so(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    replica = vvc.start_leading()
    velero.create_schedule("odd", schedule="61 * * * *")
    eventually(lambda: velero.schedule_condition("odd")[0], "False")
    message = velero.schedule("odd")["status"]["conditions"][0]["message"]
    assert "61" in message
    eventually(lambda: len(namespace.events(velero.schedule_condition("odd")[1])), 1)
    (event,) = namespace.events(velero.schedule_condition("odd")[1])
    assert (event.regarding.kind, event.regarding.name) == ("BackupSetSchedule", "odd")
    eventually(lambda: replica.metric("vvc_backupset_schedules_with_problems"), 1)
    velero.patch_schedule("odd", {"spec": {"schedule": YEARLY}})
    eventually(lambda: velero.schedule_condition("odd")[0], "True")
    assert replica.metric("vvc_loop_errors_total") == 0


def test_a_set_of_that_name_that_somebody_else_made_is_left_alone_and_told(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    spec = velero.applications("a")
    velero.create_schedule("daily", schedule="0 0 * * *", template={"spec": spec})
    velero.patch_schedule_status("daily", {"lastScheduleTime": ago(36 * 3600)})
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    name = f"daily-{int(midnight.timestamp()) // 60}"
    velero.create_set(name, {**spec, "paused": True})
    uid = velero.set(name)["metadata"]["uid"]
    vvc.start_leading()
    eventually(lambda: len(namespace.events("FailedCreate")), 1)
    assert "this schedule did not make it" in namespace.events("FailedCreate")[0].note
    assert velero.set(name)["metadata"]["uid"] == uid


def test_when_a_schedule_last_succeeded_can_be_asked_of_the_metrics(
    velero: Installation, namespace: Namespace, vvc: Vvc
) -> None:
    spec = velero.applications("a")
    replica = vvc.start_leading()
    velero.create_schedule("nightly", schedule=YEARLY)
    uid = velero.schedule("nightly")["metadata"]["uid"]
    velero.create_set("nightly-1", spec, labels={naming.SCHEDULE_UID: uid})
    velero.run_to_end("nightly-1")
    labels = {"namespace": namespace.name, "schedule": "nightly"}
    name = "vvc_backupset_schedule_last_success_timestamp_seconds"
    eventually(lambda: abs(replica.metric(name, **labels) - time.time()) < 60, True)
    body: Any = {}
    velero.custom.delete_namespaced_custom_object(
        GROUP, VERSION, namespace.name, "backupsetschedules", "nightly", body=body
    )
    eventually(lambda: replica.metric(name, **labels), 0)
