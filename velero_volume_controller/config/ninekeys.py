"""The nine keys: the configuration of the Go program velero-volume-controller.

In goes a YAML tree, out come nine texts and what there is to warn of. What the
texts mean is in ``translate``.
"""

import difflib
from dataclasses import dataclass, field
from typing import Final

import yaml

from velero_volume_controller.config import document
from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.config.formats import API_VERSION, KIND

CLUSTER_SECTION: Final = "clusterServerCfg"
VOLUME_SECTION: Final = "veleroVolumeCfg"

#: Every section and its keys, by the names in the file.
SECTIONS: Final = {
    CLUSTER_SECTION: frozenset({"masterURL", "kubeConfig", "leaseLockNamespace", "leaseLockName"}),
    VOLUME_SECTION: frozenset(
        {"includeNamespaces", "excludeNamespaces", "includeVolumeTypes", "excludeVolumeTypes", "excludeJobs"}
    ),
}


@dataclass
class NineKeys:
    """The nine values as typed; a key that is absent, empty or null is ``""``.

    ``lines`` says where each key stands, for messages.
    """

    file: str
    values: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def __getitem__(self, key: str) -> str:
        return self.values.get(key, "")

    def at(self, key: str) -> str:
        """``FILE:LINE: key KEY``, the beginning of every message about a key."""
        return f"{self.file}:{self.lines.get(key, 1)}: key {key}"


def parse(root: yaml.Node | None, file: str) -> NineKeys:
    """Read the nine keys from a document's root.

    An empty file or section is legal (the Go program crashes on both). A list or
    map where text belongs raises ConfigurationError; an unknown key is a warning.
    """
    keys = NineKeys(file)
    if root is None or document.is_null(root):
        return keys
    if not isinstance(root, yaml.MappingNode):
        raise ConfigurationError(
            f"{file}:{document.line_of(root)}: expected the sections {CLUSTER_SECTION} and "
            f"{VOLUME_SECTION}, found {document.kind(root)}. See docs/annotating.md for an example."
        )
    _refuse_other_formats(root, file)
    for section, line, node in document.entries(root, file, frozenset(SECTIONS)):
        if section not in SECTIONS:
            keys.warnings.append(_unknown_section(f"{file}:{line}", section))
        else:
            _parse_section(keys, section, line, node)
    return keys


def _refuse_other_formats(root: yaml.MappingNode, file: str) -> None:
    """Stop at a Kubernetes object: with its keys merely unknown, every namespace would be annotated."""
    top = document.top_level(root)
    if "apiVersion" not in top or "kind" not in top:
        return
    kind = document.text(top["kind"])
    what = f"{file}:{document.line_of(root)}: is a Kubernetes object of kind {document.shown(kind)}"
    if kind == "ConfigMap":
        raise ConfigurationError(
            f"{what}, expected the text under its key config.yml. Put that text in a file of its own."
        )
    raise ConfigurationError(
        f"{what}, expected {KIND} of {API_VERSION}, or the sections {CLUSTER_SECTION} and {VOLUME_SECTION}. "
        "Give a file of one of these formats."
    )


def _parse_section(keys: NineKeys, section: str, line: int, node: yaml.Node) -> None:
    if document.is_null(node):
        return
    if not isinstance(node, yaml.MappingNode):
        raise ConfigurationError(
            f"{keys.file}:{line}: key {section}: expected keys below it, found {document.kind(node)}. "
            f"Known keys: {', '.join(sorted(SECTIONS[section]))}."
        )
    for key, key_line, value in document.entries(node, keys.file, SECTIONS[section]):
        if key not in SECTIONS[section]:
            keys.warnings.append(_unknown_key(keys.file, section, key, key_line))
            continue
        if key in keys.values:
            keys.warnings.append(
                f"{keys.file}:{key_line}: key {key} is set twice (first on line {keys.lines[key]}); "
                "the last one counts. Remove the other."
            )
        keys.values[key] = _text(keys.file, key, key_line, value)
        keys.lines[key] = key_line


def _text(file: str, key: str, line: int, node: yaml.Node) -> str:
    if document.is_null(node):
        return ""
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    advice = 'Write it as text, for several values joined by commas: "a,b".'
    if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
        joined = ",".join(item.value for item in node.value)
        if joined.isprintable():
            advice = f'Write it as text, values joined by commas: {key}: "{joined}".'
    raise ConfigurationError(
        f"{file}:{line}: key {key}: expected text, found {document.kind(node)}. {advice}"
    )


def _unknown_section(where: str, key: str) -> str:
    other = _section_of(key)
    if other is None:
        return _unknown(where, key, list(SECTIONS))
    return (
        f"{where}: key {key} belongs in section {other}, not at the top: ignored, as if it were not set. "
        "Move it there."
    )


def _section_of(key: str) -> str | None:
    return next((name for name, known in SECTIONS.items() if key in known), None)


def _unknown_key(file: str, section: str, key: str, line: int) -> str:
    other = _section_of(key)
    if other is not None:
        return f"{file}:{line}: key {key} belongs in section {other}, not {section}: ignored. Move it there."
    return _unknown(f"{file}:{line}", key, sorted(SECTIONS[section]))


def _unknown(where: str, key: str, known: list[str]) -> str:
    by_lower_case = {name.lower(): name for name in known}
    near = difflib.get_close_matches(key.lower(), by_lower_case, n=1, cutoff=0.6)
    advice = f"Did you mean {by_lower_case[near[0]]}?" if near else f"Known keys: {', '.join(known)}."
    return f"{where}: key {document.shown(key)} is unknown and ignored. {advice}"
