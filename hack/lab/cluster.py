"""The lab's cluster: its machines, and bringing them up and down in order."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hack.lab import audit, cgroups, existing, images, kubectl, network, node, packages, places, s3
from hack.lab.binaries import binary
from hack.lab.certificates import Authority, Credential, write_kubeconfig
from hack.lab.controlplane import (
    AUDIT_POLICY,
    SERVICE_ADDRESS,
    apiserver_arguments,
    audit_arguments,
    controller_manager_arguments,
    etcd_arguments,
    scheduler_arguments,
)
from hack.lab.machine import Machine
from hack.lab.progress import step, wait_until
from hack.lab.shell import LabError

ETCD = "http://127.0.0.1:2379"
SHARED_PROGRAMS = ("kubelite", "versitygw")
API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
ELSEWHERE = (
    "Use LAB=kind where Docker runs, VVC_TEST_KUBECONFIG for a test cluster that exists, or"
    " `make test` with KUBEBUILDER_ASSETS for a control plane alone."
)


@dataclass(frozen=True)
class Lab:
    """The machines of a lab with so many nodes."""

    control_plane: Machine
    s3: Machine
    nodes: tuple[Machine, ...]

    @classmethod
    def of(cls, count: int) -> Lab:
        """A lab with nodes node1 to node`count`."""
        return cls(
            Machine("control", f"{network.PREFIX}.1"),
            Machine("s3", f"{network.PREFIX}.5"),
            tuple(Machine(f"node{i}", f"{network.PREFIX}.{10 + i}") for i in range(1, count + 1)),
        )

    @classmethod
    def existing(cls) -> Lab:
        """The lab whose machines have disks here."""
        return cls.of(sum(1 for _ in places.MACHINES.glob("node*")))

    @property
    def machines(self) -> tuple[Machine, ...]:
        """All of them, in the order they start."""
        return (self.control_plane, self.s3, *self.nodes)

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://{self.control_plane.address}:6443"

    def turn_on(self, machine: Machine) -> None:
        """Boot a machine, lay its cable and start what it runs."""
        machine.boot()
        network.plug(machine)
        network.set_routes(machine, self.nodes)
        if machine == self.control_plane:
            _start_control_plane(machine)
        elif machine == self.s3:
            s3.start(machine)
        else:
            node.start(machine, self.nodes.index(machine) + 1, base_archives())


def load(lab: Lab, archives: Sequence[Path]) -> None:
    """Bring image archives to every node."""
    if existing.chosen():
        existing.load(archives)
    for machine in lab.nodes:
        node.ensure_images(machine, archives)


def up(count: int) -> Lab:
    """Bring the cluster up, or what is missing of it, and wait until every node is ready.

    With VVC_TEST_KUBECONFIG it is that cluster, and the lab has no machines.
    """
    if existing.chosen():
        existing.require()
        return Lab.of(0)
    require_capable_machine()
    with _only_one():
        packages.ensure()
        for program in ("kubelite", "pause", "versitygw", "local-path-provisioner"):
            binary(program)
        base_archives()
        lab = Lab.of(max(count, len(Lab.existing().nodes)))
        _share(lab)
        since = datetime.now(UTC)
        running = all(machine.pid is not None for machine in lab.machines)
        with step(f"starting the control plane, S3 and {len(lab.nodes)} node{'s'[: len(lab.nodes) > 1]}"):
            network.ensure_switch()
            for machine in lab.machines:
                lab.turn_on(machine)
            wait_until(kubectl.answers, "the API server is ready", seconds=60)
            _let_proxies_in()
            wait_until(
                lambda: _nodes_ready(lab, None if running else since),
                "every node is ready",
                seconds=120,
                every=0.3,
            )
    return lab


def down() -> None:
    """End everything that `up` started; the disks stay for the next time."""
    with _only_one():
        lab = Lab.existing()
        with step("ending the lab"):
            for machine in reversed(lab.machines):
                machine.power_off()
            network.remove_switch()
            cgroups.remove_parent()


def purge() -> None:
    """Remove the lab's disks and keys too; binaries and images stay cached."""
    down()
    shutil.rmtree(places.LAB, ignore_errors=True)


def require_capable_machine() -> None:
    """Raise LabError, naming what else serves, where this machine can't host the lab."""
    problem = None
    if sys.platform != "linux":
        problem = f"it needs Linux, and this is {sys.platform}"
    elif os.geteuid() != 0:
        problem = "it needs root, for namespaces and mounts"
    elif not cgroups.hierarchies():
        problem = "it needs cgroup v1 hierarchies under /sys/fs/cgroup, and there are none"
    if problem:
        raise LabError(f"This machine can't host the lab: {problem}. {ELSEWHERE}")


