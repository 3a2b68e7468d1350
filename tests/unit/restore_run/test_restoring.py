"""Restoring: one Restore of Velero's for each Backup of the restore point, one after the other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.restore.makers import live, plan
from tests.unit.restore_run.runmaker import (
    LABELS,
    P,
    in_phase,
    make_spec,
    makes,
    outcome,
    restore,
    said,
    take,
    tells,
)
from velero_volume_controller.api.cleanrestore import CleanRestoreStatus, RunRestore
from velero_volume_controller.restore.steps import Step
from velero_volume_controller.velero.model.restore_runs import PodVolumeRestore

SETTINGS = live("ConfigMap settings")
PLAN = plan([SETTINGS], [SETTINGS])
MAPPED = plan([], ["ConfigMap a", "ClusterRole r"], mapping={"shop": "test"})
FIRST, SECOND, THIRD = "rescue-0f3c9d12-1-1", "rescue-0f3c9d12-2-1", "rescue-0f3c9d12-1-2"


def known(name: str = FIRST, phase: str = "", **fields: Any) -> RunRestore:
    whole = {"name": name, "namespace": "velero", "backup": "b1", "created": "2026-11-24T02:00:00Z"}
    return RunRestore(**{**whole, "phase": phase, "uid": "uid" if phase else "", **fields})


def look(*restores: RunRestore, seen: tuple[Any, ...] = (), **fields: Any) -> Step:
    status = in_phase(
        P.RESTORING, PLAN, restores=list(restores), sources=fields.pop("sources", ("b1",)), deleted=True
    )
    status.retries = fields.pop("retries", 0)
    return take(status, PLAN, restores=seen, **fields)


def test_the_first_backup_is_restored_first() -> None:
    taken = look(sources=("b1", "b2"))
    (made,) = makes(taken)
    assert (made.kind, made.namespace, made.name) == ("Restore", "velero", FIRST)
    assert dict(made.labels) == LABELS
    assert dict(made.spec) == {
        "backupName": "b1",
        "includedNamespaces": ["shop"],
        "includeClusterResources": True,
    }


def test_a_name_that_a_restore_of_an_earlier_plan_has_is_not_given_again() -> None:
    """That one would be taken for the new one, and what it has restored for what this plan restores."""
    earlier = known(FIRST, "Completed", backup="b0", superseded=True)
    taken = look(earlier, seen=(restore(FIRST, "Completed"),), sources=("b1",))
    assert [(each.name, each.spec["backupName"]) for each in makes(taken)] == [(THIRD, "b1")]
    assert taken.status.phase is P.RESTORING


def test_the_second_is_restored_when_the_first_has_ended() -> None:
    waits = look(known(phase="InProgress"), seen=(restore(FIRST, "Finalizing"),), sources=("b1", "b2"))
    assert not makes(waits)
    taken = look(known(phase="InProgress"), seen=(restore(FIRST, "Completed"),), sources=("b1", "b2"))
    (made,) = makes(taken)
    assert (made.name, made.spec["backupName"]) == (SECOND, "b2")


def test_once_the_last_has_ended_it_is_verified() -> None:
    both = (known(phase="Completed"), known(SECOND, "InProgress", backup="b2"))
    taken = look(*both, seen=(restore(SECOND, "PartiallyFailed"),), sources=("b1", "b2"))
    assert taken.status.phase is P.VERIFYING


def test_namespaces_come_back_under_the_names_that_the_plan_gives_them() -> None:
    taken = take(in_phase(P.RESTORING, MAPPED), MAPPED)
    assert makes(taken)[0].spec["namespaceMapping"] == {"shop": "test"}
    assert makes(taken)[0].spec["includedNamespaces"] == ["shop"]


def test_cluster_scoped_objects_come_back_only_with_all_namespaces() -> None:
    some = plan([SETTINGS], [SETTINGS, "ConfigMap other/a"], include=["shop"])
    assert "includeClusterResources" not in makes(take(in_phase(P.RESTORING, some), some))[0].spec


def test_a_template_is_passed_on_but_for_what_would_restore_something_else() -> None:
    template = {
        "preserveNodePorts": True,
        "existingResourcePolicy": "update",
        "labelSelector": {},
        "backupName": "x",
    }
    spec = makes(look(spec=make_spec(restoreTemplate=template)))[0].spec
    assert spec["preserveNodePorts"] is True
    assert spec["backupName"] == "b1"
    assert not spec.keys() & {"existingResourcePolicy", "labelSelector"}


def test_it_is_asked_for_by_the_same_name_until_it_is_seen_and_never_after() -> None:
    assert [each.name for each in makes(look(known()))] == [FIRST]
    assert not makes(look(known(), seen=(restore(FIRST, ""),)))
    assert not makes(look(known(phase="New"))), "it was seen, and a view may be old"


def test_one_that_somebody_else_made_under_its_name_is_not_taken_for_it() -> None:
    taken = look(known(), seen=(restore(FIRST, "Completed", labels={}),))
    assert taken.status.phase is P.RESTORING
    assert [each.name for each in makes(taken)] == [FIRST], "making it is refused, and tells"


def test_what_was_seen_to_have_ended_stays_ended() -> None:
    both = (known(phase="Completed"), known(SECOND, "InProgress", backup="b2"))
    old = (restore(FIRST, "InProgress"), restore(SECOND, "InProgress"))
    taken = look(*both, seen=old, sources=("b1", "b2"))
    assert [each.phase for each in taken.status.restores] == ["Completed", "InProgress"]


@pytest.mark.parametrize("phase", ["Failed", "Lost"])
def test_what_velero_has_failed_half_way_is_cleared_away_and_made_again(phase: str) -> None:
    taken = look(known(phase=phase, reason="found a restore with status InProgress"))
    assert taken.status.phase is P.CLEARING
    assert taken.status.clear_again == [FIRST]
    assert taken.status.retries == 1
    assert "RestoreFailed" in tells(taken)
    cleared = look(known(phase=phase, cleared=True))
    assert [each.name for each in makes(cleared)] == [THIRD]
    assert cleared.status.restores[-1].attempt == 2


def test_after_three_times_a_person_is_asked() -> None:
    taken = look(known("r4", "Failed", attempt=4, reason="why"), retries=3)
    assert outcome(taken)[:2] == ("Failed", "RestoreFailed")
    assert "Restore velero/r4 failed at attempt 4: why" in outcome(taken)[2]
    assert taken.status.resume_from is P.RESTORING


def test_one_that_is_missing_is_lost_only_after_a_while() -> None:
    first = look(known(phase="InProgress"), now=10)
    assert first.status.phase is P.RESTORING
    assert first.status.restores[0].gone is not None
    assert not makes(first)
    back = look(*first.status.restores, seen=(restore(FIRST, "InProgress"),), now=30)
    assert back.status.restores[0].gone is None
    lost = look(*first.status.restores, now=41)
    assert lost.status.phase is P.CLEARING
    assert lost.status.restores[0].phase == "Lost"


def test_what_velero_refuses_is_told_and_made_anew_once_it_is_mended() -> None:
    taken = look(known(phase="New"), seen=(restore(FIRST, "FailedValidation", reason="no such Backup"),))
    assert outcome(taken)[:2] == ("Failed", "RestoreRefused")
    assert "no such Backup" in outcome(taken)[2]
    status: CleanRestoreStatus = in_phase(P.RESTORING, PLAN, restores=taken.status.restores)
    status.steps[-1].started = "2026-11-24T03:00:00Z"
    assert [each.name for each in makes(take(status, PLAN, now=3601))] == [THIRD]


def test_one_that_does_not_end_is_not_waited_for_without_end_and_waited_for_again_when_told_to() -> None:
    taken = look(known(phase="InProgress"), seen=(restore(FIRST, "InProgress"),), now=4 * 3600 + 1)
    assert outcome(taken)[:2] == ("Failed", "RestoreTakesTooLong")
    assert taken.status.resume_from is P.RESTORING


@pytest.mark.parametrize("phase", ["Completed", "Failed", "InProgress"])
def test_what_an_earlier_plan_restored_is_restored_again(phase: str) -> None:
    taken = look(known(phase=phase, superseded=True), seen=(restore(FIRST, phase),))
    assert [each.name for each in makes(taken)] == [THIRD]


def test_how_far_its_volumes_are() -> None:
    def volume(of: str, phase: str, done: int) -> PodVolumeRestore:
        return PodVolumeRestore(
            name="v", namespace="velero", restore=of, phase=phase, bytes_done=done, bytes_total=100
        )

    restored = (volume(FIRST, "Completed", 100), volume(FIRST, "InProgress", 40), volume("other", "", 7))
    taken = look(known(phase="InProgress"), seen=(restore(FIRST, "InProgress"),), restored=restored)
    progress = taken.status.progress
    assert progress is not None
    assert (progress.volumes_done, progress.volumes_total) == (1, 2)
    assert (progress.bytes_done, progress.bytes_total) == (140, 200)
    assert said(taken)[2] == f"Restore velero/{FIRST} is InProgress"
