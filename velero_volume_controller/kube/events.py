"""Events (events.k8s.io/v1): what `kubectl describe` shows of an object, written beside the work.

An Event is told to people and lost without harm. So nothing waits for one, no
failure of one fails anything else, and there are never many: the same thing is
said of an object once an hour at most, and all together a bounded number a minute.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TypeGuard

import msgspec
import structlog

from velero_volume_controller.kube.client import MERGE_PATCH, Client
from velero_volume_controller.kube.errors import ApiError, Fenced, KubeError

#: The API server's own limit on a note, in bytes of UTF-8 (pkg/apis/core/validation/events.go).
LONGEST_NOTE: Final = 1024
#: Of an object's name, so that with the hash the Event's stays within 253 characters.
_LONGEST_NAME: Final = 230
#: Events that wait to be written; more are dropped, which the metric says.
_LONGEST_QUEUE: Final = 500
#: Events that are remembered as written; the oldest are forgotten.
_REMEMBERED: Final = 5000
#: How the API server refuses, with 403, what would be new in a namespace that is being deleted.
_TERMINATING: Final = "because it is being terminated"
#: How often one Event is tried, and the wait in between. Seconds.
_TRIES: Final = 3
_PAUSE: Final = 2.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Regarding:
    """The object that an Event is about. `kubectl describe` of it shows only Events that have its ``uid``."""

    kind: str
    namespace: str
    name: str
    uid: str = ""
    api_version: str = "v1"


@dataclass(frozen=True, slots=True)
class Event:
    """``reason`` and ``action`` are one word each in CamelCase: why, and what was done or not done.

    ``urgent``: before all others, never dropped, and each time, for the newest one
    says what is the case now. ``stands`` is asked before it is written: what is no
    longer so is not told.
    """

    regarding: Regarding
    reason: str
    action: str
    note: str
    warning: bool = True
    urgent: bool = False
    stands: Callable[[], bool] = field(default=lambda: True, compare=False)


class Result(StrEnum):
    """What became of an Event; the label ``result`` of the metric ``vvc_events_total``."""

    CREATED = "created"
    #: It stood there already: another process, or this one before a restart, has said so.
    EXISTS = "exists"
    #: Said again after an hour: the count of the Event's series went up.
    REPEATED = "repeated"
    #: Said again within the hour.
    SUPPRESSED = "suppressed"
    DROPPED = "dropped"
    #: No longer so when its turn came.
    OUTDATED = "outdated"
    FORBIDDEN = "forbidden"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Pace:
    """``burst`` Events at once, then one every ``every`` seconds; the same again after ``repeat`` seconds."""

    burst: int = 25
    every: float = 2.0
    repeat: float = 3600.0


@dataclass(slots=True)
class _Told:
    """``count`` is how often it was said, ``at`` when it was last written (monotonic seconds)."""

    count: int
    at: float


def name_of(event: Event) -> str:
    """A function of what is said about which object, so that saying it twice makes one Event."""
    parts = (event.regarding.kind, event.regarding.uid, event.reason, event.note)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return f"{event.regarding.name[:_LONGEST_NAME].rstrip('.-')}.{digest}"


class Recorder:
    """Takes Events at any time and writes them one after another while ``run`` runs."""

    def __init__(
        self,
        client: Client,
        controller: str,
        instance: str,
        observer: Callable[[str, str], None],
        pace: Pace | None = None,
    ) -> None:
        """``controller`` is a name such as example.com/part; ``observer`` is told reason and result."""
        self._client = client
        self._controller = controller
        self._instance = instance
        self._observer = observer
        self._pace = pace or Pace()
        self._tokens = float(self._pace.burst)
        self._counted = time.monotonic()
        self._waiting: deque[Event] = deque()
        self._urgent: deque[Event] = deque()
        self._ready = asyncio.Event()
        self._told: dict[str, _Told] = {}
        self._complained = False
        self.running = False

    def emit(self, event: Event) -> None:
        """Have this written soon, if it is new. Never waits, never fails; without ``run`` it does nothing."""
        if not self.running:
            return
        told = self._told.get(name_of(event))
        if event.urgent:
            self._urgent.append(event)
            self._ready.set()
        elif self._is_recent(told):
            told.count += 1
            self._observer(event.reason, Result.SUPPRESSED)
        elif len(self._waiting) >= _LONGEST_QUEUE:
            self._observer(event.reason, Result.DROPPED)
        else:
            self._waiting.append(event)
            self._ready.set()

    async def run(self) -> None:
        """Writes until it is cancelled. What waits then is forgotten."""
        self.running = True
        try:
            while True:
                while not (self._urgent or self._waiting):
                    self._ready.clear()
                    await self._ready.wait()
                await self._token()
                event = (self._urgent or self._waiting).popleft()
                if not event.stands():
                    self._observer(event.reason, Result.OUTDATED)
                    continue
                try:
                    result = await self._record(event)
                except Exception:
                    log.exception("an Event could not be written", reason=event.reason)
                    result = Result.FAILED
                if result is not None:
                    self._observer(event.reason, result)
        finally:
            self.running = False
            self._urgent.clear()
            self._waiting.clear()

    def _is_recent(self, told: _Told | None) -> TypeGuard[_Told]:
        return told is not None and time.monotonic() - told.at < self._pace.repeat

    async def _token(self) -> None:
        """Waits until one more may be written."""
        now = time.monotonic()
        gained = (now - self._counted) / self._pace.every
        self._tokens, self._counted = min(self._pace.burst, self._tokens + gained), now
        if self._tokens < 1:
            await asyncio.sleep((1 - self._tokens) * self._pace.every)
            self._tokens, self._counted = 1.0, time.monotonic()
        self._tokens -= 1

    async def _record(self, event: Event) -> Result | None:
        """None when it was not for us to write."""
        name = name_of(event)
        told = self._told.get(name)
        if self._is_recent(told) and not event.urgent:
            return Result.SUPPRESSED  # it was in the queue twice
        for _ in range(_TRIES):
            try:
                result = await self._write(event, name, told)
            except Fenced:
                return None
            except ApiError as error:
                if error.status not in {500, 502, 503, 504}:
                    return self._refused(event, error)
                failure: KubeError = error
            except KubeError as error:
                failure = error
            else:
                self._remember(name, told)
                return result
            await asyncio.sleep(_PAUSE)
        log.warning("an Event could not be written", reason=event.reason, error=str(failure))
        return Result.FAILED

    async def _write(self, event: Event, name: str, told: _Told | None) -> Result:
        path = f"/apis/events.k8s.io/v1/namespaces/{event.regarding.namespace}/events"
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if told is not None:
            series = {"series": {"count": told.count + 1, "lastObservedTime": now}}
            body = msgspec.json.encode(series)
            try:
                await self._client.request("PATCH", f"{path}/{name}", body=body, content_type=MERGE_PATCH)
                return Result.REPEATED
            except ApiError as error:
                if error.status != 404:
                    raise
            # Events live for an hour by default: it is gone, so it is new again.
        try:
            await self._client.request("POST", path, body=msgspec.json.encode(self._object(event, name, now)))
        except ApiError as error:
            if error.status != 409:
                raise
            return Result.EXISTS
        return Result.CREATED

    def _object(self, event: Event, name: str, now: str) -> dict[str, Any]:
        about = event.regarding
        regarding = {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "namespace": about.namespace,
            "name": about.name,
        }
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": about.namespace},
            "eventTime": now,
            "type": "Warning" if event.warning else "Normal",
            "reason": event.reason,
            "action": event.action,
            "note": _shortened(event.note),
            "regarding": regarding | ({"uid": about.uid} if about.uid else {}),
            "reportingController": self._controller,
            "reportingInstance": self._instance[:128],
        }

    def _remember(self, name: str, told: _Told | None) -> None:
        self._told.pop(name, None)
        self._told[name] = _Told(1 if told is None else told.count + 1, time.monotonic())
        if len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        self._complained = False

    def _refused(self, event: Event, error: ApiError) -> Result:
        """Said once, until one is accepted again; of a namespace that goes, not at all."""
        if error.status == 404 or _TERMINATING in error.message:
            return Result.FAILED
        if not self._complained:
            self._complained = True
            log.warning("an Event could not be written", reason=event.reason, error=str(error))
        return Result.FORBIDDEN if error.status == 403 else Result.FAILED


def _shortened(note: str) -> str:
    data = note.encode()
    if len(data) <= LONGEST_NOTE:
        return note
    return data[: LONGEST_NOTE - len("…".encode())].decode(errors="ignore") + "…"
