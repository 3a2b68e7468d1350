"""A plan as a document for programs: every object, canonical and in a stable order. Pure."""

from __future__ import annotations

from typing import Any

from velero_volume_controller.restore.groups import counts
from velero_volume_controller.restore.planned import Plan, Planned
from velero_volume_controller.velero.model.backup_contents import Key


def document(plan: Plan) -> dict[str, Any]:
    """What ``vvc restore plan -o json`` prints."""
    return {
        "hash": plan.hash,
        "backups": list(plan.backups),
        "refused": plan.refused,
        "summary": counts(plan),
        "objects": [_object(each) for each in plan.objects],
        "quiesce": [{**_key(each.key), "how": each.how} for each in plan.quiesce],
        "clear": [_key(each.key) for each in plan.clear],
        "notes": list(plan.notes),
    }


def _object(each: Planned) -> dict[str, Any]:
    said = {**_key(each.key), "action": each.action.value, "reason": each.reason}
    if each.by is not None:
        said["with"] = _key(each.by)
    return said


def _key(key: Key) -> dict[str, Any]:
    return key._asdict()
