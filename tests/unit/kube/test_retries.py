from __future__ import annotations

import pytest

from velero_volume_controller.kube.errors import ApiError, KubeError, Unreachable
from velero_volume_controller.kube.retries import ATTEMPTS, retry_delay


def answer(status: int, retry_after: float | None = None) -> ApiError:
    return ApiError("GET", "/p", status, "", "", retry_after)


NEVER = None


@pytest.mark.parametrize(
    ("method", "error", "expected"),
    [
        pytest.param("GET", Unreachable(), 0.5, id="a read that got no answer is repeated"),
        pytest.param("PATCH", Unreachable(), 0.5, id="a patch has preconditions, so it is repeated"),
        pytest.param("POST", Unreachable(), NEVER, id="a POST may have arrived, so it is not"),
        pytest.param("POST", answer(429), 0.5, id="a throttled POST was not looked at, so it is repeated"),
        pytest.param("GET", answer(429, 3), 3.5, id="Retry-After is the least that is waited"),
        pytest.param(
            "GET", answer(429, 300), NEVER, id="whoever asks for minutes is asked later by the caller"
        ),
        pytest.param("PUT", answer(503), 0.5, id="a server error is repeated"),
        pytest.param("POST", answer(500), NEVER, id="a POST that failed inside is not"),
        pytest.param("GET", answer(404), NEVER, id="what is not there is not there"),
        pytest.param("PATCH", answer(409), NEVER, id="a conflict needs a new decision"),
        pytest.param("PATCH", answer(403), NEVER, id="what is forbidden stays forbidden"),
        pytest.param("GET", KubeError(), NEVER, id="any other error is final"),
    ],
)
def test_what_is_sent_again(method: str, error: KubeError, expected: float | None) -> None:
    assert retry_delay(method, error, attempt=1, chance=1.0) == expected


def test_it_gives_up_after_the_last_attempt() -> None:
    delays = [retry_delay("GET", Unreachable(), attempt, chance=1.0) for attempt in range(1, ATTEMPTS + 1)]
    assert delays == [0.5, 1.0, 2.0, None]


def test_chance_halves_the_delay_at_most() -> None:
    assert retry_delay("GET", Unreachable(), attempt=1, chance=0.0) == 0.25
