"""What of a set's spec counts as it was when the set was planned, and whether it was edited since. Pure."""

from __future__ import annotations

from velero_volume_controller.api.backupset import BackupSetSpec, BackupSetStatus
from velero_volume_controller.backup.naming import canonical_hash


def frozen(spec: BackupSetSpec) -> str:
    """Hashes of the fields that count as they were when the set was planned, by their names."""
    fields = {
        "selection": spec.selection,
        "template": spec.template,
        "together": spec.together,
        "isolate": spec.isolate,
        "maxShards": spec.max_shards,
        "lanes": [choice.namespace for choice in spec.lanes],
    }
    return " ".join(f"{name}={canonical_hash(value)}" for name, value in fields.items())


def changed(spec: BackupSetSpec, status: BackupSetStatus) -> list[str]:
    """The fields that are another now than when the set was planned."""
    planned = _fields(status.plan.frozen) if status.plan else {}
    return [name for name, value in _fields(frozen(spec)).items() if planned.get(name, value) != value]


def _fields(hashes: str) -> dict[str, str]:
    """By field. What is no such text, in a status that somebody has edited, changes nothing."""
    return {name: value for each in hashes.split() for name, is_one, value in [each.partition("=")] if is_one}
