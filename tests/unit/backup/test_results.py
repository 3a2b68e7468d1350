"""The attempt that stands, and what is missing and why."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.unit.backup.setmaker import (
    START,
    at,
    begin,
    creates,
    make_backup,
    make_lane,
    make_plan,
    make_situation,
    make_spec,
    make_volume,
)
from velero_volume_controller.api.backupset import Attempt, Missing, RestorePoint, SetPhase, Shard
from velero_volume_controller.backup import results
from velero_volume_controller.backup.machine import step
from velero_volume_controller.velero.model.versions import Version


def attempt(phase: str, volumes: int = 0, size: int = 0) -> Attempt:
    return Attempt(
        backup=f"{phase}-{volumes}-{size}", lane="velero", uid="u", phase=phase, volumes=volumes, bytes=size
    )


BEST: dict[str, tuple[list[Attempt], str | None]] = {
    "a complete one before any other": (
        [attempt("PartiallyFailed", 9), attempt("Completed", 3), attempt("PartiallyFailed", 12)],
        "Completed-3-0",
    ),
    "else the one with the most volumes": (
        [attempt("PartiallyFailed", 3, 900), attempt("PartiallyFailed", 5, 1), attempt("Failed", 7)],
        "PartiallyFailed-5-1",
    ),
    "of as many volumes the one with more bytes": (
        [attempt("PartiallyFailed", 3, 900), attempt("PartiallyFailed", 3, 1)],
        "PartiallyFailed-3-900",
    ),
    "nothing can be restored from what failed, or is gone": (
        [attempt("Failed", 3), attempt("FailedValidation"), attempt("Lost", 9), attempt("Refused")],
        None,
    ),
    "there is none yet": ([], None),
}


@pytest.mark.parametrize(("attempts", "name"), BEST.values(), ids=BEST.keys())
def test_the_attempt_that_stands(attempts: list[Attempt], name: str | None) -> None:
    found = results.best(Shard("a", ["a"], attempts=attempts))

    assert (found.backup if found else None) == name


def test_the_newest_of_equals_stands() -> None:
    attempts = [attempt("Completed", 1), attempt("Completed", 1)]

    assert results.best(Shard("a", ["a"], attempts=attempts)) is attempts[1]


def test_the_phase_at_the_end() -> None:
    good, part, bad = (
        Shard(name, [name], attempts=[attempt(phase)])
        for name, phase in (("a", "Completed"), ("b", "PartiallyFailed"), ("c", "Failed"))
    )

    assert results.phase([good, good], RestorePoint()) is SetPhase.COMPLETED
    assert results.phase([good, part], RestorePoint()) is SetPhase.PARTIALLY_FAILED
    assert results.phase([good, bad], RestorePoint()) is SetPhase.PARTIALLY_FAILED
    assert results.phase([bad, bad], RestorePoint()) is SetPhase.FAILED


def missing(
    phase: str,
    volumes: list[dict[str, Any]],
    namespaces: list[str] | None = None,
    version: Version | None = None,
    **status: Any,
) -> list[Missing]:
    """What a set of one shard lacks whose only Backup ended so."""
    spec = make_spec(retry={"limit": 0})
    plan = make_plan({"a": namespaces or ["a", "b"]})
    lanes = (make_lane(version=version or Version(1, 18, 3)),)
    first = step(make_situation(planned=plan, spec=spec, lanes=lanes))
    backup = make_backup(
        creates(first)[0], phase, completion_timestamp=at(60), start_timestamp=START, **status
    )
    found = step(
        make_situation(
            first.status,
            now=60,
            spec=spec,
            lanes=lanes,
            backups=(backup,),
            volumes=tuple(make_volume(backup, **each) for each in volumes),
        )
    )
    assert found.status.restore_point is not None
    return found.status.restore_point.missing


def test_each_volume_that_was_not_taken_is_named_with_its_reason() -> None:
    found = missing(
        "PartiallyFailed",
        [
            {"phase": "Completed", "namespace": "a"},
            {"phase": "Failed", "namespace": "b", "pod": "db-0", "message": "permission denied"},
            {"phase": "Canceled", "namespace": "a", "name": "pvb-7", "volume": "logs"},
        ],
        errors=2,
    )

    assert found == [
        Missing("a", "pod", "logs", "its PodVolumeBackup pvb-7 is Canceled"),
        Missing("b", "db-0", "data", "permission denied"),
    ]


def test_an_error_that_is_no_volumes_is_missing_all_the_same() -> None:
    one = missing("PartiallyFailed", [{"phase": "Completed"}], ["a"], errors=1)
    two = missing("PartiallyFailed", [{"phase": "Completed"}], ["a", "b"], errors=3)

    assert [each.namespace for each in one] == ["a"]
    assert "1 error; see: velero --namespace velero backup logs nightly-" in one[0].reason
    assert [each.namespace for each in two] == [""]
    assert "a, b" in two[0].reason
    assert "3 errors" in two[0].reason


def test_errors_beyond_the_volumes_that_are_named_are_missing_too() -> None:
    failed = {"phase": "Failed", "namespace": "a", "message": "permission denied"}
    found = missing("PartiallyFailed", [failed], ["a"], errors=2)

    assert [each.volume for each in found] == ["data", ""]
    assert "a volume that none was made for" in found[1].reason
    assert "2 errors; see: velero --namespace velero backup logs nightly-" in found[1].reason


def test_every_namespace_of_a_shard_without_any_backup_is_missing_with_veleros_reason() -> None:
    found = missing("Failed", [], failure_reason="the server was restarted")

    assert [each.namespace for each in found] == ["a", "b"]
    assert all("is Failed: the server was restarted" in each.reason for each in found)
    assert "read-only" in missing("FailedValidation", [], validation_errors=("read-only",))[0].reason


@pytest.mark.parametrize(("version", "lost"), [(Version(1, 18, 2), True), (Version(1, 18, 3), False)])
def test_all_volumes_of_a_backup_that_ran_into_the_timeout_are_lost_up_to_1_18_2(
    version: Version, lost: bool
) -> None:
    found = missing(
        "PartiallyFailed",
        [{"phase": "Completed", "namespace": "a"}, {"phase": "InProgress", "namespace": "b"}],
        version=version,
        errors=1,
    )

    assert [each.namespace for each in found] == (["a", "b"] if lost else ["b"])
    assert "fs-backup-timeout" in found[-1].reason
    if lost:
        assert "9986" in found[0].reason


def test_what_the_cluster_scoped_resources_lack_is_said_without_a_namespace() -> None:
    spec = make_spec(retry={"limit": 0})
    plan = make_plan({"a": ["a"]}, cluster=True)
    status, made = begin(plan, spec=spec)
    completed = make_backup(made[0], "Completed")
    failed = make_backup(made[1], "Failed", failure_reason="gone")
    found = step(make_situation(status, now=60, spec=spec, backups=(completed, failed)))

    assert made[1].shard == "cluster"
    assert found.status.restore_point is not None
    assert [(each.namespace, each.reason[:29]) for each in found.status.restore_point.missing] == [
        ("", "all cluster-scoped resources:")
    ]


def test_a_large_set_of_which_nothing_could_be_taken_still_fits_into_etcd() -> None:
    names = [f"team-{number:05}-{'x' * 52}" for number in range(5000)]
    plan = make_plan({f"s{start}": names[start : start + 500] for start in range(0, 5000, 500)})
    spec = make_spec(retry={"limit": 0})
    lanes = (make_lane(slots=10),)
    status, made = begin(plan, spec=spec, lanes=lanes)
    backups = tuple(
        make_backup(
            each, "FailedValidation", start_timestamp=START, validation_errors=("no such location; " * 900,)
        )
        for each in made
    )

    found = step(make_situation(status, now=60, spec=spec, lanes=lanes, backups=backups)).status

    assert found.phase is SetPhase.FAILED
    assert len(msgspec.json.encode(found)) < 1_200_000, "etcd takes 1.5 MiB, managedFields come on top"
    assert found.restore_point is not None
    *named, last = found.restore_point.missing
    assert len(named) > 400
    assert f"{5000 - len(named)} more" in last.reason


def test_how_many_more_are_missing_is_remembered_once_their_volumes_are_gone() -> None:
    plan = make_plan({"a": ["a"]})
    spec = make_spec(retry={"limit": 0})
    status, made = begin(plan, spec=spec)
    backup = make_backup(made[0], "PartiallyFailed", start_timestamp=START, completion_timestamp=at(60))
    volumes = tuple(
        make_volume(backup, "Failed", name=f"v{number}", volume=f"v{number}", message="no space left " * 90)
        for number in range(1000)
    )
    ended = step(make_situation(status, now=60, spec=spec, backups=(backup,), volumes=volumes)).status
    assert ended.restore_point is not None
    last = ended.restore_point.missing[-1]
    assert " more" in last.reason

    later = step(make_situation(ended, now=7200, spec=spec, backups=(backup,))).status

    assert later.restore_point is not None
    assert later.restore_point.missing == ended.restore_point.missing
