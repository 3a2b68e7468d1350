"""What no restore ever deletes, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.api.cleanrestore import PROTECT, Protect
from velero_volume_controller.api.glob import matches
from velero_volume_controller.api.selectors import selects
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.cluster import Cluster
from velero_volume_controller.restore.live import Live
from velero_volume_controller.velero.model.backup_contents import Key

#: Namespaces of Kubernetes's own are called so.
_SYSTEM_PREFIX: Final = "kube-"

#: Kubernetes makes these in every namespace, at once when they are missing: a restore would find them again.
_EVERYWHERE: Final = frozenset({("", "ConfigMap", "kube-root-ca.crt"), ("", "ServiceAccount", "default")})
#: The API server's own address.
_API_SERVER: Final = Key("", "Service", "default", "kubernetes")


@dataclass(frozen=True, slots=True)
class Protection:
    """What a person protects, and what is protected anyway. ``velero`` is Velero's namespace."""

    protect: Protect
    velero: str
    hosts: Mapping[str, str]
    declared: frozenset[str]

    def namespace(self, name: str) -> str | None:
        """Why nothing in this namespace is deleted, or None."""
        if name.startswith(_SYSTEM_PREFIX):
            return "namespaces called kube-* are Kubernetes's own"
        if name == self.velero:
            return "it is the namespace of Velero"
        if name in self.declared:
            return f"it bears {PROTECT}"
        for pattern in self.protect.namespaces:
            if matches(pattern, name):
                return f"spec.protect.namespaces names {pattern}"
        return self.hosts.get(name)

    def object(self, live: Live) -> str | None:
        """Why this object is never deleted, wherever it is, or None."""
        key = live.key
        if kinds.ours(key):
            return "it is this project's own"
        if kinds.veleros(key):
            return "it is Velero's own"
        if live.protected:
            return f"it bears {PROTECT}"
        if self.protect.selector is not None and selects(self.protect.selector, live.labels):
            return "spec.protect.selector selects it"
        if live.mirror:
            return "it mirrors a static pod, which is the kubelet's"
        if (key.group, key.kind, key.name) in _EVERYWHERE or key == _API_SERVER:
            return "Kubernetes makes it itself"
        return None


def protection(protect: Protect, velero: str, cluster: Cluster) -> Protection:
    """What is protected in this cluster."""
    declared = frozenset(
        live.key.name
        for live in cluster.objects.values()
        if kinds.of(live.key) == kinds.NAMESPACE and live.protected
    )
    return Protection(protect, velero, cluster.hosts, declared)
