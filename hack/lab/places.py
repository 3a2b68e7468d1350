"""Where the lab keeps its things, and how it is sized."""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "velero-volume-controller"

# Built once, kept for good, keyed by content.
BINARIES = CACHE / "bin"
IMAGES = CACHE / "images"

# Several labs can stand side by side, each under a name of its own.
NAME = os.environ.get("LAB_NAME") or "lab"
if not re.fullmatch("[a-z][a-z0-9]{0,7}", NAME):
    raise SystemExit(f"LAB_NAME: expected up to 8 of a-z and 0-9, a letter first; found {NAME!r}")
# The third number of its network's addresses.
NUMBER = 0 if NAME == "lab" else 1 + zlib.crc32(NAME.encode()) % 254

# The lab itself: `lab down` leaves the disks, `lab purge` removes all of it.
LAB = CACHE / "labs" / NAME
MACHINES = LAB / "machines"
LOGS = LAB / "log"
# Seen read-only as /opt/lab inside every machine.
SHARE = LAB / "share"
SHARE_INSIDE = Path("/opt/lab")
PKI = SHARE / "pki"
KUBECONFIG = LAB / "kubeconfig"


def node_count() -> int:
    """How many nodes LAB_NODES asks for; one when it is not set."""
    text = os.environ.get("LAB_NODES") or "1"
    if not text.isdigit() or not 1 <= int(text) <= 9:
        raise SystemExit(f"LAB_NODES: expected a number from 1 to 9, found {text!r}")
    return int(text)
