"""What was planned, is there, and was not taken: a restore point must not claim it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.backup.setmaker import (
    at,
    begin,
    creates,
    make_backup,
    make_lane,
    make_situation,
    make_spec,
    make_volume,
    said,
    tells,
)
from velero_volume_controller.api.backupset import BackupSetStatus, SetPhase
from velero_volume_controller.backup import results
from velero_volume_controller.backup.machine import step
from velero_volume_controller.backup.planned_volumes import (
    NOT_TAKEN,
    There,
    decides_otherwise,
    fingerprints,
    not_taken,
)
from velero_volume_controller.backup.steps import Cluster, Step
from velero_volume_controller.backup.work import Plan, PlannedShard, PlannedVolume, Volume, VolumeKey
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.claims import Claim
from velero_volume_controller.velero.model.namespaces import Namespace
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.pods import Pod, decode

CLAIM = VolumeKey("a", "data-db-0")
EMPTY_DIR = VolumeKey("a", "", "web", "cache")


def pod(name: str = "db-0", phase: str = "Running", *, claim: str = "data-db-0", **metadata: Any) -> Pod:
    """One that mounts a claim as ``data``, or an emptyDir as ``cache``."""
    source: dict[str, Any] = {"name": "data", "persistentVolumeClaim": {"claimName": claim}}
    volume = source if claim else {"name": "cache", "emptyDir": {}}
    body = {
        "metadata": {"name": name, "namespace": "a", **metadata},
        "spec": {"volumes": [volume]},
        "status": {"phase": phase},
    }
    return decode(json.dumps(body).encode())


def cluster(*pods: Pod, claims: tuple[str, ...] | None = ("data-db-0",), **namespaces: Namespace) -> Cluster:
    """With the namespaces a and b unless said otherwise."""
    known = None if claims is None else {("a", name): Claim(name=name, namespace="a") for name in claims}
    there = {name: Namespace(name=name) for name in "ab"} | namespaces
    return Cluster(pods, there, known)


def taken(**fields: Any) -> PodVolumeBackup:
    given = {"pod_namespace": "a", "pod": "db-0", "volume": "data", "claim": "data-db-0", **fields}
    return PodVolumeBackup(name="pvb", namespace="velero", **given)


CASES: dict[str, tuple[VolumeKey, list[PodVolumeBackup], Cluster, str | None]] = {
    "taken": (CLAIM, [taken()], cluster(pod()), None),
    "taken from another pod that mounts it": (CLAIM, [taken(pod="db-1")], cluster(pod()), None),
    "taken by a Velero that does not name claims": (CLAIM, [taken(claim="")], cluster(pod()), None),
    "tried, and failed: that is told elsewhere": (CLAIM, [taken(phase="Failed")], cluster(pod()), None),
    "its claim was deleted": (CLAIM, [], cluster(claims=()), None),
    "its pod waits for a node": (
        CLAIM,
        [],
        cluster(pod(phase="Pending")),
        "pod db-0, which mounts it, is Pending",
    ),
    "its Job is over": (CLAIM, [], cluster(pod(phase="Succeeded")), "is Succeeded now"),
    "its pod is being deleted": (
        CLAIM,
        [],
        cluster(pod(deletionTimestamp="2026-01-01T00:00:00Z")),
        "is terminating now",
    ),
    "its workload was scaled down": (CLAIM, [], cluster(), "no pod mounts it now"),
    "its pod runs again": (CLAIM, [], cluster(pod()), "pod db-0, which mounts it, runs now: it did not then"),
    "claims may not be listed, and a pod names it": (
        CLAIM,
        [],
        cluster(pod(phase="Pending"), claims=None),
        "is Pending now",
    ),
    "claims may not be listed, and no pod names it": (
        CLAIM,
        [],
        cluster(claims=None),
        "1 that no pod mounts now; which of them were deleted can't be told",
    ),
    "an emptyDir, taken": (
        EMPTY_DIR,
        [taken(pod="web", volume="cache", claim="")],
        cluster(pod("web", claim="")),
        None,
    ),
    "an emptyDir that is gone with its pod": (EMPTY_DIR, [], cluster(), None),
    "an emptyDir of a pod that is over": (EMPTY_DIR, [], cluster(pod("web", "Failed", claim="")), None),
    "an emptyDir of a pod that waits": (
        EMPTY_DIR,
        [],
        cluster(pod("web", "Pending", claim="")),
        "pod web, which mounts it, is Pending",
    ),
}


@pytest.mark.parametrize(("key", "seen", "now", "reason"), CASES.values(), ids=CASES.keys())
def test_a_planned_volume_that_is_there_and_was_not_taken_is_named(
    key: VolumeKey, seen: list[PodVolumeBackup], now: Cluster, reason: str | None
) -> None:
    found = list(not_taken(fingerprints([key]), ["a"], seen, There.of(now)))

    assert len(found) == (reason is not None)
    if reason is not None:
        assert found[0].reason.startswith(NOT_TAKEN)
        assert reason in found[0].reason


def test_what_was_not_planned_is_not_missed() -> None:
    other = fingerprints([VolumeKey("a", "another")])

    assert not list(not_taken(other, ["a"], [], There.of(cluster(pod(phase="Pending")))))
    assert not list(not_taken(fingerprints([CLAIM]), ["b"], [], There.of(cluster(pod()))))


@pytest.mark.parametrize("kept", ["", "not base64!", "AAA"])
def test_fingerprints_that_somebody_has_edited_stop_nothing(kept: str) -> None:
    assert not list(not_taken(kept, ["a"], [], There.of(cluster(pod()))))


KEYS = st.builds(VolumeKey, st.sampled_from("abc"), st.text("xyz-", min_size=1, max_size=6))


@given(st.sets(KEYS), st.sets(KEYS), st.sets(KEYS))
def test_missed_is_planned_and_there_and_not_taken(
    planned: set[VolumeKey], there: set[VolumeKey], done: set[VolumeKey]
) -> None:
    claims = {(key.namespace, key.claim): Claim(name=key.claim, namespace=key.namespace) for key in there}
    seen = [taken(pod_namespace=key.namespace, pod="p", claim=key.claim) for key in done]
    found = list(not_taken(fingerprints(planned), "abc", seen, There.of(Cluster((), {}, claims))))

    assert {VolumeKey(each.namespace, each.claim) for each in found} == (planned & there) - done
    assert len(found) == len({(each.namespace, each.claim) for each in found})


def test_twenty_thousand_volumes_fit_into_a_status() -> None:
    keys = [VolumeKey(f"namespace-{number % 500}", f"data-{number}") for number in range(20_000)]

    assert len(fingerprints(keys)) < 110_000


TEMPLATES: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing said": ({}, False),
    "what says nothing of pods": ({"ttl": "24h", "excludedNamespaceScopedResources": ["events"]}, False),
    "a volume policy": ({"resourcePolicy": {"kind": "configmap", "name": "skip-nfs"}}, True),
    "a selector": ({"labelSelector": {"matchLabels": {"tier": "db"}}}, True),
    "selectors": ({"orLabelSelectors": [{"matchLabels": {"tier": "db"}}]}, True),
    "pods left out": ({"excludedResources": ["pods"]}, True),
    "all left out": ({"excludedNamespaceScopedResources": ["*"]}, True),
    "only others taken": ({"includedNamespaceScopedResources": ["secrets"]}, True),
    "pods taken": ({"includedNamespaceScopedResources": ["pods", "secrets"]}, False),
    "all taken": ({"includedNamespaceScopedResources": ["*"]}, False),
}


@pytest.mark.parametrize(("template", "otherwise"), TEMPLATES.values(), ids=TEMPLATES.keys())
def test_a_template_that_may_leave_volumes_out_on_purpose(template: dict[str, Any], otherwise: bool) -> None:
    assert decides_otherwise(template) is otherwise
    status = begin(claim_plan(), spec=make_spec(template=template), cluster=cluster(pod()))[0]
    assert (status.shards[0].fingerprints == "") is otherwise
    assert status.shards[0].volumes == 1


# In a set


def claim_plan() -> Plan:
    """One shard of the namespaces a and b with one claim."""
    volume = PlannedVolume(Volume("a", "db-0", "data", "node-1", claim="data-db-0"), 60.0, 100)
    return Plan((PlannedShard("a", ("a", "b"), "velero", (volume,), alone=67.0),), 67.0, 67.0, "abc123")


def after(
    status: BackupSetStatus, now: float, backup: Backup, *volumes: PodVolumeBackup, **fields: Any
) -> Step:
    return step(make_situation(status, now=now, backups=(backup,), volumes=volumes, **fields))


def ended(phase: str = "Completed", **fields: Any) -> tuple[BackupSetStatus, Backup]:
    """A set whose only Backup has ended just now."""
    status, made = begin(claim_plan(), cluster=cluster(pod()), **fields)
    backup = make_backup(made[0], phase, start_timestamp=at(1), completion_timestamp=at(60))
    return status, backup


def test_a_completed_backup_without_a_planned_volume_makes_no_completed_set() -> None:
    status, backup = ended()
    waiting = after(status, 60, backup, cluster=cluster(pod(phase="Pending")))
    found = after(waiting.status, 71, backup, cluster=cluster(pod(phase="Pending")))

    assert waiting.status.phase is SetPhase.RUNNING, "its PodVolumeBackups may be seen in a moment"
    assert waiting.again is not None
    assert waiting.again <= 10
    assert found.status.phase is SetPhase.PARTIALLY_FAILED
    assert found.status.restore_point is not None
    assert [each.name for each in found.status.restore_point.backups] == [backup.name]
    (missing,) = found.status.restore_point.missing
    assert (missing.namespace, missing.pod, missing.volume, missing.claim) == (
        "a",
        "db-0",
        "data",
        "data-db-0",
    )
    assert said(found.status, "Complete")[:2] == ("False", "PartiallyFailed")
    assert said(found.status, "Degraded")[:2] == ("True", "VolumesNotTaken")
    assert "vvc backup retry nightly" in said(found.status, "Degraded")[2]
    assert "VolumesNotTaken" in tells(found)


def test_a_volume_that_was_taken_ends_the_set_at_once() -> None:
    status, backup = ended()
    volume = make_volume(backup, pod="db-0", claim="data-db-0")
    found = after(status, 60, backup, volume, cluster=cluster(pod()))

    assert found.status.phase is SetPhase.COMPLETED
    assert found.status.restore_point is not None
    assert not found.status.restore_point.missing
    assert said(found.status, "Degraded") == ("", "", "")


def test_a_volume_whose_claim_was_deleted_meanwhile_is_not_missed() -> None:
    status, backup = ended()
    found = after(status, 60, backup, cluster=cluster(claims=()))

    assert found.status.phase is SetPhase.COMPLETED


def test_without_a_look_at_the_cluster_nothing_is_concluded() -> None:
    status, backup = ended()

    assert after(status, 60, backup).status.phase is SetPhase.COMPLETED


def test_a_volume_that_is_seen_late_makes_the_set_whole() -> None:
    status, backup = ended()
    short = after(status, 100, backup, cluster=cluster(pod()))
    short = after(short.status, 120, backup, cluster=cluster(pod()))
    assert short.status.phase is SetPhase.PARTIALLY_FAILED
    late = after(short.status, 130, backup, make_volume(backup, pod="db-0", claim="data-db-0"))

    assert late.status.phase is SetPhase.COMPLETED
    assert late.status.restore_point is not None
    assert not late.status.restore_point.missing
    assert said(late.status, "Degraded")[0] == "False"


@pytest.mark.parametrize("now", [cluster(), cluster(claims=()), cluster(pod(), claims=None), None])
def test_what_was_missing_at_the_end_stays_so_whatever_the_cluster_becomes(now: Cluster | None) -> None:
    status, backup = ended()
    waiting = after(status, 60, backup, cluster=cluster(pod(phase="Pending")))
    end = after(waiting.status, 71, backup, cluster=cluster(pod(phase="Pending")))
    later = after(end.status, 7200, backup, cluster=now)

    assert later.status.restore_point == end.status.restore_point
    assert later.status.phase is SetPhase.PARTIALLY_FAILED
    assert not later.actions


def test_volumes_that_cannot_be_seen_are_not_missed() -> None:
    """The CRDs of Velero may be gone, or a sync on its way."""
    status, backup = ended()
    volume = make_volume(backup, pod="db-0", claim="data-db-0")
    seen = after(status, 50, make_backup(begin(claim_plan())[1][0], "InProgress"), volume, cluster=cluster())
    found = after(seen.status, 100, backup, cluster=cluster(pod()))
    again = after(found.status, 200, backup, cluster=cluster(pod()))

    assert again.status.phase is SetPhase.COMPLETED


def test_a_policy_for_all_backups_may_leave_volumes_out_on_purpose() -> None:
    status, backup = ended()
    ruled = msgspec.structs.replace(
        backup, annotations={**backup.annotations, results.GLOBAL_POLICY: "policies"}
    )

    assert after(status, 100, ruled, cluster=cluster(pod())).status.phase is SetPhase.COMPLETED


def test_in_a_backup_that_failed_in_part_each_volume_is_named_once() -> None:
    """One on a node without a node-agent has no PodVolumeBackup; Velero's log alone tells of it."""
    plan = claim_plan()
    both = (
        *plan.shards[0].volumes,
        PlannedVolume(Volume("a", "db-1", "data", "n", claim="data-db-1"), 1.0, 1),
    )
    plan = Plan((PlannedShard("a", ("a",), "velero", both, alone=1.0),), 1.0, 1.0, "abc123")
    now = cluster(pod(), pod("db-1", claim="data-db-1"), claims=("data-db-0", "data-db-1"))
    spec = make_spec(retry={"limit": 0})
    status, made = begin(plan, cluster=now, spec=spec)
    backup = make_backup(made[0], "PartiallyFailed", completion_timestamp=at(60), errors=1)
    volume = make_volume(backup, "Failed", pod="db-0", claim="data-db-0", message="no such file")
    waiting = after(status, 60, backup, volume, cluster=now, spec=spec)
    found = after(waiting.status, 75, backup, volume, cluster=now, spec=spec).status

    assert found.restore_point is not None
    named = [(each.pod, each.claim) for each in found.restore_point.missing]
    assert named == [("db-0", ""), ("db-1", "data-db-1")]


