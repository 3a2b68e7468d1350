"""Label selectors of BackupSets, as Kubernetes's labels package decides them."""

from collections.abc import Mapping

from velero_volume_controller.api.backupset import LabelSelector, Requirement


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether all terms hold. An empty selector holds for all labels."""
    if any(labels.get(key) != value for key, value in selector.match_labels.items()):
        return False
    return all(_holds(requirement, labels) for requirement in selector.match_expressions)


def _holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "In":
            return value in requirement.values
        case "NotIn":
            # A label that is absent satisfies NotIn.
            return value not in requirement.values
