"""Leader election on a Lease. One leads, or nobody; never two.

What keeps it so:
1. A leader's right ends ``renew_deadline`` after it *sent* the last renewal that
   succeeded; others take over no sooner than ``lease_duration`` after they saw it,
   which is longer and starts later.
2. When the right ends, the fence refuses every further write, and the leader's
   task is cancelled and awaited before anything else happens.
3. Each write of the Lease carries its resourceVersion, so of two that try, one wins.
Both Python libraries' electors broke 2: they still led 25 s after the API stalled.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog

from velero_volume_controller.kube.client import Client, Limits
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.fence import Fence, boot_time
from velero_volume_controller.kube.lease import (
    ElectionTimes,
    LeaseSpec,
    Observation,
    held,
    may_take,
    observe,
    released,
)

#: How long a leader that was asked to stop may take to finish what it has in hand. Seconds.
DRAIN: Final = 5.0
#: How long giving the Lease back may take. Seconds.
RELEASE: Final = 2.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who stands for which Lease. ``identity`` is ``hostname_uuid``, new with every process."""

    namespace: str
    name: str
    identity: str
    times: ElectionTimes


def lease_limits(times: ElectionTimes) -> Limits:
    """For the elector's own connection: an attempt that hangs must leave time for another one."""
    return Limits(total=max(1.0, times.renew_deadline / 2), connect=2.0, max_in_flight=2, retries=False)


class _NoLease(Exception):  # noqa: N818
    """The Lease is not there yet."""


