"""What a run's Backups and Restores are called, and what they bear. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from velero_volume_controller.api.backupset import GROUP
from velero_volume_controller.api.owned_names import label_value, owned_name
from velero_volume_controller.restore.steps import RunIdentity

#: Labels: the CleanRestore's name (shortened where it is longer than a label's value), and its uid.
RUN: Final = f"{GROUP}/clean-restore"
RUN_UID: Final = f"{GROUP}/clean-restore-uid"
#: On a CleanRestore: a demand to go on after it failed, a word that is new each time.
RESUME: Final = f"{GROUP}/resume"


def undo_name(owner: RunIdentity, attempt: int) -> str:
    """Of the Backup of what is cleared away."""
    return owned_name(owner.name, owner.uid, "undo", attempt)


def restore_name(owner: RunIdentity, index: int, attempt: int) -> str:
    """Of the Restore of the Backup at this place, counted from 1."""
    return owned_name(owner.name, owner.uid, str(index), attempt)


def plan_name(owner: RunIdentity, digest: str, part: int) -> str:
    """Of a ConfigMap with a part of a plan: another plan gets other ones."""
    return owned_name(owner.name, owner.uid, digest.removeprefix("sha256:")[:12], part)


def ours(found: Mapping[str, str], owner: RunIdentity) -> bool:
    """Whether something that bears these labels is this run's."""
    return found.get(RUN_UID) == owner.uid


def labels(owner: RunIdentity) -> dict[str, str]:
    """What tells whose it is."""
    return {RUN: label_value(owner.name), RUN_UID: owner.uid}
