"""What a pod's decision needs besides the pod itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from velero_volume_controller.velero.model.claims import Claim, PersistentVolume
from velero_volume_controller.velero.model.namespaces import Namespace
from velero_volume_controller.velero.model.pods import Pod, Volume
from velero_volume_controller.velero.model.versions import NEWEST, Version


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The pod's namespace, its claims and their volumes, and Velero's version.

    A mapping that is None could not be read. Then what hangs on it is not checked,
    and what a decision owes to that is said (``unchecked``). ``claims`` are found
    by namespace and name.
    """

    namespaces: Mapping[str, Namespace] | None = None
    claims: Mapping[tuple[str, str], Claim] | None = None
    persistent_volumes: Mapping[str, PersistentVolume] | None = None
    velero: Version = NEWEST

    def namespace(self, pod: Pod) -> Namespace | None:
        """The pod's namespace, if it is known."""
        return None if self.namespaces is None else self.namespaces.get(pod.metadata.namespace)

    def claim(self, pod: Pod, volume: Volume) -> Claim | None:
        """The claim behind one of the pod's volumes, if there is one and it is known."""
        if self.claims is None or volume.claim is None:
            return None
        return self.claims.get((pod.metadata.namespace, volume.claim))

    def persistent_volume(self, claim: Claim | None) -> PersistentVolume | None:
        """The volume that a claim is bound to, if it is known."""
        if self.persistent_volumes is None or claim is None:
            return None
        return self.persistent_volumes.get(claim.volume)
