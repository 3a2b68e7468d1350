from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from velero_volume_controller.kube.backoff import Backoff
from velero_volume_controller.kube.watches import lines


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param((b"a\nb\n",), [b"a", b"b"], id="two events in one chunk"),
        pytest.param((b"a", b"b", b"c\n"), [b"abc"], id="one event in three chunks"),
        pytest.param(
            (b"a\nb", b"c\nd\n"), [b"a", b"bc", b"d"], id="a chunk that ends one and begins another"
        ),
        pytest.param((b"a\nhalf",), [b"a"], id="an event that was cut off is dropped"),
        pytest.param((b"\n\na\n",), [b"a"], id="empty lines are nothing"),
        pytest.param((b"a", b"\n"), [b"a"], id="the newline alone"),
        pytest.param((), [], id="nothing at all"),
    ],
)
async def test_a_stream_becomes_lines(parts: tuple[bytes, ...], expected: list[bytes]) -> None:
    assert [line async for line in lines(chunks(*parts))] == expected


def test_a_watch_that_ends_at_once_never_spins() -> None:
    backoff = Backoff()
    delays = [backoff.after(0.0) for _ in range(2000)]
    assert delays[0] >= 0.6
    assert all(later <= 30.0 for later in delays)
    assert min(delays[10:]) >= 22.5


def test_only_a_healthy_minute_starts_the_backoff_anew() -> None:
    backoff = Backoff()
    for _ in range(10):
        backoff.after(0.0)
    assert backoff.after(59.0) >= 22.5
    assert backoff.after(60.0) <= 0.8
