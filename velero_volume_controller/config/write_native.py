"""From a Configuration to a native document that says the same."""

from collections.abc import Iterable
from typing import Any

import yaml

from velero_volume_controller.api.configuration import (
    ClusterServer,
    Configuration,
    Names,
    Operator,
    Requirement,
    Rule,
    Selector,
)
from velero_volume_controller.config.formats import API_VERSION, KIND


def write(configuration: Configuration, comments: Iterable[str] = ()) -> str:
    """The document as YAML, below a line of comment for each of ``comments``.

    What can be said in the native format reads back the same, but for ``source``,
    ``as_go_program``, and ``adopt`` which is written as it is here.
    """
    document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        **_cluster(configuration.cluster),
        "annotator": {
            "mode": configuration.mode.value,
            "ownership": configuration.ownership.value,
            "default": configuration.default.value,
            "adopt": configuration.adopt,
            "rules": [_rule(rule) for rule in configuration.rules],
        },
    }
    body = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return "".join(f"# {line}\n" for line in comments) + body


def _cluster(cluster: ClusterServer) -> dict[str, Any]:
    connection = _given(server=cluster.master_url, kubeconfig=cluster.kube_config)
    lease = {"resourceNamespace": cluster.lease_namespace, "resourceName": cluster.lease_name}
    return _given(clientConnection=connection, leaderElection=lease)


def _rule(rule: Rule) -> dict[str, Any]:
    namespaces, pods, volumes = rule.namespaces, rule.pods, rule.volumes
    return {
        "name": rule.name,
        "action": rule.action.value,
        **_given(
            namespaces=_given(
                include=_names(namespaces.include),
                exclude=_names(namespaces.exclude),
                selector=_selector(namespaces.selector),
            ),
            pods=_given(selector=_selector(pods.selector), excludeJobs=list(pods.exclude_jobs)),
            volumes=_given(
                types=sorted(volumes.types or ()),
                names=_names(volumes.names),
                claims=_names(volumes.claims),
                claimSelector=_selector(volumes.claim_selector),
                storageClasses=_names(volumes.storage_classes),
                minSize=_quantity(volumes.min_size),
                maxSize=_quantity(volumes.max_size),
            ),
        ),
    }


def _given(**values: Any) -> dict[str, Any]:
    """Without the keys that say nothing."""
    return {key: value for key, value in values.items() if value}


def _names(names: Names | None) -> list[str]:
    return [] if names is None else [*sorted(names.exact), *names.patterns]


def _quantity(size: int | None) -> str:
    return "" if size is None else str(size)


def _selector(selector: Selector) -> dict[str, Any]:
    """As ``matchLabels`` what comes first and can be, so that the order stays."""
    labels: dict[str, str] = {}
    rest = list(selector)
    while rest and rest[0].operator is Operator.IN and len(rest[0].values) == 1 and rest[0].key not in labels:
        first = rest.pop(0)
        labels[first.key] = first.values[0]
    return _given(matchLabels=labels, matchExpressions=[_requirement(each) for each in rest])


def _requirement(requirement: Requirement) -> dict[str, Any]:
    return {
        "key": requirement.key,
        "operator": requirement.operator.value,
        **_given(values=list(requirement.values)),
    }