def test_a_demand_to_retry_makes_a_shard_anew_that_lacks_planned_volumes() -> None:
    status, backup = ended()
    waiting = after(status, 60, backup, cluster=cluster(pod(phase="Pending")))
    end = after(waiting.status, 71, backup, cluster=cluster(pod(phase="Pending")))
    again = after(end.status, 300, backup, cluster=cluster(pod()), retry="now")
    (made,) = creates(again)
    second = make_backup(made, "Completed", start_timestamp=at(301), completion_timestamp=at(360))
    volume = make_volume(second, pod="db-0", claim="data-db-0")
    found = step(
        make_situation(
            again.status,
            now=360,
            backups=(backup, second),
            volumes=(volume,),
            cluster=cluster(pod()),
            retry="now",
        )
    )

    assert made.attempt == 2
    assert "planned volumes were not taken" in " ".join(
        action.message for action in again.actions if hasattr(action, "message")
    )
    assert found.status.phase is SetPhase.COMPLETED
    assert found.status.restore_point is not None
    assert [each.name for each in found.status.restore_point.backups] == [second.name]
    assert not creates(found)


def test_of_a_demand_that_brings_no_volume_either_no_second_is_made() -> None:
    status, backup = ended()
    waiting = after(status, 60, backup, cluster=cluster())
    end = after(waiting.status, 71, backup, cluster=cluster())
    again = after(end.status, 300, backup, cluster=cluster(), retry="now")
    second = make_backup(creates(again)[0], "Completed", completion_timestamp=at(360))
    now: dict[str, Any] = {"backups": (backup, second), "cluster": cluster(), "retry": "now"}
    found = step(make_situation(again.status, now=361, **now))
    found = step(make_situation(found.status, now=372, **now))

    assert found.status.phase is SetPhase.PARTIALLY_FAILED
    assert not creates(found)
    assert len(found.status.shards[0].attempts) == 2


