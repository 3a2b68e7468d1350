"""What `vvc run` was told on the command line, checked and complete."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from velero_volume_controller.api.configuration import Configuration, Ownership
from velero_volume_controller.kube.lease import ElectionTimes
from velero_volume_controller.velero.model.versions import Version


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where health and metrics are served. An empty ``host`` is every interface; port 0 is any free port."""

    host: str
    port: int


class ConfigMap(NamedTuple):
    """The ConfigMap that the configuration's file comes from: Events about the file are Events about it."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything one run of the controller needs to know.

    ``configuration`` was read from ``path``, which is read again when it changes;
    ``ownership`` is the command line's and stays in force. ``config_map`` None means
    the one named velero-volume-controller beside the Lease. ``kubeconfig`` and
    ``context`` come from the command line and beat the configuration's own
    ``kubeConfig``; None means not given. ``listen`` None serves no health and no
    metrics. Without ``leader_elect`` this process acts at once, so there must be
    only one of it. ``velero_version`` None: as the Velero in the Lease's namespace
    says. ``max_in_flight`` bounds the requests that wait for the API server at one
    time, ``reload_rate`` the pods changed each second after a reload.
    """

    configuration: Configuration
    path: Path
    ownership: Ownership | None = None
    config_map: ConfigMap | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    listen: ListenAddress | None = None
    leader_elect: bool = True
    election: ElectionTimes = field(default_factory=ElectionTimes)
    velero_version: Version | None = None
    max_in_flight: int = 20
    reload_rate: float = 50.0
