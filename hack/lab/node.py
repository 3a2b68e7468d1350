"""A node: containerd, kubelet and kube-proxy on a machine, and the images it starts with.

Images are imported once into a store that every new node gets a copy of, by hard links
(the layers are never written to again; the stores' databases are copied for real).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hack.lab import places
from hack.lab.machine import Machine
from hack.lab.network import POD_CIDR, pod_subnet
from hack.lab.progress import wait_until
from hack.lab.shell import LabError, run, succeeds

STORES = places.CACHE / "stores"
KUBELITE = places.SHARE_INSIDE / "bin/kubelite"


def start(machine: Machine, number: int, archives: Sequence[Path]) -> None:
    """Start a node's services; its images are there when this returns."""
    if not _record(machine).exists():
        _seed(machine, archives)
    network = machine.root / "etc/cni/net.d"
    network.mkdir(parents=True, exist_ok=True)
    (network / "10-lab.conflist").write_text(json.dumps(_network(number)))
    inside = places.SHARE_INSIDE
    machine.start_service("containerd", ["containerd", "-c", inside / "containerd.toml"])
    machine.start_service("kubelet", _kubelet_command(machine))
    machine.start_service("kube-proxy", _proxy_command(machine))
    ensure_images(machine, archives)


def ensure_images(machine: Machine, archives: Sequence[Path]) -> None:
    """Import the archives that this node's store does not hold yet."""
    record = _record(machine)
    known = set(record.read_text().split())
    missing = [path for path in archives if path.name not in known]
    if not missing:
        return
    answers = machine.inside(["ctr", "-n", "k8s.io", "version"])
    wait_until(lambda: succeeds(answers), f"containerd answers on {machine.name}", seconds=30)
    for path in missing:
        # The machine's root shows the host's files, but not below /opt, /var, /run and /tmp.
        with path.open("rb") as content:
            command = machine.inside(["ctr", "-n", "k8s.io", "images", "import", "-"])
            done = subprocess.run(command, stdin=content, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"{machine.name} does not take {path.name}: {done.stderr.strip()}")
        known.add(path.name)
        record.write_text("\n".join(sorted(known)))


def _kubelet_command(machine: Machine) -> list[str]:
    """How kubelet is started on this node."""
    pki = places.SHARE_INSIDE / "pki"
    return [
        str(KUBELITE),
        "kubelet",
        f"--config={places.SHARE_INSIDE}/kubelet.yaml",
        f"--kubeconfig={pki}/{machine.name}.kubeconfig",
        f"--hostname-override={machine.name}",
        f"--node-ip={machine.address}",
        f"--tls-cert-file={pki}/{machine.name}.crt",
        f"--tls-private-key-file={pki}/{machine.name}.key",
    ]


def _proxy_command(machine: Machine) -> list[str]:
    return [
        str(KUBELITE),
        "kube-proxy",
        f"--kubeconfig={places.SHARE_INSIDE}/pki/kube-proxy.kubeconfig",
        f"--hostname-override={machine.name}",
        "--proxy-mode=iptables",
        f"--cluster-cidr={POD_CIDR}",
        # The conntrack limits are the host's, and not ours to set.
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
    ]


def _network(number: int) -> dict[str, object]:
    ranges = [[{"subnet": pod_subnet(number)}]]
    ipam = {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}]}
    ptp = {"type": "ptp", "ipMasq": False, "ipam": ipam}
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "lab", "plugins": [ptp, portmap]}


def _record(machine: Machine) -> Path:
    """Names the archives that a node's store holds. It is not in the store, whose files are linked."""
    return machine.disk / "imported-images"


def _seed(machine: Machine, archives: Sequence[Path]) -> None:
    store = machine.disk / "var/lib/containerd"
    key = hashlib.sha256("\n".join(path.name for path in archives).encode()).hexdigest()
    ready = STORES / key[:12]
    STORES.mkdir(parents=True, exist_ok=True)
    with (STORES / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            for old in STORES.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            unfinished = STORES / "unfinished"
            _import_into(unfinished, archives)
            unfinished.rename(ready)
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(ready, store, copy_function=_link_or_copy, symlinks=True)
    _record(machine).write_text("\n".join(sorted(path.name for path in archives)))


def _import_into(store: Path, archives: Sequence[Path]) -> None:
    """Import archives into a store with a containerd of our own that ends here."""
    work = STORES / "run"
    work.mkdir(parents=True, exist_ok=True)
    socket = work / "containerd.sock"
    config = work / "containerd.toml"
    config.write_text(
        f'version = 2\nroot = "{store}"\nstate = "{work}/state"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{socket}"\n'
    )
    places.LOGS.mkdir(parents=True, exist_ok=True)
    with (places.LOGS / "import.log").open("ab") as log:
        process = subprocess.Popen(
            ["containerd", "-c", config], stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    try:
        ctr = ["ctr", "-a", str(socket), "-n", "k8s.io"]
        wait_until(lambda: succeeds([*ctr, "version"]), "containerd answers", seconds=30)
        for path in archives:
            run([*ctr, "images", "import", path])
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(work)
    shutil.rmtree(store / "tmpmounts", ignore_errors=True)


def _link_or_copy(source: str, target: str) -> str:
    """Copy databases, which are written to; link the rest, which is not."""
    if source.endswith(".db"):
        return str(shutil.copy2(source, target))
    os.link(source, target, follow_symlinks=False)
    return target
