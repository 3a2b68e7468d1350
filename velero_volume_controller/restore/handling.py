"""What a person does with CleanRestores: makes, lists, approves, cancels and resumes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from velero_volume_controller.api.cleanrestore import RestorePhase
from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.kube.client import MERGE_PATCH, Client
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.lists import pages
from velero_volume_controller.kube.resources import Identity, Resource, create, delete
from velero_volume_controller.restore import objects, plan_maps
from velero_volume_controller.restore.naming import RESUME
from velero_volume_controller.restore.objects import CleanRestore, decode_restore_run
from velero_volume_controller.restore.planned import Plan
from velero_volume_controller.restore.steps import RunIdentity
from velero_volume_controller.restore.stored_plan import Damaged
from velero_volume_controller.restore.written import WrittenRestore, manifest

CLEAN_RESTORES: Final = Resource(*objects.RESOURCE)


class NoSuchRun(KubeError):  # noqa: N818  (the name says what is the case)
    """There is no CleanRestore of this name."""


class NotInstalled(KubeError):  # noqa: N818
    """The API server does not know CleanRestores."""


class PlanChanged(Exception):  # noqa: N818
    """The plan is not the one that was looked at. A sentence."""


async def runs(client: Client, namespace: str) -> list[CleanRestore]:
    """The CleanRestores in this namespace, or in all if it is empty; the oldest first. Raises KubeError."""
    found = []
    try:
        async for page in pages(client, CLEAN_RESTORES.path(namespace)):
            found += [decode_restore_run(item) for item in page.items]
    except ApiError as error:
        raise _known(error) from error
    return sorted(found, key=lambda each: (each.created, each.namespace, each.name))


async def find(client: Client, namespace: str, name: str) -> CleanRestore | None:
    """This one, if there is one. Raises KubeError."""
    try:
        return decode_restore_run(await client.request("GET", CLEAN_RESTORES.path(namespace, name)))
    except ApiError as error:
        if error.status != 404:
            raise
        if not _of_object(error):
            raise _known(error) from error
    return None


async def read(client: Client, namespace: str, name: str) -> CleanRestore:
    """This one, of which the spec is known. Raises NoSuchRun with the names that there are, and KubeError."""
    found = await find(client, namespace, name)
    if found is not None:
        if found.spec is None:
            raise KubeError(f"CleanRestore {namespace}/{name} can't be read: {found.problem}.")
        return found
    there = [each.name for each in await runs(client, namespace)]
    names = f"there are: {', '.join(there)}" if there else "there are none"
    raise NoSuchRun(
        f"CleanRestore {namespace}/{name}: there is none of that name; in this namespace {names}."
        " Name another, or its namespace with -n."
    )


async def make(client: Client, written: WrittenRestore) -> CleanRestore:
    """Makes it. Raises ConfigurationError with the API server's words if it is not valid, and KubeError."""
    try:
        return decode_restore_run(await create(client, CLEAN_RESTORES, written.namespace, manifest(written)))
    except ApiError as error:
        if error.status == 409:
            raise KubeError(
                f"CleanRestore {written.namespace}/{written.name}: there is one of that name already."
                " Choose another name, or go on with that one: leave out what describes another."
            ) from None
        if error.status in {400, 422}:
            raise ConfigurationError(f"the API server refuses it: {error.message}") from None
        raise _known(error) from error


async def read_plan(client: Client, found: CleanRestore) -> Plan:
    """The plan that it has now, checked. Raises KubeError with what to do."""
    summary = found.status.plan
    which = f"CleanRestore {found.namespace}/{found.name}"
    if summary is None:
        raise KubeError(f"{which} has no plan yet. Look how far it is: vvc restore status {found.name}.")
    try:
        return await plan_maps.read(client, RunIdentity(found.namespace, found.name, found.uid), summary)
    except Damaged as error:
        raise KubeError(f"{which}: {error}. Plan again: vvc restore apply {found.name}.") from None


