"""Which namespaces a BackupSet is about. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.api.backupset import Namespaces
from velero_volume_controller.api.glob import matches
from velero_volume_controller.api.selectors import selects
from velero_volume_controller.backup.work import PlanningError
from velero_volume_controller.velero.model.namespaces import Namespace

#: Velero leaves namespaces with this label out of a Backup of all, and refuses one that names them
#: (backup_controller.go, prepareBackupRequest). It takes no other object that has it, either.
EXCLUDE_LABEL: Final = "velero.io/exclude-from-backup"


@dataclass(frozen=True, slots=True)
class Selected:
    """The names, sorted; of those that match, the ones that Velero would leave out all the same; and names
    in ``include`` that no namespace has."""

    names: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def select(wanted: Namespaces, namespaces: Iterable[Namespace]) -> Selected:
    """The namespaces that match. Raises PlanningError (NothingSelected) if there are none."""
    there = list(namespaces)
    known = {each.name for each in there}
    absent = tuple(sorted(name for name in set(wanted.include) - known if "*" not in name))
    chosen = sorted((each for each in there if selected(wanted, each)), key=lambda each: each.name)
    names = tuple(each.name for each in chosen if each.labels.get(EXCLUDE_LABEL) != "true")
    left_out = tuple(each.name for each in chosen if each.labels.get(EXCLUDE_LABEL) == "true")
    if not names:
        why = f"; those that match have the label {EXCLUDE_LABEL}=true" if left_out else ""
        raise PlanningError(
            "NothingSelected",
            f"no namespace matches spec.selection.namespaces ({_in_words(wanted)}){why}; correct the patterns"
            " or the selector",
        )
    return Selected(names, left_out, absent)


def selected(wanted: Namespaces, namespace: Namespace) -> bool:
    """Whether this namespace matches; exclude wins."""
    name = namespace.name
    if not any(matches(pattern, name) for pattern in wanted.include):
        return False
    if any(matches(pattern, name) for pattern in wanted.exclude):
        return False
    return wanted.selector is None or selects(wanted.selector, namespace.labels)


def _in_words(wanted: Namespaces) -> str:
    parts = [f"include {', '.join(wanted.include)}"]
    if wanted.exclude:
        parts.append(f"exclude {', '.join(wanted.exclude)}")
    if wanted.selector is not None:
        parts.append("with a selector")
    return "; ".join(parts)
