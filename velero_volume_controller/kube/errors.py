"""What can go wrong between us and an API server.

The text of each error is one complete sentence or two for the user: what
happened, to what, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

#: Characters of a body that is not Kubernetes's, quoted so that a proxy can be recognised by it.
QUOTED: Final = 120

#: The longest that anyone may have us wait before the next try: five minutes. Seconds.
LONGEST_RETRY_AFTER: Final = 300.0

_ADVICE: Final = {
    401: "the credentials are not accepted; renew the token or the client certificate",
    403: "grant the verb to this user or service account (RBAC), as in the project's manifests",
}


class KubeError(Exception):
    """Anything that talking to an API server can end in."""


class KubeconfigError(KubeError):
    """There is no usable kubeconfig or service account."""


class Unreachable(KubeError):  # noqa: N818  (the name says what is the case)
    """The API server could not be reached or did not answer: DNS, TCP, TLS, or a time-out."""


class Fenced(KubeError):  # noqa: N818
    """We refused a write of our own because the right to write (the Lease) had run out; nothing was sent."""


class _Details(msgspec.Struct, rename="camel"):
    retry_after_seconds: float | None = None


class _Status(msgspec.Struct):
    kind: str = ""
    reason: str | None = None
    message: str | None = None
    code: int | None = None
    details: _Details | None = None


class ApiError(KubeError):
    """The API server, or something in front of it, answered with an error.

    ``status`` is the HTTP code, ``reason`` Kubernetes's word for it (``Conflict``,
    ``Expired``…; empty where the answer was not Kubernetes's), ``retry_after``
    seconds or None, bounded: after an outage, a proxy's "try tomorrow" would cost a day.
    """

    def __init__(
        self, method: str, path: str, status: int, reason: str, message: str, retry_after: float | None = None
    ) -> None:
        if retry_after is not None:
            retry_after = min(retry_after, LONGEST_RETRY_AFTER)
        super().__init__(method, path, status, reason, message, retry_after)
        self.method = method
        self.path = path
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    def __str__(self) -> str:
        advice = _ADVICE.get(self.status)
        what = " ".join(part for part in (str(self.status), self.reason) if part)
        return f"{self.method} {self.path}: {what}: {self.message}" + (f"; {advice}" if advice else "")

    @classmethod
    def from_response(
        cls, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> ApiError:
        """From an answer whose body is a ``Status``, or anything else: a proxy's HTML page, nothing."""
        after = _seconds(headers.get("Retry-After"))
        answer = _status(body)
        if answer is None:
            text = " ".join(body[: QUOTED * 4].decode(errors="replace").split())[:QUOTED]
            message = (
                f"the answer is not Kubernetes's own ({text!r}); is a proxy or load balancer in between?"
            )
            return cls(method, path, status, "", message, after)
        if after is None and answer.details is not None:
            after = answer.details.retry_after_seconds
        return cls(method, path, status, answer.reason or "", answer.message or "no message", after)

    @classmethod
    def from_event(cls, path: str, body: bytes | msgspec.Raw) -> ApiError:
        """From the object of a watch's ERROR event."""
        answer = _status(bytes(body)) or _Status()
        return cls("WATCH", path, answer.code or 500, answer.reason or "", answer.message or "no message")


def _status(body: bytes) -> _Status | None:
    try:
        answer = msgspec.json.decode(body, type=_Status)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return answer if answer.kind == "Status" else None


def _seconds(header: str | None) -> float | None:
    """Kubernetes sends whole seconds; the header's other form, a date, is a proxy's and ignored."""
    return float(header) if header is not None and header.isdecimal() else None
