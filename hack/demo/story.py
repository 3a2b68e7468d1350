"""What the story saw, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from hack.demo import data, vvc
from hack.demo.applications import VOLUMES
from hack.demo.data import Digest
from hack.demo.movement import Movement
from hack.demo.repository import Repository
from hack.demo.verdict import Check
from hack.demo.vvc import Shown
from hack.lab.cluster import Lab
from hack.lab.progress import console, step
from hack.lab.velero import Velero


@dataclass(frozen=True)
class Timed:
    """A step of the story, and when it ran."""

    text: str
    started: datetime
    completed: datetime


@dataclass(frozen=True)
class State:
    """What the volumes hold by their keys, and the objects with a digest of each."""

    volumes: Mapping[str, Digest]
    objects: Mapping[str, str]


NOTHING = State({}, {})


@dataclass
class Story:
    """What each step saw; a field is set once its step has run.

    `before`, `struck`, `after` and `undone` are before and after the disaster, after the restore and after
    that was undone.
    """

    lab: Lab
    velero: Velero
    judge: Callable[[list[Check]], None]
    steps: list[Timed] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    pods: dict[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str | None] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    planned: Mapping[str, str] = field(default_factory=dict)
    before: State = NOTHING
    struck: State = NOTHING
    after: State = NOTHING
    undone: State = NOTHING
    backup: Movement | None = None
    undo_backup: Movement | None = None
    restore: Movement | None = None
    undo: Movement | None = None
    repositories: tuple[Repository, ...] = ()

    @property
    def held(self) -> bool:
        """Whether the story was told to its end and every check held."""
        return self.undone is not NOTHING and all(check.held for check in self.checks)

    def note(self, found: Mapping[str, Any]) -> None:
        """Remember which pod is which: they have other names after each restore."""
        for key, pod in found.items():
            self.pods[f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"] = key

    def judged(self, checks: list[Check]) -> None:
        """Keep these checks, and show them."""
        self.checks.extend(checks)
        self.judge(checks)

    @contextmanager
    def step(self, text: str) -> Iterator[Callable[[str], None]]:
        """Something that takes its time; the value says how far it is."""
        with self.timed(text), step(text) as say:
            yield say

    @contextmanager
    def timed(self, text: str) -> Iterator[None]:
        """Something that shows itself while it runs."""
        started = datetime.now(UTC)
        yield
        self.steps.append(Timed(text, started, datetime.now(UTC)))

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Have `vvc` do something, and follow it; what it prints."""
        with self.step(_typed(arguments)) as say:
            return vvc.follow(*arguments, *self._where(), say=say, expect=expect)

    def show(self, *arguments: str, expect: int = 0) -> Shown:
        """Have `vvc` show something, as a person sees it."""
        with self.step(_typed(arguments)):
            shown = vvc.look(*arguments, *self._where(), expect=expect)
        for line in shown.text.split(allow_blank=True):
            console.print(Text("  ") + line)
        return shown

    def ask(self, *arguments: str) -> str:
        """What `vvc` prints, unseen."""
        return vvc.follow(*arguments, *self._where(), say=lambda _: None)

    def _where(self) -> list[str]:
        return ["--namespace", self.velero.namespace]


def digests(found: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, Digest]:
    """What the volumes of these pods hold, by the volumes' keys."""
    read = {}
    for volume in VOLUMES:
        if volume.pod in found:
            say(volume.key)
            read[volume.key] = data.digest(found[volume.pod], volume)
    return read


def _typed(arguments: tuple[str, ...]) -> str:
    """The command as it is typed, with the middle of a hash left out."""
    words = [f"{word[:15]}…" if word.startswith("sha256:") else word for word in arguments]
    return " ".join(("vvc", *(f"'{word}'" if "*" in word else word for word in words)))
