"""Whether a rule speaks of a pod and of a volume; if not, why not."""

from collections.abc import Mapping

from velero_volume_controller.api.configuration import (
    Names,
    Operator,
    Requirement,
    Rule,
    Selector,
    VolumeFilter,
)
from velero_volume_controller.api.glob import matches
from velero_volume_controller.velero.model.claims import Claim
from velero_volume_controller.velero.model.pods import Pod, Volume
from velero_volume_controller.velero.model.surroundings import Surroundings


class Unknown(str):
    """A mismatch for want of what the rule asks about: with it, it might have matched."""

    __slots__ = ()


def pod_mismatch(rule: Rule, pod: Pod, surroundings: Surroundings) -> str | None:
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
    if rule.namespaces.include is not None and not _named(rule.namespaces.include, namespace):
        return f"namespace {namespace} is not among the included namespaces"
    if _named(rule.namespaces.exclude, namespace):
        return f"namespace {namespace} is excluded"
    if rule.namespaces.selector:
        known = surroundings.namespace(pod)
        if known is None:
            return Unknown(f"the labels of namespace {namespace} are not known")
        unmet = _unmet(rule.namespaces.selector, known.labels)
        if unmet is not None:
            return f"namespace {namespace}: {unmet}"
    return _unmet(rule.pods.selector, pod.metadata.labels)


def volume_mismatch(rule: Rule, pod: Pod, volume: Volume, surroundings: Surroundings) -> str | None:
    """Why the rule does not speak of this volume, or None if it does."""
    wanted = rule.volumes
    if wanted.types is not None and volume.type not in wanted.types:
        return f"volumes of type {volume.type} are not among the rule's types"
    if wanted.names is not None and not _named(wanted.names, volume.name):
        return f"volume {volume.name} is not among the rule's names"
    if wanted.claims is not None:
        if volume.claim is None:
            return "no PersistentVolumeClaim is behind it, and the rule names claims"
        if not _named(wanted.claims, volume.claim):
            return f"PersistentVolumeClaim {volume.claim} is not among the rule's claims"
    if not asks_for_claim(wanted):
        return None
    if volume.claim is None:
        return "no PersistentVolumeClaim is behind it, and the rule asks for what only those have"
    claim = surroundings.claim(pod, volume)
    if claim is None:
        return Unknown(f"PersistentVolumeClaim {volume.claim} is not known")
    return _claim_mismatch(wanted, claim, surroundings)


def asks_for_claim(wanted: VolumeFilter) -> bool:
    """Whether the filter asks for what stands in the PersistentVolumeClaim object."""
    sized = wanted.min_size is not None or wanted.max_size is not None
    return sized or wanted.storage_classes is not None or bool(wanted.claim_selector)


def _claim_mismatch(wanted: VolumeFilter, claim: Claim, surroundings: Surroundings) -> str | None:
    """What is certain comes first: a condition that is not met decides whatever could not be seen."""
    found = [
        mismatch
        for mismatch in (
            _class_mismatch(wanted, claim, surroundings),
            _label_mismatch(wanted, claim),
            _size_mismatch(wanted, claim),
        )
        if mismatch is not None
    ]
    certain = (mismatch for mismatch in found if not isinstance(mismatch, Unknown))
    return next(certain, found[0] if found else None)


def _class_mismatch(wanted: VolumeFilter, claim: Claim, surroundings: Surroundings) -> str | None:
    if wanted.storage_classes is None:
        return None
    volume = surroundings.persistent_volume(claim)
    storage_class = claim.storage_class or (volume.storage_class if volume is not None else "")
    if _named(wanted.storage_classes, storage_class):
        return None
    if not storage_class and claim.volume and volume is None:
        return Unknown(
            f"PersistentVolumeClaim {claim.name} names no storage class, and PersistentVolume {claim.volume},"
            " which may, is not known"
        )
    found = f"storage class {storage_class}" if storage_class else "no storage class"
    return f"PersistentVolumeClaim {claim.name} has {found}, which is not among the rule's storageClasses"


def _label_mismatch(wanted: VolumeFilter, claim: Claim) -> str | None:
    unmet = _unmet(wanted.claim_selector, claim.labels)
    return None if unmet is None else f"PersistentVolumeClaim {claim.name}: {unmet}"


def _size_mismatch(wanted: VolumeFilter, claim: Claim) -> str | None:
    """No API server takes a claim without a size, but a file may hold one."""
    if wanted.min_size is None and wanted.max_size is None:
        return None
    what = f"PersistentVolumeClaim {claim.name}"
    if claim.size is None:
        return Unknown(f"the size of {what} is not known")
    if wanted.min_size is not None and claim.size < wanted.min_size:
        return f"{what} holds {claim.size} bytes, less than minSize"
    if wanted.max_size is not None and claim.size > wanted.max_size:
        return f"{what} holds {claim.size} bytes, more than maxSize"
    return None


def _named(names: Names, name: str) -> bool:
    return name in names.exact or any(matches(pattern, name) for pattern in names.patterns)


def _unmet(selector: Selector, labels: Mapping[str, str]) -> str | None:
    """The first requirement that these labels do not meet, in words; None if they meet all."""
    for requirement in selector:
        if not _meets(requirement, labels):
            values = f" ({', '.join(requirement.values)})" if requirement.values else ""
            found = repr(labels[requirement.key]) if requirement.key in labels else "no such label"
            return f"label {requirement.key} {requirement.operator.value}{values} is not met: found {found}"
    return None


def _meets(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """As Kubernetes's labels package: a label that is absent satisfies NotIn."""
    value = labels.get(requirement.key)
    match requirement.operator:
        case Operator.IN:
            return value is not None and value in requirement.values
        case Operator.NOT_IN:
            return value is None or value not in requirement.values
        case Operator.EXISTS:
            return value is not None
        case Operator.DOES_NOT_EXIST:
            return value is None
