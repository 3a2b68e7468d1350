"""Where the API server is and how we show who we are, as kubernetes-asyncio reads it.

Its loaders know kubeconfigs, exec plugins, OIDC and service accounts; nothing
else of it is used. What they read goes stale: service account tokens rotate
hourly, certificates daily in some clusters. So everything can be read again.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import structlog
import yaml
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import ConfigException, load_incluster_config
from kubernetes_asyncio.config.kube_config import KubeConfigLoader

from velero_volume_controller.kube import kubeconfigs
from velero_volume_controller.kube.errors import KubeconfigError
from velero_volume_controller.kube.proxies import proxy_for

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: What aiohttp can use.
_PROXY_SCHEMES: Final = ("http://", "https://")

_LOADING_ERRORS: Final = (
    ConfigException,
    AssertionError,
    AttributeError,
    KeyError,
    OSError,
    TypeError,
    ValueError,
    yaml.YAMLError,
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Which cluster, as the user named it.

    Nothing named: KUBECONFIG, else the pod's service account, else
    ~/.kube/config. ``server`` beats the address that any of these holds.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    server: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """What a request is made with.

    ``authorization`` is the header's value, None where a client certificate
    speaks. ``fingerprint`` differs when anything does that the connection itself
    is made with: address or TLS material.
    """

    server: str
    authorization: str | None
    tls: ssl.SSLContext = field(compare=False)
    tls_server_name: str | None
    proxy: str | None
    fingerprint: str


class Credentials:
    """The user's access to one cluster, read again when it goes stale."""

    def __init__(self, cluster: Cluster, lifetime: float) -> None:
        self._cluster = cluster
        self._lifetime = lifetime
        self._lock = asyncio.Lock()
        self._access: Access | None = None
        self._loader: KubeConfigLoader | None = None
        self._read_at = 0.0

    async def current(self) -> Access:
        """The access as last read; read again first when that was ``lifetime`` seconds ago.

        A source that can't be read at that moment (a Secret being swapped) is a
        warning: what was read before is used on. Raises KubeconfigError the first
        time only.
        """
        if self._access is not None and time.monotonic() - self._read_at < self._lifetime:
            return self._access
        async with self._lock:
            if self._access is None:
                self._access = await self._read()
            elif time.monotonic() - self._read_at >= self._lifetime:
                try:
                    self._access = await self._reread(self._access)
                except KubeconfigError as error:
                    log.warning("keeping the credentials read before", error=str(error))
                self._read_at = time.monotonic()
            return self._access

    async def refused(self, access: Access) -> bool:
        """The server did not accept this access: reads it anew, and says whether it differs now."""
        async with self._lock:
            if self._access is access:
                self._access = await self._read()
            return self._access != access

    async def _reread(self, access: Access) -> Access:
        # A plugin is run again when the expiry it gave is near; one that gave none, when the server refuses.
        if self._loader is None or not _plugin(self._loader):
            return await self._read()
        if not hasattr(self._loader, "exec_plugin_expiry"):
            return access
        try:
            async with asyncio.timeout(kubeconfigs.PLUGIN_TIMEOUT):
                await self._loader.load_from_exec_plugin()
        except _LOADING_ERRORS as error:
            raise KubeconfigError(f"exec plugin {_plugin(self._loader)}: {_described(error)}") from error
        return replace(access, authorization=self._loader.token)

    async def _read(self) -> Access:
        configuration = Configuration()
        configuration.host = ""
        files = kubeconfigs.kubeconfigs(self._cluster.kubeconfig)
        described = os.pathsep.join(map(str, files)) or "the pod's service account"
        try:
            if files:
                self._loader = await kubeconfigs.load(files, self._cluster.context, configuration)
            elif "KUBERNETES_SERVICE_HOST" in os.environ:
                load_incluster_config(configuration)  # type: ignore[no-untyped-call]
            elif not self._cluster.server:
                raise KubeconfigError(
                    "no cluster to talk to: not in a pod, no KUBECONFIG set and no ~/.kube/config there;"
                    " give --kubeconfig, or kubeConfig in the configuration"
                )
            access = _access(configuration, self._cluster.server)
        except kubeconfigs.Missing:
            raise KubeconfigError(
                f"{described}: there is no such kubeconfig; correct the path or unset it"
            ) from None
        except _LOADING_ERRORS as error:
            raise KubeconfigError(
                f"{described}: {_described(error)}; check that it names a cluster, a user and a context,"
                " and that the files it names can be read"
            ) from error
        if not access.server:
            raise KubeconfigError(f"{described}: it names no server; set clusters[].cluster.server")
        self._read_at = time.monotonic()
        return access


def _access(configuration: Configuration, server: str) -> Access:
    tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        tls.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    if not configuration.verify_ssl:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    elif configuration.disable_strict_ssl_verification:
        tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    address = (server or configuration.host or "").rstrip("/")
    if address and "://" not in address:
        # As client-go takes masterURL: a bare host is https where there is TLS material, else http.
        secure = bool(configuration.ssl_ca_cert or configuration.cert_file or _token(configuration))
        address = f"{'https' if secure else 'http'}://{address}"
    proxy = configuration.proxy or proxy_for(address, os.environ)
    if proxy and not proxy.startswith(_PROXY_SCHEMES):
        raise ConfigException(f"its proxy is of a kind that can't be used, expected one of {_PROXY_SCHEMES}")
    digest = hashlib.sha256(repr((address, configuration.tls_server_name, proxy)).encode())
    for file in (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file):
        digest.update(Path(file).read_bytes() if file else b"-")
    return Access(
        server=address,
        authorization=_token(configuration),
        tls=tls,
        tls_server_name=configuration.tls_server_name,
        proxy=proxy,
        fingerprint=digest.hexdigest(),
    )


def _token(configuration: Configuration) -> str | None:
    token = str(configuration.api_key.get("BearerToken") or "").strip()
    if not token.isprintable():
        raise ConfigException("its token is more than one line, or holds characters that are not text")
    return token or None


def _plugin(loader: KubeConfigLoader) -> str | None:
    """The exec plugin's command, where there is one."""
    user = getattr(loader, "_user", None)
    return str(user["exec"]["command"]) if user is not None and "exec" in user else None


def _described(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"its exec plugin did not answer within {kubeconfigs.PLUGIN_TIMEOUT:.0f} s"
    text = " ".join(str(error).split())
    if isinstance(error, AssertionError | AttributeError | KeyError | TypeError):
        return f"it does not have a kubeconfig's form ({text or type(error).__name__})"
    return text
