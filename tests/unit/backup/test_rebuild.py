"""Sets made anew from their Backups alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tests.unit.backup.setmaker import (
    IDENTITY,
    START,
    at,
    creates,
    foreign,
    make_backup,
    make_plan,
    make_situation,
    make_spec,
    make_volume,
    said,
)
from velero_volume_controller.api.backupset import BackupSetSpec, BackupSetStatus, Retry, SetPhase
from velero_volume_controller.backup.attempts import due
from velero_volume_controller.backup.machine import step
from velero_volume_controller.backup.naming import CLUSTER, SET_SPEC, SET_STARTED, SHARDS
from velero_volume_controller.backup.rebuild import Rebuilt, rebuild
from velero_volume_controller.backup.steps import SetIdentity
from velero_volume_controller.velero.model.backups import Backup, decode_backup
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup

SPEC = make_spec(
    selection={"namespaces": {"include": ["shop-*"], "exclude": ["shop-test"]}},
    template={"ttl": "720h", "hooks": {"resources": []}},
    together=[["shop-a", "shop-b"]],
    retry={"limit": 1, "backoff": "1s"},
)
PLAN = make_plan({"a": ["shop-a", "shop-b"], "b": ["shop-c"]}, cluster=True)
NOW = at(3600)


def whole(ends: dict[str, str]) -> tuple[BackupSetStatus, list[Backup], list[PodVolumeBackup]]:
    """A set that ran to its end; each shard's first Backup ended as said, a second one Completed."""
    status, now = BackupSetStatus(), 0.0
    backups: list[Backup] = []
    volumes: list[PodVolumeBackup] = []
    while not (status.phase and status.phase.ended):
        found = step(
            make_situation(
                status,
                now=now,
                spec=SPEC,
                backups=tuple(backups),
                volumes=tuple(volumes),
                planned=PLAN if not status.shards else None,
            )
        )
        status = found.status
        now += 10
        for action in creates(found):
            phase = (
                ends.get(action.shard, "Completed")
                if action.attempt == 1
                else ends.get(f"{action.shard}-2", "Completed")
            )
            backup = make_backup(
                action,
                phase,
                created=at(now),
                start_timestamp=at(now),
                completion_timestamp=at(now),
                expiration=at(720 * 3600),
                errors=int(phase != "Completed"),
            )
            backups.append(backup)
            if action.spec["includedNamespaces"] != ["*"]:
                state = "Completed" if phase == "Completed" else "Failed"
                volumes.append(
                    make_volume(backup, state, action.spec["includedNamespaces"][0], message="EIO")
                )
    return status, backups, volumes


def synced(backups: list[Backup]) -> list[Backup]:
    """As Velero's sync brings them back: new uids, and none that failed."""
    return [
        msgspec.structs.replace(each, uid=f"synced-{each.uid}")
        for each in backups
        if each.phase in {"Completed", "PartiallyFailed"}
    ]


def only(backups: list[Backup], volumes: list[PodVolumeBackup]) -> Rebuilt:
    (found,) = rebuild(backups, volumes, NOW)
    return found


ENDS: dict[str, dict[str, str]] = {
    "all complete": {},
    "one at its second attempt": {"a": "PartiallyFailed"},
    "one after an attempt that the storage does not hold": {"a": "Failed"},
    "one in part": {"b": "PartiallyFailed", "b-2": "PartiallyFailed"},
}


@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS.keys())
def test_a_set_is_made_anew_as_it_was(ends: dict[str, str]) -> None:
    status, backups, volumes = whole(ends)
    found = only(synced(backups), volumes)

    assert (found.namespace, found.name, found.uid) == (IDENTITY.namespace, IDENTITY.name, IDENTITY.uid)
    assert found.spec == SPEC
    assert found.status.phase is status.phase
    assert found.status.restore_point == status.restore_point
    assert found.status.started == status.started
    assert found.status.expires == status.expires
    assert found.status.plan is not None
    assert status.plan is not None
    assert (found.status.plan.hash, found.status.plan.shards) == (status.plan.hash, 3)
    kept = [(each.name, each.namespaces, each.cluster, each.lane) for each in status.shards]
    assert [(each.name, each.namespaces, each.cluster, each.lane) for each in found.status.shards] == kept
    assert found.notes == ()


def test_its_attempts_keep_their_numbers() -> None:
    status, backups, volumes = whole({"a": "Failed"})
    found = only(synced(backups), volumes)

    assert [each.phase for each in found.status.shards[0].attempts] == ["Lost", "Completed"]
    assert found.status.shards[0].attempts[1].backup == status.shards[0].attempts[1].backup


@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS.keys())
def test_the_machine_goes_on_with_it_as_with_its_own(ends: dict[str, str]) -> None:
    """The new object has another uid; its Backups bear the old one."""
    _, backups, volumes = whole(ends)
    left = synced(backups)
    found = only(left, volumes)
    anew = SetIdentity(found.namespace, found.name, "a-new-uid", 1)
    status = msgspec.json.decode(msgspec.json.encode(found.status), type=BackupSetStatus)
    first = step(
        make_situation(
            status, now=7000, spec=found.spec, identity=anew, backups=tuple(left), volumes=tuple(volumes)
        )
    )
    later = step(
        make_situation(
            first.status,
            now=7200,
            spec=found.spec,
            identity=anew,
            backups=tuple(left),
            volumes=tuple(volumes),
        )
    )

    assert not later.actions
    assert later.status.phase is found.status.phase
    assert later.status.restore_point == found.status.restore_point
    assert said(later.status, "SpecChanged") == ("", "", "")


