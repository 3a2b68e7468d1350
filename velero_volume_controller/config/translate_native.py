"""From a native document that was found right to the one Configuration."""

from velero_volume_controller.api.configuration import (
    ClusterServer,
    Configuration,
    Names,
    NamespaceFilter,
    Operator,
    Ownership,
    PodFilter,
    Requirement,
    Rule,
    Selector,
    VolumeFilter,
)
from velero_volume_controller.api.quantities import quantity
from velero_volume_controller.config.native import ControllerConfig, RuleSpec, SelectorSpec


def translate(document: ControllerConfig, ownership: Ownership | None, source: str) -> Configuration:
    """The configuration; ``ownership`` beats the document's unless it is None."""
    annotator, lease = document.annotator, document.leader_election
    return Configuration(
        cluster=ClusterServer(
            master_url=document.client_connection.server,
            kube_config=document.client_connection.kubeconfig,
            lease_namespace=lease.resource_namespace,
            lease_name=lease.resource_name,
        ),
        mode=annotator.mode,
        ownership=ownership or annotator.ownership,
        default=annotator.default,
        adopt=annotator.adopt,
        rules=tuple(_rule(rule) for rule in annotator.rules),
        as_go_program=False,
        source=source,
    )


def _rule(rule: RuleSpec) -> Rule:
    namespaces, pods, volumes = rule.namespaces, rule.pods, rule.volumes
    return Rule(
        name=rule.name,
        action=rule.action,
        namespaces=NamespaceFilter(
            include=_condition(namespaces.include),
            exclude=_names(namespaces.exclude),
            selector=_selector(namespaces.selector),
        ),
        pods=PodFilter(selector=_selector(pods.selector), exclude_jobs=tuple(pods.exclude_jobs)),
        volumes=VolumeFilter(
            types=frozenset(volumes.types) if volumes.types else None,
            names=_condition(volumes.names),
            claims=_condition(volumes.claims),
            claim_selector=_selector(volumes.claim_selector),
            storage_classes=_condition(volumes.storage_classes),
            min_size=quantity(volumes.min_size) if volumes.min_size else None,
            max_size=quantity(volumes.max_size) if volumes.max_size else None,
        ),
    )


def _condition(names: list[str]) -> Names | None:
    """No names are no condition: an empty list cannot be written."""
    return _names(names) if names else None


def _names(names: list[str]) -> Names:
    return Names(
        exact=frozenset(name for name in names if "*" not in name),
        patterns=tuple(name for name in names if "*" in name),
    )


def _selector(selector: SelectorSpec) -> Selector:
    labels = (Requirement(key, Operator.IN, (value,)) for key, value in selector.match_labels.items())
    expressions = (
        Requirement(each.key, each.operator, tuple(each.values)) for each in selector.match_expressions
    )
    return (*labels, *expressions)
