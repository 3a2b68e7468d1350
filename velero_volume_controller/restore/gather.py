"""What a plan is made from, read from a real cluster: what Backups hold, and what is live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from velero_volume_controller.api.cleanrestore import Clearing
from velero_volume_controller.api.glob import matches
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.discovery import Discovery, Served, discover
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.lists import listed
from velero_volume_controller.kube.permissions import Permission
from velero_volume_controller.kube.waiting import together
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.cluster import TAKEN, Cluster
from velero_volume_controller.restore.contents import Contents, joined, stored, unrestorable
from velero_volume_controller.restore.listing import Listing, Selection, pruned
from velero_volume_controller.velero.client.downloads import Limits, NotStored, Storage, Target, download
from velero_volume_controller.velero.client.lanes import BACKUPS, POD_VOLUME_BACKUPS
from velero_volume_controller.velero.client.storage_tls import read_trust
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.backups import Backup, decode_backup
from velero_volume_controller.velero.model.names import backup_label
from velero_volume_controller.velero.model.pod_volume_backups import (
    BACKUP_LABEL,
    PodVolumeBackup,
    decode_pod_volume_backup,
)

#: The ClusterRole of the project's manifests in which all that is missing here is granted.
ROLE: Final = "velero-volume-controller-restore"

#: How many kinds are listed, and how many Backups read, at the same time: the rest of the process has
#: requests, too.
_AT_A_TIME: Final = 4
#: Names in one label selector: an address may be some thousand characters.
_SELECTED: Final = 40
_FEW: Final = 6

#: Told how many kinds of how many have been listed.
Progress = Callable[[int, int], None]


class NotRestorable(KubeError):  # noqa: N818  (the name says what is the case)
    """There is no such Backup, or nothing can be restored from it."""


class ReadForbidden(KubeError):  # noqa: N818
    """Some kinds may not be listed: whether something stands in the way can't be seen.

    ``lacking`` says which, in a sentence that is true of whoever asked; the error says what the controller
    needs, too.
    """

    def __init__(self, lacking: str, way_out: str) -> None:
        super().__init__(f"{lacking} {way_out}")
        self.lacking = lacking


async def gather_contents(
    client: Client, velero_namespace: str, backups: Sequence[str], limits: Limits | None = None
) -> Contents:
    """What these Backups hold together, read from Velero's storage.

    Raises NotRestorable, what ``download`` raises, and as Client.request.
    """
    slots = asyncio.Semaphore(_AT_A_TIME)

    async def read(name: str) -> Contents:
        async with slots:
            return await _one(client, velero_namespace, name, limits)

    return joined(await together(read(name) for name in dict.fromkeys(backups)))


async def _one(client: Client, namespace: str, name: str, limits: Limits | None) -> Contents:
    backup = await read_backup(client, namespace, name)
    if (why := unrestorable(name, backup.phase)) is not None:
        raise NotRestorable(why)
    location = backup.storage_location
    storage = await storage_of(client, backup)
    resources = await download(client, namespace, Target.BACKUP_RESOURCE_LIST, name, storage, limits)
    volumes: bytes | None = None
    taken: tuple[PodVolumeBackup, ...] = ()
    try:
        volumes = await download(client, namespace, Target.BACKUP_VOLUME_INFOS, name, storage, limits)
    except NotStored:
        # Velero has kept them since 1.14. Of an older Backup, PodVolumeBackups tell what they can.
        taken = await taken_of(client, namespace, name)
    try:
        # Another thread: 50,000 names are some 100 ms of decoding.
        return await asyncio.to_thread(stored, name, backup.phase, resources, volumes, taken)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotRestorable(
            f"What Velero keeps of Backup {name} in BackupStorageLocation {location} can't be read ({error})."
            f" Look at it with velero backup describe {name} --details, or choose another Backup."
        ) from None


async def storage_of(client: Client, backup: Backup) -> Storage:
    """Where a Backup's files are. Raises NotRestorable, Distrusted, and as Client.request."""
    try:
        trust = await read_trust(client, backup.namespace, backup.storage_location)
    except ApiError as error:
        if error.status != 404:
            raise
        raise NotRestorable(
            f"BackupStorageLocation {backup.namespace}/{backup.storage_location}, where Backup {backup.name}"
            " is, is not there, or the Secret that its caCertRef names; make them again."
        ) from None
    return Storage(backup.storage_location, trust)


