"""Conditions of a BackupSet, by the API's conventions. Pure.

============ ======================================================================================
``Planned``  True once it is split into shards; False says why it can't be.
``Progressing`` True while Backups run or are about to; False says what it waits for, or that it ended.
``Degraded`` True while something went wrong that holds it up or costs a part of it; says what to do.
``Complete`` Unknown until the end; then True if nothing is missing. For ``kubectl wait``.
``SpecChanged`` True if the spec was changed in what can't be changed any more.
============ ======================================================================================
"""

from __future__ import annotations

from typing import Final, Literal

from velero_volume_controller.api.backupset import Condition

PLANNED: Final = "Planned"
PROGRESSING: Final = "Progressing"
DEGRADED: Final = "Degraded"
COMPLETE: Final = "Complete"
SPEC_CHANGED: Final = "SpecChanged"

#: A reason of ``Degraded``: a Backup failed, or failed in part.
SHARD_FAILED: Final = "ShardFailed"

Truth = Literal["True", "False", "Unknown"]

#: The API server refuses longer ones (metav1.Condition: 32768); nobody reads as much.
_LONGEST: Final = 2000


def put(conditions: list[Condition], condition: Condition) -> bool:
    """Puts the condition in its place; whether its status or its reason is another than before.

    The time of the last transition changes only where the status does.
    """
    if len(condition.message) > _LONGEST:
        condition.message = condition.message[: _LONGEST - 1] + "…"
    for index, before in enumerate(conditions):
        if before.type != condition.type:
            continue
        if before.status == condition.status:
            condition.last_transition_time = before.last_transition_time
        conditions[index] = condition
        return (before.status, before.reason) != (condition.status, condition.reason)
    conditions.append(condition)
    return True


def find(conditions: list[Condition], type_: str) -> Condition | None:
    """The condition of that type."""
    return next((each for each in conditions if each.type == type_), None)
