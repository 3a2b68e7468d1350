"""A plan: what becomes of every object, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from velero_volume_controller.api.cleanrestore import Clearing
from velero_volume_controller.restore.cluster import Cluster
from velero_volume_controller.restore.contents import Contents
from velero_volume_controller.velero.model.backup_contents import Key


class Action(StrEnum):
    """What becomes of an object.

    ``blocked``: it would have to go, or to come back, and may not; such a plan is refused as a whole.
    """

    DELETE = "delete"
    KEEP = "keep"
    CREATE = "create"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Input:
    """What a plan is made from. ``velero`` is the namespace of the Velero that restores.

    A plan that undoes a run is told the names of that run's Restores, ``made_by``, else None; and ``found``,
    the uids of what was live when that run was planned: what of it is there still, that run left.
    """

    wanted: Clearing
    contents: Contents
    cluster: Cluster
    velero: str = "velero"
    made_by: frozenset[str] | None = None
    found: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Planned:
    """One object. ``reason`` is a sentence without its full stop.

    ``uid`` and ``mark`` are those of a live object, else empty. ``root``: it is live, and nobody makes it
    anew when it is gone. ``by``: it is not deleted by itself but goes when this one goes.
    """

    key: Key
    action: Action
    reason: str
    uid: str = ""
    mark: str = ""
    root: bool = False
    by: Key | None = None


@dataclass(frozen=True, slots=True)
class Quiesced:
    """A workload that has to stand still before anything is deleted: ``suspend`` or ``scale`` to none."""

    key: Key
    how: str


@dataclass(frozen=True, slots=True)
class Plan:
    """``objects`` in the order of their keys; ``clear`` what is deleted by itself, in that order, after
    ``quiesce``. ``targets`` are the namespaces of the backup that are restored, and the names that they get;
    ``everything``: its cluster-scoped objects come back, too. ``notes`` are complete sentences."""

    wanted: Clearing
    backups: tuple[str, ...]
    objects: tuple[Planned, ...]
    quiesce: tuple[Quiesced, ...]
    clear: tuple[Planned, ...]
    hash: str
    notes: tuple[str, ...] = ()
    targets: Mapping[str, str] = field(default_factory=dict)
    everything: bool = False

    def count(self, action: Action) -> int:
        """How many objects it becomes of."""
        return sum(each.action is action for each in self.objects)

    @property
    def refused(self) -> bool:
        """Whether nothing of it may be carried out."""
        return any(each.action is Action.BLOCKED for each in self.objects)

    def by_namespace(self) -> Iterator[tuple[str, list[Planned]]]:
        """Cluster-scoped objects first, under the empty name."""
        grouped: dict[str, list[Planned]] = {}
        for each in self.objects:
            grouped.setdefault(each.key.namespace, []).append(each)
        yield from sorted(grouped.items())


class PlanRefused(Exception):  # noqa: N818  (the name says what is the case)
    """There is nothing to plan: what is asked for contradicts the backup or the cluster. A sentence each."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems
