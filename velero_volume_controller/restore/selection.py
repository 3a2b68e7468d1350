"""Which of a backup's objects come back, under which names. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.api.cleanrestore import Clearing
from velero_volume_controller.api.glob import matches
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.contents import Contents
from velero_volume_controller.restore.planned import PlanRefused
from velero_volume_controller.restore.protection import Protection
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.restores import NEVER_RESTORED

#: Namespaces that a message tells of.
_FEW: Final = 5


@dataclass(frozen=True, slots=True)
class Selected:
    """``targets``: namespaces of the backup and the names under which they come back.

    ``held`` are the backup's namespaced objects under those names, ``cluster`` its cluster-scoped ones but
    for Namespaces: none unless every namespace is asked for, as Velero has it. ``notes`` are complete
    sentences.
    """

    targets: Mapping[str, str]
    held: frozenset[Key]
    cluster: frozenset[Key]
    notes: tuple[str, ...]
    everything: bool = False


def select(wanted: Clearing, contents: Contents, protection: Protection) -> Selected:
    """What comes back. Raises PlanRefused with everything that contradicts the backup."""
    there = {key.namespace for key in contents.items if key.namespace}
    there |= {key.name for key in contents.items if kinds.of(key) == kinds.NAMESPACE}
    chosen = sorted(name for name in there if _chosen(name, wanted))
    problems = [*_absent(wanted, there), *_clashes(wanted, chosen)]
    notes, left_out, targets = [], [], {}
    for name in chosen:
        target = wanted.namespace_mapping.get(name, name)
        why = protection.namespace(target)
        if why is None:
            targets[name] = target
        elif name in wanted.namespaces.include or target != name:
            problems.append(f"namespace {target} is protected: {why}; leave it out, or map it to another")
        else:
            notes.append(f"Namespace {name} is left out: {why}.")
            left_out.append(f"namespace {name} is left out: {why}")
    if not problems and not targets:
        problems += _nothing(there, left_out)
    if problems:
        raise PlanRefused(*problems)
    everything = "*" in wanted.namespaces.include and not wanted.namespaces.exclude
    if not everything and any(not key.namespace for key in contents.items):
        notes.append(
            "Cluster-scoped objects of the backup are left alone but for PersistentVolumes, which come with"
            " their claims, for not all namespaces are restored."
        )
    return Selected(
        targets,
        frozenset(_held(contents, targets)),
        frozenset(_cluster(contents)) if everything else frozenset(),
        tuple(notes),
        everything,
    )


def _nothing(there: set[str], left_out: list[str]) -> list[str]:
    if left_out:
        first = "none of the backup's namespaces that are selected may be cleared"
        return [first, *left_out[:_FEW], *([f"and {len(left_out) - _FEW} more"] if left_out[_FEW:] else [])]
    names = ", ".join(sorted(there)[:_FEW]) or "none"
    return [f"no namespace of the backup is selected and not protected; it holds {names}"]


def _chosen(name: str, wanted: Clearing) -> bool:
    named = wanted.namespaces
    return any(matches(pattern, name) for pattern in named.include) and not any(
        matches(pattern, name) for pattern in named.exclude
    )


def _absent(wanted: Clearing, there: set[str]) -> Iterator[str]:
    """Names that the backup does not hold: a slip of the pen in a mapping would clear the wrong namespace."""
    for where, names in (
        ("namespaces.include", wanted.namespaces.include),
        ("namespaceMapping", wanted.namespace_mapping),
    ):
        for name in names:
            if "*" not in name and name not in there:
                yield f"spec.{where} names {name}, of which the backup holds nothing; correct the name"
    for name in wanted.namespace_mapping:
        if name in there and not _chosen(name, wanted):
            yield f"spec.namespaceMapping names {name}, which spec.namespaces leaves out; correct one of them"


def _clashes(wanted: Clearing, chosen: list[str]) -> Iterator[str]:
    sources: dict[str, list[str]] = {}
    for name in chosen:
        sources.setdefault(wanted.namespace_mapping.get(name, name), []).append(name)
    for target, names in sorted(sources.items()):
        if len(names) > 1:
            yield (
                f"namespaces {' and '.join(names)} of the backup would all come back as {target}; map each to"
                " a name of its own"
            )


def _held(contents: Contents, targets: Mapping[str, str]) -> Iterator[Key]:
    for key in contents.items:
        if key.namespace in targets and not kinds.left_out(key) and not _never(key):
            yield key._replace(namespace=targets[key.namespace])


def _cluster(contents: Contents) -> Iterator[Key]:
    for key in contents.items:
        if not key.namespace and kinds.of(key) != kinds.NAMESPACE and not _never(key):
            yield key


def _never(key: Key) -> bool:
    return kinds.of(key) in NEVER_RESTORED or kinds.veleros(key) or kinds.ours(key)
