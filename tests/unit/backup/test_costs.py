"""Predictions from history, from sizes and from nothing."""

from __future__ import annotations

import pytest

from tests.unit.backup.clusters import MIB, sample, volume
from velero_volume_controller.backup.costs import (
    DEFAULT_RATE,
    FIXED_SECONDS,
    LEAST_FIXED_SECONDS,
    LEAST_SECONDS,
    LISTING_SECONDS,
    MOVER_SECONDS,
    POLL,
    READER_SECONDS,
    UNKNOWN_BYTES,
    Costs,
)
from velero_volume_controller.backup.work import History, Overhead
from velero_volume_controller.velero.model.lanes import Lane
from velero_volume_controller.velero.model.versions import Version

LANE = Lane(namespace="velero")
OLD = Lane(namespace="velero", version=Version(1, 16, 2))


def days(*seconds: float) -> History:
    made = volume("shop")
    return History(
        tuple(sample(made, each, ended=f"2026-01-{day:02}T00:00:00Z") for day, each in enumerate(seconds, 1))
    )


def test_a_volume_takes_what_it_took_and_its_mover() -> None:
    found = Costs(days(40.0)).volume(volume("shop"), LANE)
    assert found.seconds == 40.0 + MOVER_SECONDS
    assert found.bytes == 40 * MIB
    assert found.known


def test_before_movers_there_is_only_the_reader() -> None:
    assert Costs(days(40.0)).volume(volume("shop"), OLD).seconds == 40.0 + READER_SECONDS


def test_the_newest_sample_weighs_most() -> None:
    found = Costs(days(100.0, 10.0)).volume(volume("shop"), LANE)
    assert found.seconds - MOVER_SECONDS == pytest.approx((100 * 0.5 + 10) / 1.5)
    many = Costs(days(100.0, 10.0, 10.0, 10.0)).volume(volume("shop"), LANE)
    assert many.seconds - MOVER_SECONDS == pytest.approx(10 + 90 / 15)


def test_the_order_of_samples_is_their_time() -> None:
    history = days(100.0, 10.0)
    turned = History(history.samples[::-1])
    assert Costs(turned).volume(volume("shop"), LANE) == Costs(history).volume(volume("shop"), LANE)


def test_a_tiny_volume_takes_its_mover_at_least() -> None:
    assert Costs(days(0.0)).volume(volume("shop"), LANE).seconds == LEAST_SECONDS + MOVER_SECONDS


def test_a_volume_of_another_pod_with_the_same_claim_is_the_same() -> None:
    again = volume("shop", pod="p-new", claim="p-v")
    assert Costs(days(40.0)).volume(again, LANE).known
    assert not Costs(days(40.0)).volume(volume("shop", pod="p-new"), LANE).known


def test_without_any_history_the_size_and_a_guessed_rate_count() -> None:
    found = Costs(History()).volume(volume("shop", bytes=DEFAULT_RATE * 20), LANE)
    assert found.seconds == 20 + MOVER_SECONDS
    assert not found.known
    assert Costs(History()).volume(volume("shop"), LANE).bytes == UNKNOWN_BYTES


def test_a_new_volume_goes_at_its_nodes_rate_else_its_lanes() -> None:
    fast, slow = volume("a", node="fast"), volume("b", node="slow")
    history = History((sample(fast, 1.0, bytes=100 * MIB), sample(slow, 9.0, bytes=90 * MIB)))
    costs = Costs(history)
    assert costs.rate("velero", "fast") == 100 * MIB
    assert costs.rate("velero", "slow") == 10 * MIB
    assert costs.rate("velero", "new") == 19 * MIB
    assert costs.rate("other", "fast") == 19 * MIB
    new = volume("c", node="slow", bytes=50 * MIB)
    assert costs.volume(new, LANE).seconds == pytest.approx(5.0 + MOVER_SECONDS)


def test_small_samples_say_nothing_of_the_rate() -> None:
    history = History((sample(volume("a"), 5.0, bytes=100),))
    assert Costs(history).rate("velero", "n1") == DEFAULT_RATE


def test_how_full_volumes_are_is_learnt_from_those_with_a_history() -> None:
    known, new = volume("a", bytes=100 * MIB), volume("b", bytes=1000 * MIB)
    history = History((sample(known, 2.0, bytes=20 * MIB),))
    assert Costs(history, (known, new)).volume(new, LANE).bytes == 200 * MIB


def test_a_backups_own_time_is_learnt_by_lane_without_the_listing_of_more_namespaces() -> None:
    history = History(
        overheads=(
            Overhead("velero", 10.0, "2026-01-01T00:00:00Z", 1),
            Overhead("velero", 10.0 + 4 * LISTING_SECONDS, "2026-01-01T00:00:00Z", 5),
            Overhead("velero", 500.0, "2026-01-01T00:00:00Z", None),
            Overhead("velero", 1.5, "2026-01-01T00:00:00Z", 1, volumes=False),
        )
    )
    assert Costs(history).fixed(OLD) == pytest.approx(10.0 - POLL / 2)
    before_polls = Lane(namespace="velero", version=Version(1, 14, 1))
    assert Costs(history).fixed(before_polls) == pytest.approx(10.0)
    assert Costs(history).fixed(Lane(namespace="other")) == FIXED_SECONDS


def test_a_backup_takes_something_whatever_was_learnt() -> None:
    history = History(overheads=(Overhead("velero", 0.0, "2026-01-01T00:00:00Z", 3),))
    assert Costs(history).fixed(LANE) == LEAST_FIXED_SECONDS
