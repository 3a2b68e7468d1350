"""A plan of a CleanRestore for a person's terminal: what is in the way first, then a tree by namespace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from velero_volume_controller.cli.output import Paint, counted, safe, wrap
from velero_volume_controller.restore.groups import ORDER, Group, by_namespace
from velero_volume_controller.restore.planned import Action, Plan

_COLOURS: Final = {
    Action.BLOCKED: "yellow",
    Action.DELETE: "red",
    Action.CREATE: "cyan",
    Action.KEEP: "green",
}
_CLUSTER_SCOPED: Final = "cluster-scoped"
_UNFOLD: Final = "--all shows them"

#: Names of one group, groups of one namespace, and namespaces that are shown in full, unless all are.
_FEW_NAMES: Final = 5
_FEW_GROUPS: Final = 25
_FEW_NAMESPACES: Final = 20
#: Wide enough for every action's name.
_ACTION: Final = 8


def lines(
    plan: Plan, columns: int, paint: Paint, expected: str = "", *, everything: bool = False
) -> Iterator[str]:
    """All of it, in lines of at most so many columns. ``expected`` is a sentence on how long it takes."""
    yield from wrap(_summary(plan), columns)
    yield from _blocked(plan, columns, paint, everything=everything)
    shown = 0
    for namespace, groups in by_namespace(plan):
        shown += 1
        rest = [group for group in groups if group.action is not Action.BLOCKED]
        if not rest:
            continue
        yield ""
        title = f"{safe(namespace) or _CLUSTER_SCOPED}: {_counts(groups)}"
        yield from wrap(title, columns, "", "  ")
        if everything or shown <= _FEW_NAMESPACES:
            yield from _tree(rest, columns, paint, everything=everything)
    if shown > _FEW_NAMESPACES and not everything:
        yield ""
        yield from wrap(
            f"What is in the last {counted(shown - _FEW_NAMESPACES, 'namespace')} is folded; {_UNFOLD}.",
            columns,
        )
    yield from _order(plan, columns)
    if expected and not plan.refused:
        yield from wrap(expected, columns)
    for note in plan.notes:
        yield ""
        yield from wrap(safe(note), columns, "Note: ", "")
    yield ""
    yield from wrap(f"Plan {plan.hash}", columns)


def _summary(plan: Plan) -> str:
    backups = f" from {', '.join(map(safe, plan.backups[:3]))}" if plan.backups else ""
    more = f" and {len(plan.backups) - 3} more" if len(plan.backups) > 3 else ""
    said = (
        f"To restore{backups}{more}, {counted(plan.count(Action.DELETE), 'object')} would be deleted,"
        f" {plan.count(Action.CREATE):,} created that are not there, and {plan.count(Action.KEEP):,} kept."
    )
    return said if plan.count(Action.DELETE) else f"{said} Nothing has to go."


def _blocked(plan: Plan, columns: int, paint: Paint, *, everything: bool) -> Iterator[str]:
    if not plan.refused:
        return
    yield ""
    count = plan.count(Action.BLOCKED)
    said = f"REFUSED: {counted(count, 'object')} {'is' if count == 1 else 'are'} in the way."
    for line in wrap(said, columns):
        yield paint(line, _COLOURS[Action.BLOCKED])
    for namespace, groups in by_namespace(plan):
        blocked = [group for group in groups if group.action is Action.BLOCKED]
        if blocked:
            yield from wrap(safe(namespace) or _CLUSTER_SCOPED, columns)
            yield from _tree(blocked, columns, paint, everything=everything)


def _counts(groups: list[Group]) -> str:
    numbers = Counter[Action]()
    for group in groups:
        numbers[group.action] += len(group.names)
    return ", ".join(f"{action.value} {numbers[action]:,}" for action in ORDER if numbers[action])


def _tree(groups: list[Group], columns: int, paint: Paint, *, everything: bool) -> Iterator[str]:
    shown = groups if everything else groups[:_FEW_GROUPS]
    for group in shown:
        word = group.action.value
        begin = f"  {word.ljust(_ACTION)} "
        text = f"{_objects(group, everything=everything)}: {safe(group.reason)}"
        first, *rest = wrap(text, columns, begin, " " * 4 if columns < 60 else " " * len(begin))
        yield first.replace(word, paint(word, _COLOURS[group.action]), 1)
        yield from rest
    left = groups[len(shown) :]
    if left:
        number = counted(sum(len(group.names) for group in left), "object")
        yield from wrap(f"and {number} more ({_counts(left)}); {_UNFOLD}", columns, "  ")


def _objects(group: Group, *, everything: bool) -> str:
    """``Pod web-1``, ``Pod (12) web-1, web-2 and 10 more``."""
    shown = group.names if everything else group.names[:_FEW_NAMES]
    names = ", ".join(map(safe, shown))
    more = f" and {len(group.names) - len(shown):,} more" if len(group.names) > len(shown) else ""
    count = f" ({len(group.names):,})" if len(group.names) > 1 else ""
    return f"{safe(group.kind)}{count} {names}{more}"


def _order(plan: Plan, columns: int) -> Iterator[str]:
    if not plan.clear:
        return
    yield ""
    if plan.refused:
        yield from wrap("As long as anything is in the way, nothing is deleted.", columns)
        return
    still = Counter(each.key.kind for each in plan.quiesce)
    first = ", ".join(counted(number, kind) for kind, number in still.items())
    quiet = f"First {first} would stand still. " if first else ""
    along = plan.count(Action.DELETE) - len(plan.clear)
    alone = counted(len(plan.clear), "object")
    rest = f", and {along:,} would go with them" if along else ""
    yield from wrap(f"{quiet}Then {alone} would be deleted by name{rest}.", columns)
