"""What `vvc run` was told on the command line, checked and complete."""

from dataclasses import dataclass, field
from pathlib import Path

from velero_volume_controller.api.configuration import Configuration
from velero_volume_controller.kube.lease import ElectionTimes


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where health and metrics are served. An empty ``host`` is every interface; port 0 is any free port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything one run of the controller needs to know.

    ``kubeconfig`` and ``context`` come from the command line and beat the
    configuration's own ``kubeConfig``; None means not given. ``listen`` None
    serves no health and no metrics. Without ``leader_elect`` this process acts at
    once, so there must be only one of it. ``max_in_flight`` bounds the requests
    that wait for the API server at one time.
    """

    configuration: Configuration
    kubeconfig: Path | None = None
    context: str | None = None
    listen: ListenAddress | None = None
    leader_elect: bool = True
    election: ElectionTimes = field(default_factory=ElectionTimes)
    max_in_flight: int = 20
