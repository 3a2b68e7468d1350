"""Whether what was restored runs: claims bound, pods ready, nothing left standing still. Pure.

Workloads are counted, for the pods of one are as good as each other. Jobs and CronJobs are not waited for: a
Job that was running begins anew and may take hours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from velero_volume_controller.api.cleanrestore import QUIESCED
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.quiet import Note
from velero_volume_controller.restore.verify_scene import Scene
from velero_volume_controller.restore.verify_states import COUNTED, PodState, WorkloadState
from velero_volume_controller.velero.model.backup_contents import Key

_BOUND: Final = "Bound"
_LOST: Final = "Lost"
_FAILED: Final = "Failed"
_SUCCEEDED: Final = "Succeeded"
#: Their pods are counted where they are, or are not waited for.
_MAKERS: Final = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job"})
_FEW: Final = 3


@dataclass(frozen=True, slots=True)
class Readiness:
    """``waiting``: something may still become ready or bound by itself."""

    pods: int = 0
    pods_ready: int = 0
    claims: int = 0
    claims_bound: int = 0
    waiting: bool = False
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _One:
    """A workload, a pod or a claim: how many it wants and has, and what is to be said of it."""

    wanted: int
    there: int
    waiting: bool = False
    difference: str = ""


def readiness(scene: Scene, starved: Collection[Key]) -> Readiness:
    """Look at claims, workloads and pods of their own. ``starved`` are pods that can't become ready."""
    notes: list[str] = []
    claims = list(_claims(scene, notes))
    pods = [*_workloads(scene, starved), *_own_pods(scene, starved)]
    both = [*claims, *pods]
    said = [each.difference for each in both if each.difference]
    return Readiness(
        sum(each.wanted for each in pods),
        sum(each.there for each in pods),
        sum(each.wanted for each in claims),
        sum(each.there for each in claims),
        any(each.waiting for each in both),
        (*said, *_still(scene)),
        tuple(notes),
    )


def _claims(scene: Scene, notes: list[str]) -> Iterator[_One]:
    used = {
        (live.key.namespace, claim)
        for live in scene.found.cluster.objects.values()
        if not live.ended
        for _, claim in live.mounts
    }
    filled = {
        (scene.plan.targets[each.namespace], each.claim)
        for each in scene.contents.data
        if each.claim and each.namespace in scene.plan.targets
    }
    for key in _held(scene, {kinds.CLAIM}):
        state = scene.found.claims.get(key)
        phase = state.phase if state else ""
        if phase == _BOUND:
            yield _One(1, 1)
        elif phase == _LOST:
            yield _One(1, 0, difference=f"{key} has lost its PersistentVolume; see {_describe(key)}")
        elif (key.namespace, key.name) in used | filled:
            why = f"{key} is not bound but {phase or 'not looked at yet'}; see {_describe(key)}"
            yield _One(1, 0, waiting=True, difference=why)
        else:
            # With volumeBindingMode WaitForFirstConsumer it would be waited for without end.
            notes.append(f"{key} is not bound: no pod uses it, and the backup has no data of it.")


def _workloads(scene: Scene, starved: Collection[Key]) -> Iterator[_One]:
    below = _below(scene)
    for key in _held(scene, COUNTED):
        workload = scene.found.workloads.get(key)
        if workload is None or workload.key not in scene.found.cluster.objects:
            continue
        if workload.controlled and kinds.of(key) == kinds.REPLICA_SET:
            continue
        ready = min(workload.ready, workload.desired)
        if workload.settled and ready >= workload.desired:
            yield _One(workload.desired, ready)
        else:
            pods = below.get(workload.uid, [])
            hopeless = sum(pod.key in starved for pod in pods)
            waiting = not workload.settled or ready + hopeless < workload.desired
            yield _One(workload.desired, ready, waiting, _unready(workload, ready, pods))


def _below(scene: Scene) -> Mapping[str, list[PodState]]:
    """Pods that are not ready by the uid of the workload on top, ReplicaSets in between seen through."""
    above = {live.uid: live.controller for live in scene.found.cluster.objects.values()}
    found: dict[str, list[PodState]] = {}
    for pod in sorted(scene.found.pods.values(), key=lambda each: each.key):
        if pod.ready or not pod.controller:
            continue
        top = pod.controller
        owner = above.get(top)
        if pod.maker == "ReplicaSet" and owner is not None:
            top = owner.uid
        found.setdefault(top, []).append(pod)
    return found


def _unready(workload: WorkloadState, ready: int, pods: list[PodState]) -> str:
    key = workload.key
    text = f"{key} has {ready} of {workload.desired} pods ready"
    if not workload.settled:
        text += ", and its controller has not looked at it yet"
    told = [f"{pod.key.name} ({pod.why})" for pod in pods[:_FEW]]
    if told:
        more = f" and {len(pods) - _FEW} more" if len(pods) > _FEW else ""
        return f"{text}: {', '.join(told)}{more}; see {_describe(pods[0].key)}"
    return f"{text}; see {_describe(key)}"


def _own_pods(scene: Scene, starved: Collection[Key]) -> Iterator[_One]:
    """Pods that no workload makes, or one that can't be counted: an operator's."""
    for key in _held(scene, {kinds.POD}):
        pod = scene.found.pods.get(key)
        if pod is None or pod.of_job or pod.maker in _MAKERS:
            continue
        if pod.ready or pod.phase == _SUCCEEDED:
            yield _One(1, 1)
            continue
        why = f"{key} is not ready ({pod.why}); see {_describe(key)}"
        yield _One(1, 0, pod.phase != _FAILED and key not in starved, why)


def _describe(key: Key) -> str:
    return f"kubectl -n {key.namespace} describe {key.kind.lower()} {key.name}"


def _held(scene: Scene, wanted: frozenset[tuple[str, str]] | set[tuple[str, str]]) -> Iterator[Key]:
    """Of the backup's objects those of these kinds that are there."""
    for key in sorted(scene.expected):
        if kinds.of(key) in wanted and scene.live(key) is not None:
            yield key


def _still(scene: Scene) -> Iterator[str]:
    """What was stilled before the clearing and neither deleted nor put back."""
    for live in sorted(scene.found.cluster.objects.values(), key=lambda each: each.key):
        if live.quiesced and live.key.namespace in scene.plan.targets.values():
            yield (
                f"{live.key} was stilled for a restore, and still bears the note of it{_was(live)}; give it"
                f" back what it was, and remove the annotation {QUIESCED}"
            )


def _was(live: Live) -> str:
    try:
        note = msgspec.json.decode(live.quiesced, type=Note)
    except msgspec.MsgspecError:
        return ""
    if note.replicas is not None:
        return f" (it had {note.replicas} replicas)"
    return " (it was suspended then, too)" if note.suspended else " (it was not suspended)"
