"""Velero as it is installed, read into lanes: what each server can do, and why it can do nothing. Pure.

Flags and their defaults as in pkg/cmd/server/config/config.go and
pkg/cmd/cli/nodeagent/server.go, compared in 1.14.1, 1.16.2, 1.17.2 and 1.18.3.
A value that Velero itself would not accept costs no more than a note: what runs goes
by the default, and the lane's ``problem`` says it where nothing can run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from velero_volume_controller.velero.model.arguments import seconds, truth, whole
from velero_volume_controller.velero.model.lanes import UNBOUNDED, Lane, StorageLocation
from velero_volume_controller.velero.model.load_concurrency import AgentConfig, capacities, most
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.servers import AGENTS, Agent, Server
from velero_volume_controller.velero.model.versions import NEWEST, Version

#: The label by which Velero finds node-agents' Pods (pkg/nodeagent, isRunningInNode), and 1.14's.
_ROLE: Final = ("role", "node-agent")
_NAME: Final = "name"

#: Since when Velero runs several Backups at once, and several pods in one Backup.
CONCURRENT_SINCE: Final = Version(1, 18)
ITEM_WORKERS_SINCE: Final = Version(1, 16)
#: Since when a pod of its own moves each volume; before, the node-agent does.
MOVER_SINCE: Final = Version(1, 17)
RESTIC: Final = "restic"
#: 1.14 and 1.15 hand the volumes of all pods over and wait once, at the end; before, pod after pod.
ASYNCHRONOUS_SINCE: Final = Version(1, 14)
#: Before, the node-agent's configuration had a fixed name (changelog of 1.15).
AGENT_CONFIG_FLAG_SINCE: Final = Version(1, 15)
FIXED_AGENT_CONFIG: Final = "node-agent-config"

#: Until 1.16 (pkg/uploader/provider/restic.go, Close).
RESTIC_LOSES: Final = (
    "of two volumes that one works on with restic at a time one fails, for the first to end takes away the"
    " password of both"
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Installations:
    """What was found of Velero in a cluster.

    ``configs`` and ``locations`` are found by namespace (and name). ``agent_pods`` and ``nodes`` (labels by
    name) are None where they could not be read.
    """

    servers: tuple[Server, ...] = ()
    agents: tuple[Agent, ...] = ()
    configs: Mapping[tuple[str, str], AgentConfig] | None = None
    agent_pods: tuple[Pod, ...] | None = None
    nodes: Mapping[str, Mapping[str, str]] | None = None
    locations: Mapping[str, tuple[StorageLocation, ...]] | None = None


def lanes(found: Installations) -> tuple[Lane, ...]:
    """One lane for each Velero server, by namespace. Of two servers in one namespace the first by name."""
    chosen: dict[str, Server] = {}
    for server in sorted(found.servers, key=lambda each: (each.namespace, each.name)):
        chosen.setdefault(server.namespace, server)
    return tuple(_lane(server, found) for server in chosen.values())


def _lane(server: Server, found: Installations) -> Lane:
    notes: list[str] = []
    version = server.version or NEWEST
    if server.version is None:
        notes.append(
            f"The version of Velero in {server.namespace} can't be told from its image; {NEWEST} is assumed."
        )
    given = server.flags
    slots = _slots(given, version, server.namespace, notes)
    workers = _workers(given, version, server.namespace, notes)
    default_load, load = _loads(server, version, found, notes)
    uploader = given.get("uploader-type") or "kopia"
    if uploader == RESTIC and most(default_load, load) > 1:
        notes.append(
            f"The node-agents in {server.namespace} take several volumes at a time (loadConcurrency), and"
            f" {RESTIC_LOSES}; set it to 1, and restart them."
        )
    return Lane(
        namespace=server.namespace,
        version=version,
        slots=slots,
        item_workers=max(workers, 1),
        default_load=default_load,
        load=load,
        nodes=_agent_nodes(server.namespace, found.agent_pods),
        locations=(found.locations or {}).get(server.namespace, ()),
        default_location=given.get("default-backup-storage-location") or "default",
        fs_backup_default=_or(
            lambda: truth(given, "default-volumes-to-fs-backup", default=False),
            False,
            server.namespace,
            notes,
        ),
        fs_backup_timeout=_or(
            lambda: seconds(given, "fs-backup-timeout", 14400.0), 14400.0, server.namespace, notes
        ),
        uploader=uploader,
        problem=_problem(server, workers, notes),
        notes=tuple(notes),
    )


def _problem(server: Server, workers: int, notes: list[str]) -> str | None:
    if not server.ready:
        return f"Velero in {server.namespace} has no Pod that is ready; see to its Deployment {server.name}"
    if _or(lambda: truth(server.flags, "restore-only", default=False), False, server.namespace, notes):
        return f"Velero in {server.namespace} runs with --restore-only and makes no Backups"
    if workers < 1:
        # StartItemBlockWorkerPool starts no worker at all, and the first pod is never taken up.
        return (
            f"Velero in {server.namespace} runs with --item-block-worker-count={workers}, with which no"
            " Backup ever ends; set it to 1 or more"
        )
    return None


def _slots(given: Mapping[str, str], version: Version, namespace: str, notes: list[str]) -> int:
    wanted = _or(lambda: whole(given, "concurrent-backups", 1), 1, namespace, notes)
    if version < CONCURRENT_SINCE:
        if "concurrent-backups" in given:
            notes.append(f"Velero {version} in {namespace} knows no --concurrent-backups: one at a time.")
        return 1
    # backup_queue_controller.go: max(concurrentBackups, 1).
    return max(wanted, 1)


def _workers(given: Mapping[str, str], version: Version, namespace: str, notes: list[str]) -> int:
    if version >= ITEM_WORKERS_SINCE:
        return _or(lambda: whole(given, "item-block-worker-count", 1), 1, namespace, notes)
    return UNBOUNDED if version >= ASYNCHRONOUS_SINCE else 1


def _loads(
    server: Server, version: Version, found: Installations, notes: list[str]
) -> tuple[int, dict[str, int]]:
    """Volumes at a time: where a node is not named, and by node."""
    agents = [each for each in found.agents if each.namespace == server.namespace]
    name = next((each.config for each in agents if each.config), "")
    if version < AGENT_CONFIG_FLAG_SINCE:
        name = FIXED_AGENT_CONFIG
    if not name or found.configs is None:
        if name:
            notes.append(
                f"ConfigMap {server.namespace}/{name} could not be read: one volume at a time is assumed"
                " on each node."
            )
        return 1, {}
    config = found.configs.get((server.namespace, name))
    if config is None:
        if version >= AGENT_CONFIG_FLAG_SINCE:
            notes.append(
                f"ConfigMap {server.namespace}/{name}, which the node-agent names, is not there: one volume"
                " at a time is assumed on each node."
            )
        return 1, {}
    return capacities(config, f"ConfigMap {server.namespace}/{name}", found.nodes, notes)


def _agent_nodes(namespace: str, pods: Iterable[Pod] | None) -> frozenset[str] | None:
    """Where a node-agent runs: what Velero asks before it takes a volume (pkg/nodeagent, isRunningInNode)."""
    if pods is None:
        return None
    return frozenset(
        pod.spec.node_name
        for pod in pods
        if pod.metadata.namespace == namespace
        and is_agent_pod(pod)
        and pod.status.phase == "Running"
        and pod.scheduled
        and not pod.terminating
    )


def is_agent_pod(pod: Pod) -> bool:
    """Whether it is a node-agent's, by its labels."""
    return is_agent(pod.metadata.labels)


