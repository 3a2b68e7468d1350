from __future__ import annotations

import pytest

from velero_volume_controller.kube.errors import ApiError

CONFLICT = b'{"kind":"Status","reason":"Conflict","message":"changed","code":409}'
BUSY = b'{"kind":"Status","reason":"TooManyRequests","message":"busy","details":{"retryAfterSeconds":7}}'
HTML = b"<html>\n<h1>502 Bad Gateway</h1></html>"


@pytest.mark.parametrize(
    ("status", "headers", "body", "reason", "retry_after"),
    [
        pytest.param(409, {}, CONFLICT, "Conflict", None, id="a Status names its reason"),
        pytest.param(429, {}, BUSY, "TooManyRequests", 7.0, id="the Status says when to come back"),
        pytest.param(
            429, {"Retry-After": "2"}, BUSY, "TooManyRequests", 2.0, id="the header beats the Status"
        ),
        pytest.param(
            503,
            {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"},
            b"",
            "",
            None,
            id="a date is not understood",
        ),
        pytest.param(503, {"Retry-After": "86400"}, b"", "", 300.0, id="nobody is waited for longer"),
        pytest.param(503, {"Retry-After": "9" * 400}, b"", "", 300.0, id="nor for ever"),
        pytest.param(502, {}, HTML, "", None, id="a proxy's page has no reason"),
        pytest.param(500, {}, b"", "", None, id="an empty body has no reason"),
        pytest.param(500, {}, b'"text"', "", None, id="JSON that is no object has no reason"),
        pytest.param(500, {}, b"\xff\xfe", "", None, id="bytes that are no text have no reason"),
        pytest.param(403, {}, b'{"kind":"Status"}', "", None, id="a Status may say nothing"),
    ],
)
def test_every_answer_becomes_an_error(
    status: int, headers: dict[str, str], body: bytes, reason: str, retry_after: float | None
) -> None:
    error = ApiError.from_response("GET", "/p", status, headers, body)
    assert (error.status, error.reason, error.retry_after) == (status, reason, retry_after)


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        pytest.param(409, CONFLICT, "PATCH /p: 409 Conflict: changed", id="Kubernetes's own words"),
        pytest.param(
            502,
            HTML,
            "PATCH /p: 502: the answer is not Kubernetes's own ('<html> <h1>502 Bad Gateway</h1></html>');"
            " is a proxy or load balancer in between?",
            id="a proxy's page is quoted on one line",
        ),
        pytest.param(
            401,
            b'{"kind":"Status","reason":"Unauthorized","message":"no"}',
            "PATCH /p: 401 Unauthorized: no; the credentials are not accepted;"
            " renew the token or the client certificate",
            id="what to do about credentials",
        ),
    ],
)
def test_an_error_is_one_sentence(status: int, body: bytes, text: str) -> None:
    assert str(ApiError.from_response("PATCH", "/p", status, {}, body)) == text


def test_an_event_of_type_error_becomes_an_error() -> None:
    error = ApiError.from_event("/p", b'{"kind":"Status","code":410,"reason":"Expired","message":"too old"}')
    assert (error.status, error.reason) == (410, "Expired")
