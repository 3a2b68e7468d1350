"""Faults that clusters meet, played on the lab; each function returns its own undo.

    undo = cut_cable(lab.nodes[0])
    ...
    undo()

`crash` alone has none, for kubelet undoes it. An undo may be called once, brings the lab
back to how it was, and waits for nothing beyond that: that pods or nodes recover is the
test's to see.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from hack.lab import kubectl, network, places
from hack.lab.cluster import Lab
from hack.lab.machine import Machine
from hack.lab.shell import LabError, run

Undo = Callable[[], None]

NET_CLS = Path(f"/sys/fs/cgroup/vvc-{places.NAME}-net_cls")
CLASS_ID = "0x00110001"


def power_off(lab: Lab, machine: Machine) -> Undo:
    """Power loss: every process of the machine ends at once; its disk stays."""
    machine.power_off()
    return lambda: lab.turn_on(machine)


def cut_cable(machine: Machine) -> Undo:
    """The machine's network cable is cut at the switch: packets vanish, nobody is told."""
    network.set_cable(machine, connected=False)
    return lambda: network.set_cable(machine, connected=True)


def drop_pod_path(node: Machine, pod_address: str, destination: str) -> Undo:
    """Drop, without an answer, what one pod of this node and `destination` send each other.

    The pod sends to a Service's address, which the node turns into `destination` before
    this rule sees it: name the machine behind the Service.
    """
    there = ["FORWARD", "-s", pod_address, "-d", destination, "-j", "DROP"]
    back = ["FORWARD", "-s", destination, "-d", pod_address, "-j", "DROP"]
    for rule in (there, back):
        node.run(["iptables", "-I", *rule])

    def undo() -> None:
        for rule in (there, back):
            node.run(["iptables", "-D", *rule])

    return undo


def drop_process_path(pid: int, destination: str) -> Undo:
    """Drop, without an answer, what one process of this machine sends to `destination`.

    The process joins a net_cls cgroup, whose class its sockets carry, those already open
    too (a cgroup2 path would not reach them: such a socket keeps the group it was made in).
    """
    own = NET_CLS / "blackhole"
    if not NET_CLS.is_mount():
        NET_CLS.mkdir(exist_ok=True)
        run(["mount", "-t", "cgroup", "-o", "net_cls", "net_cls", NET_CLS])
    own.mkdir(exist_ok=True)
    (own / "net_cls.classid").write_text(CLASS_ID)
    rule = ["OUTPUT", "-d", destination, "-m", "cgroup", "--cgroup", CLASS_ID, "-j", "DROP"]
    run(["iptables", "-I", *rule])
    (own / "cgroup.procs").write_text(str(pid))

    def undo() -> None:
        run(["iptables", "-D", *rule])
        for member in (own / "cgroup.procs").read_text().split():
            (NET_CLS / "cgroup.procs").write_text(member)
        own.rmdir()
        run(["umount", NET_CLS])
        NET_CLS.rmdir()

    return undo


def kill_service(machine: Machine, service: str) -> Undo:
    """SIGKILL a service and keep it down; the undo starts it again as it was."""
    command = _command_of(machine, service)
    machine.end_service(service)
    return lambda: machine.start_service(service, command)


def stop_service(machine: Machine, service: str) -> Undo:
    """SIGSTOP a service: it holds its connections and answers nothing."""
    machine.signal_service(service, signal.SIGSTOP)
    return lambda: machine.signal_service(service, signal.SIGCONT)


def stop_process(pid: int) -> Undo:
    """SIGSTOP one process of this machine, as a stalled disk or a hypervisor does."""
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


def crash(lab: Lab, namespace: str, selector: str) -> int:
    """SIGKILL every process of the containers of these pods, as the kernel does when memory is short.

    Kubelet starts the containers again in the same pods, at first at once, then after 10 s, 20 s and so on.
    Returns how many processes were killed; raises LabError where there was none.
    """
    uids = [item["metadata"]["uid"] for item in kubectl.items("-n", namespace, "pods", "-l", selector)]
    killed = sum(_kill_if_in(process, uids) for process in Path("/proc").glob("[0-9]*"))
    if not killed:
        raise LabError(f"no process of a pod with {selector} in {namespace} runs on the lab's machines")
    return killed


def _kill_if_in(process: Path, uids: list[str]) -> bool:
    """Kill a process of this machine if it is in one of these pods and is not the pod's sandbox."""
    try:
        groups = (process / "cgroup").read_text()
        inside = any(f"pod{uid}" in groups for uid in uids)
        if not inside or (process / "cmdline").read_text().startswith("/pause"):
            return False
        os.kill(int(process.name), signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return False  # it has ended
    return True


def make_unreadable(machine: Machine, pod_uid: str, claim_volume: str, file: str) -> Undo:
    """A file of a pod's volume can't be read, by root neither, as on a disk with a bad sector.

    `claim_volume` is the PersistentVolume's name. The file is covered with one that the kernel
    refuses to read, which a pod started later, as Velero's data mover is, sees in its place.
    """
    path = f"/var/lib/kubelet/pods/{pod_uid}/volumes/kubernetes.io~local-volume/{claim_volume}/{file}"
    machine.run(["touch", path])
    machine.run(["mount", "--bind", "/proc/1/mem", path])
    return lambda: _lay_bare(machine, path)


def _lay_bare(machine: Machine, path: str) -> None:
    machine.run(["umount", path])
    machine.run(["rm", path])


def shape(machine: Machine, megabits_per_second: float) -> Undo:
    """Limit what the machine sends; a slow object store as a node feels it."""
    rate = f"{megabits_per_second * 1000:.0f}kbit"
    queue = ["tbf", "rate", rate, "burst", "32kbit", "latency", "400ms"]
    machine.run(["tc", "qdisc", "replace", "dev", "eth0", "root", *queue])
    return lambda: _unshape(machine)


def _unshape(machine: Machine) -> None:
    machine.run(["tc", "qdisc", "del", "dev", "eth0", "root"])


def _command_of(machine: Machine, service: str) -> list[str]:
    pid = machine.service_pid(service)
    if pid is None:
        raise LabError(f"{service} does not run on {machine.name}")
    return (machine.root / f"proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
