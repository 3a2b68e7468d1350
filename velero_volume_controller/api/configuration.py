"""The configuration as the rest of the program sees it, whatever format it was written in."""

from dataclasses import dataclass, field
from enum import StrEnum


class Action(StrEnum):
    """What becomes of a volume."""

    BACKUP = "backup"
    SKIP = "skip"


class Ownership(StrEnum):
    """How annotations that someone else wrote are treated.

    ``PROTECT`` touches only what this controller wrote itself, and never names a
    volume that Velero would not take. ``LEGACY`` does what the Go program
    velero-volume-controller did: overwrite and strip, whoever wrote it.
    """

    PROTECT = "protect"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class ClusterServer:
    """Where the API server is and which Lease elects the leader.

    Empty ``master_url`` and ``kube_config`` mean the pod's own service account,
    else the usual kubeconfig. ``master_url`` beats the server of a kubeconfig.
    """

    master_url: str = ""
    kube_config: str = ""
    lease_namespace: str = "velero"
    lease_name: str = "velero-volume-controller"


@dataclass(frozen=True, slots=True)
class NamespaceFilter:
    """Names of namespaces, compared exactly. ``None`` is no condition; an empty set matches nothing."""

    include: frozenset[str] | None = None
    exclude: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PodFilter:
    """``exclude_jobs``: names of owning Jobs, in which ``*`` alone is special: any run of characters."""

    exclude_jobs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VolumeFilter:
    """``types``: the source by its field's name. ``None`` is no condition; an empty set matches nothing."""

    types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Speaks of the volumes that all three filters match. The first rule that matches a volume decides it."""

    name: str
    action: Action
    namespaces: NamespaceFilter = field(default_factory=NamespaceFilter)
    pods: PodFilter = field(default_factory=PodFilter)
    volumes: VolumeFilter = field(default_factory=VolumeFilter)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that decides which volumes are backed up.

    ``default`` is what happens to a volume that no rule speaks of. ``source`` is
    the file it was read from, as the user named it.
    """

    cluster: ClusterServer = field(default_factory=ClusterServer)
    rules: tuple[Rule, ...] = ()
    default: Action = Action.SKIP
    ownership: Ownership = Ownership.PROTECT
    source: str = ""
