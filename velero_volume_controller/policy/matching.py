"""Whether a rule speaks of a pod and of a volume; if not, why not."""

from velero_volume_controller.api.configuration import Rule
from velero_volume_controller.policy.glob import matches
from velero_volume_controller.velero.model.pods import Pod, Volume


def pod_mismatch(rule: Rule, pod: Pod) -> str | None:
    """Why the rule does not speak of this pod, or None if it does.

    The owning Job is looked at before the namespace, as the Go program does.
    """
    for owner in pod.metadata.owner_references:
        if owner.kind != "Job":
            continue
        for pattern in rule.pods.exclude_jobs:
            if matches(pattern, owner.name):
                return f"its Job {owner.name} matches excludeJobs {pattern!r}"
    namespace = pod.metadata.namespace
    if rule.namespaces.include is not None and namespace not in rule.namespaces.include:
        return f"namespace {namespace} is not among the included namespaces"
    if namespace in rule.namespaces.exclude:
        return f"namespace {namespace} is excluded"
    return None


def volume_mismatch(rule: Rule, volume: Volume) -> str | None:
    """Why the rule does not speak of this volume, or None if it does."""
    if rule.volumes.types is not None and volume.type not in rule.volumes.types:
        return f"volumes of type {volume.type} are not among the rule's types"
    return None
