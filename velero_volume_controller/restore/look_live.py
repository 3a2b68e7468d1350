"""The live objects that a step asks about: of the kinds and namespaces of the plan alone, read anew."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from velero_volume_controller.api.cleanrestore import CleanRestoreStatus, RestorePhase
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.discovery import Discovery, Served
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.lists import listed
from velero_volume_controller.kube.resources import Resource
from velero_volume_controller.kube.waiting import together
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.defined import defined
from velero_volume_controller.restore.gather import ROLE
from velero_volume_controller.restore.listing import Listing, Selection
from velero_volume_controller.restore.live import Live, decode_live
from velero_volume_controller.restore.planned import Action, Plan
from velero_volume_controller.velero.model.backup_contents import Key

#: Lists that are under way at the same time: other runs, and what else asks, have requests too.
_AT_A_TIME: Final = 8
#: With more namespaces than these, one list of all is shorter than one of each.
_MANY: Final = 16
_EVERY: Final = ("",)

#: What stands still, and what runs because of it.
_WORKLOADS: Final = kinds.SCALED | {kinds.JOB, kinds.CRON_JOB, kinds.POD}
_ATTACHMENTS: Final = Resource("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment")
_VOLUMES: Final = Resource("", "v1", "persistentvolumes", "PersistentVolume")


class Hidden(KubeError):  # noqa: N818  (the name says what is the case)
    """Something can't be seen: nothing may be concluded from what can."""


class _WireSource(msgspec.Struct, frozen=True, rename="camel"):
    persistent_volume_name: str | None = None


class _WireSpec(msgspec.Struct, frozen=True, rename="camel"):
    node_name: str = ""
    source: _WireSource = _WireSource()


class _WireAttachment(msgspec.Struct, frozen=True):
    spec: _WireSpec = _WireSpec()


_ATTACHMENT: Final = msgspec.json.Decoder(_WireAttachment)


def kinds_of(plan: Plan | None) -> frozenset[tuple[str, str]]:
    """The namespaced kinds that a step asks about; without a plan, those that may have been stilled."""
    if plan is None:
        return _WORKLOADS
    counted = {Action.DELETE, Action.CREATE}
    planned = {kinds.of(each.key) for each in plan.objects if each.action in counted and each.key.namespace}
    return frozenset(planned | _WORKLOADS | {kinds.CLAIM})


async def look_live(
    client: Client,
    discovery: Discovery,
    status: CleanRestoreStatus,
    plan: Plan | None,
    known: Mapping[Key, Live] | None = None,
) -> tuple[dict[Key, Live], dict[str, str]]:
    """The objects, and to which nodes volumes are attached. Raises Hidden, and as Client.request.

    ``known`` is what the last look of the same run found. What is there is asked anew each time; what has
    changed since is all that is read whole again.
    """
    names = plan.targets.values() if plan else status.plan.namespaces if status.plan else ()
    live = await _listed(client, discovery, kinds_of(plan), frozenset(names), known or {})
    if plan is None or status.phase not in {RestorePhase.CLEARING, RestorePhase.WAITING_GONE}:
        return live, {}
    going = _volumes_that_go(plan)
    live |= await _volumes(client, going | _volumes_of_claims_that_go(plan, live))
    waits = going and status.phase is RestorePhase.WAITING_GONE
    return live, await _attachments(client, going) if waits else {}


async def _listed(
    client: Client,
    discovery: Discovery,
    wanted: Iterable[tuple[str, str]],
    namespaces: frozenset[str],
    known: Mapping[Key, Live],
) -> dict[Key, Live]:
    """All objects of these kinds in these namespaces, and these Namespaces."""
    listing = Listing(client, namespaces, known)
    slots = asyncio.Semaphore(_AT_A_TIME)

    async def take(served: Served, where: Selection | None) -> None:
        async with slots:
            await listing.take(served, where)

    places: list[Selection | None] = [Selection(name, _EVERY) for name in sorted(namespaces)]
    if len(places) > _MANY:
        places = [None]
    served = await _served(client, discovery, sorted(wanted))
    whole = await _served(client, discovery, [kinds.NAMESPACE])
    lists = [take(each, where) for each in served for where in places]
    await together([*lists, *(take(each, None) for each in whole)])
    if listing.forbidden:
        raise Hidden(
            f"this program may not {listing.forbidden[0]}, so what is there can't be seen; bind ClusterRole"
            f" {ROLE}, as manifests/restore.yaml does"
        )
    if listing.unanswered:
        silent = ", ".join(sorted(listing.unanswered))
        raise Hidden(f"{silent} does not answer, so what is there can't be seen")
    return {
        key: each for key, each in listing.found.objects.items() if (key.namespace or key.name) in namespaces
    }


def _volumes_that_go(plan: Plan) -> frozenset[str]:
    """The PersistentVolumes that the plan deletes, by their claims."""
    return frozenset(
        each.key.name
        for each in plan.objects
        if each.action is Action.DELETE and kinds.of(each.key) == kinds.VOLUME
    )


def _volumes_of_claims_that_go(plan: Plan, live: Mapping[Key, Live]) -> frozenset[str]:
    """Those that stay when their claims go, too: as long as the claims are there, they may change their
    minds."""
    return frozenset(
        claim.volume
        for each in plan.objects
        if each.action is Action.DELETE and (claim := live.get(each.key)) is not None and claim.volume
    )


async def _served(client: Client, discovery: Discovery, wanted: Iterable[tuple[str, str]]) -> list[Served]:
    """A kind that is served no more has no objects. Raises Hidden if it is only that nobody answers."""
    found = []
    for group, kind in wanted:
        served = discovery.find(group, kind)
        if served is not None:
            found.append(served)
        elif await defined(client, group, kind):
            raise Hidden(f"nobody answers for {kind}.{group} now, so whether there is one can't be seen")
    return found


async def _volumes(client: Client, names: Iterable[str]) -> dict[Key, Live]:
    """These PersistentVolumes; a cluster may have thousands of others."""
    slots = asyncio.Semaphore(_AT_A_TIME)

    async def read(name: str) -> Live | None:
        path = _VOLUMES.path("", name)
        try:
            async with slots:
                return decode_live(await client.request("GET", path), *kinds.VOLUME)
        except ApiError as error:
            if error.status != 404:
                raise
            return None
        except msgspec.MsgspecError as error:
            raise ApiError("GET", path, 200, "", f"the answer is no PersistentVolume ({error})") from error

    found = await together(read(name) for name in sorted(names))
    return {each.key: each for each in found if each is not None}


async def _attachments(client: Client, volumes: Iterable[str]) -> dict[str, str]:
    """The nodes to which these PersistentVolumes are attached."""
    wanted, found = set(volumes), {}
    for each in await listed(client, _ATTACHMENTS, _ATTACHMENT.decode):
        name = each.spec.source.persistent_volume_name
        if name in wanted:
            found[str(name)] = each.spec.node_name
    return found
