"""The next step of a BackupSet: what its status becomes, and what is done. Pure.

``step`` is asked whenever anything changed or the time it named has come. It may be asked twice, with an old
view of the cluster, and after a crash at any point: all it knows is in the status and on the Backups. So an
attempt is recorded before its Backup is made, and made again by the same name if it does not show up.

=============== =====================================================================================
Planning        → Running once there is a plan; waits while it is paused or outside its window
Running, Paused → one another, as ``spec.paused`` says; what runs goes on
Running, Paused → Completed, PartiallyFailed, Failed once nothing is left to run or to try again
an end          → Running on a demand to retry; → Expired once none of its Backups is left; → a better end
                  where Backups end late, or come back
=============== =====================================================================================
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from velero_volume_controller.api.backupset import (
    Attempt,
    BackupSetSpec,
    BackupSetStatus,
    ClusterRevision,
    Condition,
    Missing,
    PlanSummary,
    RestorePoint,
    SetPhase,
    Shard,
)
from velero_volume_controller.api.conditions import Truth, find, put
from velero_volume_controller.api.times import AHEAD, after
from velero_volume_controller.backup import conditions, results, slots, stuck
from velero_volume_controller.backup.attempts import (
    LOST,
    MAKE_AGAIN,
    OVER,
    View,
    awaited,
    done,
    due,
    fold,
    hopeless,
    under_way,
)
from velero_volume_controller.backup.dispatch import Load, choose
from velero_volume_controller.backup.gate import Gate, check_window, gate
from velero_volume_controller.backup.naming import (
    backup_annotations,
    backup_labels,
    backup_name,
    canonical_hash,
)
from velero_volume_controller.backup.render import check_template, render
from velero_volume_controller.backup.steps import Action, CreateBackup, Nudge, Situation, Step, Tell
from velero_volume_controller.backup.work import Plan, PlanningError
from velero_volume_controller.velero.model.backups import RESTORABLE

#: Seconds until a set that can't be planned, or waits for what no watch tells of, looks again.
_LOOK_AGAIN: Final = 60.0
#: Seconds between two looks at whether an ended set's Backups are still there.
_LOOK_AT_ENDED: Final = 3600.0
#: Nodes of a shard whose load is kept for the order.
_NODES: Final = 64
#: Why a namespace is missing that the selection names.
_ABSENT: Final = "there was no such namespace when the set began; correct spec.selection in a new BackupSet"
#: Why a shard has no Backup when its set ends.
_UNSTARTED: Final = "no Backup was started before the deadline"


@dataclass(slots=True)
class _Run:
    """One step in the making."""

    situation: Situation
    status: BackupSetStatus
    view: View
    actions: list[Action] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)

    @property
    def spec(self) -> BackupSetSpec:
        return self.situation.spec

    def condition(self, type_: str, status: Truth, reason: str, message: str) -> bool:
        """Whether it says something else than before."""
        new = Condition(
            type=type_,
            status=status,
            reason=reason,
            message=message,
            last_transition_time=self.situation.now,
            observed_generation=self.situation.identity.generation,
        )
        return put(self.status.conditions, new)

    def tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        self.actions.append(Tell(reason, message, warning))

    def step(self) -> Step:
        """A wake that is past is due at once, but never busily."""
        again = max(1.0, min(self.wakes)) if self.wakes else None
        return Step(self.status, tuple(self.actions), again)


def step(situation: Situation) -> Step:
    """What comes next. The situation is left as it is."""
    # Ten times as fast as copy.deepcopy, and it stands between two turns of the event loop.
    status = msgspec.json.decode(msgspec.json.encode(situation.status), type=BackupSetStatus)
    status.observed_generation = situation.identity.generation
    if status.phase is None or not status.phase.ended:
        _put_right(status, situation.now)
    run = _Run(situation, status, _view(situation, status))
    if status.phase is not None and status.phase.ended and not _reopened(run):
        _look_after(run)
    elif status.shards or _planned(run):
        _go_on(run)
    return run.step()


def _put_right(status: BackupSetStatus, now: str) -> None:
    """After a clock that was ahead nothing is to wait until that time comes."""
    limit = after(now, AHEAD)
    for field_ in ("started", "retried_at"):
        if (getattr(status, field_) or "") > limit:
            setattr(status, field_, now)
    for attempt in (each for shard in status.shards for each in shard.attempts):
        for field_ in ("created", "since", "gone", "ended", "nudged"):
            if (getattr(attempt, field_) or "") > limit:
                setattr(attempt, field_, now)


def _view(situation: Situation, status: BackupSetStatus) -> View:
    plan = status.plan or PlanSummary(hash="")
    owner = replace(situation.identity, uid=plan.owner or situation.identity.uid)
    return View.of(owner, plan.hash, situation.observed, situation.refused, situation.now)


# Planning


def _planned(run: _Run) -> bool:
    """Takes the plan over, if there is one; says why there is none."""
    status, situation = run.status, run.situation
    status.phase = SetPhase.PLANNING
    try:
        check_template(run.spec)
        check_window(run.spec)
        if situation.unplannable is not None:
            raise situation.unplannable
    except PlanningError as error:
        if run.condition(conditions.PLANNED, "False", error.reason, str(error)):
            run.tell(error.reason, str(error), warning=True)
        run.condition(conditions.PROGRESSING, "False", error.reason, str(error))
        run.wakes.append(_LOOK_AGAIN)
        return False
    closed = gate(run.spec, status, situation.now)
    if closed.closed:
        # A plan is made of what there is when the set begins, not when it was written.
        status.phase = SetPhase.PAUSED if run.spec.paused else SetPhase.PLANNING
        run.condition(conditions.PROGRESSING, "False", closed.closed, closed.message)
        if closed.changes is not None:
            run.wakes.append(closed.changes)
        return False
    if situation.planned is None:
        return False
    _take(run, situation.planned)
    return True


def _take(run: _Run, plan: Plan) -> None:
    status, situation = run.status, run.situation
    status.started = situation.now
    status.cluster_revision = ClusterRevision(start=situation.observed.revision)
    status.retried = situation.retry
    status.plan = PlanSummary(
        hash=plan.hash,
        shards=len(plan.shards),
        predicted_seconds=math.ceil(plan.predicted),
        lower_bound_seconds=math.ceil(plan.lower_bound),
        template=copy.deepcopy(run.spec.template),
        frozen=frozen(run.spec),
        absent=list(plan.absent),
        owner=situation.identity.uid,
    )
    status.shards = [
        Shard(
            name=each.name,
            namespaces=list(each.namespaces),
            cluster=each.cluster,
            lane=each.lane,
            predicted_seconds=math.ceil(each.alone),
            load=_heaviest(each.load()),
        )
        for each in plan.shards
    ]
    run.view = _view(situation, status)
    message = f"{len(plan.shards)} Backups, predicted {status.plan.predicted_seconds} s"
    if plan.absent:
        run.tell("NotThere", f"there is no namespace {', '.join(plan.absent)}: {_ABSENT}", warning=True)
    run.condition(conditions.PLANNED, "True", "Planned", " ".join((message + ".", *plan.notes)))
    run.tell("Planned", message)


def _heaviest(load: Mapping[str, float]) -> dict[str, int]:
    """The nodes that have most to do. A shard of hundreds hangs on none of them, and a status has no room."""
    nodes = sorted(load, key=lambda node: (-load[node], node))[:_NODES]
    return {node: math.ceil(load[node]) for node in sorted(nodes)}


def frozen(spec: BackupSetSpec) -> str:
    """Hashes of the fields that count as they were when the set was planned, by their names."""
    fields = {
        "selection": spec.selection,
        "template": spec.template,
        "together": spec.together,
        "isolate": spec.isolate,
        "maxShards": spec.max_shards,
        "lanes": [choice.namespace for choice in spec.lanes],
    }
    return " ".join(f"{name}={canonical_hash(value)}" for name, value in fields.items())


def _fields(hashes: str) -> dict[str, str]:
    """By field. What is no such text, in a status that somebody has edited, changes nothing."""
    return {name: value for each in hashes.split() for name, is_one, value in [each.partition("=")] if is_one}


# Running


def _go_on(run: _Run) -> None:
    status = run.status
    _retry(run)
    for shard in status.shards:
        fold(shard, run.view)
    _spec_changed(run)
    opening = gate(run.spec, status, run.situation.now)
    _make_again(run, opening)
    waits = _hand_over(run) if not opening.closed else {}
    status.progress = results.progress(status.shards, run.view)
    if all(_settled(shard, run, opening) for shard in status.shards):
        _end(run)
        return
    status.phase = SetPhase.PAUSED if run.spec.paused else SetPhase.RUNNING
    run.condition(conditions.COMPLETE, "Unknown", "Running", "the set has not ended")
    _degraded(run)
    _progressing(run, opening, waits)
    _wakes(run, opening)


def _settled(shard: Shard, run: _Run, opening: Gate) -> bool:
    """Nothing more is made for it."""
    if any(attempt.gone and attempt.phase not in OVER - RESTORABLE for attempt in shard.attempts):
        return False
    if under_way(shard):
        return False
    return opening.final or due(shard, run.spec.retry) is None


def _make_again(run: _Run, opening: Gate) -> None:
    """Backups that were recorded and never seen: the step that was to make them was cut off, or refused."""
    for shard in run.status.shards:
        attempt = under_way(shard)
        if attempt is None:
            continue
        unseen = not attempt.uid and run.view.age(attempt.created) >= MAKE_AGAIN
        if opening.final and (unseen or attempt.lane not in run.view.lanes):
            attempt.phase, attempt.since, attempt.ended = LOST, run.situation.now, run.situation.now
            attempt.reason = "it was not there when the deadline passed"
        elif unseen and not opening.closed and attempt.lane in run.view.lanes:
            attempt.created = run.situation.now
            run.actions.append(_create(run, shard, len(shard.attempts)))


def _hand_over(run: _Run) -> dict[str, str]:
    """Starts what may be started; what the other shards that are due wait for, in a sentence each."""
    loads, waits = [], {}
    for shard in run.status.shards:
        at = due(shard, run.spec.retry)
        if at is None or (at and run.view.age(at) < 0):
            continue
        reason = _obstacle(run, shard)
        if reason:
            waits[shard.name] = reason
        else:
            loads.append(_load(run, shard))
    running = [_load(run, shard) for shard in run.status.shards if under_way(shard)]
    left = slots.free(run.status.shards, run.view, run.spec)
    chosen = choose(loads, running, slots.paced(left, run.status.shards, run.view), _capacity(run))
    most = run.spec.concurrency.max
    if isinstance(most, int):
        chosen = chosen[: max(0, most - len(running))]
    for shard in run.status.shards:
        if shard.name in chosen:
            _start(run, shard)
        elif any(load.shard == shard.name for load in loads):
            waits[shard.name] = "Slots: all slots are taken"
    return waits


def _obstacle(run: _Run, shard: Shard) -> str:
    """``Reason: sentence`` of what keeps a shard from being started; empty for nothing but slots."""
    held = slots.held_by_set(shard, run.situation.blocked)
    if held:
        return f"Blocked: namespace {held[0]} is being backed up by BackupSet {held[1]}, which goes first"
    lane = run.view.lanes.get(shard.lane)
    if lane is None:
        return f"LaneGone: {_gone(shard.lane)}"
    if lane.problem:
        return f"LaneDown: Velero in namespace {lane.namespace} takes no Backups: {lane.problem}"
    other = slots.in_the_way(shard, run.view)
    if other is not None:
        return (
            f"OtherBackup: Backup {other.namespace}/{other.name} is {other.phase or 'New'} and takes a"
            f" namespace of shard {shard.name}; it goes first"
        )
    return ""


def _gone(lane: str) -> str:
    return (
        f"there is no Velero in namespace {lane} any more; its namespaces stay with it, for their earlier"
        " Backups are there; install it again, or delete the BackupSet and make one without this lane"
    )


def _load(run: _Run, shard: Shard) -> Load:
    first = any(name in run.spec.first for name in shard.namespaces)
    return Load(shard.name, shard.lane, dict(shard.load), max(1.0, shard.predicted_seconds), first)


def _capacity(run: _Run) -> Callable[[str, str], int]:
    most = run.spec.concurrency.per_node

    def of(lane: str, node: str) -> int:
        known = run.view.lanes.get(lane)
        given = known.capacity(node) if known else 1
        return max(1, min(given, most) if isinstance(most, int) else given)

    return of


def _start(run: _Run, shard: Shard) -> None:
    number = len(shard.attempts) + 1
    if number > 1:
        last = shard.attempts[-1]
        run.tell(
            "Retrying",
            f"shard {shard.name}: Backup {last.backup} is {last.phase}: {last.reason}",
            warning=True,
        )
    name = backup_name(run.view.owner, shard.name, number)
    now = run.situation.now
    shard.attempts.append(Attempt(backup=name, lane=shard.lane, created=now, since=now))
    run.actions.append(_create(run, shard, number))


def _create(run: _Run, shard: Shard, number: int) -> CreateBackup:
    plan = run.status.plan
    template = plan.template if plan else {}
    spec = render(template, shard)
    return CreateBackup(
        lane=shard.lane,
        name=backup_name(run.view.owner, shard.name, number),
        labels=backup_labels(run.view.owner, shard.name, number),
        annotations=backup_annotations(run.view.owner, run.spec, run.status, shard, spec),
        spec=spec,
        shard=shard.name,
        attempt=number,
    )


# What is said


def _spec_changed(run: _Run) -> None:
    plan = run.status.plan
    planned = _fields(plan.frozen) if plan else {}
    now = _fields(frozen(run.spec))
    changed = [name for name, value in now.items() if planned.get(name, value) != value]
    if changed:
        fields = ", ".join(f"spec.{name}" for name in changed)
        message = f"{fields}: changed after the set was planned, and ignored; make a new BackupSet for it"
        if run.condition(conditions.SPEC_CHANGED, "True", "Ignored", message):
            run.tell("SpecChanged", message, warning=True)
    elif find(run.status.conditions, conditions.SPEC_CHANGED):
        run.condition(conditions.SPEC_CHANGED, "False", "AsPlanned", "the spec is as it was planned")


def _degraded(run: _Run) -> None:
    """What went wrong and is not over; touches what a touch helps."""
    troubles: list[tuple[str, str]] = []
    for fault in stuck.faults(run.status.shards, run.view, run.spec):
        troubles.append((fault.reason, fault.message))
        if fault.touch:
            fault.attempt.nudged = run.situation.now
            run.actions.append(Nudge(fault.attempt.lane, fault.attempt.backup, fault.attempt.uid))
    troubles.extend(_lanes(run))
    troubles.extend(_failed(run))
    if troubles:
        reason, message = troubles[0][0], ". ".join(message for _, message in troubles)
        if run.condition(conditions.DEGRADED, "True", reason, message):
            run.tell(reason, message, warning=True)
    elif find(run.status.conditions, conditions.DEGRADED):
        run.condition(conditions.DEGRADED, "False", "AsExpected", "nothing is known to be wrong")


def _lanes(run: _Run) -> Iterator[tuple[str, str]]:
    """Veleros that the set needs and that are down or gone."""
    needed = [shard.lane for shard in run.status.shards if not done(shard)]
    for name in dict.fromkeys(needed):
        lane = run.view.lanes.get(name)
        if lane is None:
            yield "LaneGone", _gone(name)
        elif lane.problem:
            yield "LaneDown", f"Velero in namespace {name} takes no Backups: {lane.problem}"


def _failed(run: _Run) -> Iterator[tuple[str, str]]:
    for shard in run.status.shards:
        if done(shard) or under_way(shard) or not shard.attempts:
            continue
        last = shard.attempts[-1]
        at = due(shard, run.spec.retry)
        next_ = f"it is tried again at {at}" if at else "it is not tried again"
        if hopeless(last):
            next_ = "that can't get better by itself: correct the template in a new BackupSet"
        yield (
            conditions.SHARD_FAILED,
            f"shard {shard.name}: Backup {last.backup} is {last.phase}: {last.reason}; {next_}",
        )


def _progressing(run: _Run, opening: Gate, waits: dict[str, str]) -> None:
    shards = run.status.shards
    count = Counter("done" if done(each) else "running" if under_way(each) else "waiting" for each in shards)
    summary = (
        f"of {len(shards)} Backups {count['done']} are done, {count['running']} run, {count['waiting']} wait"
    )
    if opening.closed:
        run.condition(conditions.PROGRESSING, "False", opening.closed, f"{opening.message}; {summary}")
    elif count["running"] or not waits:
        run.condition(conditions.PROGRESSING, "True", "Running", summary)
    else:
        reason, _, message = next(iter(waits.values())).partition(": ")
        if run.condition(conditions.PROGRESSING, "False", reason, f"{message}; {summary}"):
            run.tell(reason, message)


def _wakes(run: _Run, opening: Gate) -> None:
    run.wakes.append(_LOOK_AGAIN)
    if opening.changes is not None:
        run.wakes.append(opening.changes)
    for shard in run.status.shards:
        run.wakes.extend(awaited(shard, run.view))
        at = due(shard, run.spec.retry)
        if at and run.view.age(at) < 0:
            run.wakes.append(-run.view.age(at))
    run.wakes.extend(slots.awaited(run.status.shards, run.view))
    run.wakes.extend(stuck.awaited(run.status.shards, run.view))


# Ends


def _end(run: _Run) -> None:
    status = run.status
    status.phase = _phase(status)
    status.ended = run.situation.now
    status.restore_point = _restore_point(run, status.restore_point if status.retried_at else None)
    status.expires = results.expires(status.restore_point, run.view, status.expires)
    start = status.cluster_revision.start if status.cluster_revision else ""
    status.cluster_revision = ClusterRevision(start=start, end=run.situation.observed.revision)
    _conclude(run)
    run.condition(conditions.PROGRESSING, "False", status.phase.value, "the set has ended")
    _degraded(run)
    run.wakes.append(_LOOK_AGAIN)


def _phase(status: BackupSetStatus) -> SetPhase:
    """As Velero ends a Backup that names a namespace which is not there, the set lacks something."""
    phase = results.phase(status.shards)
    absent = status.plan is not None and status.plan.absent
    return SetPhase.PARTIALLY_FAILED if absent and phase is SetPhase.COMPLETED else phase


def _restore_point(run: _Run, before: RestorePoint | None) -> RestorePoint:
    point = results.restore_point(run.status.shards, run.view, before, _UNSTARTED)
    absent = run.status.plan.absent if run.status.plan else []
    point.missing[:0] = [Missing(namespace=name, reason=_ABSENT) for name in absent]
    return point


def _conclude(run: _Run) -> None:
    """Says how the set has ended."""
    phase, point = run.status.phase or SetPhase.FAILED, run.status.restore_point or RestorePoint()
    message = f"{len(point.backups)} Backups"
    if point.missing:
        first = ": ".join(filter(None, (point.missing[0].namespace, point.missing[0].reason)))
        message += f"; {len(point.missing)} missing, the first: {first}"
    complete = phase is SetPhase.COMPLETED
    run.condition(conditions.COMPLETE, "True" if complete else "False", phase.value, message)
    run.tell(phase.value, message, warning=not complete)


def _reopened(run: _Run) -> bool:
    """Whether there is a demand to try again that was not followed yet."""
    status = run.status
    if not run.situation.retry or run.situation.retry == status.retried or not status.shards:
        return False
    if status.phase is SetPhase.EXPIRED:
        status.retried = run.situation.retry
        run.tell("Expired", "its Backups are gone: make a new BackupSet", warning=True)
        return False
    _retry(run)
    status.ended = None
    return True


def _retry(run: _Run) -> None:
    """Each demand is followed once: attempts so far are forgiven."""
    status, demand = run.status, run.situation.retry
    if not demand or demand == status.retried:
        return
    status.retried, status.retried_at = demand, run.situation.now
    names = {name.strip() for name in demand.partition(" ")[2].split(",") if name.strip()}
    unknown = sorted(names - {shard.name for shard in status.shards})
    if unknown:
        run.tell("UnknownShard", f"retry: there is no shard {', '.join(unknown)}", warning=True)
    for shard in status.shards:
        if not done(shard) and (not names or shard.name in names):
            shard.forgiven = len(shard.attempts)


def _look_after(run: _Run) -> None:
    """An ended set: what was seen late is put right, and what is gone is gone from the restore point."""
    status = run.status
    before = status.restore_point or RestorePoint()
    for shard in status.shards:
        fold(shard, run.view)
    status.progress = results.progress(status.shards, run.view)
    status.restore_point = _restore_point(run, before)
    status.expires = results.expires(status.restore_point, run.view, status.expires)
    held = status.phase in {SetPhase.COMPLETED, SetPhase.PARTIALLY_FAILED}
    if held and not status.restore_point.backups:
        status.phase = SetPhase.EXPIRED
        message = "none of its Backups is left: they expired, or were deleted"
        run.condition(conditions.COMPLETE, "False", "Expired", message)
        run.tell("Expired", message)
    elif status.restore_point.backups and _better(_phase(status), status.phase):
        # One ended late; or they came back: Velero's sync brings them when its CRDs are there again.
        status.phase = _phase(status)
        _conclude(run)
    _gone_since(run)
    run.wakes.append(_LOOK_AT_ENDED)
    for shard in status.shards:
        run.wakes.extend(awaited(shard, run.view))


def _better(phase: SetPhase, before: SetPhase | None) -> bool:
    order = (SetPhase.EXPIRED, SetPhase.FAILED, SetPhase.PARTIALLY_FAILED, SetPhase.COMPLETED)
    return before in order and order.index(phase) > order.index(before)


def _gone_since(run: _Run) -> None:
    """Whether a set that was complete has lost Backups since."""
    status = run.status
    lost = [attempt.backup for shard in status.shards for attempt in shard.attempts if attempt.phase == LOST]
    if status.phase is not SetPhase.COMPLETED or status.restore_point is None:
        return
    if lost and status.restore_point.missing:
        message = f"the restore point is no longer whole; gone: {', '.join(lost)}"
        run.condition(conditions.DEGRADED, "True", "BackupsGone", message)
        return
    known = find(status.conditions, conditions.DEGRADED)
    if known is not None and known.reason == "BackupsGone":
        run.condition(conditions.DEGRADED, "False", "AsExpected", "nothing is known to be wrong")
