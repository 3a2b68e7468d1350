"""The rights that carrying a plan out takes, asked for before anything is touched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Final

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.discovery import Discovery
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.permissions import Permission, allowed
from velero_volume_controller.kube.waiting import together
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.gather import ROLE
from velero_volume_controller.restore.planned import Plan
from velero_volume_controller.restore.run import few
from velero_volume_controller.restore.steps import Problem
from velero_volume_controller.velero.client.restores import RESTORES
from velero_volume_controller.velero.model.backup_contents import Key

_AT_A_TIME: Final = 8


async def lacking(
    client: Client, discovery: Discovery, plan: Plan, lanes: Iterable[str]
) -> tuple[Problem, ...]:
    """What is missing, in one problem. ``lanes`` are the namespaces of the Veleros that restore.

    Where the right to ask (role system:basic-user) was taken away, nothing counts as missing. Raises as
    Client.request.
    """
    wanted = {("create", RESTORES.plural, RESTORES.group): {*lanes}}
    for verb, key in _uses(plan):
        served = discovery.find(key.group, key.kind)
        if served is not None:
            what = (verb, served.resource.plural, served.resource.group)
            wanted.setdefault(what, set()).add(key.namespace)
    slots = asyncio.Semaphore(_AT_A_TIME)

    async def may(permission: Permission) -> bool:
        async with slots:
            return await allowed(client, permission)

    async def missing(what: tuple[str, str, str], namespaces: set[str]) -> list[Permission]:
        """In the whole cluster, which is one question; else in each namespace."""
        if await may(Permission(*what)):
            return []
        each = [Permission(*what, namespace) for namespace in sorted(namespaces)]
        return [permission for permission in each if not await may(permission)]

    try:
        found = await together(missing(*item) for item in sorted(wanted.items()))
    except ApiError as error:
        if error.status != 403:
            raise
        return ()
    told = [permission for some in found for permission in some]
    if not told:
        return ()
    message = (
        f"this program may not {few(told)}; grant it with ClusterRole {ROLE}, as manifests/restore.yaml does"
    )
    return (Problem("RightsMissing", message),)


def _uses(plan: Plan) -> Iterator[tuple[str, Key]]:
    """What is done to which objects."""
    for each in plan.clear:
        yield "delete", each.key
    for stilled in plan.quiesce:
        yield "patch", stilled.key
        if kinds.of(stilled.key) == kinds.CRON_JOB:
            # One that has started by then is suspended, too.
            yield "patch", Key(*kinds.JOB, stilled.key.namespace, "")
