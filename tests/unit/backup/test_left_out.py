"""Namespaces that were there when the set was planned, and are not to be taken when their turn comes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.backup.setmaker import (
    at,
    begin,
    creates,
    make_backup,
    make_plan,
    make_situation,
    make_spec,
    make_volume,
    said,
    tells,
)
from velero_volume_controller.api.backupset import BackupSetStatus, SetPhase
from velero_volume_controller.backup.machine import step
from velero_volume_controller.backup.selection import EXCLUDE_LABEL
from velero_volume_controller.backup.steps import Cluster, CreateBackup, Step
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.namespaces import Namespace

GONE = None
THERE = Namespace(name="b")
A = Namespace(name="a")
GOING = Namespace(name="b", terminating=True)
LABELLED = Namespace(name="b", labels={EXCLUDE_LABEL: "true"})


def cluster(b: Namespace | None = THERE, a: Namespace | None = A) -> Cluster:
    return Cluster((), {each.name: each for each in (a, b) if each is not None}, {})


def follow(status: BackupSetStatus, now: float, *backups: Backup, **fields: Any) -> Step:
    return step(make_situation(status, now=now, backups=backups, **fields))


def ended(made: CreateBackup, phase: str = "Completed", **status: Any) -> Backup:
    return make_backup(made, phase, start_timestamp=at(1), completion_timestamp=at(60), **status)


WHY: dict[str, tuple[Namespace | None, str]] = {
    "it was deleted": (GONE, "was deleted after the set was planned"),
    "it is being deleted": (GOING, "was deleted after the set was planned"),
    "it got Velero's label": (LABELLED, f"got the label {EXCLUDE_LABEL}=true"),
}


@pytest.mark.parametrize(("b", "why"), WHY.values(), ids=WHY.keys())
def test_a_backup_does_not_name_a_namespace_that_is_not_to_be_taken_any_more(
    b: Namespace | None, why: str
) -> None:
    """One that is gone would make it PartiallyFailed, one with the label would fail all of it."""
    status, made = begin(make_plan({"a": ["a", "b"]}), cluster=cluster(b))
    found = follow(status, 60, ended(made[0]), cluster=cluster(b))

    assert made[0].spec["includedNamespaces"] == ["a"]
    assert found.status.phase is SetPhase.COMPLETED
    point = found.status.restore_point
    assert point is not None
    assert point.backups[0].namespaces == ["a"]
    assert [each.namespace for each in point.missing] == ["b"]
    assert why in point.missing[0].reason
    assert said(found.status, "Degraded")[:2] == ("True", "LeftOut")
    assert "b" in said(found.status, "Degraded")[2]


def test_that_it_is_left_out_is_told_when_the_backup_is_made() -> None:
    found = step(make_situation(planned=make_plan({"a": ["a", "b"]}), cluster=cluster(LABELLED)))

    assert "LeftOut" in tells(found)


def test_what_is_left_out_stays_so_when_the_same_backup_is_made_again() -> None:
    """The hash of its spec is on it: one that differs would be taken for somebody else's."""
    first = step(make_situation(planned=make_plan({"a": ["a", "b"]}), cluster=cluster(LABELLED)))
    again = follow(first.status, 20, cluster=cluster())

    assert creates(first)[0].spec["includedNamespaces"] == ["a"]
    assert creates(again) == creates(first)


@pytest.mark.parametrize("b", [GONE, GOING, LABELLED])
def test_of_a_shard_of_which_nothing_is_left_no_backup_is_made(b: Namespace | None) -> None:
    """One that names no namespace takes all."""
    status, made = begin(make_plan({"a": ["a"], "b": ["b"]}), cluster=cluster(b))
    found = follow(status, 60, ended(made[0]), cluster=cluster(b))

    assert [each.shard for each in made] == ["a"]
    assert not creates(found)
    assert [each.phase for each in found.status.shards[1].attempts] == ["Skipped"]
    assert found.status.phase is SetPhase.COMPLETED
    assert found.status.restore_point is not None
    assert [each.namespace for each in found.status.restore_point.missing] == ["b"]
    assert [each.shard for each in found.status.restore_point.backups] == ["a"]


def test_a_set_of_which_nothing_is_left_has_failed() -> None:
    found = step(make_situation(planned=make_plan({"a": ["a"]}), cluster=cluster(a=None)))

    assert found.status.phase is SetPhase.FAILED
    assert not creates(found)


def test_what_is_left_out_is_looked_at_anew_on_a_demand_to_retry() -> None:
    status, made = begin(make_plan({"a": ["a"], "b": ["b"]}), cluster=cluster(LABELLED))
    end = follow(status, 60, ended(made[0]), cluster=cluster(LABELLED))
    again = follow(end.status, 120, ended(made[0]), cluster=cluster(), retry="now")

    assert [(each.shard, each.spec["includedNamespaces"]) for each in creates(again)] == [("b", ["b"])]


