"""When a request that failed is sent again, and after how long. Pure; randomness comes in as an argument."""

from __future__ import annotations

from typing import Final

from velero_volume_controller.kube.errors import ApiError, KubeError, Unreachable

#: Attempts of one request, the first included. Whoever called retries later, with its own backoff.
ATTEMPTS: Final = 4
FIRST_DELAY: Final = 0.5  # seconds
LONGEST_DELAY: Final = 30.0  # seconds
#: Written with preconditions (uid, resourceVersion), these do no harm when they arrive twice.
REPEATABLE: Final = frozenset({"GET", "PUT", "PATCH", "DELETE"})
SERVER_ERRORS: Final = frozenset({500, 502, 503, 504})


def retry_delay(method: str, error: KubeError, attempt: int, chance: float) -> float | None:
    """Seconds to wait before the next attempt, or None to give up.

    ``attempt`` is how many were made, ``chance`` uniform in [0, 1). What the
    server asks for (Retry-After) is the least that is waited.
    """
    if attempt >= ATTEMPTS:
        return None
    if isinstance(error, ApiError):
        # 429 is API Priority and Fairness: the request was not looked at, so any method may be sent again.
        if error.status != 429 and (error.status not in SERVER_ERRORS or method not in REPEATABLE):
            return None
        asked = error.retry_after or 0.0
        if asked > LONGEST_DELAY:
            return None
        return asked + _jittered(attempt, chance)
    if isinstance(error, Unreachable) and method in REPEATABLE:
        return _jittered(attempt, chance)
    return None


def _jittered(attempt: int, chance: float) -> float:
    return min(FIRST_DELAY * 2.0 ** (attempt - 1), LONGEST_DELAY) * (0.5 + chance / 2)
