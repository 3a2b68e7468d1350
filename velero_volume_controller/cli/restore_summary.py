"""What a person reads before approving a plan: what goes first of all, and data before anything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from velero_volume_controller.api.cleanrestore import CleanRestoreSpec, Undo
from velero_volume_controller.cli.output import Paint, counted, safe, wrap
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.groups import kind_of
from velero_volume_controller.restore.planned import Action, Plan, Planned
from velero_volume_controller.velero.model.backup_contents import Key

#: Claims, and objects in the way, that are named; vvc restore plan names all.
_FEW: Final = 20
_FEW_NAMESPACES: Final = 30
#: Of most claims that go, and not worth telling: they come back.
HELD: Final = "the backup holds it"
_NOTHING: Final = "Nothing has to be deleted."


def summary(plan: Plan, spec: CleanRestoreSpec, columns: int, paint: Paint) -> Iterator[str]:
    """In lines of at most so many columns, where the names allow."""
    deleted = plan.count(Action.DELETE)
    said = (
        f"{counted(deleted, 'object')} would be deleted, {plan.count(Action.CREATE):,} created that are not"
        f" there, {plan.count(Action.KEEP):,} kept."
    )
    for line in wrap(said, columns):
        yield paint(line, "red" if deleted else "")
    yield from _blocked(plan, columns, paint)
    yield from _namespaces(plan, columns)
    yield from _claims(plan, columns, paint)
    yield ""
    for line in _loss(plan, spec):
        yield from wrap(line, columns, "* ")
    for note in plan.notes:
        yield from wrap(safe(note), columns, "* ")


def _blocked(plan: Plan, columns: int, paint: Paint) -> Iterator[str]:
    blocked = [each for each in plan.objects if each.action is Action.BLOCKED]
    if not blocked:
        return
    yield ""
    title = f"{counted(len(blocked), 'object')} in the way: nothing of this plan may be carried out."
    for line in wrap(title, columns):
        yield paint(line, "yellow")
    yield from _some([f"{each.key}: {each.reason}" for each in blocked], columns)


def _namespaces(plan: Plan, columns: int) -> Iterator[str]:
    """Which kinds go, and how many of each; sources that come back under another name say which."""
    came_from = {target: source for source, target in plan.targets.items() if source != target}
    deleted: dict[str, Counter[str]] = {name: Counter() for name in sorted(plan.targets.values())}
    others: dict[str, Counter[Action]] = {name: Counter() for name in deleted}
    for each in plan.objects:
        namespace = each.key.namespace
        if namespace not in deleted:
            continue
        if each.action is Action.DELETE:
            deleted[namespace][kind_of(each)] += 1
        others[namespace][each.action] += 1
    yield ""
    for name, gone in list(deleted.items())[:_FEW_NAMESPACES]:
        whose = f" (from {came_from[name]})" if name in came_from else ""
        told = ", ".join(counted(number, kind) for kind, number in sorted(gone.items()))
        rest = [
            f"{others[name][action]:,} {word}"
            for action, word in ((Action.CREATE, "created"), (Action.KEEP, "kept"))
            if others[name][action]
        ]
        goes = f"deletes {told}" if told else "deletes nothing"
        yield from wrap(safe(f"{name}{whose}: {'; '.join([goes, *rest])}"), columns, "", "    ")
    if len(deleted) > _FEW_NAMESPACES:
        yield f"and {counted(len(deleted) - _FEW_NAMESPACES, 'namespace')} more"


def _claims(plan: Plan, columns: int, paint: Paint) -> Iterator[str]:
    """Claims that are deleted, with what becomes of what is in them now."""
    claims = [
        each for each in plan.objects if each.action is Action.DELETE and kinds.of(each.key) == kinds.CLAIM
    ]
    if not claims:
        return
    gone, stays = _volumes(plan)
    yield ""
    them = "it" if len(claims) == 1 else "them"
    title = f"{counted(len(claims), 'PersistentVolumeClaim')} deleted, with the data that is in {them} now:"
    for line in wrap(title, columns):
        yield paint(line, "red")
    yield from _some([_claim(each, gone, stays) for each in claims], columns)


def _volumes(plan: Plan) -> tuple[dict[Key, str], dict[str, str]]:
    """PersistentVolumes that go, by their claims; and reasons of those that stay Released, by their names."""
    volumes = [each for each in plan.objects if kinds.of(each.key) == kinds.VOLUME]
    goes = [each for each in volumes if each.action is Action.DELETE]
    gone = {each.by: each.key.name for each in goes if each.by is not None}
    stays = {each.key.name: each.reason for each in volumes if each.action is Action.KEEP}
    return gone, stays


def _claim(claim: Planned, gone: dict[Key, str], stays: dict[str, str]) -> str:
    name = f"{claim.key.namespace}/{claim.key.name}"
    if claim.reason != HELD:
        name += f" ({claim.reason})"
    if claim.key in gone:
        return f"{name}, and PersistentVolume {gone[claim.key]} with it"
    for volume, reason in stays.items():
        if f"when {claim.key} goes" in reason:
            return f"{name}; PersistentVolume {volume} stays, Released, with its data"
    return name


def _loss(plan: Plan, spec: CleanRestoreSpec) -> Iterator[str]:
    """What is lost whatever happens, and what could be brought back."""
    if plan.quiesce:
        still = Counter(each.key.kind for each in plan.quiesce)
        told = ", ".join(counted(number, kind) for kind, number in sorted(still.items()))
        yield f"To stand still first: {told}. What they serve is down until all is restored."
    if not plan.count(Action.DELETE):
        yield _NOTHING
    elif spec.undo is Undo.NONE and spec.undo_of is not None:
        yield (
            f"This undoes {spec.undo_of}. What was written since that is lost: no undo backup is taken of it."
        )
    elif spec.undo is Undo.NONE:
        yield "There is no undo backup: what is deleted can't be brought back by vvc restore undo."
    else:
        yield (
            "Before anything is touched, an undo backup is taken of these namespaces"
            + (", as far as it goes" if spec.undo is Undo.BEST_EFFORT else "")
            + ". What is written after it, and before the workloads stand still, is lost."
        )


def _some(told: list[str], columns: int) -> Iterator[str]:
    for each in told[:_FEW]:
        yield from wrap(safe(each), columns, "  ", "    ")
    if len(told) > _FEW:
        yield f"  and {len(told) - _FEW:,} more"
