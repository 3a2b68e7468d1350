"""Which Backups of a set are handed to Velero now, and what the others wait for. Pure."""

from __future__ import annotations

from collections.abc import Callable

from velero_volume_controller.api.backupset import Attempt, Shard
from velero_volume_controller.backup import slots
from velero_volume_controller.backup.attempts import LOST, MAKE_AGAIN, SKIPPED, done, due, under_way
from velero_volume_controller.backup.dispatch import Load, choose
from velero_volume_controller.backup.gate import Gate
from velero_volume_controller.backup.left_out import left_out
from velero_volume_controller.backup.naming import backup_annotations, backup_labels, backup_name
from velero_volume_controller.backup.render import render
from velero_volume_controller.backup.reporting import gone
from velero_volume_controller.backup.run import Run
from velero_volume_controller.backup.steps import CreateBackup


def make_again(run: Run, opening: Gate) -> None:
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


def hand_over(run: Run) -> dict[str, str]:
    """Starts what may be started; what the other shards that are due wait for, in a sentence each."""
    loads, waits = [], {}
    for shard in run.status.shards:
        at = due(shard, run.spec.retry)
        if at is None or (at and run.view.age(at) < 0):
            continue
        if shard.namespaces and len(left_out(shard, run.situation.cluster)) == len(shard.namespaces):
            _skip(run, shard)
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


def _obstacle(run: Run, shard: Shard) -> str:
    """``Reason: sentence`` of what keeps a shard from being started; empty for nothing but slots."""
    held = slots.held_by_set(shard, run.situation.blocked)
    if held:
        return f"Blocked: namespace {held[0]} is being backed up by BackupSet {held[1]}, which goes first"
    lane = run.view.lanes.get(shard.lane)
    if lane is None:
        return f"LaneGone: {gone(shard.lane)}"
    if lane.problem:
        return f"LaneDown: Velero in namespace {lane.namespace} takes no Backups: {lane.problem}"
    other = slots.in_the_way(shard, run.view)
    if other is not None:
        return (
            f"OtherBackup: Backup {other.namespace}/{other.name} is {other.phase or 'New'} and takes a"
            f" namespace of shard {shard.name}; it goes first"
        )
    return ""


def _load(run: Run, shard: Shard) -> Load:
    first = any(name in run.spec.first for name in shard.namespaces)
    return Load(shard.name, shard.lane, dict(shard.load), max(1.0, shard.predicted_seconds), first)


def _capacity(run: Run) -> Callable[[str, str], int]:
    most = run.spec.concurrency.per_node

    def of(lane: str, node: str) -> int:
        known = run.view.lanes.get(lane)
        given = known.capacity(node) if known else 1
        return max(1, min(given, most) if isinstance(most, int) else given)

    return of


def _start(run: Run, shard: Shard) -> None:
    number = len(shard.attempts) + 1
    if number > 1:
        last = shard.attempts[-1]
        why = "planned volumes were not taken" if done(shard) else last.reason
        run.tell("Retrying", f"shard {shard.name}: Backup {last.backup} is {last.phase}: {why}", warning=True)
    out = left_out(shard, run.situation.cluster)
    before = shard.attempts[-1].left_out if shard.attempts else {}
    if out and out != before:
        names = ", ".join(f"{name} ({why})" for name, why in sorted(out.items()))
        run.tell("LeftOut", f"shard {shard.name}: its Backup is made without {names}", warning=True)
    name = backup_name(run.view.owner, shard.name, number)
    now = run.situation.now
    shard.attempts.append(Attempt(backup=name, lane=shard.lane, created=now, since=now, left_out=out))
    run.actions.append(_create(run, shard, number))


def _skip(run: Run, shard: Shard) -> None:
    """Records that there is nothing to make a Backup of: one that names no namespace would take all."""
    now, out = run.situation.now, left_out(shard, run.situation.cluster)
    reason = "each of its namespaces was deleted or excluded after the set was planned"
    skipped = Attempt(
        backup="", lane=shard.lane, phase=SKIPPED, since=now, ended=now, reason=reason, left_out=out
    )
    shard.attempts.append(skipped)
    run.tell("LeftOut", f"shard {shard.name}: no Backup is made: {reason}", warning=True)


def _create(run: Run, shard: Shard, number: int) -> CreateBackup:
    plan = run.status.plan
    template = plan.template if plan else {}
    spec = render(template, shard, shard.attempts[number - 1].left_out)
    return CreateBackup(
        lane=shard.lane,
        name=backup_name(run.view.owner, shard.name, number),
        labels=backup_labels(run.view.owner, shard.name, number),
        annotations=backup_annotations(run.view.owner, run.spec, run.status, shard, spec),
        spec=spec,
        shard=shard.name,
        attempt=number,
    )
