"""Velero as a small pure model: Backups that read the volumes of running pods, Restores that make objects.

After Velero 1.18.3: what exists is left alone, and a pod that exists gets no data; ownerReferences are taken
off; each object that is made bears the Restore's label; a server that starts again fails what was InProgress.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.unit.backup.setmaker import at
from tests.unit.restore_run.kubernetesmodel import Kubernetes
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.steps import Make
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData
from velero_volume_controller.velero.model.backups import Backup, BackupStatus
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.restore_runs import RESTORE_LABEL, PodVolumeRestore, Restore

LANE = "velero"
FIRST = ("PersistentVolumeClaim", "ServiceAccount", "Secret", "ConfigMap", "Pod", "ReplicaSet")


@dataclass
class Held:
    """A Backup, and what it holds."""

    backup: Backup
    objects: dict[Key, Live] = field(default_factory=dict)
    data: dict[tuple[str, str], tuple[str, str, str]] = field(default_factory=dict)
    """(namespace, claim): what was in it, its uid, and the pod through which it was read."""


@dataclass
class Making:
    """A Restore that is under way, or over. ``dead``: its server has gone; an old one may still make some."""

    seen: Restore
    spec: Mapping[str, Any]
    left: list[Live] = field(default_factory=list)
    done: int = 0
    zombie: int = 0


@dataclass
class Velero:
    """``restarts``: the nth Restore is failed after so many objects; ``ends`` is how the nth ends; ``zombie``
    how many more objects the old server makes after the new one has failed its Restore."""

    cluster: Kubernetes
    restarts: Mapping[int, int] = field(default_factory=dict)
    ends: Mapping[int, str] = field(default_factory=dict)
    backup_ends: Mapping[int, str] = field(default_factory=dict)
    zombie: int = 0
    held: dict[str, Held] = field(default_factory=dict)
    making: dict[str, Making] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    """What Velero wrote into a claim, by the claim's uid."""
    volumes: list[PodVolumeRestore] = field(default_factory=list)

    def make(self, action: Make) -> None:
        """As the API server: a name is taken once."""
        known = self.held if action.kind == "Backup" else self.making
        if action.name in known:
            labels = self.labels(action.name)
            assert labels == dict(action.labels), "made with other labels"
            return
        self.made.append(action.name)
        if action.kind == "Backup":
            self._record(action.name, action.labels, tuple(action.spec["includedNamespaces"]))
        else:
            seen = Restore(
                name=action.name,
                namespace=action.namespace,
                uid=f"uid-{action.name}",
                labels=dict(action.labels),
                backup=action.spec["backupName"],
            )
            self.making[action.name] = Making(seen, action.spec)

    def labels(self, name: str) -> dict[str, str]:
        """Of what was made."""
        return self.held[name].backup.labels if name in self.held else self.making[name].seen.labels

    def _record(self, name: str, labels: Mapping[str, str], namespaces: tuple[str, ...]) -> None:
        backup = Backup(
            name=name,
            namespace=LANE,
            uid=f"uid-{name}",
            created=at(self.cluster.now),
            labels=dict(labels),
            included_namespaces=namespaces,
        )
        self.held[name] = Held(backup)

    def take(self, name: str, *namespaces: str) -> Held:
        """A Backup that is complete at once."""
        self._record(name, {}, namespaces)
        self._read(self.held[name])
        self._phase(self.held[name], "Completed")
        return self.held[name]

    def _read(self, held: Held) -> None:
        inside = held.backup.included_namespaces
        held.objects = {key: each for key, each in self.cluster.objects.items() if key.namespace in inside}
        for pod in held.objects.values():
            if kinds.of(pod.key) != kinds.POD or not pod.scheduled or pod.ended or pod.terminating:
                continue
            for _, name in pod.mounts:
                claim = held.objects.get(Key(*kinds.CLAIM, pod.key.namespace, name))
                if claim is not None:
                    where = (claim.key.namespace, claim.key.name)
                    held.data.setdefault(where, (self.cluster.writes[claim.uid], claim.uid, pod.key.name))

    def _phase(self, held: Held, phase: str) -> None:
        fields = {name: getattr(held.backup, name) for name in held.backup.__struct_fields__}
        held.backup = Backup(**fields | {"status": BackupStatus(phase=phase)})

    def taken(self, name: str) -> tuple[PodVolumeBackup, ...]:
        """Its PodVolumeBackups."""
        if name not in self.held or not self.held[name].backup.ended:
            return ()
        return tuple(
            PodVolumeBackup(
                name=f"{name}-{claim}",
                namespace=LANE,
                backup=name,
                pod_namespace=namespace,
                claim=claim,
                claim_uid=uid,
                phase="Completed",
            )
            for (namespace, claim), (_, uid, _) in self.held[name].data.items()
        )

    def data(self, name: str) -> list[VolumeData]:
        """What a plan is told of its data."""
        return [
            VolumeData(namespace=namespace, claim=claim, pod=pod, volume=claim)
            for (namespace, claim), (_, _, pod) in self.held[name].data.items()
        ]

    def tick(self) -> None:
        """One second: one Backup and one Restore at a time."""
        for number, held in enumerate(each for each in self.held.values() if each.backup.labels):
            if held.backup.phase == "":
                self._phase(held, "InProgress")
            elif held.backup.phase == "InProgress":
                self._read(held)
                self._phase(held, self.backup_ends.get(number, "Completed"))
        for number, each in enumerate(self.making.values()):
            if each.seen.phase == "Failed" and each.zombie:
                each.zombie -= 1
                self._restore_one(each)
            if not each.seen.ended:
                self._advance(number, each)
                return

    def _advance(self, number: int, each: Making) -> None:
        if each.seen.phase == "":
            if self.ends.get(number) == "FailedValidation":
                self._seen(each, "FailedValidation", "no such storage location")
                return
            each.left = self._order(each)
            self._seen(each, "InProgress")
            return
        for _ in range(4):
            if number in self.restarts and each.done >= self.restarts[number]:
                each.zombie = self.zombie
                self._seen(
                    each, "Failed", "found a restore with status InProgress during the server starting"
                )
                return
            if each.left:
                self._restore_one(each)
        if not each.left:
            self._seen(each, self.ends.get(number, "Completed"))

    def _order(self, each: Making) -> list[Live]:
        mapping = each.spec.get("namespaceMapping", {})
        found = [
            msgspec.structs.replace(
                live, key=live.key._replace(namespace=mapping.get(live.key.namespace, live.key.namespace))
            )
            for live in self.held[each.seen.backup].objects.values()
            if live.key.namespace in each.spec["includedNamespaces"] and not live.ended
        ]
        rank = {kind: place for place, kind in enumerate(FIRST)}
        return sorted(found, key=lambda live: (rank.get(live.key.kind, len(FIRST)), live.key))

    def _restore_one(self, each: Making) -> None:
        if not each.left:
            return
        live = each.left.pop(0)
        each.done += 1
        key, cluster = live.key, self.cluster
        if key in cluster.objects:
            return
        made = cluster.make(
            key.kind,
            key.name,
            key.namespace,
            labels={**live.labels, RESTORE_LABEL: each.seen.name},
            replicas=live.replicas,
            suspended=live.suspended,
            mounts=live.mounts,
            protected=live.protected,
        )
        if kinds.of(key) != kinds.POD:
            return
        for _, name in made.mounts:
            claim = cluster.objects.get(Key(*kinds.CLAIM, key.namespace, name))
            value = self.held[each.seen.backup].data.get((key.namespace, name))
            if claim is not None and value is not None and value[2] == key.name:
                self.written[claim.uid] = value[0]
                cluster.writes[claim.uid] = value[0]

    def _seen(self, each: Making, phase: str, reason: str = "") -> None:
        each.seen = msgspec.structs.replace(each.seen, phase=phase, reason=reason)

    def seen(self) -> dict[str, Restore]:
        """Its Restores by name."""
        return {name: each.seen for name, each in self.making.items()}
