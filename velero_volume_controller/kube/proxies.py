"""Which proxy the environment asks for, as Go programs (kubectl, the Go program) read it: pure.

aiohttp's own reading knows no networks in NO_PROXY, where clusters put the
services' network, and looks for passwords in ~/.netrc, which clash with our token.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def proxy_for(server: str, environment: Mapping[str, str]) -> str | None:
    """The proxy's URL for requests to this server, or None."""
    url = urlsplit(server)
    host = (url.hostname or "").lower()
    proxy = _variable(environment, f"{url.scheme}_proxy")
    if not proxy or _is_local(host):
        return None
    exempt = _variable(environment, "no_proxy").split(",")
    port = url.port or (443 if url.scheme == "https" else 80)
    if any(_covers(entry.strip().lower(), host, port) for entry in exempt):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name.upper()) or environment.get(name) or ""


def _is_local(host: str) -> bool:
    """This machine is never reached through a proxy."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _covers(entry: str, host: str, port: int) -> bool:
    """``*``, a network, an address, a domain and all below it (``.domain``: those alone), maybe ``:port``."""
    address = _address(host)
    if "/" in entry:
        return address is not None and _holds(entry, address)
    name, wanted = _split_port(entry)
    if wanted and wanted != str(port):
        return False
    if name == "*" or (address is not None and _address(name) == address):
        return True
    domain = name.removeprefix("*")
    return bool(domain) and (host == domain or host.endswith("." + domain.removeprefix(".")))


def _split_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    name, _, port = entry.partition(":")
    return (name, port) if entry.count(":") == 1 else (entry, "")


def _holds(network: str, address: Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
