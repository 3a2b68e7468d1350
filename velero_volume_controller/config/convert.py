"""The nine keys' rules as the native format can say them."""

import dataclasses
from collections.abc import Callable, Iterable

from velero_volume_controller.api.configuration import Configuration, Names, Rule
from velero_volume_controller.api.names import is_namespace, is_object_pattern
from velero_volume_controller.api.volume_types import VOLUME_TYPES


def as_native(configuration: Configuration) -> tuple[Configuration, list[str]]:
    """The nine keys' configuration without what no object can be called, and a sentence on all that went.

    Names are compared exactly by the nine keys, but for Jobs, so a ``*`` in them
    matches nothing; in the native format it would match. A rule that nothing is
    left of is left out.
    """
    (rule,) = configuration.rules
    notes: list[str] = []
    include, exclude = rule.namespaces.include, rule.namespaces.exclude
    if include is not None:
        include = Names(_kept("includeNamespaces", include.exact, is_namespace, notes))
    exclude = Names(_kept("excludeNamespaces", exclude.exact, is_namespace, notes))
    types = _kept("includeVolumeTypes", rule.volumes.types or (), VOLUME_TYPES.__contains__, notes)
    possible = _kept("excludeJobs", rule.pods.exclude_jobs, is_object_pattern, notes)
    jobs = tuple(job for job in rule.pods.exclude_jobs if job in possible)
    kept: tuple[Rule, ...] = (
        dataclasses.replace(
            rule,
            namespaces=dataclasses.replace(rule.namespaces, include=include, exclude=exclude),
            pods=dataclasses.replace(rule.pods, exclude_jobs=jobs),
            volumes=dataclasses.replace(rule.volumes, types=types),
        ),
    )
    if not types:
        notes.append("There is no rule, because the nine keys leave no type of volume to back up.")
        kept = ()
    elif include == Names():
        notes.append("There is no rule, because includeNamespaces names no namespace that can be.")
        kept = ()
    return dataclasses.replace(configuration, rules=kept, as_go_program=False), notes


def _kept(
    key: str, names: Iterable[str], possible: Callable[[str], bool], notes: list[str]
) -> frozenset[str]:
    """Those that something can be called; ``notes`` learns of the others."""
    names = frozenset(names)
    kept = frozenset(name for name in names if possible(name))
    if names - kept:
        gone = ", ".join(repr(name) for name in sorted(names - kept))
        exactly = "the nine keys compare exactly and " if key != "excludeJobs" else ""
        notes.append(f"{key}: left out {gone}, which {exactly}nothing is called.")
    return kept
