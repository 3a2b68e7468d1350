"""What of a backup is rehearsed, under which names, and what is not and why. Pure.

A rehearsal runs copies of what runs elsewhere. What it brings back is said kind by kind, so that a kind that
nobody here has heard of is never among it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from velero_volume_controller.api.cleanrestore import Clearing
from velero_volume_controller.api.glob import matches
from velero_volume_controller.api.names import LABEL_LENGTH
from velero_volume_controller.api.words import counted
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.contents import Contents
from velero_volume_controller.restore.planned import PlanRefused
from velero_volume_controller.restore.run import few
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData
from velero_volume_controller.velero.model.restores import NEVER_RESTORED

#: Kinds that are rehearsed, as Velero's RestoreSpec names them.
REHEARSED: Final[Mapping[tuple[str, str], str]] = {
    ("", "ConfigMap"): "configmaps",
    ("", "PersistentVolumeClaim"): "persistentvolumeclaims",
    ("", "Pod"): "pods",
    ("", "ReplicationController"): "replicationcontrollers",
    ("", "Secret"): "secrets",
    ("", "ServiceAccount"): "serviceaccounts",
    ("apps", "ControllerRevision"): "controllerrevisions.apps",
    ("apps", "DaemonSet"): "daemonsets.apps",
    ("apps", "Deployment"): "deployments.apps",
    ("apps", "ReplicaSet"): "replicasets.apps",
    ("apps", "StatefulSet"): "statefulsets.apps",
}
#: Why others are not.
_WHY: Final[Mapping[tuple[str, str], str]] = {
    ("", "Service"): "not rehearsed: nothing is to be reached, by a load balancer or a name in the DNS",
    ("networking.k8s.io", "NetworkPolicy"): (
        "not rehearsed: policies add up, and one that allows something would open what is closed"
    ),
    ("networking.k8s.io", "Ingress"): "not rehearsed: nothing is to be reached from outside",
    kinds.CRON_JOB: "not rehearsed: Jobs would do their work a second time",
    kinds.JOB: "not rehearsed: Jobs would do their work a second time",
    ("rbac.authorization.k8s.io", "Role"): "not rehearsed: what runs is to have no rights in the cluster",
    ("rbac.authorization.k8s.io", "RoleBinding"): (
        "not rehearsed: what runs is to have no rights in the cluster"
    ),
    ("policy", "PodDisruptionBudget"): "not rehearsed: it would hold up whoever drains a node",
    ("", "ResourceQuota"): "not rehearsed: it says how much may run, and nothing runs by it",
    ("", "LimitRange"): "not rehearsed: it says how much may run, and nothing runs by it",
    ("autoscaling", "HorizontalPodAutoscaler"): "not rehearsed: as many pods run as were backed up",
}
CLUSTER_SCOPED: Final = "not rehearsed: cluster-scoped objects are left as they are"
CUSTOM: Final = (
    "not rehearsed: an operator may stand behind a custom resource and act outside of the namespace"
)
OTHER: Final = "not rehearsed: only workloads, their configuration and their data are"
OF_SYSTEM: Final = "not rehearsed: namespaces of Kubernetes's own and of Velero's"

_MIDDLE: Final = "-rehearsal-"
_DIGITS: Final = 8
#: Of a name that is too long, so much of its digest tells it from others that begin alike.
_TELLING: Final = 10


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """``contents`` is what comes back; ``left_out`` what does not, by why. ``differences`` are sentences on
    data that a real restore would bring back and this one does not."""

    contents: Contents
    left_out: Mapping[str, tuple[Key, ...]]
    differences: tuple[str, ...] = ()


def scratch_name(source: str, uid: str) -> str:
    """Of the namespace into which a run of this uid restores that one: the same each time, at most 63
    characters, another one for each namespace."""
    end = f"{_MIDDLE}{hashlib.sha256(uid.encode()).hexdigest()[:_DIGITS]}"
    most = LABEL_LENGTH - len(end)
    if len(source) > most:
        telling = hashlib.sha256(source.encode()).hexdigest()[:_TELLING]
        source = f"{source[: most - _TELLING - 1].rstrip('-')}-{telling}"
    return source + end


def rehearsed(contents: Contents, veleros: Iterable[str]) -> Rehearsed:
    """What of it is. ``veleros`` are the namespaces of those that restore it."""
    own = frozenset(veleros)
    left_out: dict[str, list[Key]] = {}
    items = []
    for key in sorted(contents.items):
        why = _why_not(key, own)
        if why is None:
            items.append(key)
        else:
            left_out.setdefault(why, []).append(key)
    data = [each for each in contents.data if not _system(each.namespace, own)]
    notes = (_note(why, keys) for why, keys in left_out.items())
    kept = replace(
        contents,
        items=frozenset(items),
        notes=(*contents.notes, *sorted(notes)),
        data=tuple(each for each in data if not each.snapshot),
        lacking=tuple(each for each in contents.lacking if not _system(each.namespace, own)),
    )
    return Rehearsed(
        kept,
        {why: tuple(keys) for why, keys in sorted(left_out.items())},
        tuple(_snapshots(data)),
    )


def mapped(wanted: Clearing, contents: Contents, uid: str, veleros: Iterable[str]) -> Clearing:
    """What is asked for, with a scratch namespace for each one that is chosen. Raises PlanRefused."""
    if system := sorted(name for name in wanted.namespaces.include if _system(name, frozenset(veleros))):
        raise PlanRefused(
            f"spec.namespaces.include names {few(system)}: namespaces of Kubernetes's own and of Velero's are"
            " not rehearsed, for a second one of what is in them would get in the way of the first; leave"
            " them out"
        )
    there = {key.namespace for key in contents.items if key.namespace}
    there |= {key.name for key in contents.items if kinds.of(key) == kinds.NAMESPACE}
    chosen = sorted(name for name in there if chooses(wanted, name))
    return msgspec.structs.replace(
        wanted, namespace_mapping={name: scratch_name(name, uid) for name in chosen}
    )


def chooses(wanted: Clearing, name: str) -> bool:
    """Whether a namespace of the backup is asked for."""
    named = wanted.namespaces
    return any(matches(pattern, name) for pattern in named.include) and not any(
        matches(pattern, name) for pattern in named.exclude
    )


def _system(name: str, veleros: frozenset[str]) -> bool:
    return name.startswith("kube-") or name in veleros


def _why_not(key: Key, veleros: frozenset[str]) -> str | None:
    """None for what is rehearsed."""
    kind = kinds.of(key)
    if _system(key.name if kind == kinds.NAMESPACE else key.namespace, veleros):
        return OF_SYSTEM
    if kind == kinds.NAMESPACE or kind in REHEARSED:
        return None
    if kind in NEVER_RESTORED or kinds.left_out(key):
        # A real restore would not bring it back either.
        return None
    if not key.namespace:
        return CLUSTER_SCOPED
    if kinds.custom(key):
        return CUSTOM
    return _WHY.get(kind, OTHER)


def _note(why: str, keys: list[Key]) -> str:
    are = "is" if len(keys) == 1 else "are"
    return f"{counted(len(keys), 'object')} {are} {why} ({few(keys)})."


def _snapshots(data: Iterable[VolumeData]) -> Iterator[str]:
    """A snapshot that is restored is bound to the one in the backup: with the scratch namespace that one
    might be deleted. So claims whose data is in snapshots come back empty."""
    told = sorted({(each.namespace, each.claim or each.persistent_volume) for each in data if each.snapshot})
    for namespace, claim in told:
        yield (
            f"The data of PersistentVolumeClaim {namespace}/{claim} was not rehearsed: it is in a snapshot,"
            " and only file-system backups are rehearsed"
        )
