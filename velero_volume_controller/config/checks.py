"""What a JSON Schema cannot say: conditions of one rule, or two rules, that contradict each other."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from velero_volume_controller.api.configuration import Action, Operator
from velero_volume_controller.api.glob import matches
from velero_volume_controller.api.quantities import quantity
from velero_volume_controller.api.volume_types import TYPES_NEVER_TAKEN, TYPES_WITH_CLAIM
from velero_volume_controller.config.native import (
    NamespacesSpec,
    RequirementSpec,
    RuleSpec,
    SelectorSpec,
    VolumesSpec,
)
from velero_volume_controller.config.tree import Path

#: (place, what is wrong there).
Problems = Iterator[tuple[Path, str]]

#: A rule, and the place it stands at.
PlacedRule = tuple[Path, RuleSpec]


def rule_problems(place: Path, rule: RuleSpec) -> Problems:
    """Conditions of one rule that nothing can meet."""
    namespaces, pods, volumes = (*place, "namespaces"), (*place, "pods"), (*place, "volumes")
    yield from _names(namespaces, rule.namespaces)
    yield from _selector((*namespaces, "selector"), rule.namespaces.selector)
    yield from _selector((*pods, "selector"), rule.pods.selector)
    yield from _selector((*volumes, "claimSelector"), rule.volumes.claim_selector)
    yield from _claims(volumes, rule.volumes)
    yield from _sizes(volumes, rule.volumes)


def same_names(names: Iterable[tuple[Path, str]]) -> Problems:
    """Rules whose name an earlier rule has."""
    first: dict[str, Path] = {}
    for place, name in names:
        if name in first:
            yield (*place, "name"), f"rules[{first[name][-1]}] is called {name!r} too. Rename one of them."
        else:
            first[name] = place


def rule_warnings(rules: Sequence[PlacedRule], default: Action) -> Problems:
    """Rules that can have no effect, or no rule that backs anything up."""
    if default is Action.SKIP and all(rule.action is Action.SKIP for _, rule in rules):
        yield (
            ("annotator",),
            "no rule says backup and the default is skip, so only volumes whose objects say so themselves "
            "are backed up.",
        )
    earlier: dict[Hashable, str] = {}
    everything = _conditions(RuleSpec(name="", action=Action.SKIP))
    for place, rule in rules:
        conditions = _conditions(rule)
        before = earlier.get(everything) or earlier.setdefault(conditions, rule.name)
        if before != rule.name:
            yield place, f"rule {rule.name} is never reached: rule {before} before it takes the same."
        types = rule.volumes.types
        if rule.action is Action.BACKUP and types and TYPES_NEVER_TAKEN.issuperset(types):
            yield (
                (*place, "volumes", "types"),
                f"Velero never takes {', '.join(types)} by file-system backup, so rule {rule.name} "
                "backs nothing up.",
            )


def _conditions(rule: RuleSpec) -> Hashable:
    """What a rule asks for, alike however it is written: the order of a list says nothing."""
    asked = msgspec.to_builtins(rule)
    del asked["name"], asked["action"]
    # Every volume has a namespace and a name, so these ask for nothing. Not every one has a PVC.
    for names, key in ((asked["namespaces"], "include"), (asked["volumes"], "names")):
        if any(map(_is_every_name, names[key])):
            names[key] = []
    return _frozen(asked)


def _frozen(data: Any) -> Hashable:
    if isinstance(data, dict):
        return frozenset((key, _frozen(value)) for key, value in data.items())
    return frozenset(map(_frozen, data)) if isinstance(data, list) else data


def _is_every_name(name: str) -> bool:
    return set(name) == {"*"}


def _names(place: Path, namespaces: NamespacesSpec) -> Problems:
    include, exclude = frozenset(namespaces.include), namespaces.exclude
    contradictions = False
    for position, name in enumerate(exclude):
        if name in include or _is_every_name(name):
            contradictions = True
            yield (
                (*place, "exclude", position),
                "excludes every namespace, so the rule matches nothing. Remove it."
                if _is_every_name(name)
                else f"{name!r} is included as well. Remove it from one of the two.",
            )
    if include and not contradictions and all(_is_within(name, exclude) for name in include):
        what = "excludes all that is included, so the rule matches nothing. Correct one of the two."
        yield (*place, "exclude"), what


def _is_within(name: str, others: Iterable[str]) -> bool:
    """Whether one of the others matches all that the name or pattern does.

    To be matched as text is enough for a pattern too: only ``*`` takes in its ``*``.
    """
    return any(matches(other, name) for other in others)


def _selector(place: Path, selector: SelectorSpec) -> Problems:
    """Conditions on one label that no value of it meets, together with those before."""
    conditions: list[tuple[Path, RequirementSpec]] = [
        ((*place, "matchLabels", key), RequirementSpec(key=key, operator=Operator.IN, values=[value]))
        for key, value in selector.match_labels.items()
    ]
    conditions += [
        ((*place, "matchExpressions", position), requirement)
        for position, requirement in enumerate(selector.match_expressions)
    ]
    by_key: dict[str, list[RequirementSpec]] = {}
    for where, requirement in conditions:
        before = by_key.setdefault(requirement.key, [])
        contradicted = _possible(before) and not _possible([*before, requirement])
        before.append(requirement)
        if contradicted:
            yield (
                where,
                f"contradicts what the selector says of label {requirement.key} before, "
                "so it matches nothing. Remove one of the two.",
            )


def _possible(requirements: list[RequirementSpec]) -> bool:
    """Whether a label can meet all of these; a label that is absent meets NotIn."""
    operators = {requirement.operator for requirement in requirements}
    if Operator.DOES_NOT_EXIST in operators:
        return not operators & {Operator.IN, Operator.EXISTS}
    one_of = [set(each.values) for each in requirements if each.operator is Operator.IN]
    if not one_of:
        return True
    none_of = {value for each in requirements if each.operator is Operator.NOT_IN for value in each.values}
    return bool(set.intersection(*one_of) - none_of)


def _claims(place: Path, volumes: VolumesSpec) -> Problems:
    if not volumes.types or TYPES_WITH_CLAIM.intersection(volumes.types):
        return
    asked = {
        "claims": volumes.claims,
        "claimSelector": volumes.claim_selector != SelectorSpec(),
        "storageClasses": volumes.storage_classes,
        "minSize": volumes.min_size,
        "maxSize": volumes.max_size,
    }
    keys = [key for key, given in asked.items() if given]
    if keys:
        yield (
            (*place, "types"),
            f"expected persistentVolumeClaim among the types, because {', '.join(keys)} match nothing else; "
            f"found {', '.join(volumes.types)}. Add it, or remove {', '.join(keys)}.",
        )


def _sizes(place: Path, volumes: VolumesSpec) -> Problems:
    if volumes.min_size and volumes.max_size and quantity(volumes.min_size) > quantity(volumes.max_size):
        yield (
            (*place, "maxSize"),
            f"{volumes.max_size} is less than minSize, {volumes.min_size}, so the rule matches nothing. "
            "Correct one of the two.",
        )
