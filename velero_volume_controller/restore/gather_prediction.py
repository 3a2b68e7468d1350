"""What a prediction of a restore is made from, read from the cluster."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.kube.lists import listed
from velero_volume_controller.kube.resources import Resource
from velero_volume_controller.restore.planned import Action, Plan
from velero_volume_controller.restore.planning import Gathered
from velero_volume_controller.restore.prediction import Coming, Past, Prediction, predict
from velero_volume_controller.velero.client.installations import read_lane
from velero_volume_controller.velero.client.restores import POD_VOLUME_RESTORES, RESTORES
from velero_volume_controller.velero.model import pods
from velero_volume_controller.velero.model.restore_runs import decode_pod_volume_restore, decode_restore

_PODS: Final = Resource("", "v1", "pods", "Pod")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def gather_prediction(client: Client, gathered: Gathered, plan: Plan) -> Prediction | None:
    """Of the time that Velero will take for this plan; None where nothing tells, or it can't be read: that is
    no reason to stop."""
    if plan.refused:
        return None
    try:
        past, writers = Past(), []
        for lane in dict.fromkeys(each.namespace for each in gathered.sources):
            past = Past(
                (*past.restores, *await listed(client, RESTORES, decode_restore, lane)),
                (*past.restored, *await listed(client, POD_VOLUME_RESTORES, decode_pod_volume_restore, lane)),
            )
            writers.append(await _writers(client, lane))
        coming = Coming(
            tuple(each.name for each in gathered.sources),
            plan.count(Action.CREATE) + plan.count(Action.DELETE),
            tuple(each for each in gathered.given.cluster.taken if each.pod_namespace in plan.targets),
            min(writers, default=1),
        )
        # In a thread: a history of 200,000 volumes takes half a second.
        return await asyncio.to_thread(predict, coming, past)
    except (KubeError, ValueError, OverflowError) as error:
        log.info("how long a restore takes can't be predicted", error=str(error))
        return None


async def _writers(client: Client, namespace: str) -> int:
    """How many volumes the node-agents of this Velero write at a time, all together."""
    lane = await read_lane(client, namespace, await listed(client, _PODS, pods.decode, namespace))
    if lane is None:
        return 1
    return sum(lane.load.get(node, lane.default_load) for node in lane.nodes or ()) or lane.default_load
