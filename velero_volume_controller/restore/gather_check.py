"""Whether all has come back, looked up in the cluster and in Velero's storage, and told in a report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import msgspec

from velero_volume_controller import __version__
from velero_volume_controller.api.cleanrestore import CleanRestoreSpec, CleanRestoreStatus, Verified
from velero_volume_controller.api.times import parse_duration, seconds_between
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.lists import pages
from velero_volume_controller.kube.resources import Resource
from velero_volume_controller.kube.waiting import together
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.contents import Contents, joined
from velero_volume_controller.restore.gather import (
    NotRestorable,
    ReadForbidden,
    gather_cluster,
    gather_contents,
    read_backup,
    storage_of,
    taken_of,
)
from velero_volume_controller.restore.listing import Unreadable
from velero_volume_controller.restore.phase_rehearse import measured
from velero_volume_controller.restore.planned import Plan
from velero_volume_controller.restore.rehearsing import Rehearsed, rehearsed
from velero_volume_controller.restore.report import RehearsalLine, make_report
from velero_volume_controller.restore.report_maps import write_report
from velero_volume_controller.restore.run import most
from velero_volume_controller.restore.steps import Checked, RunIdentity
from velero_volume_controller.restore.verify import verify
from velero_volume_controller.restore.verify_found import Findings, Found, Outcome, effective
from velero_volume_controller.restore.verify_states import (
    ClaimState,
    PodState,
    WorkloadState,
    decode_claim_state,
    decode_pod_state,
    decode_workload_state,
)
from velero_volume_controller.velero.client.downloads import Limits, NotFetched, NotSigned, Target, download
from velero_volume_controller.velero.client.server import server_version
from velero_volume_controller.velero.client.storage_tls import Distrusted
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.restore_runs import PodVolumeRestore, Restore
from velero_volume_controller.velero.model.restored_files import decode_restore_results, decode_restored_list

_PODS: Final = Resource("", "v1", "pods", "Pod")
_CLAIMS: Final = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
_WORKLOADS: Final = (
    Resource("apps", "v1", "deployments", "Deployment"),
    Resource("apps", "v1", "statefulsets", "StatefulSet"),
    Resource("apps", "v1", "daemonsets", "DaemonSet"),
    Resource("apps", "v1", "replicasets", "ReplicaSet"),
    Resource("", "v1", "replicationcontrollers", "ReplicationController"),
)
#: With more namespaces than these, one list of all is shorter than one of each.
_MANY: Final = 16
#: How long a list of every kind may be used again while pods become ready: so many times as long as it took,
#: and at most so many seconds. What ends the wait is seen in a list of its own.
_AGAIN: Final = 10.0
_OLDEST: Final = 60.0
#: Until what could not be read of a Restore is asked for again. Seconds.
_ASK_AGAIN: Final = 60.0
_LIMITS: Final = Limits(signing=20.0)
#: So long before pods have no more time a report is written: the step that ends the run is a little later.
_BEFORE_END: Final = 6.0

S = TypeVar("S", PodState, WorkloadState, ClaimState)


@dataclass(frozen=True, slots=True)
class Ran:
    """A run whose Restores have ended. ``now`` is RFC 3339, UTC."""

    owner: RunIdentity
    spec: CleanRestoreSpec
    status: CleanRestoreStatus
    plan: Plan
    restores: tuple[Restore, ...]
    volumes: tuple[PodVolumeRestore, ...]
    now: str

    @property
    def time_is_over(self) -> bool:
        """Pods have as good as no more time."""
        began = self.status.steps[-1].started if self.status.steps else self.now
        limit = parse_duration(self.spec.verify.pods_ready).total_seconds()
        return seconds_between(began, self.now) >= limit - _BEFORE_END


@dataclass(slots=True)
class _Known:
    """What need not be asked for again, of one run."""

    contents: Contents
    rehearsed: Rehearsed | None
    taken: tuple[PodVolumeBackup, ...]
    versions: dict[str, str]
    outcomes: dict[str, tuple[Outcome, float]]
    found: Found | None = None
    seen: float = 0.0
    took: float = 0.0


class Checker:
    """Looks for all runs. What it keeps between two looks is never more than a saving."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, _Known] = {}

    def forget(self, uid: str) -> None:
        """The run has ended, or is gone."""
        self._known.pop(uid, None)

    async def look(self, ran: Ran) -> Checked:
        """What has come back; at the end ``summary.report`` names the ConfigMap that holds the report.

        What can't be looked at is a difference, and looked at again. Raises as Client.request.
        """
        try:
            known = self._known.get(ran.owner.uid) or await self._learn(ran)
            findings = await self._findings(ran, known)
        except (NotRestorable, NotSigned, NotFetched, Distrusted, ReadForbidden, Unreadable) as error:
            text = f"Whether all has come back can't be seen: {str(error).rstrip('.')}"
            return Checked(Verified(differences=[text]), waiting=True)
        summary = findings.summary
        if not findings.waiting or ran.time_is_over:
            report = make_report(ran.owner, ran.status, ran.plan, findings, ran.now, known.versions)
            report = msgspec.structs.replace(report, rehearsal=_line(ran, findings, known))
            summary.report = await write_report(self._client, report, ran.owner)
            self.forget(ran.owner.uid)
        return Checked(summary, findings.waiting, _retained(ran, known))

    async def _learn(self, ran: Ran) -> _Known:
        """What the Backups hold, which nothing changes any more."""
        lanes: dict[str, list[str]] = {}
        for source in ran.status.plan.backups if ran.status.plan else ():
            lanes.setdefault(source.namespace, []).append(source.name)
        parts = [await gather_contents(self._client, lane, names) for lane, names in lanes.items()]
        taken = [
            each
            for lane, names in lanes.items()
            for name in names
            for each in await taken_of(self._client, lane, name)
        ]
        versions = {"velero-volume-controller": __version__, "Kubernetes": await _kubernetes(self._client)}
        for lane in lanes:
            version = await server_version(self._client, lane)
            name = "Velero" if len(lanes) == 1 else f"Velero in {lane}"
            versions[name] = str(version) if version else "not known"
        contents, told = joined(parts), None
        if ran.spec.rehearsal is not None:
            told = rehearsed(contents, lanes)
            contents = told.contents
        known = _Known(contents, told, tuple(taken), versions, {})
        self._known[ran.owner.uid] = known
        return known

    async def _findings(self, ran: Ran, known: _Known) -> Findings:
        namespaces = frozenset(ran.plan.targets.values())
        age = time.monotonic() - known.seen
        old = known.found is None or age > min(_OLDEST, _AGAIN * known.took)
        if old or known.found is None:
            known.found = await self._whole(ran, known, namespaces)
        else:
            known.found = await self._states(replace(known.found, volumes=ran.volumes), namespaces)
        findings = await asyncio.to_thread(verify, ran.plan, known.contents, known.found)
        if not old and not findings.waiting:
            known.found = await self._whole(ran, known, namespaces)
            findings = await asyncio.to_thread(verify, ran.plan, known.contents, known.found)
        return _with(findings, known.rehearsed) if known.rehearsed is not None else findings

    async def _whole(self, ran: Ran, known: _Known, namespaces: frozenset[str]) -> Found:
        began = time.monotonic()
        outcomes = [await self._outcome(known, restore) for restore in effective(ran.restores)]
        # No Backup is named: their PodVolumeBackups are known.
        cluster = await gather_cluster(self._client, namespaces, ())
        found = Found(replace(cluster, taken=known.taken), tuple(outcomes), ran.volumes)
        found = await self._states(found, namespaces)
        known.seen, known.took = time.monotonic(), time.monotonic() - began
        return found

    async def _states(self, found: Found, namespaces: frozenset[str]) -> Found:
        pods, claims, *workloads = await together(
            [
                self._list(_PODS, namespaces, decode_pod_state),
                self._list(_CLAIMS, namespaces, decode_claim_state),
                *(self._list(each, namespaces, _decoder(each)) for each in _WORKLOADS),
            ]
        )
        return replace(
            found,
            pods={each.key: each for each in pods},
            claims={each.key: each for each in claims},
            workloads={each.key: each for some in workloads for each in some},
        )

    async def _list(
        self, resource: Resource, namespaces: frozenset[str], decode: Callable[[msgspec.Raw], Any]
    ) -> list[Any]:
        found = []
        for namespace in sorted(namespaces) if len(namespaces) <= _MANY else ("",):
            async for page in pages(self._client, resource.path(namespace)):
                for raw in page.items:
                    try:
                        state = decode(raw)
                    except msgspec.MsgspecError as error:
                        raise Unreadable(
                            f"A {resource.kind} in {namespace or 'some namespace'} can't be read ({error})."
                        ) from None
                    if state.key.namespace in namespaces:
                        found.append(state)
        return found

    async def _outcome(self, known: _Known, restore: Restore) -> Outcome:
        """A Restore's files, which nothing changes once it has ended."""
        kept = known.outcomes.get(restore.uid)
        if kept is not None and (not kept[0].unread or time.monotonic() - kept[1] < _ASK_AGAIN):
            return replace(kept[0], restore=restore)
        outcome = await self._files(restore)
        known.outcomes[restore.uid] = (outcome, time.monotonic())
        return outcome

    async def _files(self, restore: Restore) -> Outcome:
        outcome = Outcome(restore)
        try:
            backup = await read_backup(self._client, restore.namespace, restore.backup)
            storage = await storage_of(self._client, backup)
            where = (self._client, restore.namespace)
            told = await download(*where, Target.RESTORE_RESOURCE_LIST, restore.name, storage, _LIMITS)
            outcome = replace(outcome, told=await asyncio.to_thread(decode_restored_list, told))
            results = await download(*where, Target.RESTORE_RESULTS, restore.name, storage, _LIMITS)
            return replace(outcome, results=await asyncio.to_thread(decode_restore_results, results))
        except (NotRestorable, NotSigned, NotFetched, Distrusted) as error:
            return replace(outcome, unread=f"Not all is known of Restore {restore.name}: {error}")
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            unread = f"What Velero keeps of Restore {restore.name} can't be read ({error})."
            return replace(outcome, unread=unread)


