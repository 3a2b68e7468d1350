"""Why a volume is, or is not, backed up: pure.

A preview in; out comes whose the annotation is and what Velero will make of it,
in words and as a document for other programs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from velero_volume_controller.annotate.preview import PodPreview, Preview, pod_document, volume_document
from velero_volume_controller.api.configuration import Configuration, Mode, Ownership
from velero_volume_controller.api.volume_types import PERSISTENT_VOLUME_CLAIM
from velero_volume_controller.velero.model.annotations import MARKERS
from velero_volume_controller.velero.model.claims import Claim
from velero_volume_controller.velero.model.pods import Pod, Volume
from velero_volume_controller.velero.model.surroundings import Surroundings
from velero_volume_controller.velero.model.volumes import ineligible_pod, ineligible_volume


class Kind(StrEnum):
    """What can be asked about."""

    POD = "pod"
    CLAIM = "pvc"
    NAMESPACE = "namespace"


#: kubectl's words for them.
_KINDS: Final = {
    **dict.fromkeys(("pod", "pods", "po"), Kind.POD),
    **dict.fromkeys(("pvc", "persistentvolumeclaim", "persistentvolumeclaims"), Kind.CLAIM),
    **dict.fromkeys(("namespace", "namespaces", "ns"), Kind.NAMESPACE),
}

#: Some of the words of kubectl that a person might try. A namespace may be called so, too.
_OTHER_KINDS: Final = frozenset(
    f"{word}{plural}"
    for word in ("deployment", "statefulset", "daemonset", "replicaset", "job", "cronjob", "persistentvolume")
    for plural in ("", "s")
) | {"deploy", "sts", "ds", "rs", "cj", "pv"}

_KNOWN: Final = "explain knows pod/, pvc/ and namespace/"

_NOUNS: Final = {
    Kind.POD: "pod",
    Kind.CLAIM: "PersistentVolumeClaim",
    Kind.NAMESPACE: "namespace with pods",
}


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked about; ``namespace`` None is wherever there is one of that name."""

    kind: Kind
    name: str
    namespace: str | None

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace and self.kind is not Kind.NAMESPACE else ""
        return f"{_NOUNS[self.kind]} {where}{self.name}"


def target(text: str, namespace: str | None) -> Target:
    """``NAME``, ``NAMESPACE/NAME``, ``KIND/NAME`` or ``KIND/NAMESPACE/NAME``.

    Raises ValueError with a sentence for what is none of these.
    """
    parts = text.split("/")
    kind = Kind.POD
    if len(parts) > 1 and parts[0].lower() in _KINDS:
        kind = _KINDS[parts.pop(0).lower()]
    elif parts[0].lower() in _OTHER_KINDS and (len(parts) > 2 or namespace not in {None, parts[0]}):
        raise ValueError(f"{_KNOWN}, found {text!r}: name one of its pods.")
    if not all(parts) or len(parts) > (1 if kind is Kind.NAMESPACE else 2):
        raise ValueError(f"expected pod/NAME, pvc/NAME, namespace/NAME or NAMESPACE/NAME, found {text!r}.")
    if kind is Kind.NAMESPACE:
        found: str | None = parts[0]
    else:
        found = parts[0] if len(parts) == 2 else namespace
    if namespace is not None and found != namespace:
        raise ValueError(f"{text!r} is not in the namespace that -n asks for, {namespace!r}: leave one out.")
    return Target(kind, parts[-1], found)


def subjects(shown: Preview, asked: Target) -> tuple[PodPreview, ...]:
    """The pods that the target is, uses, or holds; none for a claim that no pod uses.

    Raises ValueError with a sentence if there is no such thing, or more than one.
    """
    if asked.kind is Kind.NAMESPACE:
        pods = tuple(each for each in shown.pods if each.pod.metadata.namespace == asked.name)
        if not pods:
            raise ValueError(_nothing(asked, {(None, each.pod.metadata.namespace) for each in shown.pods}))
        return pods
    names = {(each.pod.metadata.namespace, name) for each in shown.pods for name in _names(each, asked.kind)}
    if asked.kind is Kind.CLAIM:
        names |= set(shown.surroundings.claims or {})
    there = sorted(
        namespace for namespace, name in names if name == asked.name and asked.namespace in {None, namespace}
    )
    if not there:
        raise ValueError(_nothing(asked, names))
    if len(there) > 1:
        raise ValueError(f"there is a {asked} in {', '.join(there)}: say with -n which one is meant.")
    return tuple(
        each
        for each in shown.pods
        if each.pod.metadata.namespace == there[0] and asked.name in _names(each, asked.kind)
    )


