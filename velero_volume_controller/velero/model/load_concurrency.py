"""How many volumes a node-agent takes at the same time: ``loadConcurrency`` of its ConfigMap. Pure.

As pkg/cmd/cli/nodeagent/server.go, getDataPathConcurrentNum, of 1.18.3: the smallest
number of the rules that select the node, else the global one, else 1; numbers below 1
are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from velero_volume_controller.api.backupset import LabelSelector, Requirement
from velero_volume_controller.api.selectors import selects

#: Volumes at a time where nothing is configured (defaultDataPathConcurrentNum).
DEFAULT: Final = 1


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """What a ConfigMap holds for the node-agent; ``problem`` says why Velero could not read it."""

    namespace: str
    name: str
    default: int = DEFAULT
    rules: tuple[tuple[LabelSelector, int], ...] = ()
    problem: str | None = None


class _WireRequirement(msgspec.Struct):
    key: str
    operator: str
    values: list[str] | None = None


class _WireSelector(msgspec.Struct, rename="camel"):
    match_labels: dict[str, str] | None = None
    match_expressions: list[_WireRequirement] | None = None


class _WireRule(msgspec.Struct, rename="camel"):
    node_selector: _WireSelector | None = None
    number: int = 0


class _WireConcurrency(msgspec.Struct, rename="camel"):
    global_config: int = 0
    per_node_config: list[_WireRule] | None = None


class _WireAgentConfig(msgspec.Struct, rename="camel"):
    load_concurrency: _WireConcurrency | None = None


class _WireMetadata(msgspec.Struct):
    name: str
    namespace: str = ""


class _WireConfigMap(msgspec.Struct):
    metadata: _WireMetadata
    data: dict[str, str] | None = None


_CONFIG_MAP: Final = msgspec.json.Decoder(_WireConfigMap)
_CONFIG: Final = msgspec.json.Decoder(_WireAgentConfig)


def decode_agent_config(raw: bytes | msgspec.Raw) -> AgentConfig:
    """Decode a node-agent's ConfigMap: one key, whatever its name, that holds JSON.

    Raises msgspec.MsgspecError if it is no ConfigMap.
    """
    wire = _CONFIG_MAP.decode(raw)
    namespace, name, data = wire.metadata.namespace, wire.metadata.name, wire.data or {}
    if len(data) != 1:
        # pkg/nodeagent, GetConfigs; the node-agent does not start then.
        problem = f"holds {len(data)} keys where the node-agent wants one"
        return AgentConfig(namespace, name, problem=problem)
    (text,) = data.values()
    try:
        config = _CONFIG.decode(text.encode("utf-8", "replace"))
    except msgspec.MsgspecError as error:
        return AgentConfig(namespace, name, problem=f"can't be read by the node-agent: {error}")
    concurrency = config.load_concurrency or _WireConcurrency()
    rules = tuple(
        (selector, rule.number)
        for rule in concurrency.per_node_config or []
        if rule.number > 0 and (selector := _selector(rule.node_selector)) is not None
    )
    return AgentConfig(namespace, name, max(concurrency.global_config, 0) or DEFAULT, rules)


def _selector(wire: _WireSelector | None) -> LabelSelector | None:
    """None for one that Kubernetes does not accept; Velero skips its rule."""
    wire = wire or _WireSelector()
    try:
        terms = [
            msgspec.convert(
                {"key": each.key, "operator": each.operator, "values": each.values or []}, Requirement
            )
            for each in wire.match_expressions or []
        ]
    except msgspec.ValidationError:
        return None
    if any((term.operator in {"In", "NotIn"}) != bool(term.values) for term in terms):
        return None
    return LabelSelector(match_labels=wire.match_labels or {}, match_expressions=terms)


def most(default: int, load: Mapping[str, int]) -> int:
    """Of what ``capacities`` says of all nodes."""
    return max(default, *load.values(), DEFAULT)


def capacities(
    config: AgentConfig, what: str, nodes: Mapping[str, Mapping[str, str]] | None, notes: list[str]
) -> tuple[int, dict[str, int]]:
    """Volumes at a time where a node is not named, and by node. Notes call the ConfigMap ``what``."""
    if config.problem is not None:
        notes.append(f"{what} {config.problem}; one volume at a time is assumed on each node.")
        return DEFAULT, {}
    if config.rules and nodes is None:
        notes.append(
            f"{what} has perNodeConfig, and Nodes could not be read: {config.default} at a time is assumed"
            " on each node."
        )
        return config.default, {}
    load: dict[str, int] = {}
    for node, labels in (nodes or {}).items():
        numbers = [number for selector, number in config.rules if selects(selector, labels)]
        if numbers:
            load[node] = min(numbers)
    return config.default, load