def is_agent(labels: Mapping[str, str]) -> bool:
    """Whether a Pod with these labels is a node-agent's."""
    return labels.get(_ROLE[0]) == _ROLE[1] or labels.get(_NAME) in AGENTS


def location_problem(lane: Lane, name: str | None) -> str | None:
    """Why Backups to this location (None: the default one) would fail now, or None.

    Velero refuses them at once with FailedValidation. Where no location could be read nothing is said.
    """
    if not lane.locations:
        return None
    location = lane.location(name)
    if location is None:
        wanted = name or lane.default_location
        there = ", ".join(sorted(each.name for each in lane.locations))
        return f"Velero in {lane.namespace} has no BackupStorageLocation {wanted} (there are: {there})"
    if location.read_only:
        return (
            f"BackupStorageLocation {lane.namespace}/{location.name} is read-only;"
            " set its accessMode to ReadWrite"
        )
    if not location.available:
        reason = f": {location.message}" if location.message else ""
        return f"BackupStorageLocation {lane.namespace}/{location.name} is unavailable{reason}"
    return None


def for_location(lane: Lane, name: str | None) -> Lane:
    """The lane as Backups to this location find it: with the location's problem if it has no other."""
    problem = lane.problem or location_problem(lane, name)
    return lane if problem == lane.problem else msgspec.structs.replace(lane, problem=problem)


def _or(read: Callable[[], T], default: T, namespace: str, notes: list[str]) -> T:
    """What is read; the default, and a note, for a value that Velero could not read either."""
    try:
        return read()
    except ValueError as error:
        notes.append(f"Velero in {namespace}: {error}; {default} is assumed.")
        return default
