"""Kinds, and how a restore treats them. Pure."""

from __future__ import annotations

from typing import Final

from velero_volume_controller.api.backupset import GROUP as OUR_GROUP
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.restores import VELERO_GROUP

#: Groups of Kubernetes's own API. Any other is taken for that of a custom resource, those under k8s.io too.
_BUILT_IN: Final = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)

#: Made and unmade by the control plane all the time, or computed when asked for (ComponentStatus has no uid):
#: neither planned nor counted as drift.
_LEFT_OUT: Final = frozenset(
    {
        ("", "ComponentStatus"),
        ("", "Endpoints"),
        ("", "Event"),
        ("coordination.k8s.io", "Lease"),
        ("discovery.k8s.io", "EndpointSlice"),
        ("events.k8s.io", "Event"),
    }
)
#: Groups of which nothing is stored: their objects are computed when asked for, and have no uid.
_COMPUTED: Final = frozenset({"metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"})

_BELOW_VELEROS: Final = f".{VELERO_GROUP}"

POD: Final = ("", "Pod")
CLAIM: Final = ("", "PersistentVolumeClaim")
VOLUME: Final = ("", "PersistentVolume")
NAMESPACE: Final = ("", "Namespace")
SECRET: Final = ("", "Secret")
CRON_JOB: Final = ("batch", "CronJob")
JOB: Final = ("batch", "Job")
DEPLOYMENT: Final = ("apps", "Deployment")
REPLICA_SET: Final = ("apps", "ReplicaSet")
STATEFUL_SET: Final = ("apps", "StatefulSet")

#: Workloads that are quiesced by scaling them to no replicas.
SCALED: Final = frozenset({DEPLOYMENT, STATEFUL_SET, REPLICA_SET, ("", "ReplicationController")})
#: Workloads that adopt pods which nobody controls, and name their own after themselves.
ADOPTING: Final = frozenset(
    {
        REPLICA_SET,
        STATEFUL_SET,
        ("apps", "DaemonSet"),
        ("", "ReplicationController"),
        JOB,
    }
)
_WORKLOADS: Final = SCALED | ADOPTING

#: What others read, and who may read it. Nothing makes objects that belong to one of these.
_READ: Final = frozenset(
    {
        ("", "ConfigMap"),
        SECRET,
        ("", "ServiceAccount"),
        ("rbac.authorization.k8s.io", "Role"),
        ("rbac.authorization.k8s.io", "RoleBinding"),
    }
)
#: Cleared away last: what those that go before them may still need.
_LAST: Final = {
    CLAIM: 5,
    ("", "ConfigMap"): 6,
    SECRET: 6,
    ("", "ServiceAccount"): 7,
    ("rbac.authorization.k8s.io", "Role"): 7,
    ("rbac.authorization.k8s.io", "RoleBinding"): 7,
}


def of(key: Key) -> tuple[str, str]:
    """Its kind, as the sets here hold it."""
    return key.group, key.kind


def custom(key: Key) -> bool:
    """Whether an operator may stand behind it."""
    return key.group not in _BUILT_IN


def named(key: Key) -> str:
    """The kind as ``allowKinds`` names it."""
    return f"{key.kind}.{key.group}"


def left_out(key: Key) -> bool:
    """Whether it is no business of a plan's."""
    return of(key) in _LEFT_OUT or key.group in _COMPUTED


def veleros(key: Key) -> bool:
    """Whether it is of Velero's own groups; one of ours is not."""
    return key.group == VELERO_GROUP or (key.group.endswith(_BELOW_VELEROS) and not ours(key))


def ours(key: Key) -> bool:
    """Whether it is one of this project's."""
    return key.group == OUR_GROUP


def owns_nothing(key: Key) -> bool:
    """Whether nothing belongs to it that a plan is about, unless somebody has written so by hand. What a
    Service owns, EndpointSlices, the control plane makes and takes away by itself."""
    return of(key) in _READ or of(key) == ("", "Service")


def clearing_rank(key: Key) -> int:
    """What goes first: what makes others, then what runs, then what is read, then who may read it."""
    kind = of(key)
    if kind == CRON_JOB:
        return 0
    if custom(key):
        return 1
    if kind in _WORKLOADS:
        return 2
    return 3 if kind == POD else _LAST.get(kind, 4)
