"""BackupSets made anew from their Backups: after the loss of a cluster those are all that is left.

Pure. Velero's sync brings back the Backups that have ended well enough to be in the storage, and their
PodVolumeBackups; it brings back no failed attempt, and no set.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from velero_volume_controller.api.backupset import (
    Attempt,
    BackupSetSpec,
    BackupSetStatus,
    Condition,
    Namespaces,
    PlanSummary,
    Selection,
    SetPhase,
    Shard,
)
from velero_volume_controller.api.conditions import put
from velero_volume_controller.api.times import format_time, parse_time
from velero_volume_controller.backup import conditions, naming, results
from velero_volume_controller.backup.attempts import LOST, View, fold
from velero_volume_controller.backup.frozen import frozen
from velero_volume_controller.backup.steps import Observed, SetIdentity
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.lanes import Lane
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A BackupSet as it is to be made, and its status. ``notes`` say what could not be known.

    ``uid`` is the one that its Backups bear; the status keeps it (``plan.owner``), for the new object gets
    another.
    """

    namespace: str
    name: str
    uid: str
    spec: BackupSetSpec
    status: BackupSetStatus
    notes: tuple[str, ...] = ()


def rebuild(backups: Iterable[Backup], volumes: Sequence[PodVolumeBackup], now: str) -> list[Rebuilt]:
    """One for each uid that the Backups name, by namespace, name and begin. Other Backups are left out."""
    groups: dict[str, list[Backup]] = {}
    for backup in backups:
        if naming.SET_UID in backup.labels and naming.SET_NAME in backup.annotations:
            groups.setdefault(backup.labels[naming.SET_UID], []).append(backup)
    found = [_rebuilt(uid, group, volumes, now) for uid, group in groups.items()]
    return sorted(found, key=lambda each: (each.namespace, each.name, each.status.started or "", each.uid))


def _rebuilt(uid: str, backups: list[Backup], volumes: Sequence[PodVolumeBackup], now: str) -> Rebuilt:
    newest = max(backups, key=lambda each: (each.created, each.name)).annotations
    notes: list[str] = []
    # A set whose status was lost may have been planned twice: the last plan counts.
    plan = newest.get(naming.PLAN, "")
    backups = [each for each in backups if each.annotations.get(naming.PLAN, "") == plan]
    spec = _spec(newest, backups, notes)
    owner = SetIdentity(newest.get(naming.SET_NAMESPACE, ""), newest[naming.SET_NAME], uid, 0)
    shards = _shards(backups)
    lanes = tuple(Lane(namespace=name) for name in sorted({each.namespace for each in backups}))
    view = View.of(owner, plan, Observed(tuple(backups), tuple(volumes), lanes, ""), {}, now)
    for shard in shards:
        fold(shard, view)
    planned = _number(newest.get(naming.SHARDS, ""), len(shards))
    absent = max(0, planned - len(shards))
    if absent:
        notes.append(f"{absent} of {planned} shards have no Backup left; what those held is not known")
    shards.extend(_absent(number) for number in range(1, absent + 1))
    status = BackupSetStatus(
        started=_time(newest.get(naming.SET_STARTED, "")) or min(each.created for each in backups) or None,
        ended=max((each.ended for shard in shards for each in shard.attempts if each.ended), default=None),
        shards=shards,
        plan=PlanSummary(
            hash=plan, shards=planned, template=copy.deepcopy(spec.template), frozen=frozen(spec), owner=uid
        ),
    )
    _conclude(status, view)
    return Rebuilt(owner.namespace, owner.name, uid, spec, status, tuple(notes))


def _absent(number: int) -> Shard:
    """A shard that is known by the count of them alone. Without namespaces it is never tried again."""
    reason = "no Backup of it is left in the storage, so what it held is not known"
    return Shard(name=f"lost-{number}", attempts=[Attempt(backup="", phase=LOST, reason=reason)])


def _conclude(status: BackupSetStatus, view: View) -> None:
    """The restore point, and the phase that follows from it."""
    status.restore_point = results.restore_point(status.shards, view, None, "no Backup of it is left")
    status.phase = results.phase(status.shards, status.restore_point)
    status.expires = results.expires(status.restore_point, view, None)
    status.progress = results.progress(status.shards, view)
    missing = len(status.restore_point.missing)
    message = f"made anew from {len(status.restore_point.backups)} Backups; {missing} missing"
    for type_, value, reason in (
        (conditions.PLANNED, True, "Imported"),
        (conditions.PROGRESSING, False, status.phase.value),
        (conditions.COMPLETE, status.phase is SetPhase.COMPLETED, status.phase.value),
    ):
        condition = Condition(
            type=type_,
            status="True" if value else "False",
            reason=reason,
            message=message,
            last_transition_time=view.now,
        )
        put(status.conditions, condition)


def _shards(backups: list[Backup]) -> list[Shard]:
    """By name; each with an attempt for every Backup that is left, and for the numbers before it."""
    by_name: dict[str, list[Backup]] = {}
    for backup in backups:
        by_name.setdefault(backup.labels.get(naming.SHARD, ""), []).append(backup)
    shards = []
    for name, group in sorted(by_name.items()):
        newest = max(group, key=_attempt)
        cluster = newest.annotations.get(naming.CLUSTER) == "true"
        shards.append(
            Shard(
                name=name,
                # Of a Backup that lost its annotations "*" is no name: tried again it would take everything.
                namespaces=[] if cluster else [each for each in newest.included_namespaces if each != "*"],
                cluster=cluster,
                lane=newest.namespace,
                attempts=_attempts(group),
            )
        )
    return shards


def _attempts(backups: list[Backup]) -> list[Attempt]:
    """Places keep their numbers: an attempt of which nothing is left is Lost."""
    known = {_attempt(backup): backup for backup in backups}
    attempts = []
    for number in range(1, max(known) + 1):
        backup = known.get(number)
        if backup is None:
            reason = "the storage holds no Backup of it: it failed, or was deleted"
            attempts.append(Attempt(backup="", phase=LOST, reason=reason))
        else:
            attempts.append(
                Attempt(backup=backup.name, lane=backup.namespace, created=backup.created or None)
            )
    return attempts


def _attempt(backup: Backup) -> int:
    return max(1, _number(backup.labels.get(naming.ATTEMPT, ""), 1))


def _time(text: str) -> str:
    """As a status has it, empty for what is none: annotations can be written by anybody."""
    try:
        return format_time(parse_time(text))
    except (ValueError, OverflowError):
        return ""


def _number(text: str, otherwise: int) -> int:
    """Labels can be written by anybody; a number that is none, or beyond all sense, is not believed."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else otherwise


def _spec(annotations: dict[str, str], backups: list[Backup], notes: list[str]) -> BackupSetSpec:
    """As it was written, where a Backup bears it; else as far as the Backups show it."""
    try:
        return msgspec.json.decode(annotations.get(naming.SET_SPEC, ""), type=BackupSetSpec)
    except msgspec.MsgspecError:
        pass
    cluster = [each for each in backups if each.annotations.get(naming.CLUSTER) == "true"]
    names = sorted({name for each in backups if each not in cluster for name in each.included_namespaces})
    notes.append("its spec is not on the Backups: the selection is what they hold, the template is empty")
    return BackupSetSpec(
        selection=Selection(namespaces=Namespaces(include=names or ["*"]), cluster_resources=bool(cluster))
    )