def base_archives() -> list[Path]:
    """The images every node starts with."""
    return [images.archive(image()) for image in (images.pause, images.busybox, images.provisioner)]


def _share(lab: Lab) -> None:
    """Lay out what every machine sees below /opt/lab."""
    (places.SHARE / "bin").mkdir(parents=True, exist_ok=True)
    for program in SHARED_PROGRAMS:
        target, source = places.SHARE / "bin" / program, binary(program)
        if not (target.exists() and target.samefile(source)):
            target.unlink(missing_ok=True)
            os.link(source, target)
    for path in (Path(__file__).parent / "machine_root").iterdir():
        if path.name != "init.sh":
            shutil.copy2(path, places.SHARE)
    authority = Authority.ensure(places.PKI)
    hosts = (lab.control_plane.address, "127.0.0.1", SERVICE_ADDRESS, *API_NAMES)
    authority.issue("apiserver", common_name="kube-apiserver", hosts=hosts)
    for name in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
        _client(lab, authority, name, f"system:{name}", None)
    for machine in lab.nodes:
        user = f"system:node:{machine.name}"
        _client(lab, authority, machine.name, user, "system:nodes", (machine.address, machine.name))
    admin = _client(lab, authority, "admin", "admin", "system:masters")
    write_kubeconfig(places.KUBECONFIG, lab.server, authority, admin)


def _client(
    lab: Lab, authority: Authority, name: str, user: str, group: str | None, hosts: tuple[str, ...] = ()
) -> Credential:
    credential = authority.issue(name, common_name=user, organization=group, hosts=hosts)
    write_kubeconfig(places.PKI / f"{name}.kubeconfig", lab.server, authority, credential)
    return credential


def _start_control_plane(machine: Machine) -> None:
    kubelite = str(places.SHARE_INSIDE / "bin/kubelite")
    pki = places.SHARE_INSIDE / "pki"
    authority = Authority(pki)
    components: dict[str, Sequence[str]] = {
        "etcd": etcd_arguments(Path("/var/lib/etcd"), ETCD, "http://127.0.0.1:2380"),
        "kube-apiserver": [
            *apiserver_arguments(
                authority,
                Credential(pki / "apiserver.crt", pki / "apiserver.key"),
                etcd_url=ETCD,
                cert_dir=Path("/var/lib/kube-apiserver"),
                advertise_address=machine.address,
                kubelet_client=Credential(pki / "admin.crt", pki / "admin.key"),
            ),
            *audit_arguments(places.SHARE_INSIDE / AUDIT_POLICY.name, Path("/") / audit.FOLDER / audit.FILE),
        ],
        "kube-controller-manager": controller_manager_arguments(
            authority, pki / "kube-controller-manager.kubeconfig", Path("/var/lib/kube-controller-manager")
        ),
        "kube-scheduler": scheduler_arguments(
            pki / "kube-scheduler.kubeconfig", Path("/var/lib/kube-scheduler")
        ),
    }
    for name, arguments in components.items():
        machine.start_service(name, [kubelite, name, *arguments])


def _let_proxies_in() -> None:
    if kubectl.get("clusterrolebinding", "lab-kube-proxy") is None:
        role = ["--clusterrole=system:node-proxier", "--user=system:kube-proxy"]
        kubectl.kubectl("create", "clusterrolebinding", "lab-kube-proxy", *role)


def _nodes_ready(lab: Lab, since: datetime | None) -> bool:
    """Whether every node is ready and, after a start, has renewed its lease since.

    The Ready condition alone survives a restart of everything and says nothing then.
    """
    ready = {
        item["metadata"]["name"]
        for item in kubectl.items("nodes")
        for condition in item["status"].get("conditions", ())
        if condition["type"] == "Ready" and condition["status"] == "True"
    }
    fresh = {
        item["metadata"]["name"]
        for item in kubectl.items("-n", "kube-node-lease", "leases")
        if since is None or datetime.fromisoformat(item["spec"]["renewTime"]) > since
    }
    return {machine.name for machine in lab.nodes} <= ready & fresh


@contextmanager
def _only_one() -> Iterator[None]:
    places.LAB.mkdir(parents=True, exist_ok=True)
    with (places.CACHE / f".{places.NAME}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LabError(
                "another command is bringing the lab up or down; wait until it has ended"
            ) from error
        yield
