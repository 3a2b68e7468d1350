"""Files of Backups and Restores from Velero's storage, by way of a DownloadRequest.

Velero's server signs an address in the storage, good for ten minutes (pkg/persistence, DownloadURLTTL), which
is then read without the API server, as velero's own commands do (pkg/cmd/util/downloadrequest, 1.14 to 1.18).
Where the storage has another address outside of the cluster (publicUrl in the location's config), the address
is that one already. A request that stays behind, because this process ends, Velero deletes when it expires.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import uuid
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec
import structlog
from yarl import URL

from velero_volume_controller.kube import resources
from velero_volume_controller.kube.client import USER_AGENT, Client
from velero_volume_controller.kube.errors import QUOTED, ApiError, Fenced, KubeError, Unreachable
from velero_volume_controller.kube.proxies import proxy_for
from velero_volume_controller.kube.resources import Identity, Resource
from velero_volume_controller.kube.sessions import keepalive_socket
from velero_volume_controller.velero.client.lanes import VELERO
from velero_volume_controller.velero.client.storage_tls import Trust

DOWNLOAD_REQUESTS: Final = Resource(*VELERO, "downloadrequests", "DownloadRequest")
#: What is done with them, in Velero's namespace.
VERBS: Final = ("create", "get", "delete")

#: A name has at most so many characters, of which a uuid and a dash take 37.
_LONGEST: Final = 253 - 37
#: Until the next look at a request. Seconds: first, and at most.
_FIRST_LOOK: Final = 0.1
_LOOK: Final = 1.0
#: What the deletion may take when nobody waits for it any more. Seconds.
_DELETION: Final = 10.0
_CHUNK: Final = 2**16
#: An address's parts that no message tells: the password of a proxy, and the signature, a key to the file.
_SECRET: Final = re.compile(r"(?<=://)[^/?\s'\"]*@|\?[^\s'\"<>]*")
#: zlib's sign for a stream with gzip's header.
_GZIP: Final = 16 + zlib.MAX_WBITS

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Target(StrEnum):
    """What can be fetched, of a Backup or of a Restore (DownloadTargetKind)."""

    BACKUP_RESOURCE_LIST = "BackupResourceList"
    BACKUP_VOLUME_INFOS = "BackupVolumeInfos"
    BACKUP_RESULTS = "BackupResults"
    RESTORE_RESOURCE_LIST = "RestoreResourceList"
    RESTORE_RESULTS = "RestoreResults"
    RESTORE_VOLUME_INFO = "RestoreVolumeInfo"

    @property
    def of(self) -> str:
        """The kind of object whose file it is."""
        return "Backup" if self.value.startswith("Backup") else "Restore"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, and bytes of the unpacked file.

    ``signing``: until Velero has answered. ``fetching``: for the file, of which ``silence`` may pass without
    a byte. A resource list has some 80 bytes an object: 64 MiB are 800,000 of them.
    """

    signing: float = 60.0
    fetching: float = 300.0
    connect: float = 10.0
    silence: float = 30.0
    size: int = 64 * 2**20


class NotSigned(KubeError):  # noqa: N818  (the name says what is the case)
    """Velero gave no address in time."""


class NotFetched(KubeError):  # noqa: N818
    """The storage did not give the file."""


class NotStored(NotFetched):
    """The storage has no such file."""


class _WireStatus(msgspec.Struct, rename="camel"):
    url: str = msgspec.field(default="", name="downloadURL")
    expiration: str | None = None


class _WireMetadata(msgspec.Struct):
    name: str
    uid: str


class _WireRequest(msgspec.Struct):
    metadata: _WireMetadata
    status: _WireStatus | None = None


_REQUEST: Final = msgspec.json.Decoder(_WireRequest)


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the files of a Backup are: a BackupStorageLocation's name, and whom to trust there."""

    location: str
    trust: Trust = field(default_factory=Trust)


async def download(
    client: Client,
    namespace: str,
    target: Target,
    name: str,
    storage: Storage,
    limits: Limits | None = None,
) -> bytes:
    """A file of the Backup or Restore of this name, unpacked; ``namespace`` is Velero's.

    Raises NotSigned, NotFetched, NotStored if the storage has no such file, and as Client.request.
    """
    limits = limits or Limits()
    which = f"{target} of {target.of} {name}"
    async with _requested(client, namespace, target, name) as request:
        url = await _signed(client, request, which, storage.location, limits.signing)
        return await _fetched(url, which, storage, limits)


@asynccontextmanager
async def _requested(client: Client, namespace: str, target: Target, name: str) -> AsyncIterator[Identity]:
    """A DownloadRequest of our own, which goes when it is no longer needed."""
    body = {
        "metadata": {"name": f"{name[:_LONGEST]}-{uuid.uuid4()}"},
        "spec": {"target": {"kind": target.value, "name": name}},
    }
    made = _REQUEST.decode(await resources.create(client, DOWNLOAD_REQUESTS, namespace, body)).metadata
    request = Identity(namespace, made.name, made.uid)
    try:
        yield request
    finally:
        await _delete(client, request)


