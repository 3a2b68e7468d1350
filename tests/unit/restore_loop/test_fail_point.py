"""Where a process ends, for tests that kill it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = (
    "from velero_volume_controller.api.cleanrestore import RestorePhase as P\n"
    "from velero_volume_controller.restore.fail_point import FailPoint\n"
    "point = FailPoint.from_environment()\n"
    "point.reached(None, 'before')\n"
    "point.reached(P.CLEARING, 'before')\n"
    "point.reached(P.CLEARING, 'mid-actions')\n"
)
CASES = {
    "it is hit": ("clean-restore:Clearing:mid-actions", 137),
    "before the first phase": ("clean-restore:New:before", 137),
    "it is another moment": ("clean-restore:Clearing:after-status", 0),
    "it is another phase": ("clean-restore:Restoring:before", 0),
    "it is another loop": ("backup:Clearing:before", 0),
    "there is none": ("", 0),
}


@pytest.mark.parametrize(("wanted", "status"), CASES.values(), ids=CASES.keys())
def test_the_process_ends_there_and_nowhere_else(wanted: str, status: int) -> None:
    environment = {**os.environ, "VVC_FAIL_POINT": wanted}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, timeout=60, check=False)
    assert done.returncode == status