def _names(previewed: PodPreview, kind: Kind) -> Iterable[str]:
    if kind is Kind.POD:
        return (previewed.pod.metadata.name,)
    return (volume.claim for volume in previewed.pod.spec.volumes if volume.claim is not None)


def _nothing(asked: Target, names: Iterable[tuple[str | None, str]]) -> str:
    """``names`` are what there is, with namespaces where it has any."""
    told = f"there is no {asked}"
    if asked.kind is Kind.POD and (asked.namespace or "").lower() in _OTHER_KINDS:
        return f"{told}; {_KNOWN}: name one of its pods."
    by_name: dict[str, list[str]] = {}
    for namespace, name in names:
        by_name.setdefault(name, []).append(name if namespace is None else f"{namespace}/{name}")
    near = difflib.get_close_matches(asked.name, sorted(by_name), n=1)
    if not near:
        return f"{told}."
    there = f"{asked.namespace}/{near[0]}"
    found = sorted(by_name[near[0]])
    return f"{told}; did you mean {there if there in found else ' or '.join(found[:3])}?"


class Owner(StrEnum):
    """Whose the annotation is."""

    NOBODY = "nobody"
    OURS = "ours"
    ADOPTABLE = "adoptable"
    FOREIGN = "foreign"
    NOT_ASKED = "not asked"