async def taken_of(client: Client, namespace: str, backup: str) -> tuple[PodVolumeBackup, ...]:
    """The volumes that a Backup has read, or reads. Raises as Client.request."""
    query = {"labelSelector": f"{BACKUP_LABEL}={backup_label(backup)}"}
    return tuple(await listed(client, POD_VOLUME_BACKUPS, decode_pod_volume_backup, namespace, query))


async def read_backup(client: Client, namespace: str, name: str) -> Backup:
    """A Backup. Raises NotRestorable if there is none, and as Client.request."""
    path = BACKUPS.path(namespace, name)
    try:
        return decode_backup(await client.request("GET", path))
    except ApiError as error:
        if error.status != 404:
            raise
        raise NotRestorable(
            f"There is no Backup {name} in {namespace}: it may have expired. velero backup get lists what is"
            " there."
        ) from None
    except msgspec.MsgspecError as error:
        raise ApiError("GET", path, 200, "", f"the answer is no Backup ({error})") from error


def namespaces_of(contents: Contents, wanted: Clearing) -> frozenset[str]:
    """The namespaces that a plan may be about, protected ones among them, under the names that they get."""
    there = {key.namespace for key in contents.items if key.namespace}
    there |= {key.name for key in contents.items if kinds.of(key) == kinds.NAMESPACE}
    return frozenset(
        wanted.namespace_mapping.get(name, name)
        for name in there
        if any(matches(pattern, name) for pattern in wanted.namespaces.include)
    )


async def gather_cluster(
    client: Client,
    namespaces: frozenset[str] | None = None,
    backups: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Cluster:
    """What is live now. ``namespaces`` are those that a plan is about, None for all.

    Of PodVolumeBackups only those of ``backups`` are read, whichever Velero made them, unless that is None.
    What does not answer is in ``Cluster.unanswered``: with it, no plan may be carried out. Raises
    ReadForbidden, Unreadable, and as Client.request.
    """
    discovery = await discover(client)
    listing = Listing(client, namespaces)
    wanted = [each for each in discovery.preferred() if "list" in each.verbs]
    taken = None if backups is None else Selection("", tuple(selectors(backups)))
    slots, done = asyncio.Semaphore(_AT_A_TIME), 0

    async def take(served: Served) -> None:
        nonlocal done
        async with slots:
            kind = (served.resource.group, served.resource.kind)
            await listing.take(served, taken if kind == TAKEN else None)
        done += 1
        if progress is not None:
            progress(done, len(wanted))

    await together(take(each) for each in wanted)
    if listing.forbidden:
        raise forbidden(listing.forbidden)
    unanswered = tuple(sorted(listing.unanswered | set(stale(discovery))))
    # Another thread: of 50,000 objects it is some 100 ms.
    return await asyncio.to_thread(_cluster, listing, unanswered)


def _cluster(listing: Listing, unanswered: tuple[str, ...]) -> Cluster:
    found = listing.found
    return Cluster(
        pruned(found, listing.namespaces),
        found.hosts.found(frozenset(found.namespaces)),
        frozenset(listing.kinds),
        tuple(found.taken),
        tuple(_notes(listing, unanswered)),
        unanswered,
    )


def stale(discovery: Discovery) -> Iterator[str]:
    """Versions of groups that do not answer, but for those of which nothing is ever stored."""
    for version in discovery.unanswered:
        if not kinds.left_out(Key(version.rpartition("/")[0], "", "", "")):
            yield version


def selectors(backups: Sequence[str]) -> Iterator[str]:
    """Label selectors for what belongs to these Backups, several where they would be too long."""
    names = [backup_label(name) for name in backups]
    for start in range(0, len(names), _SELECTED):
        yield f"{BACKUP_LABEL} in ({','.join(names[start : start + _SELECTED])})"


def forbidden(missing: Iterable[Permission]) -> ReadForbidden:
    """The error that names what is missing, and what grants it."""
    lacking = sorted(str(each) for each in missing)
    more = f" and {len(lacking) - _FEW} more" if lacking[_FEW:] else ""
    return ReadForbidden(
        f"This user or service account may not {'; '.join(lacking[:_FEW])}{more}. Whether something there"
        " stands in the way of a restore can't be seen.",
        f"Apply manifests/restore.yaml, which binds ClusterRole {ROLE}.",
    )


def _notes(listing: Listing, unanswered: Sequence[str]) -> Iterator[str]:
    if unanswered:
        yield (
            f"These APIs do not answer, and what there is of them can't be seen: {', '.join(unanswered)}."
            " Nothing is cleared away before they do."
        )
    if listing.unstored:
        names = ", ".join(sorted(kind for _, kind in listing.unstored))
        yield f"Objects without a uid are stored nowhere and left out: {names}."