def test_a_label_that_comes_between_two_looks_costs_one_attempt_and_not_the_shard() -> None:
    """Velero puts the namespace among the excluded ones, and refuses a Backup that includes it, too."""
    spec = make_spec(retry={"backoff": "10s"})
    status, made = begin(make_plan({"a": ["a", "b"]}), cluster=cluster(), spec=spec)
    error = (
        "Invalid included/excluded namespace lists: excludes list cannot contain an item in the includes"
        " list: b"
    )
    refused = ended(made[0], "FailedValidation", validation_errors=(error,))
    found = follow(status, 60, refused, cluster=cluster(LABELLED), spec=spec)
    found = follow(found.status, 71, refused, cluster=cluster(LABELLED), spec=spec)

    assert [each.spec["includedNamespaces"] for each in creates(found)] == [["a"]]


def test_a_namespace_that_goes_before_velero_comes_to_it_is_not_tried_again() -> None:
    status, made = begin(make_plan({"a": ["a", "b"]}), cluster=cluster())
    backup = ended(made[0], "PartiallyFailed", errors=1)
    volume = make_volume(backup, namespace="a")
    found = follow(status, 60, backup, cluster=cluster(GONE), volumes=(volume,))

    assert found.status.phase is SetPhase.PARTIALLY_FAILED, "as Velero ends its Backup"
    assert found.status.restore_point is not None
    (missing,) = found.status.restore_point.missing
    assert missing.namespace == "b"
    assert "deleted before its Backup came to it" in missing.reason
    assert "not tried again" in said(found.status, "Degraded")[2]


def test_a_namespace_that_goes_later_is_not_what_the_backup_failed_for() -> None:
    spec = make_spec(retry={"backoff": "10s"})
    status, made = begin(make_plan({"a": ["a", "b"]}), cluster=cluster(), spec=spec)
    backup = ended(made[0], "PartiallyFailed", errors=1)
    found = follow(status, 60, backup, cluster=cluster(), spec=spec)
    found = follow(found.status, 65, backup, cluster=cluster(GONE), spec=spec)
    found = follow(found.status, 71, backup, cluster=cluster(GONE), spec=spec)

    assert [each.spec["includedNamespaces"] for each in creates(found)] == [["a"]]


OTHER_ERRORS: dict[str, tuple[int, str]] = {
    "another error": (2, "Completed"),
    "a volume that failed": (1, "Failed"),
}


@pytest.mark.parametrize(("errors", "phase"), OTHER_ERRORS.values(), ids=OTHER_ERRORS.keys())
def test_with_another_error_beside_it_it_is_tried_again_without_the_namespace(
    errors: int, phase: str
) -> None:
    spec = make_spec(retry={"backoff": "10s"})
    status, made = begin(make_plan({"a": ["a", "b"]}), cluster=cluster(), spec=spec)
    backup = ended(made[0], "PartiallyFailed", errors=errors)
    volume = make_volume(backup, phase, namespace="a")
    found = follow(status, 60, backup, cluster=cluster(GONE), spec=spec, volumes=(volume,))
    found = follow(found.status, 71, backup, cluster=cluster(GONE), spec=spec, volumes=(volume,))

    assert [each.spec["includedNamespaces"] for each in creates(found)] == [["a"]]


def test_a_backup_whose_record_was_lost_tells_itself_what_it_does_not_hold() -> None:
    plan = make_plan({"a": ["a", "b"]})
    first = step(make_situation(planned=plan, cluster=cluster(LABELLED)))
    lost = begin(plan, cluster=cluster())[0]
    lost.shards[0].attempts.clear()
    found = follow(lost, 60, ended(creates(first)[0]), cluster=cluster())

    assert found.status.phase is SetPhase.COMPLETED
    assert found.status.restore_point is not None
    (missing,) = found.status.restore_point.missing
    assert missing.namespace == "b"
    assert "was deleted, or labelled" in missing.reason


def test_namespaces_that_cannot_be_seen_are_not_left_out() -> None:
    blind = Cluster((), None, None)

    assert begin(make_plan({"a": ["a", "b"]}), cluster=blind)[1][0].spec["includedNamespaces"] == ["a", "b"]
    assert begin(make_plan({"a": ["a", "b"]}))[1][0].spec["includedNamespaces"] == ["a", "b"]


def test_the_cluster_scoped_resources_are_of_no_namespace() -> None:
    made = begin(make_plan({"a": ["a"]}, cluster=True), cluster=cluster())[1]

    assert [each.shard for each in made] == ["a", "cluster"]
