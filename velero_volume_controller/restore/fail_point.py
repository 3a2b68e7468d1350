"""A process that ends where a test wants it to: between two lines that no signal would hit for sure.

``VVC_FAIL_POINT=clean-restore:Clearing:mid-actions`` kills the process in that phase, before the status is
written (``before``), after it (``after-status``), or after the first of its actions (``mid-actions``).
Without the variable nothing of this runs.
"""

from __future__ import annotations

import os
from typing import Final

from velero_volume_controller.api.cleanrestore import RestorePhase

VARIABLE: Final = "VVC_FAIL_POINT"
_LOOP: Final = "clean-restore"
#: As a shell tells of a process that was killed.
_KILLED: Final = 137


class FailPoint:
    """Where the process ends, if anywhere."""

    def __init__(self, wanted: str) -> None:
        loop, _, rest = wanted.partition(":")
        phase, _, moment = rest.partition(":")
        self._wanted = (phase, moment) if loop == _LOOP else None

    @classmethod
    def from_environment(cls) -> FailPoint:
        """Asked once, when the loop begins."""
        return cls(os.environ.get(VARIABLE, ""))

    def reached(self, phase: RestorePhase | None, moment: str) -> None:
        """Returns, or never does."""
        if self._wanted == (phase.value if phase else "New", moment):
            os._exit(_KILLED)
