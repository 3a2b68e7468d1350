"""What must hold, as lines of expected and found. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hack.demo.applications import ANNOTATIONS, VOLUMES
from hack.demo.data import Digest
from hack.demo.disaster import PLANNED
from hack.demo.movement import Movement
from hack.demo.repository import Repository

NOTHING = "nothing"
ABSENT = "no such volume"


@dataclass(frozen=True)
class Check:
    """One thing that must hold, in words a person can act on."""

    what: str
    expected: str
    found: str

    @property
    def held(self) -> bool:
        """Whether it did."""
        return self.expected == self.found

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}"


def on_annotations(found: Mapping[str, str | None], elsewhere: Mapping[str, str]) -> list[Check]:
    """Every sample pod's annotation is exactly what the ConfigMap calls for, and no other pod has one."""
    checks = [
        Check(f"annotation of {pod}", value or "none", found.get(pod) or "none")
        for pod, value in ANNOTATIONS.items()
    ]
    others = Check(
        "annotations in excluded namespaces", NOTHING, _joined(f"{k}={v}" for k, v in elsewhere.items())
    )
    return [*checks, others]


def on_movement(moved: Movement, pods: Mapping[str, str]) -> list[Check]:
    """A Backup or Restore completed and moved exactly the volumes it should.

    `pods` gives the key of a pod by its own NAMESPACE/NAME.
    """
    keys = [f"{pods.get(volume.pod, volume.pod)}:{volume.volume}" for volume in moved.volumes]
    missing, surplus = Counter(backed_up()) - Counter(keys), Counter(keys) - Counter(backed_up())
    unfinished = [
        f"{key} is {volume.phase}"
        for key, volume in zip(keys, moved.volumes, strict=True)
        if volume.phase != "Completed"
    ]
    return [
        Check(f"phase of {moved.kind} {moved.name}", "Completed", moved.phase),
        Check(f"errors of {moved.kind} {moved.name}", "0", str(moved.errors)),
        Check(f"volumes missing from {moved.kind} {moved.name}", NOTHING, _joined(missing.elements())),
        Check(
            f"volumes that {moved.kind} {moved.name} should not have", NOTHING, _joined(surplus.elements())
        ),
        Check(f"volumes of {moved.kind} {moved.name} not completed", NOTHING, _joined(unfinished)),
    ]


def on_plan(planned: Mapping[str, str]) -> list[Check]:
    """The plan does with each object what should be done."""
    return [Check(f"planned for {key}", action, planned.get(key, NOTHING)) for key, action in PLANNED.items()]


def on_digests(before: Mapping[str, Digest], after: Mapping[str, Digest]) -> list[Check]:
    """Every volume that was backed up or left alone holds what it held; every other is there and empty."""
    return [
        _digest(volume.key, volume.key, before, after)
        if volume.backed_up or volume.left_alone
        else _empty(volume.key, after)
        for volume in VOLUMES
    ]


def on_undo(struck: Mapping[str, Digest], undone: Mapping[str, Digest]) -> list[Check]:
    """Every volume is as the disaster left it; those that it took are gone. A Job starts over."""
    return [
        _digest(f"{volume.key}, undone", volume.key, struck, undone)
        for volume in VOLUMES
        if not volume.starts_over
    ]


def on_objects(what: str, expected: Mapping[str, str], found: Mapping[str, str]) -> list[Check]:
    """The objects after this are those that were there, and say what they said."""
    changed = (key for key in expected.keys() & found.keys() if expected[key] != found[key])
    return [
        Check(f"objects missing after {what}", NOTHING, _joined(expected.keys() - found.keys())),
        Check(f"objects too many after {what}", NOTHING, _joined(found.keys() - expected.keys())),
        Check(f"objects changed after {what}", NOTHING, _joined(changed)),
    ]


def on_repositories(
    moved: Movement, pods: Mapping[str, str], found: Iterable[Repository], before: Mapping[str, Digest]
) -> list[Check]:
    """restic itself lists each volume's snapshot, with exactly the volume's files in it."""
    listed = {snapshot: files for repository in found for snapshot, files in repository.snapshots.items()}
    checks = []
    for volume in moved.volumes:
        key = f"{pods.get(volume.pod, volume.pod)}:{volume.volume}"
        expected = {path.removeprefix(".") for path in before[key].files} if key in before else set()
        paths = set(listed.get(volume.snapshot, ()))
        others = len(paths ^ expected)
        found_text = f"{len(paths)} files" + (f", {others} of them missing or strange" if others else "")
        checks.append(Check(f"files in restic's snapshot of {key}", f"{len(expected)} files", found_text))
    return checks


def backed_up() -> list[str]:
    """The keys of the volumes that a Backup is to take, sorted."""
    return sorted(volume.key for volume in VOLUMES if volume.backed_up)


def _empty(key: str, after: Mapping[str, Digest]) -> Check:
    return Check(f"{key}, which is not backed up", "empty", str(after.get(key, ABSENT)))


def _digest(what: str, key: str, before: Mapping[str, Digest], after: Mapping[str, Digest]) -> Check:
    expected, found = before.get(key), after.get(key)
    if expected is None or found is None:
        return Check(what, str(expected or ABSENT), str(found or ABSENT))
    difference = expected.difference(found)
    return Check(what, str(expected), f"{found}: {difference}" if difference else str(found))


def _joined(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or NOTHING
