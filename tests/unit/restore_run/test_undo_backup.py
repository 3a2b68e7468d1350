"""UndoBackup: what is cleared away is backed up before, and that the Backup is Completed proves little."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.backup.setmaker import at
from tests.unit.restore.makers import claim, deployment, fs_data, live, plan, pod
from tests.unit.restore_run.runmaker import (
    P,
    backup,
    in_phase,
    make_spec,
    makes,
    outcome,
    said,
    take,
    tells,
)
from velero_volume_controller.api.cleanrestore import RunRestore, RunStep, UndoStatus
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.phase_undo import EXCLUDED
from velero_volume_controller.restore.steps import Step
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.restore_runs import RESTORE_LABEL

NAME = "rescue-0f3c9d12-undo-1"
DATA = claim("data")
DB = pod("db", "data")
SETTINGS = live("ConfigMap settings")
WEB, REPLICAS, *_ = deployment("web")
PLAN = plan(
    [DATA, DB, SETTINGS, WEB, REPLICAS],
    [DATA, DB, SETTINGS, WEB, "ConfigMap gone"],
    [fs_data("db", "data", "data")],
)


def taken_of(claim_name: str = "data", phase: str = "Completed", **fields: Any) -> PodVolumeBackup:
    whole = {"name": "v", "namespace": "velero", "backup": NAME, "pod_namespace": "shop"}
    return PodVolumeBackup(**{**whole, "claim": claim_name, "claim_uid": DATA.uid, "phase": phase, **fields})


def known(**fields: Any) -> UndoStatus:
    whole = {"backup": NAME, "namespace": "velero", "created": "2026-11-24T02:00:00Z"}
    return UndoStatus(**{**whole, **fields})


def look_at(undo: UndoStatus, seen: Any, **fields: Any) -> Step:
    """One step with this Backup seen, and the claim live, unless told otherwise."""
    status = in_phase(P.UNDO_BACKUP, PLAN)
    status.undo = undo
    status.deleted = fields.pop("deleted", False)
    held = frozenset(each.key for each in (DATA, DB, SETTINGS))
    return take(status, PLAN, **{"live": [DATA], "undo": seen, "backed_up": held, **fields})


def test_it_is_made_of_the_namespaces_in_which_something_goes_with_all_volumes() -> None:
    both = plan([DATA, DB], [DATA, DB, "ConfigMap nowhere/x"], [fs_data("db", "data", "data")])
    taken = take(in_phase(P.UNDO_BACKUP, both), both, live=[DATA])
    (made,) = makes(taken)
    assert (made.kind, made.namespace, made.name) == ("Backup", "velero", NAME)
    # Velero counts a namespace that is not there as an error: the Backup would be PartiallyFailed.
    assert dict(made.spec) == {"includedNamespaces": ["shop"], "defaultVolumesToFsBackup": True}
    assert taken.status.undo is not None
    assert taken.status.undo.backup == NAME


def test_it_is_asked_for_again_by_the_same_name_until_it_is_seen() -> None:
    first = take(in_phase(P.UNDO_BACKUP, PLAN), PLAN, live=[DATA])
    assert first.status.undo is not None
    again = look_at(first.status.undo, None, now=3)
    assert [each.name for each in makes(again)] == [NAME]


SEEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "a Backup with all data goes on": ({"taken": (taken_of(),)}, "Quiescing", ""),
    "a snapshot is as good": (
        {"snapshots": frozenset({("shop", "data", DATA.volume)})},
        "Quiescing",
        "",
    ),
    "a snapshot that does not tell the volume counts by the claim's name": (
        {"snapshots": frozenset({("shop", "data", "")})},
        "Quiescing",
        "",
    ),
    "a snapshot of a volume that a claim of the same name had before does not count": (
        {"snapshots": frozenset({("shop", "data", "an older one")})},
        "Failed",
        "it was made after that Backup",
    ),
    "an object that no Backup takes refuses": (
        {"taken": (taken_of(),), "live": [DATA, replace(SETTINGS, labels={EXCLUDED: "true"})]},
        "Failed",
        "ConfigMap shop/settings (its label velero.io/exclude-from-backup keeps it out of every Backup)",
    ),
    "an object that is not in it refuses, whatever the reason": (
        {"taken": (taken_of(),), "live": [DATA, SETTINGS], "backed_up": frozenset({DATA.key})},
        "Failed",
        "does not hold 1 objects that would go: ConfigMap shop/settings (Velero did not take it)",
    ),
    "a claim that was never bound has to be in it, too": (
        {"live": [claim("data", volume="")], "backed_up": frozenset()},
        "Failed",
        "PersistentVolumeClaim shop/data (Velero did not take it)",
    ),
    "what is gone, goes already, or was made again meanwhile is not missed": (
        {
            "taken": (taken_of(),),
            "live": [DATA, replace(SETTINGS, terminating=True), replace(DB, uid="another")],
            "backed_up": frozenset({DATA.key}),
        },
        "Quiescing",
        "",
    ),
    "what a controller makes anew is not missed": (
        {"taken": (taken_of(),), "live": [DATA, REPLICAS], "backed_up": frozenset({DATA.key})},
        "Quiescing",
        "",
    ),
    "a claim that was never bound holds nothing": ({"live": [claim("data", volume="")]}, "Quiescing", ""),
    "a claim that is gone meanwhile has nothing to lose": ({"live": []}, "Quiescing", ""),
    "a claim without a PodVolumeBackup refuses": (
        {},
        "Failed",
        "does not have the data of 1 claims that would go: shop/data (Velero read it from no pod that runs)",
    ),
    "a PodVolumeBackup that failed refuses, with its message": (
        {"taken": (taken_of(phase="Failed", message="disk on fire"),)},
        "Failed",
        "shop/data (disk on fire)",
    ),
    "a PodVolumeBackup of another Backup does not count": (
        {"taken": (taken_of(backup="nightly"),)},
        "Failed",
        "Velero read it from no pod that runs",
    ),
    "one of a claim that had the same name before does not count": (
        {"taken": (taken_of(claim_uid="an older one"),)},
        "Failed",
        "it was made after that Backup",
    ),
    "one that does not tell the claim's uid counts by the name": (
        {"taken": (taken_of(claim_uid=""),)},
        "Quiescing",
        "",
    ),
    "a claim that no Backup takes refuses": (
        {
            "taken": (taken_of(),),
            "live": [claim("data", labels={"velero.io/exclude-from-backup": "true"})],
        },
        "Failed",
        "its label velero.io/exclude-from-backup keeps it out of every Backup",
    ),
    "a PartiallyFailed Backup refuses": (
        {"taken": (taken_of(),), "undo_phase": "PartiallyFailed"},
        "Failed",
        "is PartiallyFailed: see velero backup logs",
    ),
    "a Backup that is not valid refuses": (
        {"undo_phase": "FailedValidation"},
        "Failed",
        "is FailedValidation",
    ),
}


@pytest.mark.parametrize(("given", "phase", "message"), SEEN.values(), ids=SEEN.keys())
def test_with_undo_required(given: dict[str, Any], phase: str, message: str) -> None:
    seen = backup(NAME, given.get("undo_phase", "Completed"))
    fields = {key: value for key, value in given.items() if key != "undo_phase"}
    taken = look_at(known(), seen, **fields)
    assert taken.status.phase == phase
    assert not taken.status.deleted
    if phase == "Failed":
        assert outcome(taken)[2].startswith(
            f"nothing was touched: Backup {NAME}, from which this run could be"
        )
        assert message in outcome(taken)[2]
        assert taken.status.resume_from is P.UNDO_BACKUP


def test_what_an_earlier_plan_of_this_run_restored_is_not_missed_in_the_undo_backup() -> None:
    """It was not there before: there is nothing of it to go back to."""
    restored = replace(SETTINGS, labels={RESTORE_LABEL: "rescue-1"})
    undo = known(phase="Completed", uid="uid", kept=True)
    for name, phase in (("rescue-1", P.QUIESCING), ("another", P.FAILED)):
        status = in_phase(P.UNDO_BACKUP, PLAN, deleted=True, undo=undo)
        status.restores = [RunRestore(name=name, namespace="velero", backup="b1")]
        there = {"live": [DATA, restored], "backed_up": frozenset({DATA.key})}
        taken = take(status, PLAN, undo=backup(NAME, "Completed"), taken=(taken_of(),), **there)
        assert taken.status.phase is phase


BEST_EFFORT = {
    "what can't be undone is told": ("Completed", "UndoIncomplete"),
    "that nothing can be undone is told": ("Failed", "NoUndo"),
}


@pytest.mark.parametrize(("phase", "reason"), BEST_EFFORT.values(), ids=BEST_EFFORT.keys())
def test_with_best_effort_it_goes_on(phase: str, reason: str) -> None:
    taken = look_at(known(), backup(NAME, phase), spec=make_spec(undo="bestEffort"))
    assert taken.status.phase is P.QUIESCING
    assert reason in tells(taken)


def test_one_that_somebody_else_made_under_its_name_is_not_taken_for_it() -> None:
    taken = look_at(known(), backup(NAME, "Completed", labels={}), taken=(taken_of(),))
    assert taken.status.phase is P.UNDO_BACKUP
    assert [each.name for each in makes(taken)] == [NAME], "making it is refused, and tells"


def test_one_that_runs_is_waited_for() -> None:
    taken = look_at(known(), backup(NAME, "InProgress"), now=90000)
    assert taken.status.phase is P.UNDO_BACKUP
    assert taken.again == 2.0
    assert not makes(taken)


def test_one_that_velero_never_begins_is_not_waited_for_without_end() -> None:
    for seen in (None, backup(NAME, ""), backup(NAME, "ReadyToStart")):
        taken = look_at(known(), seen, now=4 * 3600 + 1)
        assert outcome(taken)[:2] == ("Failed", "UndoBackupWaits")
        assert "nothing was touched" in outcome(taken)[2]


def test_one_that_is_missing_is_lost_only_after_a_while() -> None:
    taken = look_at(known(uid="uid", phase="InProgress"), None, now=10)
    assert taken.status.phase is P.UNDO_BACKUP
    assert not makes(taken), "it is not made twice"
    assert taken.status.undo is not None
    back = look_at(taken.status.undo, backup(NAME, "InProgress"), now=30)
    assert back.status.undo is not None
    assert back.status.undo.gone is None
    lost = look_at(taken.status.undo, None, now=45)
    assert outcome(lost)[:2] == ("Failed", "UndoBackupLost")


def test_a_run_that_is_told_to_go_on_makes_another_one() -> None:
    status = in_phase(P.UNDO_BACKUP, PLAN)
    status.steps[-1].started = "2026-11-24T03:00:00Z"
    status.undo = known(phase="Failed", uid="uid")
    taken = take(status, PLAN, now=3601, live=[DATA])
    assert [each.name for each in makes(taken)] == ["rescue-0f3c9d12-undo-2"]


def test_one_of_an_earlier_plan_is_not_taken_for_that_of_now_though_the_status_forgot_it() -> None:
    """A plan in between had nothing to delete, or was made with undo: none."""
    earlier = RunStep(phase=P.UNDO_BACKUP, started=at(0), ended=at(60))
    status = in_phase(P.UNDO_BACKUP, PLAN)
    status.steps = [earlier, RunStep(phase=P.QUIESCING, started=at(60), ended=at(90)), *status.steps]
    stale = backup(NAME, "Completed")
    taken = take(status, PLAN, now=3600, live=[DATA], undo=stale, taken=(taken_of(),))
    assert taken.status.phase is P.UNDO_BACKUP
    assert [each.name for each in makes(taken)] == ["rescue-0f3c9d12-undo-2"]


def test_once_something_is_deleted_the_undo_backup_that_has_it_stays_the_one() -> None:
    status = in_phase(P.UNDO_BACKUP, PLAN, deleted=True)
    status.steps[-1].started = "2026-11-24T03:00:00Z"
    status.undo = known(phase="Completed", uid="uid", kept=True)
    taken = take(status, PLAN, now=3601, live=[DATA], undo=backup(NAME, "Completed"), taken=(taken_of(),))
    assert taken.status.phase is P.QUIESCING
    assert not makes(taken)


def test_a_claim_that_somebody_made_after_the_undo_backup_that_is_kept_is_not_deleted() -> None:
    undo = known(phase="Completed", uid="uid", kept=True)
    newer = claim("data", uid="made since")
    taken = look_at(undo, backup(NAME, "Completed"), deleted=True, live=[newer], taken=(taken_of(),))
    assert outcome(taken)[:2] == ("Failed", "UndoIncomplete")
    assert "shop/data (it was made after that Backup); make another CleanRestore" in outcome(taken)[2]
    assert "nothing was touched" not in outcome(taken)[2]


@pytest.mark.parametrize(
    ("there", "told"),
    [
        pytest.param(replace(SETTINGS, created="2026-11-24T02:30:00Z"), True, id="made since by somebody"),
        pytest.param(replace(SETTINGS, created="2026-11-24T01:30:00Z"), False, id="made before"),
        pytest.param(
            replace(SETTINGS, created="2026-11-24T02:30:00Z", labels={RESTORE_LABEL: "rescue-1"}),
            False,
            id="restored by this run",
        ),
    ],
)
def test_of_what_is_newer_than_the_undo_backup_that_is_kept_it_is_told(there: Live, told: bool) -> None:
    status = in_phase(P.UNDO_BACKUP, PLAN, deleted=True)
    status.undo = known(phase="Completed", uid="uid", kept=True)
    status.restores = [RunRestore(name="rescue-1", namespace="velero", backup="b1")]
    seen = backup(NAME, "Completed", created="2026-11-24T02:00:00Z")
    held = frozenset(each.key for each in (DATA, DB, SETTINGS))
    taken = take(status, PLAN, live=[DATA, there], undo=seen, taken=(taken_of(),), backed_up=held)
    assert taken.status.phase is P.QUIESCING
    (remark,) = taken.status.remarks
    assert f"Backup {NAME} of 2026-11-24T02:00:00Z stays the way back" in remark
    assert ("made since and go: ConfigMap shop/settings" in remark) is told
    assert "UndoBackupKept" in tells(taken)


def test_a_kept_one_that_is_lost_does_not_hold_the_run_up_for_ever() -> None:
    status = in_phase(P.UNDO_BACKUP, PLAN, deleted=True)
    status.steps[-1].started = "2026-11-24T03:00:00Z"
    status.undo = known(phase="Lost", uid="uid", kept=True)
    assert len(makes(take(status, PLAN, now=3601, live=[DATA]))) == 1


def test_a_backup_is_only_seen_to_run_while_it_runs() -> None:
    taken = look_at(known(), backup(NAME, "InProgress"))
    assert said(taken) == ("True", "UndoBackup", f"Backup {NAME} is InProgress")
