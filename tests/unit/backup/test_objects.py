from __future__ import annotations

import json
from typing import Any

import pytest

from velero_volume_controller.api.backupset import BackupSetStatus, SetPhase
from velero_volume_controller.api.objects import plain
from velero_volume_controller.backup.objects import decode_schedule, decode_set
from velero_volume_controller.backup.outcomes import ended_attempts


def raw(**parts: Any) -> bytes:
    metadata = {"name": "night", "namespace": "velero", "uid": "u", "resourceVersion": "7", "generation": 3}
    return json.dumps({"metadata": metadata, **parts}).encode()


def test_a_set_is_read_with_what_it_leaves_out() -> None:
    found = decode_set(raw(spec={"paused": True}))
    assert (found.name, found.namespace, found.uid, found.version, found.generation) == (
        "night",
        "velero",
        "u",
        "7",
        3,
    )
    assert found.spec is not None
    assert found.spec.paused
    assert found.status == BackupSetStatus()
    assert found.problem is None


@pytest.mark.parametrize("parts", [{}, {"spec": None, "status": None}])
def test_a_set_without_spec_or_status_is_one_of_defaults(parts: dict[str, Any]) -> None:
    found = decode_set(raw(**parts))
    assert found.spec is not None
    assert found.status.phase is None


def test_a_spec_that_can_not_be_read_is_told_with_its_key() -> None:
    found = decode_set(raw(spec={"retry": {"limit": "often"}}))
    assert found.spec is None
    assert found.problem is not None
    assert found.problem.startswith("spec.retry.limit: ")


def test_a_status_that_can_not_be_read_is_not_taken_for_an_empty_one() -> None:
    found = decode_set(raw(spec={}, status={"phase": "Dancing"}))
    assert found.spec is None, "a set that was taken for new would be planned again"
    assert found.problem is not None
    assert "status.phase" in found.problem


def test_what_a_newer_controller_has_written_beside_is_passed_over() -> None:
    assert decode_set(raw(status={"phase": "Running", "mood": "good"})).status.phase is SetPhase.RUNNING


def test_a_schedule_without_its_expression_can_not_be_read() -> None:
    found = decode_schedule(raw(spec={}))
    assert found.spec is None
    assert "schedule" in (found.problem or "")


def test_a_status_is_written_as_it_is_read() -> None:
    text = {"phase": "Running", "shards": [{"name": "a", "attempts": [{"backup": "b", "phase": "New"}]}]}
    status = decode_set(raw(status=text)).status
    assert plain(status) == text


def test_an_attempt_is_counted_when_it_ends_and_not_again() -> None:
    def status(*phases: str) -> BackupSetStatus:
        attempts = [{"backup": f"b{number}", "phase": phase} for number, phase in enumerate(phases)]
        return decode_set(raw(status={"shards": [{"name": "a", "attempts": attempts}]})).status

    assert list(ended_attempts(status("InProgress"), status("Failed", ""))) == ["failed"]
    assert list(ended_attempts(status("Failed", ""), status("Failed", "Completed"))) == ["completed"]
    assert list(ended_attempts(status("Failed"), status("Failed"))) == []
    assert list(ended_attempts(status(), status("Refused", "Lost", "FailedValidation", "Odd"))) == [
        "refused",
        "lost",
        "failed",
    ]
