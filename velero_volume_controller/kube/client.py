"""One client for every request: time-outs, status checks, retries, a limit, and a fence before each write."""

from __future__ import annotations

import asyncio
import os
import random
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from velero_volume_controller import __version__
from velero_volume_controller.kube.credentials import Access, Cluster, Credentials
from velero_volume_controller.kube.errors import ApiError, Fenced, KubeError, Unreachable
from velero_volume_controller.kube.retries import retry_delay
from velero_volume_controller.kube.sessions import open_session

#: Says to the API server's audit log who asks.
USER_AGENT: Final = f"velero-volume-controller/{__version__}"
#: Merge patch, RFC 7386: a key that is null is removed, one that is absent is left.
MERGE_PATCH: Final = "application/merge-patch+json"
JSON: Final = "application/json"
MUTATING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
#: Questions about rights: asked by POST, and nothing is kept of them.
REVIEWS: Final = "/apis/authorization.k8s.io/"

#: Called immediately before a write leaves this process; raises Fenced to stop it.
Guard = Callable[[], None]


#: Told the method and the HTTP status of every answer, 0 where there was none; for the metrics.
Observer = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, in seconds, and how much.

    ``total`` covers one attempt from its start to the answer's last byte.
    Credentials are read again when they are ``credentials`` old, as client-go does.
    """

    total: float = 30.0
    connect: float = 5.0
    max_in_flight: int = 20
    retries: bool = True
    credentials: float = 60.0


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str] | None
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON


def _ignore(method: str, code: int) -> None:
    """No metrics."""


class Client:
    """An API server, reached as one user. Made by ``Client.connect``."""

    def __init__(self, credentials: Credentials, access: Access, limits: Limits, observer: Observer) -> None:
        self.guard: Guard | None = None
        self._credentials = credentials
        self._limits = limits
        self._timeout = aiohttp.ClientTimeout(total=limits.total, sock_connect=limits.connect)
        self._observer = observer
        self._slots = asyncio.Semaphore(limits.max_in_flight)
        self._fingerprint = access.fingerprint
        self._session = open_session(access)
        self._retired: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, cluster: Cluster, limits: Limits | None = None, observer: Observer = _ignore
    ) -> AsyncIterator[Client]:
        """A client for this cluster. Nothing is sent yet. Raises KubeconfigError."""
        limits = limits or Limits()
        credentials = Credentials(cluster, limits.credentials)
        client = cls(credentials, await credentials.current(), limits, observer)
        try:
            yield client
        finally:
            await client._close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        once: bool = False,
    ) -> bytes:
        """The body of a successful answer. Raises ApiError, Unreachable, Fenced, KubeconfigError.

        Sent again as ``retries`` says, or only ``once``. A write must be harmless when it arrives
        twice or late: give it a uid or resourceVersion, or a name that decides.
        """
        return await self._repeated(_Request(method, path, query, body, content_type), once=once)

    async def read(self, path: str, *, query: Mapping[str, str] | None = None, accept: str) -> bytes:
        """What a GET answers in one of these media types. Raises as ``request``."""
        return await self._repeated(_Request("GET", path, query, accept=accept), once=False)

    async def _repeated(self, request: _Request, *, once: bool) -> bytes:
        """Sent again as ``retries`` says, or only once."""
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self._slots:
                    return await self._authorized(request)
            except (ApiError, Unreachable) as error:
                delay = retry_delay(request.method, error, attempt, random.random())  # noqa: S311  (jitter)
                if delay is None or once or not self._limits.retries:
                    raise
            await asyncio.sleep(delay)

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], silence: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Opens a watch: the chunks of its body, until it ends or is silent for ``silence`` seconds.

        It takes no slot of ``max_in_flight``: it would keep it for minutes.
        """
        access, session = await self._ready()
        timeout = aiohttp.ClientTimeout(
            total=None, connect=self._limits.connect, sock_connect=self._limits.connect, sock_read=silence
        )
        with _translated("GET", access.server + path, self._observer):
            async with session.get(
                access.server + path,
                params=query,
                headers=_headers(access, None),
                timeout=timeout,
                proxy=access.proxy,
                server_hostname=access.tls_server_name,
                allow_redirects=False,
            ) as response:
                self._observer("GET", response.status)
                if response.status != 200:
                    error = ApiError.from_response(
                        "GET", path, response.status, response.headers, await response.read()
                    )
                    if error.status == 401:
                        await self._credentials.refused(access)
                    raise error
                try:
                    yield response.content.iter_any()
                finally:
                    # A watch that we leave is cut: a TLS goodbye would wait for the server.
                    if response.connection is not None and response.connection.transport is not None:
                        response.connection.transport.abort()

    async def _authorized(self, request: _Request) -> bytes:
        """One attempt; a second one at once if the credentials were refused and newer ones are found."""
        access, session = await self._ready()
        try:
            return await self._send(access, session, request)
        except ApiError as error:
            if error.status != 401 or not await self._credentials.refused(access):
                raise
        access, session = await self._ready()
        return await self._send(access, session, request)

    async def _send(self, access: Access, session: aiohttp.ClientSession, request: _Request) -> bytes:
        method, url = request.method, access.server + request.path
        writes = method in MUTATING and not request.path.startswith(REVIEWS)
        guard = self.guard if writes else None
        if guard is not None:
            guard()
        content_type = None if request.body is None else request.content_type
        data = None if request.body is None else _GuardedBody(request.body, guard, request.content_type)
        with _translated(method, url, self._observer):
            async with session.request(
                method,
                url,
                params=request.query,
                data=data,
                headers=_headers(access, content_type, request.accept),
                timeout=self._timeout,
                proxy=access.proxy,
                server_hostname=access.tls_server_name,
                allow_redirects=False,
            ) as response:
                answer = await response.read()
        self._observer(method, response.status)
        if not 200 <= response.status < 300:
            raise ApiError.from_response(method, request.path, response.status, response.headers, answer)
        return answer

    async def _ready(self) -> tuple[Access, aiohttp.ClientSession]:
        """The access of now and a session made with it: certificates may have been rotated since."""
        access = await self._credentials.current()
        if access.fingerprint != self._fingerprint:
            task = asyncio.create_task(_close_later(self._session, self._limits.total))
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)
            self._session, self._fingerprint = open_session(access), access.fingerprint
        return access, self._session

    async def _close(self) -> None:
        for task in self._retired:
            task.cancel()
        await asyncio.gather(*self._retired, return_exceptions=True)
        await self._session.close()


