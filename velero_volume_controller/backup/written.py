"""A BackupSet that is not made yet, and the object that it becomes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from velero_volume_controller.api.backupset import GROUP, VERSION, BackupSetSpec

API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "BackupSet"


@dataclass(frozen=True, slots=True)
class Written:
    """A BackupSet that is not made yet. ``name`` and ``namespace`` are empty where it does not say.

    ``warnings`` are complete sentences on what looks wrong and is let pass.
    """

    spec: BackupSetSpec
    name: str = ""
    namespace: str = ""
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    warnings: tuple[str, ...] = ()


def manifest(written: Written) -> dict[str, Any]:
    """The object as it is sent, and as ``kubectl apply`` takes it."""
    metadata: dict[str, Any] = {"name": written.name, "namespace": written.namespace}
    if written.labels:
        metadata["labels"] = dict(written.labels)
    if written.annotations:
        metadata["annotations"] = dict(written.annotations)
    spec = _pruned(msgspec.to_builtins(written.spec))
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def _pruned(value: Any) -> Any:
    """Without the sections that say nothing; what the template holds is the user's."""
    return {
        key: below if key == "template" else _pruned(below) if isinstance(below, dict) else below
        for key, below in value.items()
        if below != {} and (key == "template" or not isinstance(below, dict) or _pruned(below) != {})
    }
