"""How long a restore is expected to take, by what Restores and Backups took before."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as replaced

from velero_volume_controller.api.cleanrestore import (
    CleanRestoreStatus,
    PlanSummary,
    PredictedFrom,
    RunRestore,
)
from velero_volume_controller.restore.prediction import (
    Coming,
    Past,
    Prediction,
    data_seconds,
    expectation,
    predict,
)
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.restore_runs import PodVolumeRestore, Restore

MIB = 1024 * 1024


def time(seconds: int) -> str:
    return f"2026-01-01T00:{seconds // 60:02}:{seconds % 60:02}Z"


def taken(*sizes: int, took: int = 10, backup: str = "b1") -> tuple[PodVolumeBackup, ...]:
    return tuple(
        PodVolumeBackup(
            name=f"{backup}-{number}",
            namespace="velero",
            backup=backup,
            pod_namespace="shop",
            pod=f"db-{number}",
            volume="data",
            phase="Completed",
            started=time(0),
            completed=time(took),
            bytes_done=size,
            bytes_total=size,
            bytes_new=size,
        )
        for number, size in enumerate(sizes)
    )


def past(*restores: tuple[int, Iterable[tuple[int, int]]], items: int = 0) -> Past:
    """Restores by the seconds that they took, with the bytes and seconds of each of their volumes."""
    made, written = [], []
    for number, (seconds, volumes) in enumerate(restores):
        name = f"r{number}"
        made.append(
            Restore(
                name=name,
                namespace="velero",
                phase="Completed",
                started=time(number * 60),
                completed=time(number * 60 + seconds),
                items=items,
            )
        )
        for size, took in volumes:
            written.append(
                PodVolumeRestore(
                    name=f"{name}-{len(written)}",
                    namespace="velero",
                    restore=name,
                    phase="Completed",
                    started=time(0),
                    completed=time(took),
                    bytes_done=size,
                    bytes_total=size,
                )
            )
    return Past(tuple(made), tuple(written))


def coming(volumes: tuple[PodVolumeBackup, ...], objects: int = 0, writers: int = 1) -> Coming:
    return Coming(tuple(dict.fromkeys(each.backup for each in volumes)) or ("b1",), objects, volumes, writers)


def predicted(asked: Coming, known: Past = Past()) -> Prediction:  # noqa: B008  (nothing changes it)
    found = predict(asked, known)
    assert found is not None
    return found


def test_what_took_so_long_before_takes_so_long_again() -> None:
    before = past((40, [(100 * MIB, 10), (100 * MIB, 10)]))
    found = predicted(coming(taken(100 * MIB, 100 * MIB)), before)
    assert found.seconds == pytest.approx(40)
    assert found.source is PredictedFrom.RESTORES


def test_twice_the_data_takes_as_much_longer_as_its_writing() -> None:
    before = past((40, [(100 * MIB, 10)]))
    once, twice = (predicted(coming(taken(size)), before).seconds for size in (100 * MIB, 200 * MIB))
    assert twice - once == pytest.approx(10)


def test_two_writers_write_two_volumes_in_the_time_of_one() -> None:
    before = past((40, [(100 * MIB, 10)]))
    one = predicted(coming(taken(100 * MIB), writers=2), before)
    two = predicted(coming(taken(100 * MIB, 100 * MIB), writers=2), before)
    assert two.seconds == pytest.approx(one.seconds)


def test_restores_run_one_after_the_other() -> None:
    before = past((40, [(100 * MIB, 10)]))
    together = predicted(coming(taken(100 * MIB), writers=9), before)
    apart = predicted(coming((*taken(100 * MIB), *taken(100 * MIB, backup="b2")), writers=9), before)
    assert apart.seconds > 2 * together.seconds


def test_before_anything_was_restored_it_is_guessed_from_the_backup() -> None:
    found = predicted(coming(taken(100 * MIB, took=50)))
    assert found.source is PredictedFrom.BACKUPS
    assert found.seconds > 50


def test_of_a_backup_that_read_next_to_nothing_for_nothing_had_changed_nothing_is_learnt() -> None:
    """Else half a terabyte would come back in half a minute: Velero says that all of it was done."""
    for new in (0, 2 * MIB, None):
        volumes = tuple(replaced(each, bytes_new=new) for each in taken(500_000 * MIB, took=8))
        assert predict(coming(volumes), Past()) is None


def test_of_a_volume_that_is_far_larger_than_any_before_nothing_is_said() -> None:
    before = past((10, [(2 * MIB, 1)]))
    assert predict(coming(taken(150 * MIB)), before) is not None
    assert predict(coming((*taken(100_000 * MIB, took=0),)), before) is not None, "its Backup tells"
    assert (
        predict(coming(tuple(replaced(each, bytes_new=0) for each in taken(100_000 * MIB))), before) is None
    )


def test_what_is_not_worth_a_rate_tells_nothing() -> None:
    before = past((5, [(1024, 1), (1024, 1)]))
    assert predicted(coming(taken(100 * MIB)), before).source is PredictedFrom.BACKUPS


def test_only_the_newest_restores_count() -> None:
    old, new = [(200, [(100 * MIB, 100)])], [(20, [(100 * MIB, 10)])] * 20
    assert predicted(coming(taken(100 * MIB)), past(*old, *new)).seconds == pytest.approx(20)


def test_what_an_earlier_plan_restored_is_not_in_the_time_that_it_took() -> None:
    first = RunRestore(name="a", namespace="velero", backup="b1", created=time(0), ended=time(60))
    again = RunRestore(name="b", namespace="velero", backup="b1", created=time(600), ended=time(630))
    status = CleanRestoreStatus(restores=[replaced(first, superseded=True), again])
    assert data_seconds(status) == 30
    assert data_seconds(CleanRestoreStatus(restores=[first, again])) == 630
    assert data_seconds(CleanRestoreStatus()) is None


def test_restores_that_failed_teach_nothing() -> None:
    known = past((40, [(MIB, 30)]))
    failed = Past(known.restores, tuple(replaced(each, phase="Failed") for each in known.restored))
    assert predicted(coming(taken(100 * MIB)), failed).source is PredictedFrom.BACKUPS


def test_without_anything_to_learn_from_nothing_is_said() -> None:
    never_ended = tuple(replaced(each, completed=None) for each in taken(100 * MIB))
    assert predict(coming(never_ended), Past()) is None
    assert predict(coming((), objects=10), Past()) is not None, "of objects alone something is known"


def test_a_restore_of_many_objects_takes_longer() -> None:
    few, many = (predicted(coming((), objects=number)).seconds for number in (10, 10_000))
    assert many > few + 60


SIZES = st.lists(st.integers(0, 10**12), max_size=12)
LARGE = past((40, [(10**10, 10)]))


@given(SIZES, st.integers(0, 10**12), st.integers(1, 5))
def test_more_data_is_never_expected_sooner(sizes: list[int], more: int, writers: int) -> None:
    now = predicted(coming(taken(*sizes), writers=writers), LARGE)
    assert predicted(coming(taken(*sizes, more), writers=writers), LARGE).seconds >= now.seconds


@given(SIZES, st.integers(1, 5))
def test_with_a_writer_more_the_data_is_in_place_no_later(sizes: list[int], writers: int) -> None:
    now = predicted(coming(taken(*sizes), writers=writers), LARGE)
    then = predicted(coming(taken(*sizes), writers=writers + 1), LARGE)
    # What a Restore takes besides is learnt with as many writers: one volume alone teaches the same.
    assert then.seconds <= now.seconds * (1 + 1e-9)


def test_a_person_is_told_by_what_it_is_known() -> None:
    plan = PlanSummary(hash="sha256:0", predicted_seconds=125.0, predicted_from=PredictedFrom.RESTORES)
    assert expectation(plan) == (
        "Velero is expected to take 2m 05s from its first Restore to the end of the last, by what Restores"
        " took before."
    )
    guessed = PlanSummary(hash="sha256:0", predicted_seconds=5.0, predicted_from=PredictedFrom.BACKUPS)
    assert expectation(guessed).endswith(
        "guessed from how fast the backup was made; vvc restore rehearse measures it."
    )
    assert expectation(PlanSummary(hash="sha256:0")) == ""
    assert expectation(None) == ""
