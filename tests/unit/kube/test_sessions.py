from __future__ import annotations

import socket

from velero_volume_controller.kube.sessions import USER_TIMEOUT, keepalive_socket


def test_a_connection_notices_within_a_minute_that_its_peer_is_gone() -> None:
    address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 1))
    with keepalive_socket(address) as connection:

        def option(name: int, level: int = socket.IPPROTO_TCP) -> int:
            return connection.getsockopt(level, name)

        assert option(socket.SO_KEEPALIVE, socket.SOL_SOCKET) == 1
        idle, interval, probes = socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT
        assert option(idle) + option(interval) * option(probes) == 60
        assert option(socket.TCP_USER_TIMEOUT) == USER_TIMEOUT == 45_000
