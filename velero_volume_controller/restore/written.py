"""A CleanRestore as a person writes it, and the object that it becomes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from velero_volume_controller.api.cleanrestore import CleanRestoreSpec
from velero_volume_controller.restore.objects import API_VERSION, KIND


@dataclass(frozen=True, slots=True)
class WrittenRestore:
    """A CleanRestore that is not made yet. ``name`` and ``namespace`` are empty where it does not say."""

    spec: CleanRestoreSpec
    name: str = ""
    namespace: str = ""
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None


def manifest(written: WrittenRestore) -> dict[str, Any]:
    """The object as it is sent, and as ``kubectl apply`` takes it."""
    metadata: dict[str, Any] = {"name": written.name, "namespace": written.namespace}
    if written.labels:
        metadata["labels"] = dict(written.labels)
    if written.annotations:
        metadata["annotations"] = dict(written.annotations)
    # Sections that say nothing are left out; what the template holds is the user's. That it is a rehearsal
    # an empty section says, too: without it, it would be a restore.
    told = msgspec.to_builtins(written.spec)
    spec = {key: value for key, value in told.items() if value != {} or key == "rehearsal"}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
