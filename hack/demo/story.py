"""The story, step by step, and what was seen on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hack.demo import applications, data, ground, movement, repository, verdict
from hack.demo.applications import ANNOTATIONS, CONFIG, NAMESPACES, VOLUMES
from hack.demo.data import Digest
from hack.demo.movement import Movement
from hack.demo.repository import Repository
from hack.demo.verdict import Check
from hack.lab import controller
from hack.lab.cluster import Lab
from hack.lab.progress import step, wait_until
from hack.lab.shell import LabError
from hack.lab.velero import Velero

ANNOTATION_SECONDS = 60
SETTLING_SECONDS = 3  # the controller writes hundreds of annotations in that time


@dataclass(frozen=True)
class Timed:
    """A step of the story, and when it ran."""

    text: str
    started: datetime
    completed: datetime


@dataclass
class Story:
    """What each step saw; a field is set once its step has run."""

    lab: Lab
    velero: Velero
    judge: Callable[[list[Check]], None]
    steps: list[Timed] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    pods: dict[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str | None] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, Digest] = field(default_factory=dict)
    after: Mapping[str, Digest] = field(default_factory=dict)
    backup: Movement | None = None
    restore: Movement | None = None
    repositories: tuple[Repository, ...] = ()

    @property
    def held(self) -> bool:
        """Whether the story was told to its end and every check held."""
        return bool(self.after) and all(check.held for check in self.checks)

    def tell(self) -> None:
        """Run every step in order; raises LabError where there is no going on."""
        self._deploy_applications()
        self._deploy_controller()
        self._back_up()
        if self.velero.uploader == "restic":
            self._ask_restic()
        self._destroy()
        self._restore()
        self._compare()

    def _deploy_applications(self) -> None:
        with self._step(f"deploying three applications in {', '.join(NAMESPACES)}"):
            applications.deploy()
            found = applications.pods()
            self.pods = {_own_name(pod): key for key, pod in found.items()}
        with self._step("writing their data, once, and digesting every file") as say:
            for volume in VOLUMES:
                say(volume.key)
                data.write(found[volume.pod], volume)
            self.before = _digests(found, say)

    def _deploy_controller(self) -> None:
        with self._timed("deploying the controller"):
            controller.deploy(self.lab, CONFIG.read_text())
        with self._step("waiting for the annotations"):
            self.annotations = _awaited_annotations()
            self.elsewhere = applications.annotated_elsewhere()
        self._judge(verdict.on_annotations(self.annotations, self.elsewhere))

    def _back_up(self) -> None:
        name = f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        with self._step(f"Velero {self.velero.version} takes Backup {name}") as say:
            self.backup = movement.back_up(self.velero, name, NAMESPACES, say)
        self._judge(verdict.on_movement(self.backup, self.pods))
        if self.backup.phase in movement.UNUSABLE:
            raise LabError(f"Backup {name} is {self.backup.phase}: nothing to restore")

    def _ask_restic(self) -> None:
        assert self.backup is not None
        with self._step("asking restic itself what is in the repositories") as say:
            found = []
            for namespace in NAMESPACES:
                say(namespace)
                found.append(repository.read(self.lab, self.velero, namespace))
            self.repositories = tuple(found)
        self._judge(verdict.on_repositories(self.backup, self.pods, found, self.before))

    def _destroy(self) -> None:
        with self._step("destroying the applications, their claims and their volumes") as say:
            ground.destroy(say)

    def _restore(self) -> None:
        assert self.backup is not None
        with self._step(f"Velero restores {self.backup.name}") as say:
            self.restore = movement.restore(self.velero, f"{self.backup.name}-restore", self.backup.name, say)
        self._judge(verdict.on_movement(self.restore, self.pods))

    def _compare(self) -> None:
        with self._step("waiting for the applications, and digesting every file again") as say:
            applications.wait_until_running()
            self.after = _digests(applications.pods(), say)
        self._judge(verdict.on_digests(self.before, self.after))

    def _judge(self, checks: list[Check]) -> None:
        self.checks.extend(checks)
        self.judge(checks)

    @contextmanager
    def _step(self, text: str) -> Iterator[Callable[[str], None]]:
        with self._timed(text), step(text) as say:
            yield say

    @contextmanager
    def _timed(self, text: str) -> Iterator[None]:
        started = datetime.now(UTC)
        yield
        self.steps.append(Timed(text, started, datetime.now(UTC)))


def _own_name(pod: Any) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _digests(found: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, Digest]:
    digests = {}
    for volume in VOLUMES:
        if volume.pod in found:
            say(volume.key)
            digests[volume.key] = data.digest(found[volume.pod], volume)
    return digests


def _awaited_annotations() -> dict[str, str | None]:
    """The annotations once they are as they should be, else as they are when the time is up."""
    seen: dict[str, str | None] = {}

    def right() -> bool:
        seen.update({key: applications.annotation(pod) for key, pod in applications.pods().items()})
        return seen == ANNOTATIONS

    try:
        wait_until(right, "the annotations", seconds=ANNOTATION_SECONDS, every=0.5)
    except LabError:
        return seen  # the checks say what is not so
    # What the controller should leave alone must still be so when it is done with the rest.
    time.sleep(SETTLING_SECONDS)
    right()
    return seen