async def _delete(client: Client, request: Identity) -> None:
    """Never an error: Velero deletes it too, ten minutes later."""
    try:
        async with asyncio.timeout(_DELETION):
            await resources.delete(client, DOWNLOAD_REQUESTS, request)
    except (ApiError, Unreachable, Fenced, TimeoutError) as error:
        if not (isinstance(error, ApiError) and error.status in {404, 409}):
            log.info("a DownloadRequest is left to Velero", name=request.name, error=str(error))


async def _signed(client: Client, request: Identity, which: str, location: str, patience: float) -> str:
    path = DOWNLOAD_REQUESTS.path(request.namespace, request.name)
    delay, seen = _FIRST_LOOK, False
    try:
        async with asyncio.timeout(patience):
            while True:
                found = _decoded(path, await client.request("GET", path))
                status = found.status or _WireStatus()
                if found.metadata.uid != request.uid:
                    raise NotSigned(
                        f"{which}: its DownloadRequest was replaced by somebody else's; try again."
                    )
                if status.url:
                    return status.url
                # Velero notes when the request expires as soon as it has seen it, whatever comes of it.
                seen = seen or status.expiration is not None
                await asyncio.sleep(delay)
                delay = min(2 * delay, _LOOK)
    except TimeoutError:
        raise NotSigned(_why_not(request, which, location, patience, seen=seen)) from None
    except ApiError as error:
        if error.status != 404:
            raise
        raise NotSigned(f"{which}: somebody has deleted its DownloadRequest; try again.") from None


def _why_not(request: Identity, which: str, location: str, patience: float, *, seen: bool) -> str:
    logs = f"kubectl -n {request.namespace} logs deployment/velero"
    if seen:
        return (
            f"{which}: Velero in {request.namespace} has seen the request and gave no address for it within"
            f" {patience:g} s. See whether BackupStorageLocation {location} is Available, and in Velero's log"
            f" ({logs}) what is said of DownloadRequest {request.name}."
        )
    return (
        f"{which}: Velero in {request.namespace} did not answer DownloadRequest {request.name} within"
        f" {patience:g} s. See whether its Pod runs and what its log says ({logs})."
    )


def _decoded(path: str, answer: bytes) -> _WireRequest:
    try:
        return _REQUEST.decode(answer)
    except msgspec.MsgspecError as error:
        raise ApiError("GET", path, 200, "", f"the answer is no DownloadRequest ({error})") from error


async def _fetched(url: str, which: str, storage: Storage, limits: Limits) -> bytes:
    parts = urlsplit(url)
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    timeout = aiohttp.ClientTimeout(
        total=limits.fetching, sock_connect=limits.connect, sock_read=limits.silence
    )
    tls = await asyncio.to_thread(storage.trust.context) if parts.scheme == "https" else False
    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=tls, socket_factory=keepalive_socket),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Velero's files are packed; the storage may say so, and is not to unpack them on its own.
                auto_decompress=False,
                timeout=timeout,
                requote_redirect_url=False,
            ) as session,
            # As it was signed: quoted otherwise, the signature would not fit.
            session.get(
                URL(url, encoded=True), proxy=proxy_for(url, os.environ), headers={"User-Agent": USER_AGENT}
            ) as answer,
        ):
            if answer.status == 404:
                raise NotStored(
                    f"{which} is not in BackupStorageLocation {storage.location} ({where} says 404)."
                    " Velero did not write it, or somebody has deleted it there."
                )
            if answer.status != 200:
                said = _told((await answer.content.read(4 * QUOTED)).decode(errors="replace"))
                raise NotFetched(
                    f"{which}: the storage at {where} says {answer.status} ({said[:QUOTED]}). See whether"
                    f" Velero's credentials for BackupStorageLocation {storage.location} may read there, and"
                    " whether the clocks agree."
                )
            return await _unpacked(answer.content, which, limits.size)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # A ValueError is of an address that is none, to which the storage sends.
        raise NotFetched(
            f"{which}: {where}, where Velero says that it is, {_cause(error)}. If that address works in the"
            f" cluster alone, set publicUrl in the config of BackupStorageLocation {storage.location}."
        ) from error


async def _unpacked(content: aiohttp.StreamReader, which: str, size: int) -> bytes:
    unzip = zlib.decompressobj(_GZIP)
    found = bytearray()
    try:
        async for chunk in content.iter_chunked(_CHUNK):
            found += unzip.decompress(chunk, size + 1 - len(found))
            if len(found) > size:
                raise NotFetched(f"{which} is larger than {size >> 20} MiB; it is not read.")
        found += unzip.flush()
    except zlib.error as error:
        raise NotFetched(f"{which} is not a gzip file ({error}); is a proxy in between?") from None
    if not unzip.eof:
        raise NotFetched(f"{which} ends before its end; fetch it again.")
    return bytes(found)


def _cause(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "has a name that can't be resolved"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError | ssl.SSLError):
        return f"has a certificate that is not trusted ({_told(error)}); see the location's caCert"
    if isinstance(error, TimeoutError):
        return "does not answer in time"
    return f"can't be reached ({_told(error) or type(error).__name__})"


def _told(text: object) -> str:
    """On one line, without what stands in addresses beside where something is: aiohttp tells them whole."""
    return _SECRET.sub("", " ".join(str(text).split()))
