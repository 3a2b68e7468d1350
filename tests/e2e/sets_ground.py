"""What the tests of BackupSets stand on: Velero with several slots or lanes, applications, the controller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from hack.demo.data import Digest
from hack.lab import controller, faults, s3, velero
from hack.lab.cluster import Lab
from hack.lab.velero import SECOND_LANE, VERSIONS, Knobs, Velero
from tests.e2e import sets_restoring, sets_running, sets_samples
from tests.e2e.sets_running import RunningSet
from tests.e2e.sets_samples import MB, App

SLOTS = 4
#: A node-agent that is killed between taking a volume on and making the mover's pod never makes it.
KNOBS = Knobs(concurrent_backups=SLOTS, node_load=2, prepare_timeout="1m")
LANES: Mapping[str, tuple[Velero, ...]] = {
    "1.18.3": (replace(VERSIONS["1.18.3"], knobs=KNOBS),),
    "1.16.2": (VERSIONS["1.16.2"], SECOND_LANE),
}
#: What each node sends, so that a Backup takes long enough to be disturbed.
MEGABITS = 24
#: The wait before a retry is a minute by default; the tests that don't look at it wait less.
PATIENCE = {"limit": 3, "backoff": "5s"}


@dataclass(frozen=True)
class Ground:
    """One version of Velero in all its lanes, and the applications."""

    lab: Lab
    version: str
    lanes: tuple[Velero, ...]
    apps: tuple[App, ...]

    @property
    def slots(self) -> int:
        """Backups that run at the same time, in all lanes."""
        return SLOTS if len(self.lanes) == 1 else len(self.lanes)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The applications' namespaces."""
        return sets_samples.namespaces(self.apps)

    def app(self, namespace: str) -> App:
        """The application in this namespace."""
        return next(app for app in self.apps if app.namespace == namespace)

    def filled(self) -> dict[str, Digest]:
        """Have every application run with new data; what each volume holds."""
        sets_samples.deploy(self.apps)
        return sets_samples.fill(self.apps)

    @contextmanager
    def set(self, spec: Mapping[str, Any] | None = None) -> Iterator[RunningSet]:
        """A BackupSet of all the applications that has just been made; gone afterwards.

        Its Backups stay until all tests of this version have run: Velero locks a restic repository to delete
        from it, and a Backup of the next test would fail.
        """
        made = RunningSet(self.lanes[0].namespace, f"set-{uuid4().hex[:6]}", self.lanes)
        try:
            made.create(self.namespaces, {"retry": PATIENCE, **(spec or {})})
            yield made
        finally:
            made.remove()

    def restored(self, status: Mapping[str, Any], namespaces: Sequence[str] = ()) -> dict[str, Digest]:
        """What the volumes hold after everything was cleared and restored from the restore point.

        `namespaces` are those that are looked into; all unless given.
        """
        sets_restoring.clear(self.namespaces)
        phases = sets_restoring.restore(sets_restoring.points(status))
        assert set(phases.values()) <= {"Completed", "PartiallyFailed"}, phases
        looked_at = [self.app(name) for name in namespaces or self.namespaces]
        sets_samples.wait_until_running(looked_at)
        return sets_samples.digests(looked_at)


@contextmanager
def standing(lab: Lab, version: str) -> Iterator[Ground]:
    """Everything but the sets; afterwards Velero is as the other tests have it, and the rest is gone."""
    with ExitStack() as after:
        lanes = LANES[version]
        for lane in lanes:
            velero.install_as(lab, lane)
            after.callback(velero.install_as, lab, replace(lane, knobs=Knobs()))
            after.callback(_remove_backups, lab, lane)
            after.callback(sets_restoring.remove_restores, lane)
        controller.deploy(lab)
        after.callback(controller.remove)
        for lane in lanes:
            controller.let_into(lane.namespace)
        ground = Ground(lab, version, lanes, _apps(lab))
        after.callback(sets_samples.remove, ground.apps)
        sets_samples.deploy(ground.apps)
        for node in lab.nodes:
            after.callback(faults.shape(node, MEGABITS))
        yield ground


def _remove_backups(lab: Lab, lane: Velero) -> None:
    """A node-agent that was killed leaves a lock in a restic repository: Velero deletes nothing there."""
    if lane.uploader == "restic":
        s3.unlock_restic(lab.s3, lane.prefix)
    sets_running.delete_backups(lane)


def _apps(lab: Lab) -> tuple[App, ...]:
    """Six namespaces on three nodes (or fewer), the two of a node of different sizes."""
    sizes = [(24 * MB,), (16 * MB,), (12 * MB, 4 * MB), (8 * MB, 4 * MB), (8 * MB,), (6 * MB,)]
    nodes = [node.name for node in lab.nodes]
    return tuple(
        App(f"sets-{'abcdef'[number]}", nodes[number % len(nodes)], each) for number, each in enumerate(sizes)
    )
