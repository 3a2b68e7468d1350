"""Whatever becomes of our process: nothing is done twice, and nothing is deleted that was not planned."""

from __future__ import annotations

import pytest

from tests.integration.backup_sets import now
from tests.integration.cluster import eventually
from tests.integration.process import Vvc
from tests.integration.restore_stage import Stage
from velero_volume_controller.restore.fail_point import VARIABLE

TIMES = ("--lease-duration", "3s", "--renew-deadline", "2s", "--retry-period", "500ms")

POINTS = (
    "New:after-status",
    "Planning:before",
    "Planning:after-status",
    "AwaitingApproval:after-status",
    "Validating:before",
    "Validating:after-status",
    "UndoBackup:after-status",
    "UndoBackup:mid-actions",
    "Quiescing:before",
    "Quiescing:mid-actions",
    "Clearing:before",
    "Clearing:after-status",
    "Clearing:mid-actions",
    "WaitingGone:before",
    "WaitingGone:after-status",
    "Restoring:after-status",
    "Restoring:mid-actions",
    "Verifying:before",
)


@pytest.mark.parametrize("point", POINTS)
def test_a_process_that_is_killed_there_is_followed_by_one_that_brings_the_run_to_its_end(
    point: str, stage: Stage, vvc: Vvc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, f"clean-restore:{point}")
    replica, before = stage.begun(vvc, *TIMES)
    stage.create("monday", approval="automatic")
    assert replica.process.wait(timeout=60) == 137
    monkeypatch.delenv(VARIABLE)
    stage.validated()
    vvc.start(*TIMES)
    assert stage.ended("monday") == "Completed", stage.condition("monday")
    after = stage.objects()
    assert set(after) == {*before, "Secret/password"}
    assert after["ConfigMap/extra"] == before["ConfigMap/extra"], "what is in no plan is never deleted"
    assert len(stage.restores()) == 1
    assert len(stage.undo_backups()) == 1
    assert stage.replicas() == 1
    phases = stage.phases("monday")
    assert sorted(set(phases)) == sorted(phases), f"no phase is gone through twice: {phases}"
    plans = [each for each in stage.maps("monday") if "report" not in each]
    assert plans == stage.status("monday")["plan"]["configMaps"]


def test_another_replica_goes_on_when_the_leader_is_killed(stage: Stage, vvc: Vvc) -> None:
    leader, before = stage.begun(vvc, *TIMES)
    other = vvc.start(*TIMES)
    stage.absent.add("gc")
    stage.create("monday", approval="automatic")
    eventually(lambda: stage.phase("monday") in {"Clearing", "WaitingGone"}, True, within=60)
    assert other.metric("vvc_clean_restore_step_duration_seconds_count") == 0, "only the leader takes steps"
    leader.process.kill()
    stage.absent.discard("gc")
    assert stage.ended("monday") == "Completed", stage.condition("monday")
    assert other.metric("vvc_clean_restore_step_duration_seconds_count") > 0
    assert stage.objects()["ConfigMap/extra"] == before["ConfigMap/extra"]
    assert now() > stage.status("monday")["started"]