class Elector:
    """Stands for election until told to stop; calls ``lead`` while it leads.

    ``client`` must be its own (``lease_limits``), so that a full connection or a long
    queue never delays a renewal. ``fence`` is open while it leads.
    """

    def __init__(
        self, client: Client, candidate: Candidate, fence: Fence, on_change: Callable[[bool], None]
    ) -> None:
        self._client = client
        self._candidate = candidate
        self._fence = fence
        self._on_change = on_change
        self._observation: Observation | None = None
        self._said = ""
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{candidate.namespace}/leases"

    async def run(self, lead: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        """Returns after ``stop`` is set, ``lead`` has ended and the Lease is given back.

        ``lead`` should return soon after ``stop`` is set; it is cancelled when
        leadership is lost. What it raises is raised here.
        """
        while not stop.is_set():
            if not await self._try_hold():
                await self._pause(stop)
                continue
            log.info("leading", lease=self._candidate.name, identity=self._candidate.identity)
            self._on_change(True)
            try:
                await self._reign(lead, stop)
            finally:
                self._fence.close()
                self._on_change(False)
            log.info("no longer leading", lease=self._candidate.name)
        await self._release()

    async def _reign(self, lead: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        leading = asyncio.ensure_future(lead())
        renewing = asyncio.create_task(self._renew())
        deadline = asyncio.create_task(self._until_deadline())
        stopping = asyncio.create_task(stop.wait())
        guards = (renewing, deadline, stopping)
        try:
            await asyncio.wait({leading, *guards}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set() and not (renewing.done() or deadline.done()):
                await asyncio.wait(
                    {leading, renewing, deadline}, timeout=DRAIN, return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            # Nothing of the leader's may run when this returns.
            if renewing.done() or deadline.done():
                self._fence.close()
            leading.cancel()
            for task in guards:
                task.cancel()
            await asyncio.wait({leading, *guards})
        if not leading.cancelled():
            leading.result()
        if renewing.done() and not renewing.cancelled():
            renewing.result()

    async def _renew(self) -> None:
        """Renews until somebody else holds the Lease."""
        while True:
            await asyncio.sleep(self._candidate.times.retry_period * random.uniform(0.75, 1.0))  # noqa: S311
            if not await self._try_hold() and self._someone_else_holds():
                return

    async def _until_deadline(self) -> None:
        while (remaining := self._fence.remaining()) > 0:  # noqa: ASYNC110  (it moves with each renewal)
            await asyncio.sleep(remaining)
        log.warning("the lease could not be renewed in time", lease=self._candidate.name)

    async def _pause(self, stop: asyncio.Event) -> None:
        period = self._candidate.times.retry_period * random.uniform(0.75, 1.0)  # noqa: S311
        with suppress(TimeoutError):
            async with asyncio.timeout(period):
                await stop.wait()

    def _someone_else_holds(self) -> bool:
        observation = self._observation
        return observation is not None and observation.spec.holder_identity not in {
            None,
            self._candidate.identity,
        }

    async def _try_hold(self) -> bool:
        """One attempt to take or renew the Lease; when it succeeds, the fence is open that much longer."""
        try:
            sent = await self._hold()
        except KubeError as error:
            conflict = isinstance(error, ApiError) and error.status == 409
            level = log.info if conflict else log.warning
            self._say(level, "the lease could not be taken or renewed", error=str(error))
            return False
        if sent is None:
            holder = self._observation.spec.holder_identity if self._observation else None
            self._say(log.info, "another process leads", holder=holder)
            return False
        self._said = ""
        self._fence.open_until(sent + self._candidate.times.renew_deadline)
        return True

    def _say(self, level: Callable[..., Any], message: str, **details: str | None) -> None:
        """Logs what is new; the same every two seconds would fill the log."""
        said = f"{message} {details}"
        if said != self._said:
            self._said = said
            level(message, lease=f"{self._candidate.namespace}/{self._candidate.name}", **details)

    async def _hold(self) -> float | None:
        """When the write that succeeded was sent, or None while another holds the Lease."""
        candidate = self._candidate
        try:
            document, spec = await self._get()
        except _NoLease:
            sent = boot_time()
            metadata = {"name": candidate.name, "namespace": candidate.namespace}
            await self._put("POST", self._path, {"metadata": metadata}, self._held(None))
            return sent
        self._observation = observe(self._observation, spec, boot_time())
        if not may_take(self._observation, candidate.identity, boot_time()):
            return None
        sent = boot_time()
        await self._put("PUT", f"{self._path}/{candidate.name}", document, self._held(spec))
        return sent

    def _held(self, previous: LeaseSpec | None) -> LeaseSpec:
        return held(previous, self._candidate.identity, self._candidate.times, datetime.now(UTC))

    async def _get(self) -> tuple[dict[str, Any], LeaseSpec]:
        path = f"{self._path}/{self._candidate.name}"
        try:
            body = await self._client.request("GET", path)
        except ApiError as error:
            if error.status == 404 and error.reason == "NotFound":
                raise _NoLease from error
            raise
        return _lease("GET", path, body)

    async def _put(self, method: str, path: str, document: dict[str, Any], spec: LeaseSpec) -> None:
        """Writes the record; what else the Lease holds (labels, a strategy) stays."""
        document = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            **document,
            "spec": {**(document.get("spec") or {}), **msgspec.to_builtins(spec)},
        }
        body = await self._client.request(method, path, body=msgspec.json.encode(document))
        # What answers 200 in the API server's stead (a proxy) has written nothing.
        _, written = _lease(method, path, body)
        if (written.holder_identity or "") != spec.holder_identity:
            raise ApiError(method, path, 200, "", f"the answer is a Lease of {written.holder_identity!r}")
        self._observation = Observation(spec, boot_time())

    async def _release(self) -> None:
        """Gives the Lease back if it is ours. Best effort: unreleased, it expires."""
        try:
            async with asyncio.timeout(RELEASE):
                document, spec = await self._get()
                if spec.holder_identity == self._candidate.identity:
                    path = f"{self._path}/{self._candidate.name}"
                    await self._put("PUT", path, document, released(spec, datetime.now(UTC)))
                    log.info("the lease was given back", lease=self._candidate.name)
        except (KubeError, TimeoutError, _NoLease) as error:
            log.warning("the lease was not given back; it will expire", error=str(error))


def _lease(method: str, path: str, body: bytes) -> tuple[dict[str, Any], LeaseSpec]:
    """The whole document and its record. Raises ApiError if it is no Lease."""
    try:
        document: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
        return document, msgspec.convert(document.get("spec") or {}, LeaseSpec)
    except msgspec.MsgspecError as error:
        raise ApiError(method, path, 200, "", f"the answer is no Lease ({error})") from error
