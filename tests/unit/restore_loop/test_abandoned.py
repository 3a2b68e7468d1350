"""What a run that is deleted in the middle leaves stilled."""

from __future__ import annotations

from typing import Any

import pytest

from velero_volume_controller.api.cleanrestore import CleanRestoreStatus, RestorePhase, Unwinding
from velero_volume_controller.restore.abandoned import puts_back, stays_still

_P = RestorePhase
_BACK = Unwinding(phase=_P.CANCELLED)

ENDS: dict[str, tuple[dict[str, Any], tuple[bool, bool]]] = {
    "a run that nobody has looked at": ({}, (False, False)),
    "one that waits for its approval": ({"phase": _P.AWAITING_APPROVAL}, (False, False)),
    "one that backs up": ({"phase": _P.UNDO_BACKUP}, (False, False)),
    "one that stills": ({"phase": _P.QUIESCING}, (True, False)),
    "one that has not begun to delete": ({"phase": _P.CLEARING}, (True, False)),
    "one that deletes": ({"phase": _P.CLEARING, "deleted": True}, (False, True)),
    "one that puts back": ({"phase": _P.QUIESCING, "unwinding": _BACK}, (True, False)),
    "one that failed half-way": ({"phase": _P.FAILED, "deleted": True}, (False, True)),
    "one that failed half-way and puts back": (
        {"phase": _P.PLANNING, "deleted": True, "unwinding": _BACK},
        (True, True),
    ),
    "one that failed before": ({"phase": _P.FAILED}, (False, False)),
    "one that restores": ({"phase": _P.RESTORING, "deleted": True}, (False, False)),
    "one that is complete": ({"phase": _P.COMPLETED, "deleted": True}, (False, False)),
}


@pytest.mark.parametrize(("status", "left"), ENDS.values(), ids=ENDS.keys())
def test_what_is_left(status: dict[str, Any], left: tuple[bool, bool]) -> None:
    found = CleanRestoreStatus(**status)
    assert (puts_back(found), stays_still(found)) == left
