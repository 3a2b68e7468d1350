"""What a CleanRestore's plan is made from, gathered for its controller, and for whoever asks beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from velero_volume_controller.api.cleanrestore import CleanRestoreSpec, Clearing, SourceBackup
from velero_volume_controller.kube.client import Client
from velero_volume_controller.restore.contents import Contents, joined
from velero_volume_controller.restore.gather import Progress, gather_cluster, gather_contents, namespaces_of
from velero_volume_controller.restore.planned import Input, PlanRefused
from velero_volume_controller.restore.rehearsing import mapped, rehearsed
from velero_volume_controller.restore.sources import schedule_of, sources_of
from velero_volume_controller.restore.undoing import acted_in
from velero_volume_controller.restore.undone import undone
from velero_volume_controller.velero.model.restores import NOT_PASSED_ON


@dataclass(frozen=True, slots=True)
class Gathered:
    """``given`` is all that the plan is made from. ``sources`` are its Backups in the order in which they are
    restored; ``held`` is what those of each Velero hold, by its namespace; ``undoes`` the uid of the run that
    is undone, ``schedule`` what made the set that is rehearsed, if it was one."""

    given: Input
    sources: tuple[SourceBackup, ...]
    held: Mapping[str, Contents]
    undoes: str = ""
    schedule: str = ""


async def gather_plan(
    client: Client,
    namespace: str,
    spec: CleanRestoreSpec,
    progress: Progress | None = None,
    uid: str = "",
) -> Gathered:
    """Of a CleanRestore in this namespace; a rehearsal's namespaces are called after its ``uid``.

    Raises PlanRefused, and what ``sources_of``, ``gather_contents``, ``gather_cluster`` and ``undone`` raise.
    """
    for key in spec.restore_template:
        if key in NOT_PASSED_ON:
            raise PlanRefused(f"spec.restoreTemplate.{key} is not passed on. {NOT_PASSED_ON[key]}".strip())
    wanted = clearing_of(spec)
    sources = await sources_of(client, namespace, spec)
    by_lane: dict[str, list[str]] = {}
    for each in sources:
        by_lane.setdefault(each.namespace, []).append(each.name)
    held = {lane: await gather_contents(client, lane, names) for lane, names in by_lane.items()}
    if spec.rehearsal is not None:
        held = {lane: rehearsed(part, by_lane).contents for lane, part in held.items()}
    contents = joined(held.values())
    if spec.rehearsal is not None:
        wanted = mapped(wanted, contents, uid, by_lane)
    if spec.undo_of is not None:
        contents = acted_in(contents, spec.namespaces.include)
    names = [each.name for each in sources]
    cluster = await gather_cluster(client, namespaces_of(contents, wanted), names, progress)
    lanes = {each.namespace: "it is the namespace of a Velero" for each in sources}
    cluster = replace(cluster, hosts={**lanes, **cluster.hosts})
    given = Input(wanted, contents, cluster, namespace)
    if spec.rehearsal is not None:
        return Gathered(given, sources, held, schedule=await schedule_of(client, namespace, spec))
    if spec.undo_of is None:
        return Gathered(given, sources, held)
    taken_back = await undone(client, namespace, spec.undo_of)
    given = replace(given, made_by=taken_back.made_by, found=taken_back.found)
    return Gathered(given, sources, held, taken_back.uid)


def clearing_of(spec: CleanRestoreSpec) -> Clearing:
    """What of the spec a plan is made from, and its hash is of: not its approval."""
    return Clearing(**{name: getattr(spec, name) for name in Clearing.__struct_fields__})
