"""Whether Velero can restore now, and nobody else is at it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from velero_volume_controller.api.cleanrestore import Undo
from velero_volume_controller.api.glob import matches
from velero_volume_controller.restore.facts import Facts, Remark
from velero_volume_controller.restore.naming import RUN_UID
from velero_volume_controller.restore.run import few
from velero_volume_controller.restore.steps import Problem
from velero_volume_controller.velero.model.installations import (
    MOVER_SINCE,
    RESTIC,
    RESTIC_LOSES,
    Installations,
    lanes,
    location_problem,
)
from velero_volume_controller.velero.model.restore_runs import COMPLETED, Restore


def running(facts: Facts) -> Iterator[Problem | Remark]:
    """Velero's server is there, and ready."""
    namespace, server = facts.velero.namespace, facts.velero.server
    if server is None:
        yield Problem(
            "VeleroMissing", f"there is no Deployment of Velero's server in {namespace}; install it"
        )
    elif not server.ready:
        yield Problem(
            "VeleroNotReady",
            f"Velero in {namespace} has no Pod that is ready; see kubectl -n {namespace} describe deployment"
            f" {server.name}",
        )
    elif server.version is None:
        yield Remark(
            f"which version of Velero runs in {namespace} can't be told from its image; the newest is assumed"
        )


def undoable(facts: Facts) -> Iterator[Problem | Remark]:
    """Where an undo backup is wanted, Velero makes Backups, and its default location takes them."""
    server, spec = facts.velero.server, facts.spec
    namespace = facts.velero.namespace
    if server is None or spec.undo is Undo.NONE or not facts.going or namespace != facts.undo_in:
        return
    lane = lanes(Installations(servers=(server,), locations={namespace: facts.velero.locations}))[0]
    why = location_problem(lane, None)
    if facts.velero.restore_only:
        why = f"Velero in {namespace} runs with --restore-only and makes no Backups"
    elif not facts.velero.locations:
        why = f"Velero in {namespace} has no BackupStorageLocation"
    if why is None:
        return
    if spec.undo is Undo.REQUIRED:
        yield Problem(
            "UndoImpossible", f"{why}, so what is cleared away can't be backed up before; or set spec.undo"
        )
    else:
        yield Remark(f"{why}, so what is cleared away can't be backed up before")


def agents(facts: Facts) -> Iterator[Problem | Remark]:
    """Where data comes back into volumes, a node-agent is ready on each node that a pod may be put on.

    Velero fails the volume of a pod on any other (1.18, pkg/podvolume/restorer.go, IsRunningInNode).
    """
    if not _file_systems(facts):
        return
    namespace = facts.velero.namespace
    ready = {each.node for each in facts.velero.agents if each.ready}
    if not ready:
        yield Problem(
            "NodeAgentsMissing",
            f"no node-agent in {namespace} is ready, and without one no data comes back into volumes; see"
            f" kubectl -n {namespace} get pods -l name=node-agent",
        )
        return
    there = {each.node: each.name for each in facts.velero.agents}
    nodes = [each.name for each in facts.nodes if each.open and each.name not in ready]
    broken = [f"{there[node]} on {node}" for node in nodes if node in there]
    if broken:
        yield Problem(
            "NodeAgentsNotReady",
            f"these node-agents in {namespace} are not ready, and data of pods on their nodes would not come"
            f" back: {few(broken)}; see to them, or cordon the nodes",
        )
    without = [node for node in nodes if node not in there]
    if without:
        yield Remark(
            f"no node-agent runs on {few(without)}: data of pods that are put there does not come back; let"
            " the node-agent run there, or cordon them"
        )


def one_at_a_time(facts: Facts) -> Iterator[Problem | Remark]:
    """What restic has read comes back one volume after the other, until Velero 1.16."""
    server, load = facts.velero.server, facts.velero.load
    volumes = [
        each
        for each in facts.taken
        if each.uploader == RESTIC and each.phase == COMPLETED and each.pod_namespace in facts.plan.targets
    ]
    movers = server is None or server.version is None or server.version >= MOVER_SINCE
    if load > 1 and len(volumes) > 1 and not movers:
        yield Problem(
            "ResticConcurrency",
            f"the node-agents in {facts.velero.namespace} write {load} volumes at a time (loadConcurrency),"
            f" and {len(volumes)} come back: {RESTIC_LOSES}; set it to 1, and restart them",
        )


def _file_systems(facts: Facts) -> bool:
    """Whether data comes back that a node-agent writes, or may."""
    if not facts.contents.data_known:
        return True
    return any(not each.snapshot and each.namespace in facts.plan.targets for each in facts.contents.data)


def alone(facts: Facts) -> Iterator[Problem | Remark]:
    """No other Restore writes to these namespaces."""
    for restore in facts.velero.restores:
        if restore.ended or (facts.run and restore.labels.get(RUN_UID) == facts.run):
            continue
        if shared := sorted(_shared(facts, restore)):
            yield Problem(
                "OtherRestore",
                f"Restore {restore.namespace}/{restore.name} is {restore.phase or 'New'} and restores into"
                f" {few(shared)}; wait until it has ended",
            )
        else:
            yield Remark(
                f"Restore {restore.namespace}/{restore.name} is {restore.phase or 'New'}; Velero does one"
                " after the other, so this one has to wait for it"
            )


def _shared(facts: Facts, restore: Restore) -> Iterator[str]:
    for target in facts.targets:
        if restore.everywhere or any(matches(pattern, target) for pattern in restore.targets):
            yield target
