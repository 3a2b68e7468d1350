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

from typing import Final

PLANNED: Final = "Planned"
PROGRESSING: Final = "Progressing"
DEGRADED: Final = "Degraded"
COMPLETE: Final = "Complete"
SPEC_CHANGED: Final = "SpecChanged"

#: A reason of ``Degraded``: a Backup failed, or failed in part.
SHARD_FAILED: Final = "ShardFailed"
