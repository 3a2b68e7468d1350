"""The lab's network: a bridge in a namespace of its own, and a cable to each machine.

Cutting a cable is setting its end at the bridge down. The host hangs on the same bridge
by one more cable, so that tests and people reach the API server.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from hack.lab import places
from hack.lab.machine import Machine
from hack.lab.shell import LabError, run, succeeds

SWITCH = f"vvc-{places.NAME}"
BRIDGE = "br0"
HOST_LINK = SWITCH
PREFIX = f"10.50.{places.NUMBER}"
POD_CIDR = "10.244.0.0/16"
HOST_ADDRESS = f"{PREFIX}.254"


def pod_subnet(node: int) -> str:
    """The pods' subnet of the node with this number."""
    return f"10.244.{node}.0/24"


def ensure_switch() -> None:
    """Make the bridge's namespace and the host's cable, where they are missing."""
    if not succeeds(["ip", "netns", "exec", SWITCH, "true"]):
        _refuse_taken_addresses()
        run(["ip", "netns", "add", SWITCH])
        _switch("link", "add", BRIDGE, "type", "bridge")
        _switch("link", "set", BRIDGE, "up")
    if not succeeds(["ip", "link", "show", HOST_LINK]):
        run(["ip", "link", "add", HOST_LINK, "type", "veth", "peer", "name", "host", "netns", SWITCH])
        _switch("link", "set", "host", "master", BRIDGE, "up")
        run(["ip", "addr", "add", f"{HOST_ADDRESS}/24", "dev", HOST_LINK])
        run(["ip", "link", "set", HOST_LINK, "up"])


def remove_switch() -> None:
    """Take the bridge, its namespace and the host's cable away."""
    if succeeds(["ip", "link", "show", HOST_LINK]):
        run(["ip", "link", "del", HOST_LINK])
    if succeeds(["ip", "netns", "pids", SWITCH]):
        run(["ip", "netns", "del", SWITCH])


def plug(machine: Machine) -> None:
    """Lay a machine's cable; nothing where it lies already, cut or not."""
    if _is_plugged(machine):
        return
    if succeeds(["ip", "-n", SWITCH, "link", "show", machine.name]):
        _switch("link", "del", machine.name)
    netns = str(machine.pid)
    run(
        [
            "ip",
            "-n",
            SWITCH,
            "link",
            "add",
            machine.name,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            netns,
        ]
    )
    _switch("link", "set", machine.name, "master", BRIDGE, "up")
    machine.run(["ip", "addr", "add", f"{machine.address}/24", "dev", "eth0"])
    machine.run(["ip", "link", "set", "eth0", "up"])


def set_routes(machine: Machine, nodes: Sequence[Machine]) -> None:
    """Tell a machine the way to every other node's pods."""
    for number, node in enumerate(nodes, start=1):
        if node != machine:
            machine.run(["ip", "route", "replace", pod_subnet(number), "via", node.address])


def set_cable(machine: Machine, *, connected: bool) -> None:
    """Cut or heal the cable of a machine."""
    _switch("link", "set", machine.name, "up" if connected else "down")


def _switch(*arguments: str) -> None:
    run(["ip", "-n", SWITCH, *arguments])


def _is_plugged(machine: Machine) -> bool:
    """Whether all of `plug` has been done, for it may have been killed half-way."""
    if not succeeds(["ip", "-n", SWITCH, "link", "show", machine.name]):
        return False
    try:
        [link] = json.loads(machine.run(["ip", "-j", "address", "show", "dev", "eth0"]))
    except LabError:
        return False  # there is no such device
    addresses = {address["local"] for address in link["addr_info"]}
    return machine.address in addresses and "UP" in link["flags"]


def _refuse_taken_addresses() -> None:
    for route in json.loads(run(["ip", "-j", "route", "show", "table", "all"])):
        taken = str(route.get("dst", ""))
        if taken.startswith(f"{PREFIX}.") and route.get("dev") != HOST_LINK:
            raise LabError(f"this machine already has a route to {taken}; the lab needs {PREFIX}.0/24")
