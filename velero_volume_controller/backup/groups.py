"""Namespaces that must be in one Backup, and those that must stand alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from velero_volume_controller.api.backupset import BackupSetSpec
from velero_volume_controller.backup.work import Namespace, PlanningError


@dataclass(frozen=True, slots=True)
class Group:
    """Namespaces, by name, that are in one Backup. ``alone``: in one that holds nothing else."""

    namespaces: tuple[Namespace, ...]
    alone: bool = False
    first: bool = False

    @property
    def name(self) -> str:
        """Of its first namespace: no other group has it."""
        return self.namespaces[0].name

    @property
    def failures(self) -> int:
        """The most that one of them has seen."""
        return max(each.failures for each in self.namespaces)


def groups(namespaces: Iterable[Namespace], spec: BackupSetSpec, notes: list[str]) -> tuple[Group, ...]:
    """Closed under ``together`` and under storage that several namespaces mount; sorted by name.

    Raises PlanningError (Contradiction) where ``isolate`` names a member of ``together``.
    """
    known = {each.name: each for each in namespaces}
    _say_unknown(known, spec, notes)
    _refuse_contradictions(spec)
    leader = {name: name for name in known}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    def join(members: Sequence[str]) -> None:
        for one, other in pairwise(members):
            a, b = find(one), find(other)
            leader[max(a, b)] = min(a, b)

    for together in spec.together:
        join([name for name in together if name in known])
    users = _users(known.values())
    for members in users.values():
        join(members)
    found: dict[str, list[Namespace]] = {}
    for name in sorted(known):
        found.setdefault(find(name), []).append(known[name])
    isolated = set(spec.isolate)
    for storage, members in sorted(users.items()):
        if len(members) > 1 and isolated.intersection(members):
            notes.append(
                f"{_list(members)} mount the same storage ({storage}) and are in one Backup, although"
                " spec.isolate names one of them."
            )
    first = set(spec.first)
    return tuple(
        Group(
            tuple(members),
            any(each.name in isolated for each in members),
            any(each.name in first for each in members),
        )
        for _, members in sorted(found.items())
    )


def _users(namespaces: Iterable[Namespace]) -> dict[str, list[str]]:
    """The namespaces that mount each shared storage."""
    users: dict[str, dict[str, None]] = {}
    for namespace in namespaces:
        for volume in namespace.volumes:
            if volume.shared is not None:
                users.setdefault(volume.shared, {})[namespace.name] = None
    return {storage: sorted(members) for storage, members in users.items()}


def _refuse_contradictions(spec: BackupSetSpec) -> None:
    isolated = set(spec.isolate)
    for together in spec.together:
        both = sorted(isolated.intersection(together))
        others = [name for name in together if name not in both]
        if both and (others or len(both) > 1):
            raise PlanningError(
                "Contradiction",
                f"spec.isolate wants {_list(both)} alone, and spec.together wants {_list(together)} in one"
                " Backup; take the name out of one of them",
            )


def _say_unknown(known: dict[str, Namespace], spec: BackupSetSpec, notes: list[str]) -> None:
    for key, names in (
        ("together", [name for group in spec.together for name in group]),
        ("first", spec.first),
        ("isolate", spec.isolate),
    ):
        unknown = sorted({name for name in names if name not in known})
        if unknown:
            are = "is" if len(unknown) == 1 else "are"
            notes.append(f"spec.{key} names {_list(unknown)}, which {are} not selected.")


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
