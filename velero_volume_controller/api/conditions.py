"""Conditions by the Kubernetes API's conventions: one of each type, its last change remembered. Pure."""

from __future__ import annotations

from typing import Final, Literal

from velero_volume_controller.api.backupset import Condition

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
