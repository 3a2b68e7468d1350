"""Sets, situations and what is seen of them, for tests of the pure machine."""

from __future__ import annotations

from typing import Any

import msgspec

from velero_volume_controller.api.backupset import BackupSetSpec, BackupSetStatus
from velero_volume_controller.api.times import after
from velero_volume_controller.backup.machine import step
from velero_volume_controller.backup.steps import (
    CreateBackup,
    Nudge,
    Observed,
    SetIdentity,
    Situation,
    Step,
    Tell,
)
from velero_volume_controller.backup.work import Plan, PlannedShard, PlannedVolume, Volume
from velero_volume_controller.velero.model.backups import Backup, BackupStatus
from velero_volume_controller.velero.model.lanes import Lane
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup

START = "2026-11-24T02:00:00Z"
IDENTITY = SetIdentity("velero", "nightly", "0f3c9d12-aaaa-bbbb-cccc-1234567890ab", 1)


def at(seconds: float) -> str:
    """So long after the begin."""
    return after(START, seconds)


def make_spec(**fields: Any) -> BackupSetSpec:
    """From fields as a person writes them."""
    return msgspec.convert(fields, BackupSetSpec)


def make_plan(
    shards: dict[str, list[str]] | None = None, lane: str = "velero", cluster: bool = False
) -> Plan:
    """Each shard with one volume of 60 s on the node that is called like it."""
    planned = [
        PlannedShard(
            name,
            tuple(namespaces),
            lane,
            (PlannedVolume(Volume(namespaces[0], "pod", "data", f"node-{name}"), 60.0, 100),),
            alone=67.0,
        )
        for name, namespaces in (shards or {"a": ["a"], "b": ["b"], "c": ["c"]}).items()
    ]
    if cluster:
        planned.append(PlannedShard("cluster", (), lane, cluster=True, alone=7.0))
    return Plan(tuple(planned), 140.0, 120.0, "abc123")


def make_backup(action: CreateBackup, phase: str = "", **status: Any) -> Backup:
    """What Velero's API server holds once the action was carried out."""
    return Backup(
        name=action.name,
        namespace=action.lane,
        uid=f"uid-{action.name}",
        created=status.pop("created", START),
        labels=dict(action.labels),
        annotations=dict(action.annotations),
        included_namespaces=tuple(action.spec["includedNamespaces"]),
        excluded_namespaces=tuple(action.spec.get("excludedNamespaces", ())),
        status=BackupStatus(phase=phase, **status),
    )


def foreign(phase: str = "InProgress", included: tuple[str, ...] = ("else",), **fields: Any) -> Backup:
    """A Backup that another made."""
    return Backup(
        **{
            "name": "foreign",
            "namespace": "velero",
            "uid": "uid-foreign",
            "created": START,
            "included_namespaces": included,
            "status": BackupStatus(phase=phase),
            **fields,
        }
    )


def make_volume(
    backup: Backup, phase: str = "Completed", namespace: str = "a", **fields: Any
) -> PodVolumeBackup:
    """One of a Backup's volumes."""
    return PodVolumeBackup(
        **{
            "name": f"{backup.name}-{namespace}",
            "namespace": backup.namespace,
            "backup": backup.name,
            "pod_namespace": namespace,
            "pod": "pod",
            "volume": "data",
            "node": "node-1",
            "phase": phase,
            "created": START,
            "bytes_done": 100,
            "bytes_total": 100,
            **fields,
        }
    )


def make_lane(**fields: Any) -> Lane:
    """A healthy Velero with two slots."""
    return Lane(**{"namespace": "velero", "slots": 2, "default_load": 1, **fields})


def make_situation(
    status: BackupSetStatus | None = None,
    *,
    now: float = 0,
    spec: BackupSetSpec | None = None,
    backups: tuple[Backup, ...] = (),
    volumes: tuple[PodVolumeBackup, ...] = (),
    lanes: tuple[Lane, ...] | None = None,
    **fields: Any,
) -> Situation:
    """So many seconds after the begin."""
    lanes = (make_lane(),) if lanes is None else lanes
    return Situation(
        identity=fields.pop("identity", IDENTITY),
        spec=spec or make_spec(),
        status=status or BackupSetStatus(),
        observed=Observed(backups, volumes, lanes, fields.pop("revision", "1000")),
        now=at(now),
        **fields,
    )


def creates(taken: Step) -> list[CreateBackup]:
    """The Backups that the step makes."""
    return [action for action in taken.actions if isinstance(action, CreateBackup)]


def begin(planned: Plan | None = None, **fields: Any) -> tuple[BackupSetStatus, list[CreateBackup]]:
    """A set that has made all that it makes at first, one Backup in a lane after the other has begun."""
    others = fields.pop("backups", ())
    found = step(make_situation(planned=planned or make_plan(), backups=others, **fields))
    made = creates(found)
    while creates(found):
        backups = (*others, *(make_backup(each, "InProgress") for each in made))
        found = step(make_situation(found.status, backups=backups, **fields))
        made.extend(creates(found))
    return found.status, made


def nudges(taken: Step) -> list[Nudge]:
    """The Backups that the step touches."""
    return [action for action in taken.actions if isinstance(action, Nudge)]


def tells(taken: Step) -> list[str]:
    """The reasons of the Events that the step tells."""
    return [action.reason for action in taken.actions if isinstance(action, Tell)]


def said(status: BackupSetStatus, type_: str) -> tuple[str, str, str]:
    """Status, reason and message of a condition; empty if it is not there."""
    for each in status.conditions:
        if each.type == type_:
            return each.status, each.reason, each.message
    return "", "", ""
