"""What the lab needs of Debian, installed when it is missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hack.lab.progress import step
from hack.lab.shell import LabError, run

# A file that the package brings, for packages without a command of their own.
PACKAGES: dict[str, str] = {
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "debootstrap": "debootstrap",
    "nsenter": "util-linux",
    "mount": "mount",
    "restic": "restic",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "/usr/share/doc/busybox-static": "busybox-static",
}


def ensure() -> None:
    """Install the missing packages; raises LabError where there is no apt-get."""
    missing = [package for needed, package in PACKAGES.items() if not _present(needed)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise LabError(f"missing: {', '.join(missing)}, and no apt-get to install them (Debian is needed)")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {', '.join(missing)}"):
        run(["apt-get", "update"], environment=environment)
        run(["apt-get", "install", "-y", "--no-install-recommends", *missing], environment=environment)


def _present(needed: str) -> bool:
    return Path(needed).exists() if needed.startswith("/") else shutil.which(needed) is not None