class _GuardedBody(aiohttp.BytesPayload):
    """A body that asks the guard at the moment it is written.

    Between the first check and the write lies the connecting, seconds perhaps, and
    a process may be stopped there. aiohttp sends the headers together with the
    body's first bytes, so what is refused here never reaches the server.
    """

    def __init__(self, body: bytes, guard: Guard | None, content_type: str) -> None:
        super().__init__(body, content_type=content_type)
        self._guard = guard

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if self._guard is not None:
            self._guard()
        await super().write_with_length(writer, content_length)


def _headers(access: Access, content_type: str | None, accept: str = JSON) -> dict[str, str]:
    headers = {"Accept": accept, "User-Agent": USER_AGENT}
    if content_type is not None:
        headers["Content-Type"] = content_type
    if access.authorization is not None:
        headers["Authorization"] = access.authorization
    return headers


async def _close_later(session: aiohttp.ClientSession, after: float) -> None:
    """Calls under way get the time that any call has; a watch is cut and resumes with the new credentials."""
    try:
        await asyncio.sleep(after)
    finally:
        await session.close()


class _translated:  # noqa: N801  (used as a statement)
    """Turns what aiohttp and the system raise into Unreachable, with one sentence about it."""

    def __init__(self, method: str, url: str, observer: Observer) -> None:
        self._method, self._url, self._observer = method, url, observer

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, KubeError):
            return
        if isinstance(error.__cause__, Fenced):
            raise error.__cause__
        # UnicodeError: a name that DNS can't hold, such as one with a label of 64 characters.
        if isinstance(error, aiohttp.ClientError | OSError | UnicodeError):
            self._observer(self._method, 0)
            raise Unreachable(f"{self._method} {self._url}: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """What happened and what to do, for the errors users meet."""
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return (
            f"no connection to the proxy {error.host}:{error.port} ({_reason(error)});"
            " correct HTTPS_PROXY, NO_PROXY or the kubeconfig's proxy-url"
        )
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy refused ({error.status} {error.message}); may it connect to the API server?"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name {error.host} can't be resolved; check the server's address and DNS"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError | ssl.SSLError):
        text = " ".join(str(error).split())
        return (
            f"no TLS connection ({text}); check the certificate authority, the client certificate, the port"
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection ({_reason(error)}); is the API server running and its address right?"
    if isinstance(error, TimeoutError):
        return "no answer in time; is the API server overloaded, or the network cut?"
    if isinstance(error, aiohttp.InvalidURL | UnicodeError):
        return f"not a usable address ({error}); correct masterURL or the kubeconfig's server"
    text = " ".join(str(error).split()) or type(error).__name__
    return f"the connection broke ({text})"


def _reason(error: aiohttp.ClientConnectorError) -> str:
    number = error.os_error.errno
    return os.strerror(number) if number else str(error.os_error)
