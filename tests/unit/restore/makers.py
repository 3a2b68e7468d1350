"""Live objects, backups and plans for tests, in as few words as each test needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from velero_volume_controller.api.cleanrestore import (
    Clearing,
    Extras,
    Protect,
    RestoredNamespaces,
    Scope,
)
from velero_volume_controller.restore.cluster import Cluster
from velero_volume_controller.restore.contents import Contents
from velero_volume_controller.restore.live import Live, Owner
from velero_volume_controller.restore.plan import make_plan
from velero_volume_controller.restore.planned import Input, Plan, Planned
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData

SHOP = "shop"

GROUPS: Mapping[str, str] = {
    "Deployment": "apps",
    "ReplicaSet": "apps",
    "StatefulSet": "apps",
    "DaemonSet": "apps",
    "Job": "batch",
    "CronJob": "batch",
    "Role": "rbac.authorization.k8s.io",
    "ClusterRole": "rbac.authorization.k8s.io",
    "StorageClass": "storage.k8s.io",
    "Widget": "example.com",
    "Backup": "velero.io",
    "CleanRestore": "vvc.velero.io",
}
CLUSTER_SCOPED = frozenset({"Namespace", "PersistentVolume", "ClusterRole", "StorageClass", "Node"})


def key(text: str) -> Key:
    """``Deployment web`` in the namespace shop, ``Pod other/web``, ``Namespace shop``."""
    kind, _, name = text.partition(" ")
    namespace, slash, rest = name.rpartition("/")
    if not slash:
        namespace = "" if kind in CLUSTER_SCOPED else SHOP
    return Key(GROUPS.get(kind, ""), kind, namespace, rest)


def live(text: str, *owners: Live, controller: Live | None = None, **more: Any) -> Live:
    """An object with these owners; its uid is its name, unless another one is given."""
    named = key(text)
    references = [Owner(owner.key.kind, owner.key.name, owner.uid) for owner in owners]
    if controller is not None:
        references.append(Owner(controller.key.kind, controller.key.name, controller.uid, controller=True))
    return Live(
        **{"key": named, "uid": str(named), "mark": "generation:1", "owners": tuple(references), **more}
    )


def pod(name: str, *claims: str, controller: Live | None = None, **more: Any) -> Live:
    """A pod on a node; each claim is mounted by a volume of its own name."""
    mounts = tuple((claim, claim) for claim in claims)
    return live(f"Pod {name}", controller=controller, **{"mounts": mounts, "scheduled": True, **more})


def claim(name: str, *owners: Live, **more: Any) -> Live:
    """A claim that is bound to the volume pv-NAME."""
    return live(f"PersistentVolumeClaim {name}", *owners, **{"volume": f"pv-{name}", **more})


def volume(name: str, *, stays: bool = False, bound: tuple[str, str] | None = None) -> Live:
    """The volume of such a claim."""
    return live(f"PersistentVolume pv-{name}", claim=bound or (SHOP, name), stays=stays)


def deployment(name: str, *claims: str, pods: int = 1, **more: Any) -> tuple[Live, ...]:
    """A Deployment with its ReplicaSet NAME-5d8f96 and pods NAME-5d8f96-x0000 and so on."""
    top = live(f"Deployment {name}", **more)
    middle = live(f"ReplicaSet {name}-5d8f96", controller=top)
    below = (pod(f"{name}-5d8f96-x{number:04}", *claims, controller=middle) for number in range(pods))
    return (top, middle, *below)


def cluster(*objects: Live, **more: Any) -> Cluster:
    """A cluster in which there are these, and the kinds that every cluster has."""
    found = {each.key: each for each in objects}
    kinds = {(each.key.group, each.key.kind) for each in objects} | {("", "Namespace"), ("", "Pod")}
    return Cluster(**{"objects": found, "kinds": frozenset(kinds), **more})


def fs_data(pod_name: str, volume_name: str, claim_name: str = "", namespace: str = SHOP) -> VolumeData:
    """Data of one volume that a file-system backup took."""
    return VolumeData(namespace=namespace, claim=claim_name, pod=pod_name, volume=volume_name)


def snapshot(claim_name: str, namespace: str = SHOP, *, native: bool = False, of: str = "") -> VolumeData:
    """A snapshot of a claim."""
    return VolumeData(
        namespace=namespace, claim=claim_name, snapshot=True, native=native, persistent_volume=of
    )


def contents(
    held: Iterable[Live | str | Key], data: Iterable[VolumeData] = (), *, known: bool = True, **more: Any
) -> Contents:
    """A backup that holds these."""
    keys = (
        key(each) if isinstance(each, str) else each if isinstance(each, Key) else each.key for each in held
    )
    return Contents(
        **{"items": frozenset(keys), "data": tuple(data), "data_known": known, "backups": ("b1",), **more}
    )


def clearing(
    *,
    scope: str = "resources",
    extras: str = "keep",
    include: Iterable[str] = ("*",),
    exclude: Iterable[str] = (),
    mapping: Mapping[str, str] | None = None,
    allow: Iterable[str] = (),
    protect: Protect | None = None,
) -> Clearing:
    """What is asked for."""
    return Clearing(
        namespaces=RestoredNamespaces(include=list(include), exclude=list(exclude)),
        namespace_mapping=dict(mapping or {}),
        scope=Scope(scope),
        extras=Extras(extras),
        allow_kinds=list(allow),
        protect=protect or Protect(),
    )


def plan(
    there: Iterable[Live],
    held: Iterable[Live | str | Key],
    data: Iterable[VolumeData] = (),
    *,
    known: bool = True,
    hosts: Mapping[str, str] | None = None,
    **asked: Any,
) -> Plan:
    """What becomes of these objects, with a backup that holds those."""
    return make_plan(
        Input(clearing(**asked), contents(held, data, known=known), cluster(*there, hosts=hosts or {}))
    )


def told(made: Plan, text: str) -> Planned:
    """What the plan says of one object."""
    wanted = key(text)
    found = [each for each in made.objects if each.key == wanted]
    assert len(found) == 1, f"{text} is {len(found)} times in {[str(each.key) for each in made.objects]}"
    return found[0]


def verdicts(made: Plan) -> dict[str, str]:
    """The action by the object, as ``Pod shop/web``."""
    return {str(each.key): each.action.value for each in made.objects}
