"""A live object, cut down to what a plan asks of it. Pure."""

from __future__ import annotations

import hashlib
import sys
from typing import Any, Final

import msgspec

from velero_volume_controller.api.cleanrestore import PROTECT, QUIESCED
from velero_volume_controller.restore import kinds
from velero_volume_controller.velero.model.annotations import MIRROR_POD
from velero_volume_controller.velero.model.backup_contents import Key

#: How a pod or a job that does nothing any more says so.
_ENDED_PHASES: Final = frozenset({"Succeeded", "Failed"})
#: Older controllers elect their leader by this annotation of a ConfigMap, every few seconds.
_LEADER: Final = "control-plane.alpha.kubernetes.io/leader"
_GONE_WITH_CLAIM: Final = frozenset({"Delete", "Recycle"})


class Owner(msgspec.Struct, frozen=True, gc=False):
    """An ownerReference. ``controller``: this owner makes the object anew when it is gone."""

    kind: str
    name: str
    uid: str
    controller: bool = False


class Live(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An object as it is now.

    ``mark`` tells this state of it from a later one: its generation; where it has none, a digest of it, or a
    Secret's resourceVersion.
    ``protected``: it says so itself. ``ended``: a pod or a Job that has run to its end. ``mounts`` are a
    pod's (volume, claim), ``scheduled`` whether it has a node. ``volume`` is the PersistentVolume that a
    claim is bound to; of a PersistentVolume, ``claim`` is the one bound to it, and ``stays`` whether it
    outlives that claim. ``version`` is its resourceVersion, ``created`` when it was made. ``replicas`` and
    ``suspended`` are what a workload wants, None where it has no such field; ``quiesced`` is what was noted
    when it was stilled. ``claims_go``: a StatefulSet whose claims are deleted when it is scaled down.
    """

    key: Key
    uid: str
    mark: str
    owners: tuple[Owner, ...] = ()
    finalizers: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    terminating: bool = False
    protected: bool = False
    mirror: bool = False
    ended: bool = False
    scheduled: bool = False
    mounts: tuple[tuple[str, str], ...] = ()
    volume: str = ""
    claim: tuple[str, str] | None = None
    stays: bool = False
    version: str = ""
    created: str = ""
    replicas: int | None = None
    suspended: bool | None = None
    quiesced: str = ""
    claims_go: bool = False

    @property
    def controller(self) -> Owner | None:
        """Who makes it anew when it is gone."""
        return next((owner for owner in self.owners if owner.controller), None)


class _WireOwner(msgspec.Struct, frozen=True):
    kind: str
    name: str
    uid: str
    controller: bool | None = None


class _WireMetadata(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    uid: str
    namespace: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[_WireOwner, ...] | None = None
    finalizers: tuple[str, ...] | None = None


class _Wire(msgspec.Struct, frozen=True):
    metadata: _WireMetadata


class _WireSource(msgspec.Struct, frozen=True, rename="camel"):
    claim_name: str = ""


class _WirePodVolume(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    persistent_volume_claim: _WireSource | None = None
    ephemeral: dict[str, Any] | None = None


class _WirePodSpec(msgspec.Struct, frozen=True, rename="camel"):
    node_name: str = ""
    volumes: list[_WirePodVolume] | None = None


class _WirePodStatus(msgspec.Struct, frozen=True):
    phase: str = ""


class _WirePod(msgspec.Struct, frozen=True):
    metadata: _WireMetadata
    spec: _WirePodSpec = _WirePodSpec()
    status: _WirePodStatus = _WirePodStatus()


class _WireJobStatus(msgspec.Struct, frozen=True, rename="camel"):
    completion_time: str | None = None


class _WireRetention(msgspec.Struct, frozen=True, rename="camel"):
    when_scaled: str = ""


class _WireWorkloadSpec(msgspec.Struct, frozen=True, rename="camel"):
    replicas: int | None = None
    suspend: bool | None = None
    persistent_volume_claim_retention_policy: _WireRetention | None = None


class _WireWorkload(msgspec.Struct, frozen=True):
    metadata: _WireMetadata
    spec: _WireWorkloadSpec = _WireWorkloadSpec()


class _WireJob(msgspec.Struct, frozen=True):
    metadata: _WireMetadata
    spec: _WireWorkloadSpec = _WireWorkloadSpec()
    status: _WireJobStatus = _WireJobStatus()


class _WireClaimSpec(msgspec.Struct, frozen=True, rename="camel"):
    volume_name: str = ""


class _WireClaim(msgspec.Struct, frozen=True):
    metadata: _WireMetadata
    spec: _WireClaimSpec = _WireClaimSpec()


class _WireReference(msgspec.Struct, frozen=True):
    name: str = ""
    namespace: str = ""


class _WireVolumeSpec(msgspec.Struct, frozen=True, rename="camel"):
    claim_ref: _WireReference | None = None
    persistent_volume_reclaim_policy: str = ""


class _WireVolume(msgspec.Struct, frozen=True):
    metadata: _WireMetadata
    spec: _WireVolumeSpec = _WireVolumeSpec()


_ANY: Final = msgspec.json.Decoder(_Wire)
_POD: Final = msgspec.json.Decoder(_WirePod)
_WORKLOAD: Final = msgspec.json.Decoder(_WireWorkload)
_JOB: Final = msgspec.json.Decoder(_WireJob)
_CLAIM: Final = msgspec.json.Decoder(_WireClaim)
_VOLUME: Final = msgspec.json.Decoder(_WireVolume)
_WHOLE: Final = msgspec.json.Decoder(dict[str, Any])
_CANONICAL: Final = msgspec.json.Encoder(order="deterministic")


def decode_live(raw: bytes | msgspec.Raw, group: str, kind: str) -> Live:
    """Decode one object of this kind. Raises msgspec.MsgspecError if it is none, or was never stored."""
    match group, kind:
        case kinds.POD:
            return _pod(_POD.decode(raw), raw)
        case kinds.JOB:
            job = _JOB.decode(raw)
            ended, suspended = bool(job.status.completion_time), bool(job.spec.suspend)
            return _live(job.metadata, raw, group, kind, ended=ended, suspended=suspended)
        case kinds.CRON_JOB:
            cron_job = _WORKLOAD.decode(raw)
            return _live(cron_job.metadata, raw, group, kind, suspended=bool(cron_job.spec.suspend))
        case scaled if scaled in kinds.SCALED:
            workload = _WORKLOAD.decode(raw)
            # An absent one is one (apps/v1 and v1 defaults).
            replicas = 1 if workload.spec.replicas is None else workload.spec.replicas
            retention = workload.spec.persistent_volume_claim_retention_policy
            claims_go = retention is not None and retention.when_scaled == "Delete"
            return _live(workload.metadata, raw, group, kind, replicas=replicas, claims_go=claims_go)
        case kinds.CLAIM:
            claim = _CLAIM.decode(raw)
            return _live(claim.metadata, raw, group, kind, volume=claim.spec.volume_name)
        case kinds.VOLUME:
            spec = (volume := _VOLUME.decode(raw)).spec
            bound = (spec.claim_ref.namespace, spec.claim_ref.name) if spec.claim_ref else None
            stays = spec.persistent_volume_reclaim_policy not in _GONE_WITH_CLAIM
            return _live(volume.metadata, raw, group, kind, claim=bound, stays=stays)
        case _:
            return _live(_ANY.decode(raw).metadata, raw, group, kind)


def _pod(pod: _WirePod, raw: bytes | msgspec.Raw) -> Live:
    mounts = []
    for volume in pod.spec.volumes or ():
        if volume.persistent_volume_claim is not None:
            mounts.append((volume.name, volume.persistent_volume_claim.claim_name))
        elif volume.ephemeral is not None:
            mounts.append((volume.name, f"{pod.metadata.name}-{volume.name}"))
    return _live(
        pod.metadata,
        raw,
        *kinds.POD,
        mounts=tuple(mounts),
        scheduled=bool(pod.spec.node_name),
        ended=pod.status.phase in _ENDED_PHASES,
        mirror=MIRROR_POD in (pod.metadata.annotations or {}),
    )


def _live(wire: _WireMetadata, raw: bytes | msgspec.Raw, group: str, kind: str, **more: Any) -> Live:
    labels, annotations = wire.labels or {}, wire.annotations or {}
    if not wire.uid:
        raise msgspec.ValidationError("an empty metadata.uid")
    return Live(
        key=Key(sys.intern(group), sys.intern(kind), sys.intern(wire.namespace), wire.name),
        uid=wire.uid,
        mark=_mark(wire, raw, group, kind),
        owners=tuple(
            Owner(sys.intern(owner.kind), owner.name, owner.uid, bool(owner.controller))
            for owner in wire.owner_references or ()
        ),
        finalizers=tuple(map(sys.intern, wire.finalizers or ())),
        labels=labels,
        terminating=wire.deletion_timestamp is not None,
        # A slip of the pen shall not cost what somebody wanted to keep.
        version=wire.resource_version,
        created=wire.creation_timestamp or "",
        quiesced=annotations.get(QUIESCED, ""),
        protected=any(said.get(PROTECT, "false") != "false" for said in (labels, annotations)),
        **more,
    )


def _mark(wire: _WireMetadata, raw: bytes | msgspec.Raw, group: str, kind: str) -> str:
    """Of a Secret nothing that hangs on its content: marks stand in ConfigMaps, and who reads those could
    guess a password by its digest. Any write is a change then, even of a label."""
    if wire.generation:
        return f"generation:{wire.generation}"
    return f"resourceVersion:{wire.resource_version}" if (group, kind) == kinds.SECRET else _digest(raw)


def _digest(raw: bytes | msgspec.Raw) -> str:
    """Of what a person or a controller wrote: not of its status, nor of who wrote which field when.

    Nor of what it says that it is: in a list's answer, most objects do not say it. Nor of a ServiceAccount's
    ``secrets``: when one of these is cleared away, Kubernetes takes it off the account, which goes after it
    (tokens_controller.go, removeSecretReference); the run would stop there, with nearly everything gone.
    """
    whole = _WHOLE.decode(raw)
    for field in ("apiVersion", "kind", "status", "secrets"):
        whole.pop(field, None)
    for field in ("managedFields", "resourceVersion", "selfLink"):
        whole["metadata"].pop(field, None)
    (whole["metadata"].get("annotations") or {}).pop(_LEADER, None)
    return f"sha256:{hashlib.sha256(_CANONICAL.encode(whole)).hexdigest()}"
