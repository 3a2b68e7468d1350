"""Every pod of the cluster, cut down to what decides, kept up to date by one watch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from velero_volume_controller.kube.cache import Cache, Kind
from velero_volume_controller.kube.watches import Hooks, Key
from velero_volume_controller.observe.metrics import Metrics
from velero_volume_controller.velero.model.pods import Pod, decode

PODS: Final = "/api/v1/pods"


class PodCache(Cache[Key, Pod]):
    """The pods as last seen. Every replica fills it, leading or not, so that a new leader can act at once."""

    def __init__(self, metrics: Metrics) -> None:
        hooks = Hooks(
            restarted=lambda reason: metrics.watch_restarts.labels("pods", reason).inc(),
            undecodable=metrics.undecodable.labels("pods").inc,
        )
        super().__init__(Kind(PODS, lambda key: key, decode, _version), hooks)

    def get(self, key: Key) -> Pod | None:
        """The pod, or None if there is none."""
        return self.objects.get(key)

    def known(self) -> Iterable[Key]:
        """The keys of all pods, as of now."""
        return list(self.objects)

    def pods(self) -> list[Pod]:
        """All pods, as of now."""
        return list(self.objects.values())

    def replace(self, before: Pod, written: Pod) -> None:
        """We have made this of that. The watch will say so too, and then it is nothing new.

        Where the watch has been faster, it knows better.
        """
        key = Key(before.metadata.namespace, before.metadata.name)
        known = self.objects.get(key)
        if known is not None and _version(known) == _version(before):
            self.objects[key] = written


def _version(pod: Pod) -> str:
    return pod.metadata.resource_version
