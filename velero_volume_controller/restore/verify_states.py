"""Pods, workloads and claims, cut down to whether they run. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from velero_volume_controller.restore import kinds
from velero_volume_controller.velero.model.backup_contents import Key

DAEMON_SET: Final = ("apps", "DaemonSet")
#: Workloads that say how many pods they want, and how many of these are ready.
COUNTED: Final = kinds.SCALED | {DAEMON_SET}
#: On the pod of a Job (batch/v1, JobNameLabel; the second before 1.27).
_OF_JOB: Final = frozenset({"batch.kubernetes.io/job-name", "job-name"})
#: What a container waits for that has not been started yet: no reason of its own.
_STARTING: Final = frozenset({"", "ContainerCreating", "PodInitializing"})


class PodState(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """``controller`` is the uid of what made it anew, ``maker`` its kind; ``why`` it is not ready, in few
    words. ``of_job``: a Job made it."""

    key: Key
    phase: str = ""
    ready: bool = False
    controller: str = ""
    maker: str = ""
    of_job: bool = False
    why: str = ""


class WorkloadState(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """``desired`` and ``ready`` count pods. ``settled``: its controller has seen what it wants now."""

    key: Key
    uid: str
    desired: int = 0
    ready: int = 0
    settled: bool = True
    controlled: bool = False


class ClaimState(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """``phase`` is Pending, Bound or Lost."""

    key: Key
    phase: str = ""


class _Owner(msgspec.Struct, frozen=True):
    kind: str = ""
    uid: str = ""
    controller: bool | None = None


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    labels: dict[str, str] | None = None
    owner_references: tuple[_Owner, ...] | None = None


class _Waiting(msgspec.Struct, frozen=True):
    reason: str = ""


class _Terminated(msgspec.Struct, frozen=True, rename="camel"):
    reason: str = ""
    exit_code: int = 0


class _ContainerState(msgspec.Struct, frozen=True):
    waiting: _Waiting | None = None
    terminated: _Terminated | None = None


class _Container(msgspec.Struct, frozen=True):
    name: str = ""
    state: _ContainerState | None = None


class _Condition(msgspec.Struct, frozen=True):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


class _PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    phase: str = ""
    reason: str = ""
    conditions: tuple[_Condition, ...] | None = None
    init_container_statuses: tuple[_Container, ...] | None = None
    container_statuses: tuple[_Container, ...] | None = None


class _Pod(msgspec.Struct, frozen=True):
    metadata: _Metadata
    status: _PodStatus = _PodStatus()


class _WorkloadSpec(msgspec.Struct, frozen=True):
    replicas: int | None = None


class _WorkloadStatus(msgspec.Struct, frozen=True, rename="camel"):
    observed_generation: int = 0
    ready_replicas: int = 0
    desired_number_scheduled: int = 0
    number_ready: int = 0


class _Workload(msgspec.Struct, frozen=True):
    metadata: _Metadata
    spec: _WorkloadSpec = _WorkloadSpec()
    status: _WorkloadStatus = _WorkloadStatus()


class _ClaimStatus(msgspec.Struct, frozen=True):
    phase: str = ""


class _Claim(msgspec.Struct, frozen=True):
    metadata: _Metadata
    status: _ClaimStatus = _ClaimStatus()


_POD: Final = msgspec.json.Decoder(_Pod)
_WORKLOAD: Final = msgspec.json.Decoder(_Workload)
_CLAIM: Final = msgspec.json.Decoder(_Claim)


def decode_pod_state(raw: bytes | msgspec.Raw) -> PodState:
    """Decode one Pod. Raises msgspec.MsgspecError if it is none."""
    pod = _POD.decode(raw)
    status = pod.status
    controller = _controller(pod.metadata)
    ready = any(each.type == "Ready" and each.status == "True" for each in status.conditions or ())
    return PodState(
        key=Key(*kinds.POD, pod.metadata.namespace, pod.metadata.name),
        phase=status.phase,
        ready=ready,
        controller=controller.uid if controller else "",
        maker=controller.kind if controller else "",
        of_job=not _OF_JOB.isdisjoint(pod.metadata.labels or {}),
        why="" if ready else next(_reasons(status), status.phase or "not seen by a node yet"),
    )


def decode_workload_state(raw: bytes | msgspec.Raw, group: str, kind: str) -> WorkloadState:
    """Decode one object of a kind in COUNTED. Raises msgspec.MsgspecError if it is none."""
    workload = _WORKLOAD.decode(raw)
    spec, status = workload.spec, workload.status
    daemons = (group, kind) == DAEMON_SET
    # An absent number of replicas is one (apps/v1 and v1 defaults).
    replicas = 1 if spec.replicas is None else spec.replicas
    return WorkloadState(
        key=Key(group, kind, workload.metadata.namespace, workload.metadata.name),
        uid=workload.metadata.uid,
        desired=status.desired_number_scheduled if daemons else replicas,
        ready=status.number_ready if daemons else status.ready_replicas,
        settled=status.observed_generation >= workload.metadata.generation,
        controlled=_controller(workload.metadata) is not None,
    )


def decode_claim_state(raw: bytes | msgspec.Raw) -> ClaimState:
    """Decode one PersistentVolumeClaim. Raises msgspec.MsgspecError if it is none."""
    claim = _CLAIM.decode(raw)
    return ClaimState(
        key=Key(*kinds.CLAIM, claim.metadata.namespace, claim.metadata.name), phase=claim.status.phase
    )


def _controller(metadata: _Metadata) -> _Owner | None:
    return next((owner for owner in metadata.owner_references or () if owner.controller), None)


def _reasons(status: _PodStatus) -> Iterator[str]:
    """Why a pod is not ready, the most telling first."""
    if status.reason:
        yield status.reason
    for each in (*(status.init_container_statuses or ()), *(status.container_statuses or ())):
        state = each.state or _ContainerState()
        if state.waiting is not None and state.waiting.reason not in _STARTING:
            yield f"container {each.name}: {state.waiting.reason}"
        elif state.terminated is not None and state.terminated.exit_code:
            what = state.terminated.reason or "ended"
            yield f"container {each.name}: {what}, exit code {state.terminated.exit_code}"
    for condition in status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            yield f"{condition.reason or 'not scheduled'}: {' '.join(condition.message.split())}"
    for condition in status.conditions or ():
        if condition.type == "Ready" and condition.reason:
            yield condition.reason
