"""How a BackupSet begins: its plan is taken over, or it is said why there is none. Pure."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Final

from velero_volume_controller.api.backupset import ClusterRevision, PlanSummary, SetPhase, Shard
from velero_volume_controller.backup import conditions
from velero_volume_controller.backup.ending import ABSENT
from velero_volume_controller.backup.frozen import frozen
from velero_volume_controller.backup.gate import check_window, gate
from velero_volume_controller.backup.planned_volumes import decides_otherwise, fingerprints
from velero_volume_controller.backup.render import check_template, unknown_fields
from velero_volume_controller.backup.run import LOOK_AGAIN, Run, view_of
from velero_volume_controller.backup.work import Plan, PlanningError

#: Nodes of a shard whose load is kept for the order.
_NODES: Final = 64


def planned(run: Run) -> bool:
    """Takes the plan over, if there is one; says why there is none."""
    status, situation = run.status, run.situation
    status.phase = SetPhase.PLANNING
    try:
        check_template(run.spec)
        check_window(run.spec)
        if situation.unplannable is not None:
            raise situation.unplannable
    except PlanningError as error:
        if run.condition(conditions.PLANNED, "False", error.reason, str(error)):
            run.tell(error.reason, str(error), warning=True)
        run.condition(conditions.PROGRESSING, "False", error.reason, str(error))
        run.wakes.append(LOOK_AGAIN)
        return False
    closed = gate(run.spec, status, situation.now)
    if closed.closed:
        # A plan is made of what there is when the set begins, not when it was written.
        status.phase = SetPhase.PAUSED if run.spec.paused else SetPhase.PLANNING
        run.condition(conditions.PROGRESSING, "False", closed.closed, closed.message)
        if closed.changes is not None:
            run.wakes.append(closed.changes)
        return False
    if situation.planned is None:
        return False
    _take(run, situation.planned)
    return True


def _take(run: Run, plan: Plan) -> None:
    status, situation = run.status, run.situation
    status.started = situation.now
    status.cluster_revision = ClusterRevision(start=situation.observed.revision)
    status.retried = situation.retry
    status.plan = PlanSummary(
        hash=plan.hash,
        shards=len(plan.shards),
        predicted_seconds=math.ceil(plan.predicted),
        lower_bound_seconds=math.ceil(plan.lower_bound),
        template=copy.deepcopy(run.spec.template),
        frozen=frozen(run.spec),
        absent=list(plan.absent),
        owner=situation.identity.uid,
    )
    told = not decides_otherwise(run.spec.template)
    status.shards = [
        Shard(
            name=each.name,
            namespaces=list(each.namespaces),
            cluster=each.cluster,
            lane=each.lane,
            predicted_seconds=math.ceil(each.alone),
            load=_heaviest(each.load()),
            volumes=len(each.volumes),
            fingerprints=fingerprints(planned.volume.key for planned in each.volumes) if told else "",
        )
        for each in plan.shards
    ]
    run.view = view_of(situation, status)
    message = f"{len(plan.shards)} Backups, predicted {status.plan.predicted_seconds} s"
    if plan.absent:
        run.tell("NotThere", f"there is no namespace {', '.join(plan.absent)}: {ABSENT}", warning=True)
    unknown = [f"spec.template.{key} {what}" for key, what in unknown_fields(run.spec.template)]
    if unknown:
        run.tell("UnknownField", " ".join(unknown), warning=True)
    run.condition(conditions.PLANNED, "True", "Planned", " ".join((message + ".", *unknown, *plan.notes)))
    run.tell("Planned", message)


def _heaviest(load: Mapping[str, float]) -> dict[str, int]:
    """The nodes that have most to do. A shard of hundreds hangs on none of them, and a status has no room."""
    nodes = sorted(load, key=lambda node: (-load[node], node))[:_NODES]
    return {node: math.ceil(load[node]) for node in sorted(nodes)}
