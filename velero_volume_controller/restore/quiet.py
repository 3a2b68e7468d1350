"""Workloads that are stilled before anything is deleted, and put back if nothing was. Pure.

What a workload was is noted on it in the same write that stills it, so that no crash comes between. Setting
``replicas`` or ``suspend`` makes its generation one more: that change is ours and expected, any other is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.planned import Plan, Planned
from velero_volume_controller.restore.steps import PutBack, Still
from velero_volume_controller.velero.model.backup_contents import Key

_GENERATION: Final = "generation:"


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """``by`` is the uid of the CleanRestore, ``of`` the workload's, ``mark`` what that one's was before.

    A note of another workload is a copy: a Deployment's annotations are copied to its ReplicaSets, where they
    stay (Kubernetes 1.34, pkg/controller/deployment/util, SetNewReplicaSetAnnotations).
    """

    by: str
    mark: str
    of: str = ""
    replicas: int | None = None
    suspended: bool | None = None


def note_of(live: Live, by: str) -> Note | None:
    """What this run noted on it; None if another did, or nobody, or it is a copy."""
    found = _read(live)
    return found if found is not None and (found.by, found.of) == (by, live.uid) else None


def stilled_by(live: Live) -> Note | None:
    """What was noted on it when it was stilled, by whomever; None if it was not, or it is a copy."""
    found = _read(live)
    return found if found is not None and found.of == live.uid else None


def _read(live: Live) -> Note | None:
    try:
        return msgspec.json.decode(live.quiesced, type=Note) if live.quiesced else None
    except msgspec.MsgspecError:
        return None


def is_still(live: Live) -> bool:
    """It starts nothing."""
    return live.replicas == 0 or live.suspended is True


def still(live: Live, by: str) -> Still:
    """How it is stilled."""
    note = Note(by, live.mark, live.uid, live.replicas, live.suspended)
    spec: dict[str, Any] = {"replicas": 0} if live.replicas is not None else {"suspend": True}
    return Still(live.key, live.uid, live.version, spec, msgspec.json.encode(note).decode())


def put_back(live: Live, note: Note) -> PutBack:
    """How it becomes what it was. One that somebody has started meanwhile only loses the note."""
    spec: dict[str, Any] = {}
    if is_still(live):
        spec = {"suspend": note.suspended} if note.replicas is None else {"replicas": note.replicas}
    return PutBack(live.key, live.uid, live.version, spec)


def copies(live: Iterable[Live], by: str) -> Iterator[PutBack]:
    """Take the copies of this run's notes off. What they are on is nothing that it stilled."""
    for each in live:
        found = _read(each)
        if found is not None and found.by == by and found.of != each.uid and not each.terminating:
            yield PutBack(each.key, each.uid, each.version, {})


def was(note: Note) -> str:
    """What it was, as its spec says it."""
    return f"replicas: {note.replicas}" if note.replicas is not None else f"suspend: {note.suspended}".lower()


def unchanged(planned: Planned, live: Live, by: str) -> bool:
    """Whether it is as it was when it was planned, but for what stilling it has changed."""
    if live.uid != planned.uid:
        return False
    if live.mark == planned.mark:
        return True
    note = note_of(live, by)
    return note is not None and note.mark == planned.mark and live.mark == _next(note.mark)


def _next(mark: str) -> str:
    digits = mark.removeprefix(_GENERATION)
    return f"{_GENERATION}{int(digits) + 1}" if digits.isdecimal() else mark


def to_still(plan: Plan, live: Mapping[Key, Live]) -> Iterator[Live]:
    """Those of the plan, and Jobs that one of these has started since."""
    planned = {each.key for each in plan.quiesce}
    for key in (each.key for each in plan.quiesce):
        if key in live and not live[key].terminating and not live[key].claims_go:
            yield live[key]
    for job in _made_by(plan, live, kinds.JOB):
        if job.key not in planned and not job.terminating:
            yield job


def running_pods(plan: Plan, live: Mapping[Key, Live]) -> Iterator[Live]:
    """Pods that are there because of a workload that is stilled."""
    return _made_by(plan, live, kinds.POD)


def _made_by(plan: Plan, live: Mapping[Key, Live], kind: tuple[str, str]) -> Iterator[Live]:
    """What has not ended and was made by a workload that the plan stills, or by what that made."""
    by_uid = {each.uid: each for each in live.values()}
    makers = {live[each.key].uid for each in plan.quiesce if each.key in live}
    for each in live.values():
        if kinds.of(each.key) == kind and not each.ended and not makers.isdisjoint(_above(each, by_uid)):
            yield each


def _above(of: Live, by_uid: Mapping[str, Live]) -> Iterator[str]:
    """The uids of its controllers, from the nearest up; owners that go round in a circle are told once."""
    seen: set[str] = set()
    at: Live | None = of
    while at is not None and (owner := at.controller) is not None and owner.uid not in seen:
        seen.add(owner.uid)
        yield owner.uid
        at = by_uid.get(owner.uid)