async def approve(client: Client, found: CleanRestore, plan_hash: str) -> CleanRestore:
    """Approves the plan with this hash, and no other. Raises PlanChanged, and KubeError.

    Written to the version in which that plan was seen, so that none can take its place in between.
    """
    while True:
        plan = found.status.plan
        if plan is None or plan.hash != plan_hash:
            now = f"its hash is now {plan.hash}" if plan else "there is none now"
            raise PlanChanged(
                f"CleanRestore {found.namespace}/{found.name}: nothing was approved, for the plan is not the"
                f" one that was looked at; {now}. Look at it, and approve that one."
            )
        try:
            return await _patch(client, found, {"spec": {"planHash": plan_hash}})
        except ApiError as error:
            if error.status != 409:
                raise
        found = await _again(client, found)


async def resume(client: Client, found: CleanRestore) -> tuple[CleanRestore, str]:
    """Lets a failed run go on where it stopped; and the word by which it knows the demand.

    One that is to be planned again has its approval taken back: its plan is to be looked at even where it
    has not changed. Raises PlanChanged if it has not failed, or goes on already, and KubeError.
    """
    word, looked_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), found.status.resume_from
    while True:
        status = found.status
        # A demand that comes when it goes on already would be followed the next time that it fails.
        if status.phase is not RestorePhase.FAILED or status.resume_from is None:
            raise PlanChanged(
                f"CleanRestore {found.namespace}/{found.name} is {status.phase or 'New'}: there is nothing to"
                " resume."
            )
        if status.resume_from is not looked_at:
            raise PlanChanged(
                f"CleanRestore {found.namespace}/{found.name} has failed again meanwhile. Look at it once"
                " more."
            )
        body: dict[str, Any] = {"metadata": {"annotations": {RESUME: word}}}
        if status.resume_from is RestorePhase.PLANNING:
            body["spec"] = {"planHash": None}
        try:
            return await _patch(client, found, body), word
        except ApiError as error:
            if error.status != 409:
                raise
        found = await _again(client, found)


async def cancel(client: Client, found: CleanRestore) -> CleanRestore:
    """Asks it to end. Raises KubeError."""
    while True:
        try:
            return await _patch(client, found, {"spec": {"cancel": True}})
        except ApiError as error:
            if error.status != 409:
                raise
        found = await _again(client, found)


async def remove(client: Client, found: CleanRestore) -> None:
    """Deletes it, and its plans and reports with it. One that is gone, or is another, is left. Raises
    KubeError."""
    try:
        await delete(client, CLEAN_RESTORES, Identity(found.namespace, found.name, found.uid))
    except ApiError as error:
        if error.status not in {404, 409}:
            raise


async def _again(client: Client, found: CleanRestore) -> CleanRestore:
    """As it is now. Raises NoSuchRun if it is another one."""
    again = await read(client, found.namespace, found.name)
    if again.uid != found.uid:
        raise NoSuchRun(f"CleanRestore {found.namespace}/{found.name} was deleted; another has its name now.")
    return again


async def _patch(client: Client, found: CleanRestore, body: Mapping[str, Any]) -> CleanRestore:
    """That version of it changed, or an ApiError 409."""
    path = CLEAN_RESTORES.path(found.namespace, found.name)
    metadata = {**body.get("metadata", {}), "uid": found.uid, "resourceVersion": found.version}
    data = msgspec.json.encode({**body, "metadata": metadata})
    try:
        return decode_restore_run(await client.request("PATCH", path, body=data, content_type=MERGE_PATCH))
    except ApiError as error:
        if error.status in {400, 422}:
            raise ConfigurationError(f"the API server refuses it: {error.message}") from None
        raise


def _of_object(error: ApiError) -> bool:
    """Whether a 404 is about the object; else the resource itself is missing."""
    # A group that nobody serves is answered by no Status but by a bare "404 page not found".
    return bool(error.reason) and "could not find the requested resource" not in error.message


def _known(error: ApiError) -> KubeError:
    if error.status != 404 or _of_object(error):
        return error
    return NotInstalled(
        "CleanRestores are not known to this cluster. Install them: kubectl apply -f manifests/install.yaml."
    )
