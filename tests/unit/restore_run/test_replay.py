"""A run driven to its end through a modelled cluster, and killed after every step in every way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.restore.makers import key
from tests.unit.restore_run.drive import Drive, Said
from tests.unit.restore_run.runmaker import P, make_spec, of
from tests.unit.restore_run.shop import came_back, damaged, put_back, untouched
from velero_volume_controller.api.cleanrestore import RestorePhase
from velero_volume_controller.api.conditions import find
from velero_volume_controller.restore.machine import step
from velero_volume_controller.restore.run import COMPLETE
from velero_volume_controller.restore.steps import Tell
from velero_volume_controller.velero.model.backup_contents import Key


@dataclass
class Scenario:
    """A cluster, and how a run in it is to end. ``after`` looks at the cluster then; ``goes`` is what of all
    else is not there any more as it was."""

    setup: Callable[[], Drive]
    phase: RestorePhase
    reason: str
    after: Callable[[Drive], None] = came_back
    goes: tuple[str, ...] = ()


def _spec(drive: Drive, **fields: object) -> Drive:
    drive.spec = make_spec(**fields)
    return drive


def _meddled(drive: Drive, meddle: Callable[[Drive], None]) -> Drive:
    drive.meddle = meddle
    return drive


def _approved_by_hand() -> Drive:
    def approve(drive: Drive) -> None:
        if drive.status.phase is P.AWAITING_APPROVAL and drive.cluster.now > 15:
            drive.approve()

    return _meddled(_spec(damaged(), approval="manual"), approve)


def _cancelled_in(phase: RestorePhase) -> Drive:
    def cancel(drive: Drive) -> None:
        if drive.status.phase is phase:
            drive.cancel()

    return _meddled(damaged(), cancel)


def _cron() -> Drive:
    drive = damaged()
    drive.cluster.period = 4.0
    return drive


def _operator() -> Drive:
    drive = damaged()
    drive.cluster.operator = "db"
    return drive


def _held_for(seconds: float) -> Drive:
    drive = damaged()
    drive.cluster.change(key("Secret password"), spec=True, finalizers=("example.com/hold",))

    def let_go(drive: Drive) -> None:
        found = drive.cluster.objects.get(key("Secret password"))
        if found is not None and found.finalizers and found.terminating and drive.cluster.now > seconds:
            drive.cluster.change(found.key, finalizers=())

    return _meddled(_spec(drive, timeouts={"clear": "60s"}), let_go)


def _resumed_after(drive: Drive, phase: RestorePhase) -> Drive:
    """A person tells it to go on, some time after it has failed there."""

    def go_on(drive: Drive) -> None:
        if drive.status.phase is phase:
            drive.resume = "once"

    return _meddled(drive, go_on)


def _made_again_in_the_middle(name: str) -> Drive:
    """Somebody makes what the Backup holds, once most is gone; the run fails, and is planned again."""

    def make(drive: Drive) -> None:
        at = key(name)
        waits = drive.status.phase is P.WAITING_GONE
        if waits and not drive.resume and at not in drive.cluster.objects:
            drive.cluster.make(at.kind, at.name)
        if drive.status.phase is P.FAILED:
            drive.resume = "once"

    return _meddled(damaged(), make)


def _two_backups() -> Drive:
    drive = damaged()
    drive.velero.take("b2", "other")
    drive.sources = ("b1", "b2")
    return _spec(drive, source={"backups": ["b1", "b2"]})


def _changed_while_it_is_backed_up() -> Drive:
    def change(drive: Drive) -> None:
        if drive.status.phase is P.UNDO_BACKUP:
            drive.cluster.change(key("Secret password"), spec=True)

    return _meddled(damaged(), change)


def _nothing_but_what_was_stilled_changes(drive: Drive) -> None:
    put_back(drive)
    assert not drive.cluster.log, "something was deleted"
    assert not drive.velero.making, "something was restored"


def _extras_are_gone(drive: Drive) -> None:
    came_back(drive)
    assert key("ConfigMap added") not in drive.cluster.objects


def _planned_twice(drive: Drive) -> None:
    came_back(drive)
    assert [each.phase for each in drive.status.steps].count(P.PLANNING) == 2


def _volume_stays(drive: Drive) -> None:
    came_back(drive)
    stays = [
        each for each in drive.cluster.objects.values() if each.key.kind == "PersistentVolume" and each.stays
    ]
    assert [each.claim for each in stays].count(None) == 1, "the retained volume is gone"


def _anything(drive: Drive) -> None:
    del drive


SCENARIOS = {
    "all is well": Scenario(damaged, P.COMPLETED, "Completed"),
    "a person approves": Scenario(_approved_by_hand, P.COMPLETED, "Completed"),
    "extras are deleted": Scenario(
        lambda: _spec(damaged(), extras="delete"),
        P.COMPLETED,
        "Completed",
        _extras_are_gone,
        ("ConfigMap added",),
    ),
    "a volume is retained": Scenario(
        lambda: damaged(retained=frozenset({"assets"})), P.COMPLETED, "Completed", _volume_stays
    ),
    "a CronJob fires all the time": Scenario(_cron, P.COMPLETED, "Completed"),
    "two Backups": Scenario(_two_backups, P.COMPLETED, "Completed", goes=("Deployment other/elsewhere",)),
    "no undo backup": Scenario(lambda: _spec(damaged(), undo="none"), P.COMPLETED, "Completed"),
    "a finalizer is taken off late": Scenario(lambda: _held_for(45), P.COMPLETED, "Completed"),
    "a finalizer is never taken off": Scenario(lambda: _held_for(9999), P.FAILED, "NotGone", _anything),
    "Velero is restarted in the middle": Scenario(lambda: damaged(restarts={0: 5}), P.COMPLETED, "Completed"),
    "Velero is restarted, and the old one goes on": Scenario(
        lambda: damaged(restarts={0: 7}, zombie=4), P.COMPLETED, "Completed"
    ),
    "Velero is restarted three times": Scenario(
        lambda: damaged(restarts={0: 1, 1: 9, 2: 5}), P.COMPLETED, "Completed"
    ),
    "Velero is restarted without end": Scenario(
        lambda: damaged(restarts=dict.fromkeys(range(99), 8)), P.FAILED, "RestoreFailed", _anything
    ),
    "a Restore is PartiallyFailed": Scenario(
        lambda: damaged(ends={0: "PartiallyFailed"}), P.COMPLETED_WITH_WARNINGS, "Differences"
    ),
    "a Restore is not valid": Scenario(
        lambda: damaged(ends={0: "FailedValidation"}), P.FAILED, "RestoreRefused", _anything
    ),
    "a Restore is not valid, until somebody mends it": Scenario(
        lambda: _resumed_after(damaged(ends={0: "FailedValidation"}), P.FAILED), P.COMPLETED, "Completed"
    ),
    "something is made again in the middle, and it is planned again": Scenario(
        lambda: _made_again_in_the_middle("Secret password"), P.COMPLETED, "Completed", _planned_twice
    ),
    "what no undo backup has is made in the middle, and it is planned again": Scenario(
        lambda: _made_again_in_the_middle("ConfigMap settings"), P.FAILED, "UndoIncomplete", _anything
    ),
    "the undo backup is PartiallyFailed": Scenario(
        lambda: damaged(backup_ends={0: "PartiallyFailed"}),
        P.FAILED,
        "UndoIncomplete",
        _nothing_but_what_was_stilled_changes,
    ),
    "an operator starts again what was stilled": Scenario(
        _operator, P.FAILED, "StartedAgain", _nothing_but_what_was_stilled_changes
    ),
    "something changes after validation": Scenario(
        _changed_while_it_is_backed_up, P.FAILED, "PlanIsStale", _nothing_but_what_was_stilled_changes
    ),
    **{
        f"cancelled in {phase.value}": Scenario(
            lambda phase=phase: _cancelled_in(phase),  # type: ignore[misc]
            P.CANCELLED,
            "Cancelled",
            _nothing_but_what_was_stilled_changes,
        )
        for phase in (P.VALIDATING, P.UNDO_BACKUP, P.QUIESCING)
    },
    "cancelled too late": Scenario(lambda: _cancelled_in(P.CLEARING), P.COMPLETED, "Completed"),
}
NAMES = list(SCENARIOS)


def check(drive: Drive, scenario: Scenario, before: dict[Key, str]) -> None:
    status = drive.status
    found = find(status.conditions, COMPLETE)
    assert found is not None, "nothing is said of the end"
    assert (status.phase, found.reason) == (scenario.phase, scenario.reason), found.message
    assert found.message, "an end without a word"
    assert status.unwinding is None
    twice = [name for name, count in Counter(drive.velero.made).items() if count > 1]
    assert not twice, f"made twice: {twice}"
    done = Counter(each.backup for each in status.restores if each.phase in {"Completed", "PartiallyFailed"})
    assert all(count == 1 for count in done.values()), f"restored twice: {done}"
    untouched(drive, before, scenario.goes)
    scenario.after(drive)


def uids(drive: Drive) -> dict[Key, str]:
    return {key: each.uid for key, each in drive.cluster.objects.items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_run_ends_as_it_must(name: str) -> None:
    drive = SCENARIOS[name].setup()
    before = uids(drive)
    drive.to_the_end()
    check(drive, SCENARIOS[name], before)


def cuts(scenario: Scenario) -> Iterator[tuple[int, str]]:
    """A crash after a step that neither writes nor does anything is none."""
    whole = scenario.setup()
    whole.to_the_end()
    for index in whole.effects:
        for how in ("nothing", "status", "some"):
            yield index, how


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_is_killed_after_any_step_ends_in_the_same_place(name: str) -> None:
    scenario = SCENARIOS[name]
    for cut in cuts(scenario):
        drive = scenario.setup()
        before = uids(drive)
        try:
            drive.to_the_end(cut)
            check(drive, scenario, before)
        except AssertionError as error:
            raise AssertionError(f"killed at {cut}: {error}") from error


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_what_velero_shows_may_be_old_repeated_and_out_of_order(name: str, data: st.DataObject) -> None:
    scenario = SCENARIOS[name]
    late = st.integers(0, 6)

    def old(history: list[Said]) -> Said:
        return history[max(0, len(history) - 1 - data.draw(late))]

    drive = scenario.setup()
    before = uids(drive)
    drive.show = old
    drive.to_the_end((data.draw(st.integers(0, 40)), data.draw(st.sampled_from(["both", "status", "some"]))))
    check(drive, scenario, before)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_that_is_taken_again_at_once_writes_nothing(name: str) -> None:
    """Else a run would be written without end, for each write of its status asks for a step."""
    drive = SCENARIOS[name].setup()
    while not drive.over():
        situation = drive.situation()
        taken = step(situation)
        if taken.status.phase is situation.status.phase and taken.status.unwinding is None:
            again = step(replace(situation, status=taken.status))
            assert again.status == taken.status
            assert not of(again, Tell)
        drive.once()
