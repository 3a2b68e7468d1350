"""What must be known before anything is touched, read from the cluster at once: nothing may be half known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

import msgspec
import structlog

from velero_volume_controller.api.cleanrestore import CleanRestoreSpec
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.discovery import Discovery, discover
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.lists import pages
from velero_volume_controller.kube.permissions import Permission
from velero_volume_controller.kube.resources import Resource
from velero_volume_controller.kube.waiting import together
from velero_volume_controller.restore.admission import Hook, decode_hooks, has_ready
from velero_volume_controller.restore.contents import Contents
from velero_volume_controller.restore.facts import (
    Facts,
    Installed,
    Served,
    ServedKind,
    Source,
    decode_agent_pod,
    decode_node,
    decode_quota,
)
from velero_volume_controller.restore.gather import (
    NotRestorable,
    forbidden,
    read_backup,
    selectors,
    stale,
    storage_of,
)
from velero_volume_controller.restore.listing import Unreadable
from velero_volume_controller.restore.planned import Plan
from velero_volume_controller.velero.client.downloads import NotFetched, NotSigned, Target, download
from velero_volume_controller.velero.client.installations import read_lane
from velero_volume_controller.velero.client.lanes import POD_VOLUME_BACKUPS, STORAGE_LOCATIONS, VELERO
from velero_volume_controller.velero.client.storage_tls import Distrusted
from velero_volume_controller.velero.model.backups import COMPLETED, RESTORABLE
from velero_volume_controller.velero.model.claims import decode_claim
from velero_volume_controller.velero.model.installations import is_agent
from velero_volume_controller.velero.model.load_concurrency import most
from velero_volume_controller.velero.model.namespaces import decode_namespace
from velero_volume_controller.velero.model.pod_volume_backups import (
    PodVolumeBackup,
    decode_pod_volume_backup,
)
from velero_volume_controller.velero.model.restore_runs import decode_restore
from velero_volume_controller.velero.model.servers import decode_location, decode_server
from velero_volume_controller.velero.model.stored_files import decode_results
from velero_volume_controller.velero.model.validations import decode_validation

_PODS: Final = Resource("", "v1", "pods", "Pod")
_NODES: Final = Resource("", "v1", "nodes", "Node")
_NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace")
_CLAIMS: Final = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
_QUOTAS: Final = Resource("", "v1", "resourcequotas", "ResourceQuota")
_CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
_DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment")
_CLASSES: Final = Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass")
_SLICES: Final = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
_RESTORES: Final = Resource(*VELERO, "restores", "Restore")
_ADMISSION: Final = ("admissionregistration.k8s.io", "v1")
_HOOKS: Final = (
    Resource(*_ADMISSION, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
    Resource(*_ADMISSION, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
)
#: Which StorageClass becomes which in a Restore (pkg/restore/actions/change_storageclass_action.go).
_CLASS_CHANGES: Final = "velero.io/plugin-config,velero.io/change-storage-class=RestoreItemAction"

T = TypeVar("T")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """What a run is about. ``run`` is the uid of the CleanRestore, ``undo_in`` the namespace of the Velero
    that makes the undo backup: empty for the one that is asked about."""

    spec: CleanRestoreSpec
    plan: Plan
    contents: Contents
    run: str = ""
    undo_in: str = ""


class _WireMetadata(msgspec.Struct):
    name: str


class _WireNamed(msgspec.Struct):
    metadata: _WireMetadata


class _WireConfigMap(msgspec.Struct):
    data: dict[str, str] | None = None


_NAMED: Final = msgspec.json.Decoder(_WireNamed)
_CONFIG_MAP: Final = msgspec.json.Decoder(_WireConfigMap)


async def gather_facts(client: Client, velero_namespace: str, asked: Question, now: datetime) -> Facts:
    """Everything that ``validate`` looks at. ``now`` has a time zone.

    Raises ReadForbidden, Unreadable, and as Client.request.
    """
    plan, targets = asked.plan, frozenset(asked.plan.targets.values())
    cluster = _Cluster(client)
    velero = _Velero(client, cluster, velero_namespace)
    quotas = [each for each in await cluster.all(_QUOTAS, decode_quota) if each.key.namespace in targets]
    places = targets | asked.plan.targets.keys()
    claims = [each for each in await cluster.all(_CLAIMS, decode_claim) if each.namespace in places]
    return Facts(
        spec=asked.spec,
        plan=plan,
        contents=asked.contents,
        now=now,
        velero=await velero.installed(),
        served=await _served(client, cluster),
        sources=tuple(await together(velero.source(name) for name in plan.backups)),
        taken=await velero.taken(plan.backups),
        nodes=tuple(await cluster.all(_NODES, decode_node)),
        namespaces={each.name: each for each in await cluster.all(_NAMESPACES, decode_namespace)},
        claims=tuple(claims),
        classes=frozenset(await cluster.all(_CLASSES, lambda raw: _NAMED.decode(raw).metadata.name)),
        quotas=tuple(quotas),
        run=asked.run,
        undo_in=asked.undo_in or velero_namespace,
    )


@dataclass(frozen=True, slots=True)
class _Cluster:
    client: Client

    async def all(
        self,
        resource: Resource,
        decode: Callable[[msgspec.Raw], T],
        namespace: str = "",
        selector: str = "",
    ) -> list[T]:
        """All of these objects. Raises ReadForbidden, Unreadable, and as Client.request."""
        query = {"labelSelector": selector} if selector else {}
        found: list[T] = []
        try:
            async for page in pages(self.client, resource.path(namespace), query):
                found += map(decode, page.items)
        except msgspec.MsgspecError as error:
            raise Unreadable(
                f"A {resource.kind} can't be read as {resource.api_version} has it ({error}). See what"
                f" kubectl get {resource.plural} -o json prints."
            ) from error
        except ApiError as error:
            if error.status != 403:
                raise
            permission = Permission("list", resource.plural, resource.group, namespace)
            raise forbidden([permission]) from error
        return found


@dataclass(frozen=True, slots=True)
class _Velero:
    client: Client
    cluster: _Cluster
    namespace: str

    async def installed(self) -> Installed:
        """Velero as it runs in its namespace."""
        servers = [each for each in await self._all(_DEPLOYMENTS, decode_server) if each is not None]
        pods = await self._all(_PODS, decode_agent_pod)
        locations = await self._all(
            STORAGE_LOCATIONS, lambda raw: (decode_location(raw), decode_validation(raw))
        )
        changes: dict[str, str] = {}
        for found in await self.cluster.all(_CONFIG_MAPS, _CONFIG_MAP.decode, self.namespace, _CLASS_CHANGES):
            changes |= found.data or {}
        lane = await read_lane(self.client, self.namespace, ())
        return Installed(
            namespace=self.namespace,
            load=most(lane.default_load, lane.load) if lane is not None else 1,
            server=min(servers, key=lambda each: each.name, default=None),
            agents=tuple(agent for agent, labels in pods if is_agent(labels)),
            locations=tuple(location for (_, location), _ in locations),
            validations=tuple(validation for _, validation in locations),
            restores=tuple(await self._all(_RESTORES, decode_restore)),
            class_changes=changes,
        )

    async def _all(self, resource: Resource, decode: Callable[[msgspec.Raw], T]) -> list[T]:
        return await self.cluster.all(resource, decode, self.namespace)

    async def taken(self, backups: Sequence[str]) -> tuple[PodVolumeBackup, ...]:
        """The PodVolumeBackups of these Backups."""
        found: list[PodVolumeBackup] = []
        for selector in selectors(backups):
            found += await self.cluster.all(
                POD_VOLUME_BACKUPS, decode_pod_volume_backup, self.namespace, selector
            )
        return tuple(found)

    async def source(self, name: str) -> Source:
        """A Backup, and what failed in it if something did."""
        try:
            backup = await read_backup(self.client, self.namespace, name)
        except NotRestorable:
            return Source(name, None)
        if backup.phase not in RESTORABLE or backup.phase == COMPLETED:
            return Source(name, backup)
        try:
            storage = await storage_of(self.client, backup)
            raw = await download(self.client, self.namespace, Target.BACKUP_RESULTS, name, storage)
            return Source(name, backup, decode_results(raw))
        except (NotFetched, NotSigned, NotRestorable, Distrusted, msgspec.MsgspecError) as error:
            log.info("what failed in a Backup could not be read", backup=name, error=str(error))
            return Source(name, backup)


async def _served(client: Client, cluster: _Cluster) -> Served:
    discovery = await discover(client)
    hooks: list[Hook] = []
    for resource in _HOOKS:
        kind = resource.kind
        for found in await cluster.all(resource, lambda raw, kind=kind: list(decode_hooks(raw, kind))):  # type: ignore[misc]
            hooks += found
    unready = set()
    for namespace, name in sorted({hook.service for hook in hooks}):
        slices = await cluster.all(_SLICES, has_ready, namespace, f"kubernetes.io/service-name={name}")
        if not any(slices):
            unready.add((namespace, name))
    return Served(_kinds(discovery), tuple(sorted(stale(discovery))), tuple(hooks), frozenset(unready))


def _kinds(discovery: Discovery) -> dict[tuple[str, str], ServedKind]:
    """Those of which objects can be made."""
    found: dict[tuple[str, str], ServedKind] = {}
    for each in discovery.served:
        resource = each.resource
        if "create" not in each.verbs or resource.api_version in discovery.unanswered:
            continue
        kind = (resource.group, resource.kind)
        known = found.get(kind)
        versions = known.versions if known is not None else ()
        plural = known.plural if known is not None else resource.plural
        found[kind] = ServedKind(plural, (*versions, resource.version))
    return found
