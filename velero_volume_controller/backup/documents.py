"""A plan's input from dumps of a cluster's objects, without the cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from velero_volume_controller.api.backupset import BackupSetSpec
from velero_volume_controller.api.words import counted
from velero_volume_controller.backup.inputs import Seen, build
from velero_volume_controller.backup.work import Input
from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.dumps.documents import Item, read_items
from velero_volume_controller.dumps.objects import Objects, collect, decoded
from velero_volume_controller.velero.model.backups import Backup, decode_backup
from velero_volume_controller.velero.model.installations import (
    FIXED_AGENT_CONFIG,
    Installations,
    is_agent_pod,
    lanes,
)
from velero_volume_controller.velero.model.lanes import Lane, StorageLocation
from velero_volume_controller.velero.model.load_concurrency import AgentConfig, decode_agent_config
from velero_volume_controller.velero.model.namespaces import Namespace
from velero_volume_controller.velero.model.pod_volume_backups import (
    PodVolumeBackup,
    decode_pod_volume_backup,
)
from velero_volume_controller.velero.model.servers import (
    Agent,
    Server,
    decode_agent,
    decode_location,
    decode_node,
    decode_server,
)

#: How to get what a plan is made from, and what it learns from; for messages and help.
OBJECTS_COMMAND: Final = (
    "kubectl get pods,pvc,pv,ns,nodes,deployments,daemonsets,configmaps,backupstoragelocations.velero.io"
    " -A -o json"
)
HISTORY_COMMAND: Final = "kubectl get backups.velero.io,podvolumebackups.velero.io -A -o json"

_APPS: Final = "apps/"
_VELERO: Final = "velero.io/"


@dataclass
class _Velero:
    """What was read of Velero so far."""

    file: str
    servers: list[Server] = field(default_factory=list)
    agents: list[Agent] = field(default_factory=list)
    config_maps: list[Item] = field(default_factory=list)
    nodes: dict[str, dict[str, str]] = field(default_factory=dict)
    locations: dict[str, tuple[StorageLocation, ...]] = field(default_factory=dict)
    backups: dict[tuple[str, str], Backup] = field(default_factory=dict)
    volumes: dict[tuple[str, str], PodVolumeBackup] = field(default_factory=dict)

    def take(self, item: Item) -> bool:
        """Whether the object is of a kind that is read here."""
        match item.kind:
            case "Deployment" if item.api_version.startswith(_APPS):
                if (server := decoded(item, self.file, decode_server)) is not None:
                    self.servers.append(server)
            case "DaemonSet" if item.api_version.startswith(_APPS):
                if (agent := decoded(item, self.file, decode_agent)) is not None:
                    self.agents.append(agent)
            case "ConfigMap":
                self.config_maps.append(item)
            case "Node":
                name, labels = decoded(item, self.file, decode_node)
                self.nodes[name] = labels
            case "BackupStorageLocation" if item.api_version.startswith(_VELERO):
                namespace, location = decoded(item, self.file, decode_location)
                self.locations[namespace] = (*self.locations.get(namespace, ()), location)
            case "Backup" if item.api_version.startswith(_VELERO):
                backup = decoded(item, self.file, decode_backup)
                self.backups[backup.namespace, backup.name] = backup
            case "PodVolumeBackup" if item.api_version.startswith(_VELERO):
                volume = decoded(item, self.file, decode_pod_volume_backup)
                self.volumes[volume.namespace, volume.name] = volume
            case _:
                return False
        return True

    def others(self, items: Iterable[Item]) -> Iterator[Item]:
        """Those that are not read here."""
        return (item for item in items if not self.take(item))

    def configs(self) -> dict[tuple[str, str], AgentConfig]:
        """The ConfigMaps that node-agents may be configured by; the others are nobody's business."""
        wanted = {(agent.namespace, agent.config) for agent in self.agents}
        wanted.update((server.namespace, FIXED_AGENT_CONFIG) for server in self.servers)
        found = (decoded(item, self.file, decode_agent_config) for item in self.config_maps)
        return {(each.namespace, each.name): each for each in found if (each.namespace, each.name) in wanted}