def test_a_shard_of_which_nothing_is_left_is_missing_and_never_tried_again() -> None:
    _, backups, volumes = whole({})
    left = [each for each in synced(backups) if "shop-c" not in each.included_namespaces]
    found = only(left, volumes)

    assert found.status.phase is SetPhase.PARTIALLY_FAILED
    assert found.status.restore_point is not None
    assert len(found.status.restore_point.missing) == 1
    assert "no Backup of it is left" in found.status.restore_point.missing[0].reason
    assert "1 of 3 shards" in found.notes[0]
    again = step(make_situation(found.status, now=7200, spec=found.spec, backups=tuple(left), retry="again"))
    assert not creates(again), "without namespaces it would hold all of them"
    assert again.status.phase is SetPhase.PARTIALLY_FAILED, "there is nothing to wait for"


def test_a_spec_that_the_backups_do_not_bear_is_what_they_hold() -> None:
    _, backups, volumes = whole({})
    bare = [
        msgspec.structs.replace(
            each, annotations={key: value for key, value in each.annotations.items() if key != SET_SPEC}
        )
        for each in synced(backups)
    ]
    found = only(bare, volumes)

    assert found.spec.selection.namespaces.include == ["shop-a", "shop-b", "shop-c"]
    assert found.spec.selection.cluster_resources
    assert found.spec.template == {}
    assert "its spec is not on the Backups" in found.notes[0]


def test_backups_of_several_sets_and_of_others_are_told_apart() -> None:
    _, backups, volumes = whole({})
    older = SetIdentity("velero", "nightly", "11111111-aaaa-bbbb-cccc-1234567890ab", 1)
    first = step(
        make_situation(spec=BackupSetSpec(), planned=make_plan({"x": ["x"]}), identity=older, now=-9000)
    )
    other = make_backup(creates(first)[0], "Completed", created=at(-9000))
    found = rebuild([foreign("Completed"), *synced(backups), other], volumes, NOW)

    assert [(each.name, each.uid) for each in found] == [("nightly", older.uid), ("nightly", IDENTITY.uid)]
    assert [len(each.status.shards) for each in found] == [1, 3]


def test_of_a_set_that_was_planned_twice_the_last_plan_counts() -> None:
    _, backups, volumes = whole({})
    first = step(make_situation(spec=SPEC, planned=replace(make_plan({"old": ["shop-z"]}), hash="before")))
    earlier = make_backup(creates(first)[0], "Completed", created=at(-60))
    found = only([earlier, *synced(backups)], volumes)

    assert [each.name for each in found.status.shards] == ["a", "b", "cluster"]


GARBAGE: dict[str, Any] = {"shards": "many", "a huge number": "9" * 5000, "negative": "-3", "empty": ""}


@pytest.mark.parametrize("text", GARBAGE.values(), ids=GARBAGE.keys())
def test_numbers_that_are_none_are_not_believed(text: str) -> None:
    _, backups, volumes = whole({})
    spoilt = [
        msgspec.structs.replace(each, annotations={**each.annotations, SHARDS: text})
        for each in synced(backups)
    ]

    assert only(spoilt, volumes).status.phase is SetPhase.COMPLETED


@pytest.mark.parametrize("text", ["yesterday", "", "2026-11-24", "9999-99-99T00:00:00Z"])
def test_a_begin_that_is_no_time_is_not_believed(text: str) -> None:
    _, backups, volumes = whole({})
    spoilt = [
        msgspec.structs.replace(each, annotations={**each.annotations, SET_STARTED: text})
        for each in synced(backups)
    ]

    assert only(spoilt, volumes).status.started == min(each.created for each in spoilt)


def test_a_shard_whose_backup_takes_everything_is_not_tried_again() -> None:
    _, backups, volumes = whole({})
    spoilt = [
        msgspec.structs.replace(
            each,
            included_namespaces=("*",),
            annotations={key: value for key, value in each.annotations.items() if key != CLUSTER},
        )
        for each in synced(backups)
    ]

    found = only(spoilt, volumes)

    assert all(not shard.namespaces and not shard.cluster for shard in found.status.shards)
    assert all(
        due(msgspec.structs.replace(shard, attempts=[]), Retry()) is None for shard in found.status.shards
    )


def test_what_is_read_from_the_api_server_is_enough() -> None:
    _, backups, volumes = whole({})
    read = [
        decode_backup(
            msgspec.json.encode(
                {
                    "metadata": {
                        "name": each.name,
                        "namespace": each.namespace,
                        "uid": each.uid,
                        "creationTimestamp": START,
                        "labels": each.labels,
                        "annotations": each.annotations,
                    },
                    "spec": {"includedNamespaces": each.included_namespaces},
                    "status": {"phase": each.phase, "completionTimestamp": START},
                }
            )
        )
        for each in backups
    ]

    assert only(read, volumes).status.phase is SetPhase.COMPLETED
