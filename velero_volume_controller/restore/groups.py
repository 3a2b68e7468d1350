"""A plan's objects put together for people: those of one kind of which the same is to be said. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.planned import Action, Plan, Planned

#: What is in the way comes first, and what is lost before what is not.
ORDER: Final = (Action.BLOCKED, Action.DELETE, Action.CREATE, Action.KEEP)
_TAKEN_ALONG: Final = "with what controls them"


@dataclass(frozen=True, slots=True)
class Group:
    """Objects of one kind in one namespace. ``reason`` is a sentence without its full stop."""

    action: Action
    kind: str
    names: tuple[str, ...]
    reason: str


def grouped(objects: Iterable[Planned]) -> list[Group]:
    """The objects of one namespace; ``Action`` by ``Action``, then by kind."""
    found: dict[tuple[int, str, str], list[Planned]] = {}
    for each in objects:
        # Each goes with another one: nobody wants to read a line for every pod of a ReplicaSet.
        reason = _TAKEN_ALONG if each.by is not None and each.key.namespace else each.reason
        found.setdefault((ORDER.index(each.action), kind_of(each), reason), []).append(each)
    return [
        Group(
            ORDER[place],
            kind,
            tuple(each.key.name for each in some),
            some[0].reason if len(some) == 1 else reason,
        )
        for (place, kind, reason), some in sorted(found.items())
    ]


def kind_of(planned: Planned) -> str:
    """As people call it: with its group where that is not Kubernetes's own."""
    return kinds.named(planned.key) if kinds.custom(planned.key) else planned.key.kind


def by_namespace(plan: Plan) -> Iterator[tuple[str, list[Group]]]:
    """Cluster-scoped objects last, under the empty name."""
    named = dict(plan.by_namespace())
    for namespace in sorted(named, key=lambda name: (not name, name)):
        yield namespace, grouped(named[namespace])


def counts(plan: Plan) -> dict[str, int]:
    """How many objects each ``Action`` is for."""
    return {action.value: plan.count(action) for action in Action}