def _line(ran: Ran, findings: Findings, known: _Known) -> RehearsalLine | None:
    """None where it is no rehearsal."""
    if known.rehearsed is None:
        return None
    _, ready = measured(ran.status, findings.summary, ran.now, waiting=findings.waiting)
    return RehearsalLine(ready_seconds=ready, retained=_retained(ran, known))


def _with(findings: Findings, told: Rehearsed) -> Findings:
    """And what of the backup was not rehearsed."""
    differences = tuple(sorted({*findings.differences, *told.differences}))
    summary = msgspec.structs.replace(findings.summary, differences=most(differences))
    left_out = dict(sorted({**findings.left_out, **told.left_out}.items()))
    return replace(findings, summary=summary, differences=differences, left_out=left_out)


def _retained(ran: Ran, known: _Known) -> tuple[str, ...]:
    """PersistentVolumes of this rehearsal that stay when its namespaces go."""
    if known.rehearsed is None or known.found is None:
        return ()
    mine = frozenset(ran.plan.targets.values())
    return tuple(
        sorted(
            live.key.name
            for live in known.found.cluster.objects.values()
            if kinds.of(live.key) == kinds.VOLUME and live.stays and live.claim and live.claim[0] in mine
        )
    )


def _decoder(resource: Resource) -> Callable[[msgspec.Raw], WorkloadState]:
    return lambda raw: decode_workload_state(raw, resource.group, resource.kind)


class _WireVersion(msgspec.Struct, rename="camel", frozen=True):
    git_version: str = "not known"


async def _kubernetes(client: Client) -> str:
    """The API server's version; any user may ask for it (system:public-info-viewer)."""
    try:
        return msgspec.json.decode(await client.request("GET", "/version"), type=_WireVersion).git_version
    except (ApiError, msgspec.MsgspecError):
        return "not known"
