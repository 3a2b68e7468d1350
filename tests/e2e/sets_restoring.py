"""Restoring a restore point by Velero alone: every Backup of it, into namespaces that are gone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from hack.demo import ground
from hack.demo.movement import ENDED
from hack.lab import kubectl
from hack.lab.progress import wait_until
from hack.lab.velero import Velero

SECONDS = 600


@dataclass(frozen=True)
class Point:
    """A Backup of the restore point, and the namespace of the Velero that has it."""

    backup: str
    lane: str


def points(status: Mapping[str, Any]) -> list[Point]:
    """The Backups that a BackupSet's status says its restore point is made of."""
    return [Point(item["name"], item["lane"]) for item in status["restorePoint"]["backups"]]


def clear(namespaces: tuple[str, ...]) -> None:
    """Delete the namespaces, and wait until they and their volumes are really gone."""
    ground.destroy(lambda _: None, namespaces)


def restore(found: Sequence[Point]) -> dict[str, str]:
    """Restore these Backups, each by its own Velero; the Restores' phases by Backup once all have ended."""
    names = {point: f"sets-{uuid4().hex[:12]}" for point in found}
    for point, name in names.items():
        kubectl.apply(json.dumps(_manifest(point, name)))
    phases: dict[str, str] = {}

    def ended() -> bool:
        for point, name in names.items():
            if point.backup not in phases:
                item = kubectl.get("-n", point.lane, "restores.velero.io", name)
                phase = item.get("status", {}).get("phase", "")
                if phase in ENDED:
                    phases[point.backup] = phase
        return len(phases) == len(names)

    wait_until(ended, f"{len(names)} Restores end", seconds=SECONDS, every=0.5)
    return phases


def remove_restores(velero: Velero) -> None:
    """Delete this Velero's Restores."""
    velero.command("restore", "delete", "--all", "--confirm")


def _manifest(point: Point, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "velero.io/v1",
        "kind": "Restore",
        "metadata": {"name": name, "namespace": point.lane},
        "spec": {"backupName": point.backup},
    }
