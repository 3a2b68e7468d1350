"""Whether what the backup holds can be here: kinds, namespaces, StorageClasses, quotas. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from velero_volume_controller.api.quantities import quantity
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.facts import Facts, Quota, Remark
from velero_volume_controller.restore.planned import Action, Planned
from velero_volume_controller.restore.run import few
from velero_volume_controller.restore.steps import Problem
from velero_volume_controller.velero.model.backup_contents import Key

_DEFINITION: Final = ("apiextensions.k8s.io", "CustomResourceDefinition")
_STORAGE_CLASS: Final = ("storage.k8s.io", "StorageClass")
#: Names of quotas from before ``count/`` (apiserver, quota/v1/evaluator/core), by the kind that they count.
_OLD_COUNTS: Final = {
    ("", "Pod"): "pods",
    ("", "Service"): "services",
    ("", "Secret"): "secrets",
    ("", "ConfigMap"): "configmaps",
    ("", "PersistentVolumeClaim"): "persistentvolumeclaims",
    ("", "ReplicationController"): "replicationcontrollers",
    ("", "ResourceQuota"): "resourcequotas",
}


def discovered(facts: Facts) -> Iterator[Problem | Remark]:
    """All of the API answers: what is behind the rest can't be seen, and may stand in the way."""
    if facts.served.unanswered:
        yield Problem(
            "ApiUnanswered",
            f"these APIs do not answer: {few(facts.served.unanswered)}; see kubectl get apiservices, and"
            " bring up what serves them, or delete the APIService",
        )


def standing(facts: Facts) -> Iterator[Problem | Remark]:
    """None of the namespaces is being deleted: nothing can be made in such a one."""
    gone = sorted(
        name for name in facts.targets if name in facts.namespaces and facts.namespaces[name].terminating
    )
    if gone:
        yield Problem(
            "NamespaceTerminating",
            f"{few(gone)} is being deleted, and nothing can be made in it; wait until it is gone (kubectl"
            " describe namespace says what it waits for)",
        )


def served(facts: Facts) -> Iterator[Problem | Remark]:
    """Each kind that comes back is served in the version that the backup has it in.

    Velero makes an object in that version and no other (1.14 to 1.18, restore.go, getResourceClient); with
    the feature EnableAPIGroupVersions, it may have it in several, of which one is enough.
    """
    held: dict[tuple[str, str], set[str]] = {}
    for group, version, name in facts.contents.versions:
        held.setdefault((group, name), set()).add(version)
    coming: dict[tuple[str, str], list[Key]] = {}
    for each in facts.coming:
        coming.setdefault(kinds.of(each.key), []).append(each.key)
    defined = [key.name for key in coming.get(_DEFINITION, ())]
    for kind, keys in sorted(coming.items()):
        versions = held.get(kind)
        here = facts.served.kinds.get(kind)
        known = here.versions if here is not None else ()
        if versions is None or versions.intersection(known):
            continue
        if here is None and any(name.endswith(f".{kind[0]}") for name in defined):
            continue  # its definition comes back before it
        wanted = " or ".join(sorted(_version(kind[0], version) for version in versions))
        serves = ", ".join(_version(kind[0], version) for version in known) or "no version of it"
        yield Problem(
            "VersionNotServed",
            f"{len(keys)} of kind {kind[1]} would not come back ({few(keys)}): the backup has them as"
            f" {wanted}, and this cluster serves {serves}; install what serves that version, or restore"
            " namespaces without them",
        )


def _version(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


def classes(facts: Facts) -> Iterator[Problem | Remark]:
    """The StorageClasses of claims that come back are there. A claim that is not there now, and comes from
    another namespace, is as the one there."""
    if facts.spec.rehearsal is not None and facts.spec.rehearsal.storage_class is not None:
        return
    coming = {each.key for each in facts.coming}
    made = {key.name for key in coming if kinds.of(key) == _STORAGE_CLASS}
    live = {(claim.namespace, claim.name): claim for claim in facts.claims}
    sources = {target: source for source, target in facts.plan.targets.items()}
    told: set[Key] = set()
    missing: dict[str, list[Key]] = {}
    for key in sorted(each for each in coming if kinds.of(each) == kinds.CLAIM):
        claim = live.get((key.namespace, key.name)) or live.get((sources.get(key.namespace, ""), key.name))
        if claim is None:
            continue
        told.add(key)
        name = facts.velero.class_changes.get(claim.storage_class, claim.storage_class)
        if name and name not in facts.classes | made:
            missing.setdefault(name, []).append(key)
    for name, keys in sorted(missing.items()):
        yield Problem(
            "StorageClassMissing",
            f"there is no StorageClass {name}, which {few(keys)} would wait for; make it, or have Velero take"
            " another one (ConfigMap with the label velero.io/change-storage-class)",
        )
    untold = sorted(key for key in coming - told if kinds.of(key) == kinds.CLAIM)
    if untold:
        yield Remark(
            f"which StorageClass these claims need can't be told, for they are not there now: {few(untold)};"
            " if it is missing, they stay Pending"
        )


def quotas(facts: Facts) -> Iterator[Problem | Remark]:
    """A ResourceQuota that stays leaves room for what comes back, as far as it counts objects."""
    staying = {each.key for each in facts.plan.objects if each.action is Action.KEEP}
    for quota in facts.quotas:
        if quota.key not in staying:
            continue
        for name, hard in sorted(quota.hard.items()):
            going = _counted(facts, facts.going, quota, name)
            coming = _counted(facts, facts.coming, quota, name)
            if going is None or coming is None or quota.scoped:
                continue
            try:
                # What goes is in use, whatever the status says so far.
                used = max(quantity(quota.used.get(name, "0")), going)
                room = quantity(hard) - used + going
            except ValueError:
                continue  # negative, or none
            if coming and coming > room:
                yield Problem(
                    "QuotaExceeded",
                    f"{quota.key} allows {hard} {name}, of which {used - going} stay used, and {coming} would"
                    " come back; raise it, or have it deleted with spec.extras",
                )
        yield from _unknown(facts, quota)


def _unknown(facts: Facts, quota: Quota) -> Iterator[Remark]:
    """What a backup's list does not tell: sizes, and what pods ask for."""
    namespace = quota.key.namespace
    more = sum(each.key.namespace == namespace for each in facts.coming) - sum(
        each.key.namespace == namespace for each in facts.going
    )
    sizes = [name for name in sorted(quota.hard) if quota.scoped or not _counts_objects(facts, name)]
    if sizes and more > 0:
        yield Remark(
            f"whether {quota.key} leaves room for what comes back can't be told of {few(sizes)}: {more}"
            " objects more come back than are deleted"
        )


def _counts_objects(facts: Facts, name: str) -> bool:
    return name.startswith("count/") or name in _OLD_COUNTS.values()


def _counted(facts: Facts, objects: Iterable[Planned], quota: Quota, name: str) -> int | None:
    """How many of these objects the quota counts under that name; None if it does not count objects."""
    if not _counts_objects(facts, name):
        return None
    return sum(
        each.key.namespace == quota.key.namespace and name in _names(facts, kinds.of(each.key))
        for each in objects
    )


def _names(facts: Facts, kind: tuple[str, str]) -> set[str]:
    """Under what a quota counts a kind: pods, count/deployments.apps."""
    found = {_OLD_COUNTS[kind]} if kind in _OLD_COUNTS else set()
    here = facts.served.kinds.get(kind)
    if here is not None:
        found.add(f"count/{here.plural}.{kind[0]}" if kind[0] else f"count/{here.plural}")
    return found
