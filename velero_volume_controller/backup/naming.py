"""What the Backups of a set are called, and what they bear, so that each can be known again. Pure.

After the loss of a cluster Velero's sync brings the Backups back from the storage, but
not the BackupSet: all that ``rebuild`` needs to make it anew is on each of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from velero_volume_controller.api.backupset import GROUP, BackupSetSpec, BackupSetStatus, Shard
from velero_volume_controller.api.owned_names import label_value, owned_name
from velero_volume_controller.backup.steps import SetIdentity
from velero_volume_controller.velero.model.backups import Backup, spec_hash

#: Labels, to select by: the set's name (shortened where it is longer than a label's value), its uid, the
#: shard, and which attempt at it, counted from 1.
SET: Final = f"{GROUP}/backup-set"
SET_UID: Final = f"{GROUP}/backup-set-uid"
SHARD: Final = f"{GROUP}/shard"
ATTEMPT: Final = f"{GROUP}/attempt"

#: Annotations. Of the set: its name and namespace in full, its spec as JSON, how many shards it has, the
#: plan's hash. Of this Backup: its lane, whether it holds the cluster-scoped resources, its spec's hash.
SET_NAME: Final = f"{GROUP}/backup-set-name"
SET_NAMESPACE: Final = f"{GROUP}/backup-set-namespace"
SET_SPEC: Final = f"{GROUP}/backup-set-spec"
SET_STARTED: Final = f"{GROUP}/backup-set-started"
SHARDS: Final = f"{GROUP}/shards"
PLAN: Final = f"{GROUP}/plan"
LANE: Final = f"{GROUP}/lane"
CLUSTER: Final = f"{GROUP}/cluster-resources"
SPEC: Final = f"{GROUP}/spec"

#: On a BackupSet: a demand to try again (``steps.Situation.retry``).
RETRY: Final = f"{GROUP}/retry"
#: On a BackupSet that a schedule made, beside SCHEDULE: a label with its uid, and an annotation with the time
#: at which it was due (RFC 3339, in the schedule's time zone, as a CronJob's).
SCHEDULE_UID: Final = f"{GROUP}/schedule-uid"
SCHEDULED_AT: Final = f"{GROUP}/scheduled-at"

#: Annotations of one object may be 256 KiB together (apimachinery, TotalAnnotationSizeLimitB), and kubectl
#: may keep a copy of the object among them: a larger spec is not put on each Backup.
_LARGEST_SPEC: Final = 64 * 1024


def backup_name(owner: SetIdentity, shard: str, attempt: int) -> str:
    """``<set>-<8 hex of its uid>-<shard>-<attempt>``, at most 63 characters.

    The same owner, shard and attempt give the same name, so making it twice is making it once. The uid is
    in it because Velero fails a Backup whose name the storage holds already, and a set that is made again
    under its old name must not find last week's Backup.
    """
    return owned_name(owner.name, owner.uid, shard, attempt)


def backup_labels(owner: SetIdentity, shard: str, attempt: int) -> dict[str, str]:
    """What tells whose Backup it is. ``owner.uid`` is the one that the set's Backups bear."""
    return {
        SET: label_value(owner.name),
        SET_UID: owner.uid,
        SHARD: label_value(shard),
        ATTEMPT: str(attempt),
    }


def backup_annotations(
    owner: SetIdentity,
    spec: BackupSetSpec,
    status: BackupSetStatus,
    shard: Shard,
    backup_spec: Mapping[str, Any],
) -> dict[str, str]:
    """What the set is made anew from if only its Backups are left."""
    found = {
        SET_NAME: owner.name,
        SET_NAMESPACE: owner.namespace,
        SET_STARTED: status.started or "",
        SHARDS: str(len(status.shards)),
        PLAN: status.plan.hash if status.plan else "",
        LANE: shard.lane,
        CLUSTER: "true" if shard.cluster else "false",
        SPEC: spec_hash(dict(backup_spec)),
    }
    whole = msgspec.json.encode(spec).decode()
    if len(whole.encode()) <= _LARGEST_SPEC:
        found[SET_SPEC] = whole
    return found


def ours(backup: Backup, owner: SetIdentity, shard: str, attempt: int) -> bool:
    """Whether the Backup of that name was made for this attempt at this shard of this very set."""
    return all(backup.labels.get(key) == value for key, value in backup_labels(owner, shard, attempt).items())


def canonical_hash(value: object) -> str:
    """Sixteen hex digits of a value that JSON can hold, whatever the order of its keys."""
    text = json.dumps(msgspec.to_builtins(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
