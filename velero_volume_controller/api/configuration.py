"""The configuration as the rest of the program sees it, whatever format it was written in."""

from dataclasses import dataclass, field
from enum import StrEnum


class Action(StrEnum):
    """What becomes of a volume."""

    BACKUP = "backup"
    SKIP = "skip"


class Mode(StrEnum):
    """Which annotation is written.

    ``OPT_IN`` names the volumes to back up. ``OPT_OUT`` names those to leave out, for
    clusters whose Velero runs with ``defaultVolumesToFsBackup``.
    """

    OPT_IN = "opt-in"
    OPT_OUT = "opt-out"


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
class Names:
    """Names to look for: ``exact`` are compared whole, in ``patterns`` ``*`` is any run of characters.

    Nothing in either matches nothing.
    """

    exact: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()


class Operator(StrEnum):
    """The operators of Kubernetes's label selectors."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. ``values`` is empty for Exists and DoesNotExist."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()


#: A label selector: all requirements must hold; ``matchLabels`` are Ins of one value. Empty selects all.
Selector = tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class NamespaceFilter:
    """Namespaces by name and by label. ``None`` is no condition."""

    include: Names | None = None
    exclude: Names = Names()
    selector: Selector = ()


@dataclass(frozen=True, slots=True)
class PodFilter:
    """Pods by label, and not those of certain Jobs.

    ``exclude_jobs``: names of owning Jobs, in which ``*`` alone is special: any run of characters.
    """

    selector: Selector = ()
    exclude_jobs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VolumeFilter:
    """Volumes; ``None`` is no condition.

    ``types``: the source by its field's name; an empty set matches nothing.
    ``names``: the volume's name in the pod. The rest speak of the PVC behind a
    volume and match no volume that has none: ``claims`` its name,
    ``claim_selector`` its labels, ``storage_classes`` its class, ``min_size`` and
    ``max_size`` its capacity (while it has none, its request) in bytes, both
    included.
    """

    types: frozenset[str] | None = None
    names: Names | None = None
    claims: Names | None = None
    claim_selector: Selector = ()
    storage_classes: Names | None = None
    min_size: int | None = None
    max_size: int | None = None


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

    ``default`` is what happens to a volume that no rule speaks of. ``adopt``: an
    unmarked annotation that says what the rules say becomes ours. ``as_go_program``
    (the nine keys in legacy mode) decides like the Go program: objects do not speak
    for themselves, and whether Velero could take a volume is not asked. ``source``
    is the file it was read from, as the user named it.
    """

    cluster: ClusterServer = field(default_factory=ClusterServer)
    mode: Mode = Mode.OPT_IN
    ownership: Ownership = Ownership.PROTECT
    default: Action = Action.SKIP
    adopt: bool = True
    rules: tuple[Rule, ...] = ()
    as_go_program: bool = False
    source: str = ""
