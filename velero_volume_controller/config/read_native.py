"""Reading a native document: YAML nodes go in, a Configuration and warnings come out.

Everything that is wrong is reported at once. A module of its own, so that the
schema and its library are loaded only when there is a native document to read.
"""

from typing import Any, Final

import msgspec
import yaml

from velero_volume_controller.api.configuration import Configuration, Ownership
from velero_volume_controller.config.checks import (
    PlacedRule,
    rule_problems,
    rule_warnings,
    same_names,
)
from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.config.native import ControllerConfig, RuleSpec
from velero_volume_controller.config.ninekeys import SECTIONS
from velero_volume_controller.config.schema import boolean_keys, schema
from velero_volume_controller.config.schema_problems import schema_problems
from velero_volume_controller.config.translate_native import translate
from velero_volume_controller.config.tree import Path, grow

_RULES: Final[Path] = ("annotator", "rules")


def read(root: yaml.Node, file: str, ownership: Ownership | None) -> tuple[Configuration, tuple[str, ...]]:
    """The configuration, and what there is to warn of.

    Raises ConfigurationError with every problem that was found, by line.
    """
    tree = grow(root, file, boolean_keys(schema()))
    wrong: set[Path] = set()
    for path, what in schema_problems(tree.data, schema(), _elsewhere):
        tree.add(path, what)
        wrong.add(path[:3])
    written = _written_rules(tree.data)
    # More can be said of the rules that the schema found nothing wrong with.
    rules: list[PlacedRule] = [
        (place, msgspec.convert(rule, RuleSpec)) for place, rule in written if place not in wrong
    ]
    for place, rule in rules:
        for path, what in rule_problems(place, rule):
            tree.add(path, what)
    names = ((place, rule.get("name")) for place, rule in written if isinstance(rule, dict))
    for path, what in same_names((place, name) for place, name in names if isinstance(name, str)):
        tree.add(path, what)
    if tree.problems:
        raise ConfigurationError(*tree.listed())
    document = msgspec.convert(tree.data, ControllerConfig)
    warnings = tuple(
        tree.sentence(path, what) for path, what in rule_warnings(rules, document.annotator.default)
    )
    return translate(document, ownership, file), warnings


def _elsewhere(key: str, _: Path) -> str | None:
    """What to do about a key of the other format."""
    if key not in SECTIONS:
        return None
    return "It belongs to the format of the nine keys; vvc config convert turns that into this one."


def _written_rules(data: Any) -> list[tuple[Path, Any]]:
    """What stands in the list of rules, right or wrong, and where."""
    for key in _RULES:
        data = data.get(key) if isinstance(data, dict) else None
    return [
        ((*_RULES, position), rule) for position, rule in enumerate(data if isinstance(data, list) else [])
    ]
