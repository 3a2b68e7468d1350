"""Verifying: whether all that the backup holds is there again, and runs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.restore.makers import live, plan
from tests.unit.restore_run.runmaker import P, in_phase, outcome, said, take
from velero_volume_controller.api.cleanrestore import RunRestore, Verified
from velero_volume_controller.restore.steps import Checked, Step

PLAN = plan([live("ConfigMap a")], ["ConfigMap a"])
WHOLE = {
    "objects": 5,
    "claims": 1,
    "claims_bound": 1,
    "volumes": 2,
    "volumes_done": 2,
    "pods": 2,
    "pods_ready": 2,
}
DONE = (RunRestore(name="r1", namespace="velero", backup="b1", phase="Completed"),)


def verify(
    restores: tuple[RunRestore, ...] = DONE, *, waiting: bool = False, now: float = 1, **found: Any
) -> Step:
    checked = Checked(Verified(**{**WHOLE, **found}), waiting)
    return take(in_phase(P.VERIFYING, PLAN, restores=list(restores)), PLAN, now=now, checked=checked)


def test_all_is_there() -> None:
    taken = verify()
    assert outcome(taken) == (
        "Completed",
        "Completed",
        "5 of 5 objects are there, 2 of 2 volumes were written",
    )
    assert said(taken, "Complete")[0] == "True"
    assert taken.status.verify is not None


def of(name: str, phase: str, **fields: Any) -> RunRestore:
    return RunRestore(name=name, namespace="velero", backup="b1", phase=phase, **fields)


DIFFERENCES: dict[str, tuple[dict[str, Any], str]] = {
    "a difference": (
        {"differences": ["ConfigMap shop/a is missing"], "missing": 1},
        "ConfigMap shop/a is missing",
    ),
    "an object is missing, though no difference is told": ({"missing": 1}, "1 objects are missing"),
    "a claim is not bound": ({"claims_bound": 0}, "1 claims are not bound"),
    "a volume was not written": ({"volumes_done": 1}, "1 volumes were not written completely"),
    "a pod is not ready in time": (
        {"pods_ready": 1, "waiting": True, "now": 601},
        "1 pods are not ready after 10m",
    ),
    "something is still waited for": (
        {"waiting": True, "now": 601},
        "something is still waited for after 10m",
    ),
    "a Restore was PartiallyFailed": (
        {"restores": (of("r1", "PartiallyFailed", errors=3),)},
        "Restore velero/r1 is PartiallyFailed with 3 errors",
    ),
    "a Backup was not restored": ({"restores": ()}, "Backup velero/b1 was not restored"),
    "what was restored was cleared again": (
        {"restores": (of("r1", "Completed", superseded=True),)},
        "Backup velero/b1 was not restored",
    ),
}


@pytest.mark.parametrize(("given", "message"), DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_what_differs_is_said_and_never_called_complete(given: dict[str, Any], message: str) -> None:
    taken = verify(**given)
    assert outcome(taken)[:2] == ("CompletedWithWarnings", "Differences")
    assert message in outcome(taken)[2]
    assert said(taken, "Complete")[0] == "False"


@pytest.mark.parametrize("phase", ["Failed", "Lost", "FailedValidation"])
def test_an_attempt_that_was_made_again_counts_no_more(phase: str) -> None:
    taken = verify((of("r1", phase, cleared=True), of("r2", "Completed")))
    assert taken.status.phase is P.COMPLETED


def test_pods_are_waited_for_as_long_as_they_may_take() -> None:
    taken = verify(waiting=True, pods_ready=1, now=600)
    assert taken.status.phase is P.VERIFYING
    assert said(taken)[2] == "1 of 2 pods are ready, 1 of 1 claims are bound"
    assert taken.again == 2.0


def test_it_is_asked_again_until_somebody_has_looked() -> None:
    taken = take(in_phase(P.VERIFYING, PLAN), PLAN)
    assert taken.status.phase is P.VERIFYING
    assert taken.again == 2.0