@dataclass(frozen=True, slots=True)
class Dump:
    """A cluster as dumped. ``lanes`` are those of the Veleros in it; ``warnings`` are complete sentences."""

    objects: Objects
    lanes: tuple[Lane, ...]
    backups: tuple[Backup, ...]
    volumes: tuple[PodVolumeBackup, ...]
    file: str


def read_dump(text: str, file: str) -> Dump:
    """Read what ``OBJECTS_COMMAND`` prints, as JSON or YAML. Raises ConfigurationError with file and line."""
    velero = _Velero(file)
    objects = collect(velero.others(read_items(text, file)), file)
    installed = Installations(
        servers=tuple(velero.servers),
        agents=tuple(velero.agents),
        configs=velero.configs() if velero.config_maps else None,
        # A dump of some namespaces holds none of them: that is not to say that none runs.
        agent_pods=objects.pods if any(is_agent_pod(pod) for pod in objects.pods) else None,
        nodes=velero.nodes or None,
        locations=velero.locations or None,
    )
    return Dump(
        objects, lanes(installed), tuple(velero.backups.values()), tuple(velero.volumes.values()), file
    )


def read_history(text: str, file: str) -> tuple[tuple[Backup, ...], tuple[PodVolumeBackup, ...]]:
    """Read what ``HISTORY_COMMAND`` prints. Raises ConfigurationError with file and line."""
    velero = _Velero(file)
    others: dict[str, int] = {}
    for item in velero.others(read_items(text, file)):
        others[item.kind] = others.get(item.kind, 0) + 1
    if others and not velero.backups and not velero.volumes:
        found = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
        raise ConfigurationError(
            f"{file}:1: expected Backups and PodVolumeBackups of Velero, found {found}. Give what"
            f" {HISTORY_COMMAND} prints."
        )
    return tuple(velero.backups.values()), tuple(velero.volumes.values())


def dumped_input(
    spec: BackupSetSpec,
    namespace: str,
    dump: Dump,
    history: tuple[Sequence[Backup], Sequence[PodVolumeBackup]] = ((), ()),
) -> Input:
    """What is planned for a set in this namespace. ``history`` comes on top of what the dump holds.

    Raises PlanningError as ``inputs.build``, and ConfigurationError if a selector asks for labels of
    namespaces that the dump does not hold.
    """
    notes = list(dump.objects.warnings)
    surroundings = dump.objects.surroundings
    if surroundings.namespaces is None:
        if spec.selection.namespaces.selector is not None:
            raise ConfigurationError(
                f"{dump.file}: holds no Namespaces, and spec.selection.namespaces.selector asks for their"
                f" labels. Give what {OBJECTS_COMMAND} prints."
            )
        names = {pod.metadata.namespace for pod in dump.objects.pods}
        surroundings = replace(surroundings, namespaces={name: Namespace(name=name) for name in names})
    found = dump.lanes
    if not found:
        found = _assumed(spec, namespace)
        notes.append(
            f"{dump.file}: holds no Deployment of Velero, so "
            + "; ".join(
                f"one in {lane.namespace} is assumed that runs {counted(lane.slots, 'Backup')} at a time"
                for lane in found
            )
            + ". vvc backup plan --help has the command for a whole dump."
        )
    given = build(
        spec,
        namespace,
        Seen(
            dump.objects.pods,
            surroundings,
            found,
            (*dump.backups, *history[0]),
            (*dump.volumes, *history[1]),
        ),
    )
    return replace(given, notes=(*notes, *given.notes))


def _assumed(spec: BackupSetSpec, namespace: str) -> tuple[Lane, ...]:
    if not spec.lanes:
        return (Lane(namespace=namespace),)
    return tuple(Lane(namespace=choice.namespace, slots=choice.slots or 1) for choice in spec.lanes)
