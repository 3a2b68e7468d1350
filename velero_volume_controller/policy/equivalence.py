"""Whether two configurations decide alike: pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from velero_volume_controller.api.configuration import Configuration
from velero_volume_controller.policy.decision import PodDecision, VolumeDecision, decide
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Difference:
    """A pod that two configurations decide differently, and both decisions."""

    pod: Pod
    before: PodDecision
    after: PodDecision

    @property
    def volumes(self) -> Iterator[tuple[VolumeDecision, VolumeDecision]]:
        """Those of its volumes that are decided differently, before and after."""
        for before, after in zip(self.before.volumes, self.after.volumes, strict=True):
            if before.backup != after.backup:
                yield before, after


def differences(
    pods: Iterable[Pod], surroundings: Surroundings, before: Configuration, after: Configuration
) -> Iterator[Difference]:
    """The pods whose annotation would be another. Both configurations must be of the same mode."""
    for pod in pods:
        found = Difference(pod, decide(pod, before, surroundings), decide(pod, after, surroundings))
        if found.before.value != found.after.value:
            yield found
