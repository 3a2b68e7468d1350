"""Velero's Backups and Restores as the demo sees them: started, waited for, their volumes listed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hack.lab import kubectl
from hack.lab.shell import LabError
from hack.lab.velero import Velero

# Anything else, phases of later versions included, means that it still runs.
ENDED = frozenset({"Completed", "PartiallyFailed", "Failed", "FailedValidation"})
UNUSABLE = frozenset({"Failed", "FailedValidation"})
SECONDS = 600  # an end, whatever happens: a volume of the demo takes 5 s
MARK = "vvc-demo=true"
#: The demo's BackupSet and its CleanRestores, as what they make says whose it is.
OWNERS = {
    "vvc.velero.io/backup-set": frozenset({"demo"}),
    "vvc.velero.io/clean-restore": frozenset({"demo-back", "demo-back-undo"}),
}


@dataclass(frozen=True)
class VolumeMovement:
    """A PodVolumeBackup or PodVolumeRestore; `created` is when Velero asked for it."""

    pod: str
    volume: str
    phase: str
    created: datetime
    started: datetime | None
    completed: datetime | None
    bytes: int
    snapshot: str


@dataclass(frozen=True)
class Movement:
    """A Backup or a Restore that has ended, or several that are one restore point, and its volumes in the
    order they were asked for.

    A volume's `pod` is NAMESPACE/NAME with the pod's own name.
    """

    kind: str
    name: str
    phase: str
    errors: int
    warnings: int
    started: datetime
    completed: datetime
    volumes: tuple[VolumeMovement, ...]


def back_up(
    velero: Velero, name: str, namespaces: tuple[str, ...], say: Callable[[str], None], *options: str
) -> Movement:
    """Take a Backup by Velero's own command line and wait for its end; `options` are more of that."""
    included = f"--include-namespaces={','.join(namespaces)}"
    velero.command("backup", "create", name, included, f"--labels={MARK}", *options)
    return _followed(velero, "backup", name, say)


def restore(velero: Velero, name: str, backup: str, say: Callable[[str], None], *options: str) -> Movement:
    """Restore a Backup and wait for the end of it; `options` are more of Velero's own."""
    velero.command("restore", "create", name, f"--from-backup={backup}", f"--labels={MARK}", *options)
    return _followed(velero, "restore", name, say)


def together(velero: Velero, kind: str, name: str, parts: Iterable[str]) -> Movement:
    """Backups, or Restores, that are one restore point, as one of this name."""
    found = [
        _movement(velero, kind, kubectl.get("-n", velero.namespace, f"{kind}s.velero.io", part))
        for part in parts
    ]
    volumes = (volume for each in found for volume in each.volumes)
    return Movement(
        kind=kind.capitalize(),
        name=name,
        phase=next((each.phase for each in found if each.phase != "Completed"), "Completed"),
        errors=sum(each.errors for each in found),
        warnings=sum(each.warnings for each in found),
        started=min(each.started for each in found),
        completed=max(each.completed for each in found),
        volumes=tuple(sorted(volumes, key=lambda volume: (volume.created, volume.started or volume.created))),
    )


def delete_all(velero: Velero, say: Callable[[str], None]) -> None:
    """Delete the demo's Backups, their data and their Restores, by Velero's own DeleteBackupRequest.

    Velero refuses to delete what is running, and can't cancel it: its end is waited for.
    """
    deadline = time.monotonic() + SECONDS
    requested = False
    while left := of_demo(velero):
        running = [name for name, phase in left.items() if phase not in ENDED | {"Deleting"}]
        say(f"{len(left)} Backups and Restores left, {len(running)} of them running")
        if not running and not requested:
            _mark(velero, left)
            velero.command("backup", "delete", f"--selector={MARK}", "--confirm")
            velero.command("restore", "delete", f"--selector={MARK}", "--confirm")
            requested = True
        if time.monotonic() > deadline:
            raise LabError(
                f"Velero has not deleted {', '.join(left)} after {SECONDS} s;"
                f" see kubectl -n {velero.namespace} get deletebackuprequests"
            )
        time.sleep(0.5)


def of_demo(velero: Velero) -> dict[str, str]:
    """The phases of this version's Backups and Restores that the demo made, or had made."""
    return {
        f"{item['kind']} {item['metadata']['name']}": item.get("status", {}).get("phase", "New")
        for kind in ("backups.velero.io", "restores.velero.io")
        for item in kubectl.items("-n", velero.namespace, kind)
        if _demos(item["metadata"].get("labels", {}))
    }


def _demos(labels: Mapping[str, str]) -> bool:
    key, value = MARK.split("=")
    return labels.get(key) == value or any(labels.get(key) in names for key, names in OWNERS.items())


def _mark(velero: Velero, found: Iterable[str]) -> None:
    """Give all of them, each as KIND NAME, the label by which they are deleted."""
    for each in found:
        kind, name = each.split()
        kubectl.kubectl("-n", velero.namespace, "label", f"{kind.lower()}s.velero.io", name, MARK)


def time_of(text: str | None) -> datetime | None:
    """A time as Kubernetes writes it."""
    return datetime.fromisoformat(text) if text else None


def _followed(velero: Velero, kind: str, name: str, say: Callable[[str], None]) -> Movement:
    """Wait until a Backup or Restore has ended, saying how many volumes are done."""
    deadline = time.monotonic() + SECONDS
    while True:
        found = kubectl.get("-n", velero.namespace, f"{kind}s.velero.io", name)
        phase = str(found.get("status", {}).get("phase", "New"))
        if phase in ENDED:
            return _movement(velero, kind, found)
        volumes = _volumes(velero, kind, name)
        done = sum(volume.phase == "Completed" for volume in volumes)
        say(f"{phase}, {done} of {len(volumes)} volumes known so far")
        if time.monotonic() > deadline:
            raise LabError(
                f"{kind} {name} is {phase} after {SECONDS} s;"
                f" see kubectl -n {velero.namespace} logs deployment/velero"
            )
        time.sleep(0.5)


def _movement(velero: Velero, kind: str, found: Any) -> Movement:
    status = found["status"]
    created = time_of(found["metadata"]["creationTimestamp"])
    started = time_of(status.get("startTimestamp")) or created
    assert started is not None
    return Movement(
        kind=kind.capitalize(),
        name=found["metadata"]["name"],
        phase=status["phase"],
        errors=status.get("errors", 0),
        warnings=status.get("warnings", 0),
        started=started,
        completed=time_of(status.get("completionTimestamp")) or started,
        volumes=_volumes(velero, kind, found["metadata"]["name"]),
    )


def _volumes(velero: Velero, kind: str, name: str) -> tuple[VolumeMovement, ...]:
    objects = kubectl.items(
        "-n", velero.namespace, f"podvolume{kind}s.velero.io", f"-l=velero.io/{kind}-name={name}"
    )
    moved = [_volume(item) for item in objects]
    return tuple(sorted(moved, key=lambda volume: (volume.created, volume.started or volume.created)))


def _volume(item: Any) -> VolumeMovement:
    spec, status = item["spec"], item.get("status", {})
    created = time_of(item["metadata"]["creationTimestamp"])
    assert created is not None
    return VolumeMovement(
        pod=f"{spec['pod']['namespace']}/{spec['pod']['name']}",
        volume=spec["volume"],
        phase=status.get("phase", "New"),
        created=created,
        started=time_of(status.get("startTimestamp")),
        completed=time_of(status.get("completionTimestamp")),
        bytes=status.get("progress", {}).get("bytesDone", 0),
        snapshot=status.get("snapshotID") or spec.get("snapshotID", ""),
    )
