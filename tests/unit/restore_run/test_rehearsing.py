"""Rehearsals, driven to their end and killed after every step in every way: nothing that was there is
touched, and nothing is left."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from tests.unit.restore_run.rehearsals import CarelessVelero, Rehearsal, backed_up
from tests.unit.restore_run.runmaker import IDENTITY, P, make_spec, of
from velero_volume_controller.api.cleanrestore import RestorePhase
from velero_volume_controller.api.conditions import find
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.rehearsing import scratch_name
from velero_volume_controller.restore.run import COMPLETE
from velero_volume_controller.restore.steps import Make, RemoveScratch
from velero_volume_controller.velero.model.backup_contents import Key

SCRATCH = scratch_name("shop", IDENTITY.uid)


def _meddled(drive: Rehearsal, meddle: Callable[[Rehearsal], None]) -> Rehearsal:
    drive.meddle = meddle  # type: ignore[assignment]
    return drive


def _cancelled_in(phase: RestorePhase) -> Callable[[], Rehearsal]:
    def cancel(drive: Rehearsal) -> None:
        if drive.status.phase is phase:
            drive.cancel()

    return lambda: _meddled(backed_up(), cancel)


def _cancelled_at_work() -> Rehearsal:
    def cancel(drive: Rehearsal) -> None:
        if any(each.seen.phase == "InProgress" for each in drive.velero.making.values()):
            drive.cancel()

    return _meddled(backed_up(), cancel)


def _taken() -> Rehearsal:
    drive = backed_up()
    drive.cluster.make("Namespace", SCRATCH, "")
    return drive


def _taken_away(phase: RestorePhase) -> Callable[[], Rehearsal]:
    """Somebody deletes the namespace."""

    def remove(drive: Rehearsal) -> None:
        for each in drive.mine():
            if drive.status.phase is phase and not each.terminating:
                drive.cluster.begin(each)

    return lambda: _meddled(backed_up(), remove)


def _unready() -> Rehearsal:
    drive = backed_up()
    drive.unready = True
    drive.spec = make_spec(approval="manual", rehearsal={}, verify={"podsReady": "6s"})
    return drive


SCENARIOS: dict[str, tuple[Callable[[], Rehearsal], RestorePhase, str]] = {
    "all comes back": (backed_up, P.COMPLETED, "Completed"),
    "pods never become ready": (_unready, P.COMPLETED_WITH_WARNINGS, "Differences"),
    "Velero is restarted in the middle": (
        lambda: backed_up(restarts={0: 3}, zombie=8),
        P.FAILED,
        "RestoreFailed",
    ),
    "Velero refuses the Restore": (
        lambda: backed_up(ends={0: "FailedValidation"}),
        P.FAILED,
        "RestoreRefused",
    ),
    "it is cancelled while it is planned": (_cancelled_in(P.PLANNING), P.CANCELLED, "Cancelled"),
    "it is cancelled while it prepares": (_cancelled_in(P.PREPARING), P.CANCELLED, "Cancelled"),
    "it is cancelled before Velero is at work": (_cancelled_in(P.RESTORING), P.CANCELLED, "Cancelled"),
    "it is cancelled while Velero is at work": (_cancelled_at_work, P.CANCELLED, "Cancelled"),
    "it is cancelled while it verifies": (_cancelled_in(P.VERIFYING), P.CANCELLED, "Cancelled"),
    "its namespace's name is taken": (_taken, P.FAILED, "NamespaceTaken"),
    "somebody deletes the namespace while it prepares": (
        _taken_away(P.PREPARING),
        P.FAILED,
        "NamespaceTaken",
    ),
}


def _run(setup: Callable[[], Rehearsal], cut: tuple[int, str] | None = None) -> Rehearsal:
    drive = setup()
    before = {
        each.key: each.uid
        for each in drive.cluster.objects.values()
        if each.controller is None and kinds.of(each.key) != kinds.POD
    }
    drive.to_the_end(cut)
    after = {key: each.uid for key, each in drive.cluster.objects.items()}
    assert {key: after.get(key) for key in before} == before, "something that was there was touched"
    assert drive.cluster.log == [], "something was deleted"
    assert isinstance(drive.velero, CarelessVelero)
    assert drive.velero.opened == [], "Velero has made a namespace that nothing closes"
    assert drive.mine() == [], "a namespace is left"
    assert not drive.ledger, "the ConfigMap is left"
    if Key(*kinds.NAMESPACE, "", SCRATCH) not in before:
        assert drive.inside() == []
    return drive


@pytest.mark.parametrize(("setup", "phase", "reason"), SCENARIOS.values(), ids=SCENARIOS.keys())
def test_it_ends_the_same_whatever_step_it_is_killed_after(
    setup: Callable[[], Rehearsal], phase: RestorePhase, reason: str
) -> None:
    whole = _run(setup)
    assert _end(whole) == (phase, reason)
    for at in whole.effects:
        for how in ("nothing", "status", "some"):
            assert _end(_run(setup, (at, how))) == (phase, reason), (
                f"killed after step {at}, {how} of it done"
            )


def _end(drive: Rehearsal) -> tuple[RestorePhase | None, str]:
    said = find(drive.status.conditions, COMPLETE)
    return drive.status.phase, said.reason if said is not None else ""


def test_what_it_measured_is_in_its_status() -> None:
    drive = _run(backed_up)
    found = drive.status.rehearsal
    assert found is not None
    assert [(each.name, each.source, bool(each.uid)) for each in found.namespaces] == [
        (SCRATCH, "shop", True)
    ]
    assert found.removed is not None
    assert found.ready_seconds is not None
    assert found.ready_seconds > 0
    assert found.volumes == len(drive.velero.held["b1"].data) > 0
    assert [each.phase for each in drive.status.steps] == [
        P.PLANNING,
        P.AWAITING_APPROVAL,
        P.VALIDATING,
        P.PREPARING,
        P.RESTORING,
        P.VERIFYING,
        P.CLEANING_UP,
    ]


def test_the_restore_is_made_once_the_namespace_is_closed_and_brings_nothing_cluster_scoped() -> None:
    drive = backed_up()
    made = []
    while not drive.over():
        taken = drive.once()
        for action in of(taken, Make):
            assert drive.closed == {SCRATCH}
            made.append(action)
    spec = made[0].spec
    assert spec["namespaceMapping"] == {"shop": SCRATCH}
    assert (spec["includeClusterResources"], spec["restorePVs"]) == (False, False)
    assert "persistentvolumes" in spec["includedResources"], "without, Velero 1.16 writes no data"
    assert spec["resourceModifier"]["name"] == drive.status.rehearsal.config_map  # type: ignore[union-attr]


def test_data_that_did_not_come_back_is_a_failure_and_no_warning() -> None:
    drive = backed_up()
    held = drive.velero.held["b1"]
    held.data = {where: (value, uid, "no-such-pod") for where, (value, uid, _) in held.data.items()}
    drive.to_the_end()
    assert _end(drive) == (P.FAILED, "DataIncomplete")
    assert drive.mine() == []


def test_a_namespace_of_its_name_that_it_has_not_made_stays_as_it_is() -> None:
    drive = _run(_taken)
    found = drive.cluster.objects[Key(*kinds.NAMESPACE, "", SCRATCH)]
    assert not found.terminating
    assert drive.removed == []


def test_one_that_does_not_go_is_told_of_and_not_waited_for_without_end() -> None:
    drive = backed_up()
    drive.stuck = True
    drive.spec = make_spec(approval="manual", rehearsal={}, timeouts={"clear": "60s"})
    drive.to_the_end()
    said = find(drive.status.conditions, COMPLETE)
    assert said is not None
    assert drive.status.phase is P.COMPLETED_WITH_WARNINGS
    assert f"not gone after 60s, though told to go: {SCRATCH}" in said.message
    assert not drive.ledger


def test_one_that_somebody_made_again_under_its_name_is_not_removed() -> None:
    drive = backed_up()

    def again(drive: Rehearsal) -> None:
        key = Key(*kinds.NAMESPACE, "", SCRATCH)
        found = drive.cluster.objects.get(key)
        if (
            drive.status.phase is P.CLEANING_UP
            and found is not None
            and not found.terminating
            and not drive.removed
        ):
            uid = "another"
            drive.cluster.objects[key] = msgspec.structs.replace(found, uid=uid)

    _meddled(drive, again)
    drive.to_the_end()
    assert drive.removed == []
    said = find(drive.status.conditions, COMPLETE)
    assert said is not None
    assert f"namespaces that this run has not made stay: {SCRATCH}" in said.message


def test_a_rehearsal_is_never_told_to_be_resumed() -> None:
    drive = _run(lambda: backed_up(restarts={0: 3}))
    assert drive.status.resume_from is None
    drive.resume = "again"
    taken = drive.once()
    assert taken.status.phase is P.FAILED
    assert of(taken, RemoveScratch) == []
