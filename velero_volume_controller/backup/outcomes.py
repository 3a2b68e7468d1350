"""How the attempts of a BackupSet ended, for the metrics. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from velero_volume_controller.api.backupset import BackupSetStatus

#: A few words, whatever a newer Velero may call its phases.
RESULTS: Final = {
    "Completed": "completed",
    "PartiallyFailed": "partially_failed",
    "Failed": "failed",
    "FailedValidation": "failed",
    "Lost": "lost",
    "Refused": "refused",
}


def ended_attempts(before: BackupSetStatus, after: BackupSetStatus) -> Iterator[str]:
    """The result of each attempt that has ended from one status to the next."""
    known = {
        (shard.name, number)
        for shard in before.shards
        for number, attempt in enumerate(shard.attempts)
        if attempt.phase in RESULTS
    }
    for shard in after.shards:
        for number, attempt in enumerate(shard.attempts):
            if attempt.phase in RESULTS and (shard.name, number) not in known:
                yield RESULTS[attempt.phase]
