"""CleanRestores as the API server holds them. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from velero_volume_controller.api.backupset import GROUP, VERSION
from velero_volume_controller.api.cleanrestore import (
    CLEAN_RESTORES,
    CleanRestoreSpec,
    CleanRestoreStatus,
)
from velero_volume_controller.api.objects import Object, decode_object
from velero_volume_controller.restore.steps import RunIdentity

CleanRestore = Object[CleanRestoreSpec, CleanRestoreStatus]

API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "CleanRestore"
#: (group, version, plural, kind)
RESOURCE: Final = (GROUP, VERSION, CLEAN_RESTORES, KIND)


def decode_restore_run(raw: bytes | msgspec.Raw) -> CleanRestore:
    """Decode one CleanRestore's JSON. Raises msgspec.MsgspecError if it is not even an object with a name."""
    return decode_object(raw, CleanRestoreSpec, CleanRestoreStatus, CleanRestoreStatus())


def identity(found: CleanRestore) -> RunIdentity:
    """By which it is told from others."""
    return RunIdentity(found.namespace, found.name, found.uid, found.generation)