def whose(previewed: PodPreview, configuration: Configuration) -> tuple[Owner, str]:
    """Whose the annotation is as it stands, and how that is known."""
    planned = previewed.plan
    marker_key = MARKERS[planned.key]
    marker = previewed.pod.metadata.annotations.get(marker_key)
    current = planned.current
    if configuration.ownership is Ownership.LEGACY:
        return Owner.NOT_ASKED, "in legacy mode it is overwritten and stripped, whoever wrote it"
    if current is None:
        left = "" if marker is None else f"; the marker {marker!r} that is left claims nothing"
        return Owner.NOBODY, f"there is no annotation{left}"
    if current == marker:
        return Owner.OURS, f"the marker {marker_key} says the same"
    hand_over = "remove the annotation to have the rules decide"
    if marker is not None:
        return Owner.FOREIGN, (
            f"the marker {marker_key} says {marker!r}: someone has changed the annotation since; {hand_over}"
        )
    if current != planned.desired:
        return Owner.FOREIGN, f"there is no marker {marker_key}: someone else wrote it; {hand_over}"
    if configuration.adopt:
        return Owner.ADOPTABLE, "there is no marker, but it says what the rules say: it becomes ours"
    return Owner.FOREIGN, (
        f"there is no marker {marker_key}: someone else wrote it, and what says the same as the rules"
        " is taken over only with adopt: true"
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What Velero makes of one volume once the annotation is as planned.

    ``asked``: file-system backup is to take it. ``taken``: it can, and does.
    """

    volume: str
    asked: bool
    taken: bool
    said: str


def condition(mode: Mode) -> str:
    """What must hold of Velero for the outcomes to come true."""
    flag = "defaultVolumesToFsBackup"
    told = f"with {flag}" if mode is Mode.OPT_OUT else f"without {flag}"
    return f"run {told}, no volume policy deciding otherwise"


def outcomes(
    previewed: PodPreview, configuration: Configuration, surroundings: Surroundings
) -> tuple[Outcome, ...]:
    """One for each volume, and one for each name in the annotation that is no volume of the pod."""
    pod = previewed.pod
    # Velero splits at the comma and does not trim (pkg/util/podvolume, GetVolumesToBackup).
    after = previewed.plan.after
    named = dict.fromkeys(after.split(",")) if after else {}
    mode = configuration.mode
    told = [_outcome(pod, each, each.name in named, mode, surroundings) for each in pod.spec.volumes]
    known = {volume.name for volume in pod.spec.volumes}
    stray = "named by the annotation, but no volume of the pod"
    return (*told, *(Outcome(name, True, False, stray) for name in named if name not in known))


def _outcome(pod: Pod, volume: Volume, named: bool, mode: Mode, surroundings: Surroundings) -> Outcome:
    meant = named is (mode is Mode.OPT_IN)
    against = ineligible_pod(pod) or ineligible_volume(pod, volume, surroundings)
    if meant and against is None:
        return Outcome(volume.name, True, True, "its files are backed up")
    if meant:
        # internal/volumehelper, ShouldPerformSnapshot: what file-system backup was told to take gets none.
        # It looks at the pod's PVC volumes alone, not at the claim of an ephemeral one.
        neither = "; and no snapshot is taken of it either" if volume.type == PERSISTENT_VOLUME_CLAIM else ""
        return Outcome(volume.name, True, False, f"skipped: {against}{neither}")
    snapshot = f"; {_snapshot(surroundings.claim(pod, volume), surroundings)}" if volume.claim else ""
    return Outcome(volume.name, False, False, f"its files are left out{snapshot}")


def _snapshot(claim: Claim | None, surroundings: Surroundings) -> str:
    """What becomes of a claim's snapshot if nobody asks for its files.

    Velero's own snapshots take what a cloud provider's plugin knows (pkg/backup, takePVSnapshot),
    CSI's what a driver provides: a hostPath is neither.
    """
    bound = surroundings.persistent_volume(claim)
    if bound is not None and bound.host_path:
        return f"no snapshot can be taken: PersistentVolume {bound.name} is a hostPath"
    return "a snapshot is taken if the Backup makes snapshots and something in the cluster can"


def verdict(shown: Preview, asked: Target, pods: Sequence[PodPreview]) -> str:
    """What becomes of a PersistentVolumeClaim, all pods that use it considered; there may be none.

    One pod that asks for its files is enough to keep it from being snapshotted.
    """
    claim = asked.name
    asking = []
    for each in pods:
        types = {volume.name: volume.type for volume in each.pod.spec.volumes if volume.claim == claim}
        for outcome in outcomes(each, shown.configuration, shown.surroundings):
            if outcome.volume in types and outcome.taken:
                return f"its files are backed up, through pod {each.pod.metadata.name}"
            if types.get(outcome.volume) == PERSISTENT_VOLUME_CLAIM and outcome.asked:
                asking.append(each.pod.metadata.name)
    if asking:
        return (
            f"neither its files nor a snapshot: pod {asking[0]} asks for its files, which Velero can't read"
            " there, and what is asked for is not snapshotted"
        )
    namespace = pods[0].pod.metadata.namespace if pods else asked.namespace
    claims = shown.surroundings.claims or {}
    named = (each for each in claims.values() if each.name == claim)
    known = next((each for each in named if namespace in {None, each.namespace}), None)
    snapshot = _snapshot(known, shown.surroundings)
    if not pods:
        return (
            "no pod uses it. File-system backup reads volumes through the pods that run with them, so its"
            f" files are not backed up; {snapshot}"
        )
    return f"its files are not backed up; {snapshot}"


def described(volume: Volume, claim: Claim | None) -> str:
    """What is behind a volume, in a few words."""
    if volume.claim is None:
        return volume.type
    parts = [] if volume.type == PERSISTENT_VOLUME_CLAIM else [volume.type]
    parts.append(f"PersistentVolumeClaim {volume.claim}")
    if claim is not None and claim.size is not None:
        parts.append(_size(claim.size))
    if claim is not None and claim.storage_class:
        parts.append(f"class {claim.storage_class}")
    return ", ".join(parts)


def _size(amount: int) -> str:
    """Bytes in the largest binary unit that they fill, as kubectl writes them."""
    for power, unit in reversed(list(enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1))):
        if amount >= 1024**power:
            return f"{amount / 1024**power:.4g}{unit}"
    return f"{amount} bytes"


def document(shown: Preview, asked: Target, pods: Sequence[PodPreview]) -> dict[str, Any]:
    """The explanation as JSON values: what ``vvc plan`` says of each pod, and why."""
    configuration = shown.configuration
    of_claim = {"verdict": verdict(shown, asked, pods)} if asked.kind is Kind.CLAIM else {}
    return of_claim | {
        "kind": asked.kind.value,
        "name": asked.name,
        "configuration": {
            "source": configuration.source,
            "mode": configuration.mode.value,
            "ownership": configuration.ownership.value,
            "velero": str(shown.surroundings.velero),
        },
        "pods": [_pod_document(shown, asked, each) for each in pods],
        "warnings": list(shown.warnings),
    }


def _pod_document(shown: Preview, asked: Target, previewed: PodPreview) -> dict[str, Any]:
    owner, why = whose(previewed, shown.configuration)
    told = outcomes(previewed, shown.configuration, shown.surroundings)
    return pod_document(previewed) | {
        "phase": previewed.pod.status.phase,
        "owner": {"whose": owner.value, "why": why},
        "volumes": [
            volume_document(decision)
            | {"type": volume.type, "claim": volume.claim}
            | {"steps": [{"asked": s.asked, "decided": s.decided, "said": s.said} for s in decision.steps]}
            for volume, decision in zip(previewed.pod.spec.volumes, previewed.decision.volumes, strict=True)
            if asked.kind is not Kind.CLAIM or volume.claim == asked.name
        ],
        "velero": {
            "if": condition(shown.configuration.mode),
            "volumes": [{"name": each.volume, "backedUp": each.taken, "said": each.said} for each in told],
        },
    }
