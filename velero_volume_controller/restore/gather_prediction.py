"""What a prediction of a restore is made from, read from the cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
import structlog

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
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
#: A prediction is no reason to stop: what may not be listed is done without.
_DONE_WITHOUT: Final = frozenset({403, 404})

T = TypeVar("T")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def gather_prediction(client: Client, gathered: Gathered, plan: Plan) -> Prediction | None:
    """Of the time that Velero will take for this plan; None where nothing tells.

    Raises as Client.request for anything but 403 and 404.
    """
    past, writers = Past(), []
    for lane in dict.fromkeys(each.namespace for each in gathered.sources):
        past = Past(
            (*past.restores, *await _list(client, RESTORES, lane, decode_restore)),
            (*past.restored, *await _list(client, POD_VOLUME_RESTORES, lane, decode_pod_volume_restore)),
        )
        writers.append(await _writers(client, lane))
    coming = Coming(
        tuple(each.name for each in gathered.sources),
        plan.count(Action.CREATE) + plan.count(Action.DELETE),
        tuple(each for each in gathered.given.cluster.taken if each.pod_namespace in plan.targets),
        min(writers, default=1),
    )
    return predict(coming, past)


async def _writers(client: Client, namespace: str) -> int:
    """How many volumes the node-agents of this Velero write at a time, all together."""
    lane = await read_lane(client, namespace, await _list(client, _PODS, namespace, pods.decode))
    if lane is None:
        return 1
    return sum(lane.load.get(node, lane.default_load) for node in lane.nodes or ()) or lane.default_load


async def _list(
    client: Client, resource: Resource, namespace: str, decode: Callable[[msgspec.Raw], T]
) -> list[T]:
    try:
        return list(await listed(client, resource, decode, namespace))
    except ApiError as error:
        if error.status not in _DONE_WITHOUT:
            raise
        log.debug("what could not be listed is done without", path=error.path, error=str(error))
        return []
