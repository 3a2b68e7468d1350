"""What the API server refuses of a BackupSet beside its shapes, said before it is asked. Pure.

The same rules stand in CEL in the CustomResourceDefinition (api/backupset.py), for
whoever applies a set by other means; there they can name no line and no option.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from velero_volume_controller.api.backupset import BackupSetSpec
from velero_volume_controller.api.times import parse_duration
from velero_volume_controller.backup.gate import check_window
from velero_volume_controller.backup.work import PlanningError
from velero_volume_controller.config.tree import Path


def contradictions(spec: BackupSetSpec) -> Iterator[tuple[Path, str]]:
    """(place, what is wrong there) in a spec whose shapes are right."""
    yield from _groups(spec)
    yield from _selector(spec)
    yield from _duration(("spec", "retry", "backoff"), spec.retry.backoff)
    if spec.deadline is not None:
        yield from _duration(("spec", "deadline"), spec.deadline)
    try:
        check_window(spec)
    except PlanningError as error:
        place, _, what = str(error).partition(": ")
        yield tuple(place.split(".")), f"{what}."


def _groups(spec: BackupSetSpec) -> Iterator[tuple[Path, str]]:
    grouped = Counter(name for group in spec.together for name in set(group))
    for name in sorted(grouped.keys() & set(spec.isolate)):
        yield ("spec", "isolate"), f"{name} is in a group of together, too. Remove it from one of them."
    for name, groups in sorted(grouped.items()):
        if groups > 1:
            yield ("spec", "together"), f"{name} is in {groups} groups. Write one that holds them all."


def _selector(spec: BackupSetSpec) -> Iterator[tuple[Path, str]]:
    selector = spec.selection.namespaces.selector
    for index, each in enumerate(selector.match_expressions if selector is not None else ()):
        if (each.operator in {"In", "NotIn"}) != bool(each.values):
            place = ("spec", "selection", "namespaces", "selector", "matchExpressions", index)
            takes = "needs values" if not each.values else "takes no values"
            yield place, f"operator {each.operator} {takes}."


def _duration(place: Path, text: str) -> Iterator[tuple[Path, str]]:
    try:
        none = parse_duration(text) <= timedelta()
    except ValueError as error:
        yield place, f"{error}."
    else:
        if none:
            yield place, f"expected a duration longer than none, such as 90s or 1h30m, found {text!r}."
