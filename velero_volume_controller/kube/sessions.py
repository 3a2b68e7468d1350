"""HTTP sessions that notice a dead peer.

With aiohttp's defaults a peer that silently vanished held a PATCH for 938 s and
an idle watch for over 1,500 s: no time-outs, no keepalive, and 15 TCP
retransmissions. This is the fault that made people restart the Go program.
"""

from __future__ import annotations

import socket
from typing import Any, Final

import aiohttp

from velero_volume_controller.kube.credentials import Access

#: An idle connection is probed after 30 s, then every 10 s, and is dead after 3 silent probes.
KEEPALIVE: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
#: Data that stays unacknowledged this long means a dead connection. Milliseconds.
USER_TIMEOUT: Final = 45_000
#: Bytes a stream buffers before it stops reading: more than etcd's largest object (1.5 MiB).
READ_BUFFER: Final = 2**21


def open_session(access: Access) -> aiohttp.ClientSession:
    """A session for this access. Connections are not limited here: the client limits requests instead."""
    connector = aiohttp.TCPConnector(ssl=access.tls, limit=0, socket_factory=keepalive_socket)
    return aiohttp.ClientSession(
        connector=connector,
        read_bufsize=READ_BUFFER,
        # A redirect or a cookie is nothing an API server sends.
        cookie_jar=aiohttp.DummyCookieJar(),
        raise_for_status=False,
    )


def keepalive_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket for this address (as getaddrinfo gives it) that the kernel keeps an eye on."""
    family, kind, protocol = address[:3]
    connection = socket.socket(family=family, type=kind, proto=protocol)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (*KEEPALIVE.items(), ("TCP_USER_TIMEOUT", USER_TIMEOUT)):
        # Each is missing on some system that is not Linux.
        option = getattr(socket, name, None)
        if option is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
    return connection
