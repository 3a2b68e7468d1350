"""Object storage for the backups: versitygw over a plain folder, on a machine of its own."""

from __future__ import annotations

import os
from pathlib import Path

from hack.lab import places
from hack.lab.machine import Machine

ACCESS_KEY = "velero"
SECRET_KEY = "velerosecret"  # a lab's, which nothing but the lab reaches
BUCKET = "velero"
PORT = 9000


def start(machine: Machine) -> None:
    """Start the gateway; a bucket is a folder."""
    storage = machine.root / "var/s3"
    (storage / "buckets" / BUCKET).mkdir(parents=True, exist_ok=True)
    (storage / "sidecar").mkdir(exist_ok=True)
    command: list[str | Path] = [places.SHARE_INSIDE / "bin/versitygw", "--port", f"{machine.address}:{PORT}"]
    keys = ["--access", ACCESS_KEY, "--secret", SECRET_KEY, "--quiet"]
    machine.start_service("s3", [*command, *keys, "posix", "--sidecar", "/var/s3/sidecar", "/var/s3/buckets"])


def unlock_restic(machine: Machine, prefix: str) -> None:
    """Remove the locks of all restic repositories under this prefix, as `restic unlock --remove-all` does."""
    machine.run(["sh", "-c", f"rm -f /var/s3/buckets/{BUCKET}/{prefix}/restic/*/locks/*"])


def url(machine: Machine) -> str:
    """Where the gateway answers; VVC_TEST_S3_URL says so for a cluster that is not the lab's."""
    return os.environ.get("VVC_TEST_S3_URL") or f"http://{machine.address}:{PORT}"
