"""BackupSets and their schedules as the API server holds them. Pure."""

from __future__ import annotations

import msgspec

from velero_volume_controller.api.backupset import (
    BackupSetScheduleSpec,
    BackupSetScheduleStatus,
    BackupSetSpec,
    BackupSetStatus,
)
from velero_volume_controller.api.objects import Object, decode_object

BackupSet = Object[BackupSetSpec, BackupSetStatus]
Schedule = Object[BackupSetScheduleSpec, BackupSetScheduleStatus]


def decode_set(raw: bytes | msgspec.Raw) -> BackupSet:
    """Decode one BackupSet's JSON. Raises msgspec.MsgspecError if it is not even an object with a name."""
    return decode_object(raw, BackupSetSpec, BackupSetStatus, BackupSetStatus())


def decode_schedule(raw: bytes | msgspec.Raw) -> Schedule:
    """Decode one BackupSetSchedule's JSON. Raises as ``decode_set``."""
    return decode_object(raw, BackupSetScheduleSpec, BackupSetScheduleStatus, BackupSetScheduleStatus())
