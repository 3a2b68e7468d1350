"""A run about which nothing is wrong, and what a test changes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from velero_volume_controller.api.cleanrestore import CleanRestoreSpec
from velero_volume_controller.api.cleanrestore import Source as SourceSpec
from velero_volume_controller.restore.contents import Contents
from velero_volume_controller.restore.facts import Agent, Facts, Installed, Node, Served, ServedKind, Source
from velero_volume_controller.restore.planned import Action, Plan, Planned
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData
from velero_volume_controller.velero.model.backups import Backup, BackupStatus
from velero_volume_controller.velero.model.claims import Claim
from velero_volume_controller.velero.model.lanes import StorageLocation
from velero_volume_controller.velero.model.namespaces import Namespace
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.servers import Server
from velero_volume_controller.velero.model.validations import Validation
from velero_volume_controller.velero.model.versions import NEWEST, Version

NOW: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)
POD: Final = Key("", "Pod", "shop", "web-0")
CLAIM: Final = Key("", "PersistentVolumeClaim", "shop", "data")
WEB: Final = Key("apps", "Deployment", "shop", "web")
KINDS: Final = {
    ("", "Pod"): ServedKind("pods", ("v1",)),
    ("", "PersistentVolumeClaim"): ServedKind("persistentvolumeclaims", ("v1",)),
    ("", "Namespace"): ServedKind("namespaces", ("v1",)),
    ("apps", "Deployment"): ServedKind("deployments", ("v1",)),
}


def planned(key: Key, action: Action = Action.DELETE, **more: Any) -> Planned:
    return Planned(
        key, action, "it is asked for", uid="" if action is Action.CREATE else f"uid-{key.name}", **more
    )


def plan(*objects: Planned, targets: dict[str, str] | None = None) -> Plan:
    return Plan(
        wanted=spec(),
        backups=("nightly",),
        objects=objects,
        quiesce=(),
        clear=(),
        hash="sha256:0",
        targets={"shop": "shop"} if targets is None else targets,
    )


def spec(**more: Any) -> CleanRestoreSpec:
    return CleanRestoreSpec(source=SourceSpec(backup="nightly"), **more)


def backup(phase: str = "Completed", expiration: str | None = "2026-12-28T12:00:00Z", **more: Any) -> Backup:
    status = BackupStatus(phase=phase, expiration=expiration, **more)
    return Backup(name="nightly", namespace="velero", storage_location="default", status=status)


def source(found: Backup | None = None, **more: Any) -> Source:
    return Source("nightly", found or backup(), **more)


def location(**more: Any) -> StorageLocation:
    return StorageLocation(name="default", default=True, **more)


def server(ready: int = 1, version: Version | None = NEWEST, **flags: str) -> Server:
    return Server(
        "velero", "velero", version, {name.replace("_", "-"): value for name, value in flags.items()}, ready
    )


def velero(**changed: Any) -> Installed:
    fine = Installed(
        namespace="velero",
        server=server(),
        agents=(Agent("node-agent-a", "node1", True),),
        locations=(location(),),
        validations=(Validation("default", "2026-11-28T11:59:30Z"),),
    )
    return replace(fine, **changed)


def taken(phase: str = "Completed", **more: Any) -> PodVolumeBackup:
    named = {"name": "nightly-1", "pod_namespace": "shop", "pod": "web-0", "volume": "data", "claim": "data"}
    return PodVolumeBackup(**{"namespace": "velero", "backup": "nightly", "phase": phase, **named, **more})


def contents(**changed: Any) -> Contents:
    fine = Contents(
        items=frozenset({POD, CLAIM, WEB}),
        data=(VolumeData(namespace="shop", claim="data", pod="web-0", volume="data"),),
        data_known=True,
        backups=("nightly",),
        versions=frozenset(
            {("", "v1", "Pod"), ("", "v1", "PersistentVolumeClaim"), ("apps", "v1", "Deployment")}
        ),
    )
    return replace(fine, **changed)


def facts(**changed: Any) -> Facts:
    """All is well, but for what is given."""
    fine = Facts(
        spec=spec(),
        plan=plan(planned(POD), planned(CLAIM), planned(WEB)),
        contents=contents(),
        now=NOW,
        velero=velero(),
        served=Served(KINDS),
        sources=(source(),),
        taken=(taken(),),
        nodes=(Node("node1", True),),
        namespaces={"shop": Namespace(name="shop", labels={"team": "a"})},
        claims=(Claim(name="data", namespace="shop", storage_class="fast"),),
        classes=frozenset({"fast"}),
    )
    return replace(fine, **changed)
