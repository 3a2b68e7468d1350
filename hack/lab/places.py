"""Where the lab keeps its things, and how it is sized."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "velero-volume-controller"

# Built once, kept for good, keyed by content.
BINARIES = CACHE / "bin"
IMAGES = CACHE / "images"

# The lab itself: `lab down` leaves the disks, `lab purge` removes all of it.
LAB = CACHE / "lab"
MACHINES = LAB / "machines"
LOGS = LAB / "log"
# Seen read-only as /opt/lab inside every machine.
SHARE = LAB / "share"
SHARE_INSIDE = Path("/opt/lab")
PKI = SHARE / "pki"
KUBECONFIG = LAB / "kubeconfig"


def node_count() -> int:
    """How many nodes LAB_NODES asks for; one when it is not set."""
    text = os.environ.get("LAB_NODES", "1")
    if not text.isdigit() or not 1 <= int(text) <= 9:  # noqa: PLR2004
        raise SystemExit(f"LAB_NODES: expected a number from 1 to 9, found {text!r}")
    return int(text)
