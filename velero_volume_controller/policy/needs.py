"""Which objects besides pods a configuration's rules have to read."""

from collections.abc import Iterator

from velero_volume_controller.api.configuration import Configuration
from velero_volume_controller.policy.matching import asks_for_claim


def needs(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """(rule, resource) for each rule that can't be decided without that resource.

    Resources are named as RBAC names them: namespaces, persistentvolumeclaims.
    """
    for rule in configuration.rules:
        if rule.namespaces.selector:
            yield rule.name, "namespaces"
        if asks_for_claim(rule.volumes):
            yield rule.name, "persistentvolumeclaims"
