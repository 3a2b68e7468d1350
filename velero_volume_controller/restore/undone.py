"""The run that a CleanRestore takes back: what it made, and what was there before."""

from __future__ import annotations

from dataclasses import dataclass

from velero_volume_controller.kube.client import Client
from velero_volume_controller.restore import plan_maps
from velero_volume_controller.restore.apply import read
from velero_volume_controller.restore.objects import identity
from velero_volume_controller.restore.sources import NoSource
from velero_volume_controller.restore.stored_plan import Damaged
from velero_volume_controller.velero.model.names import backup_label


@dataclass(frozen=True, slots=True)
class Undone:
    """``uid`` is its own. ``made_by`` are the labels' values by which its Restores' objects are known;
    ``found`` the uids of what was live when it was planned."""

    uid: str
    made_by: frozenset[str]
    found: frozenset[str]


async def undone(client: Client, namespace: str, name: str) -> Undone:
    """Read it from its status and its plan. Raises NoSource, and as Client.request."""
    which = f"CleanRestore {namespace}/{name}, which is to be undone,"
    run = await read(client, namespace, name)
    if run is None:
        raise NoSource(f"{which} is gone, and with it what it made; restore from a Backup instead")
    status = run.status
    if status.phase is None or not status.phase.ended:
        raise NoSource(f"{which} is {status.phase or 'new'} and has not ended; wait until it has")
    if status.plan is None:
        raise NoSource(f"{which} has no plan, so it has done nothing that could be undone")
    try:
        plan = await plan_maps.read(client, identity(run), status.plan)
    except Damaged as error:
        raise NoSource(
            f"{which} does not know any more what it did: {error}; restore from a Backup"
        ) from None
    return Undone(
        run.uid,
        frozenset(backup_label(each.name) for each in status.restores),
        frozenset(each.uid for each in plan.objects if each.uid),
    )