def test_a_set_of_all_sizes_at_once_still_fits_into_etcd() -> None:
    """20,000 planned volumes, none of which was taken, in 5,000 namespaces of the longest names."""
    names = [f"team-{number:05}-{'x' * 52}" for number in range(5000)]
    claims = [(name, f"data-{'y' * 40}-{number}") for name in names for number in range(4)]
    shards = []
    for start in range(0, 5000, 500):
        mine = set(names[start : start + 500])
        volumes = [
            PlannedVolume(Volume(space, "p", "v", "n", claim=claim), 1.0, 1)
            for space, claim in claims
            if space in mine
        ]
        shards.append(PlannedShard(f"s{start}", tuple(sorted(mine)), "velero", tuple(volumes), alone=1.0))
    now = Cluster(
        (),
        {name: Namespace(name=name) for name in names},
        {(space, claim): Claim(name=claim, namespace=space) for space, claim in claims},
    )
    lanes = (make_lane(slots=10),)
    status, made = begin(Plan(tuple(shards), 1.0, 1.0, "h"), cluster=now, lanes=lanes)
    backups = tuple(make_backup(each, "Completed", completion_timestamp=at(60)) for each in made)
    found = step(make_situation(status, now=60, backups=backups, cluster=now, lanes=lanes)).status
    found = step(make_situation(found, now=72, backups=backups, cluster=now, lanes=lanes)).status

    assert found.phase is SetPhase.PARTIALLY_FAILED
    assert len(msgspec.json.encode(found)) < 1_300_000, "etcd takes 1.5 MiB, managedFields come on top"
    assert found.restore_point is not None
    *named, last = found.restore_point.missing
    assert f"{20_000 - len(named)} more" in last.reason
    later = step(make_situation(found, now=7200, backups=backups, lanes=lanes)).status
    assert later.restore_point == found.restore_point
