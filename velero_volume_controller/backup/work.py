"""What the planner is told, and what it answers: plain data, no cluster behind it."""

from __future__ import annotations

from dataclasses import dataclass, field

from velero_volume_controller.api.backupset import BackupSetSpec
from velero_volume_controller.velero.model.lanes import Lane


@dataclass(frozen=True, slots=True)
class VolumeKey:
    """A volume across Backups: by its claim where it has one, for pods come and go.

    ``claim`` is empty for a volume that has none; then ``pod`` and ``volume`` name it.
    """

    namespace: str
    claim: str = ""
    pod: str = ""
    volume: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume that Velero's file-system backup will take.

    ``bytes`` is the best guess without history: the PVC's capacity, while it has none its request,
    None for neither. ``shared`` names the PersistentVolume of a claim that several namespaces may use (RWX).
    """

    namespace: str
    pod: str
    volume: str
    node: str
    claim: str = ""
    bytes: int | None = None
    shared: str | None = None

    @property
    def key(self) -> VolumeKey:
        """What its history is kept under."""
        if self.claim:
            return VolumeKey(self.namespace, self.claim)
        return VolumeKey(self.namespace, "", self.pod, self.volume)


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace that is selected. ``pods`` is how many run in it."""

    name: str
    pods: int = 0
    volumes: tuple[Volume, ...] = ()
    failures: int = 0
    lane: str | None = None
    """The lane that took it last: its repository is there."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one volume has cost once: seconds of data movement and bytes of the volume.

    ``ended`` is RFC 3339; it orders the samples. ``node`` is where it was read, empty if unknown.
    """

    key: VolumeKey
    lane: str
    seconds: float
    bytes: int
    ended: str
    node: str = ""


@dataclass(frozen=True, slots=True)
class Overhead:
    """What one Backup has taken beyond its volumes, in seconds.

    ``namespaces`` is how many it held, None if all; ``volumes`` whether it took any.
    """

    lane: str
    seconds: float
    ended: str
    namespaces: int | None = 1
    volumes: bool = True


@dataclass(frozen=True, slots=True)
class History:
    """What is known of earlier Backups; empty on a new cluster."""

    samples: tuple[Sample, ...] = ()
    overheads: tuple[Overhead, ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """All that decides a plan. The same input gives the same plan."""

    spec: BackupSetSpec
    namespaces: tuple[Namespace, ...]
    lanes: tuple[Lane, ...]
    history: History = History()
    namespace: str = ""
    """The set's own: ``lanes: auto`` is the Velero there. Empty: every lane that is given."""
    notes: tuple[str, ...] = ()
    """What was found out while the input was gathered; they become the plan's."""
    absent: tuple[str, ...] = ()
    """Namespaces that the spec names and that are not there."""


@dataclass(frozen=True, slots=True)
class PlannedVolume:
    """A volume with its predicted cost: seconds for which it holds its node, and bytes.

    ``start`` and ``end`` are seconds after the set's begin, as simulated. ``known``: from its own history.
    """

    volume: Volume
    seconds: float
    bytes: int
    known: bool = False
    start: float = 0.0
    end: float = 0.0


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """One Backup to be. ``start`` and ``end`` are seconds after the set's begin, as simulated.

    ``alone`` is how long it takes at least, with all to itself. ``first``: it goes before the others.
    """

    name: str
    namespaces: tuple[str, ...]
    lane: str
    volumes: tuple[PlannedVolume, ...] = ()
    cluster: bool = False
    alone: float = 0.0
    start: float = 0.0
    end: float = 0.0
    first: bool = False

    def load(self) -> dict[str, float]:
        """Predicted seconds of volume data by node."""
        found: dict[str, float] = {}
        for planned in self.volumes:
            node = planned.volume.node
            found[node] = found.get(node, 0.0) + planned.seconds
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """The shards in the order in which they are to be handed over. ``hash`` is of what was decided."""

    shards: tuple[PlannedShard, ...]
    predicted: float
    lower_bound: float
    hash: str
    notes: tuple[str, ...] = field(default=())
    """What a person should know: a guess without history, a namespace without a node-agent."""
    absent: tuple[str, ...] = ()
    """Namespaces that the spec names and that are not there."""


class PlanningError(Exception):
    """The spec can't be planned: one sentence for the person who wrote it, and a reason in CamelCase."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
