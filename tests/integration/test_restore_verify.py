"""Whether all has come back, looked up on the real API server, and the report that is kept of it.

There is no Velero: the test makes what it would have made, and hands out the files that it would have kept.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from tests.integration.backup_sets import Installation
from tests.integration.cluster import Namespace
from tests.integration.test_restore_downloads import Stage, packed
from velero_volume_controller.api.cleanrestore import (
    CleanRestoreSpec,
    CleanRestoreStatus,
    Clearing,
    PlanSummary,
    RestorePhase,
    RunStep,
    Source,
    SourceBackup,
)
from velero_volume_controller.kube.client import Client
from velero_volume_controller.restore.gather_check import Checker, Ran
from velero_volume_controller.restore.planned import Plan
from velero_volume_controller.restore.report_maps import read_report
from velero_volume_controller.restore.steps import Checked, RunIdentity
from velero_volume_controller.restore.stored_report import UnreadableReport
from velero_volume_controller.velero.model.restore_runs import PodVolumeRestore, Restore

RESTORE = "back-1"
HELD = {
    "v1/Namespace": ["shop"],
    "v1/Pod": ["shop/web-0", "shop/done"],
    "v1/ConfigMap": ["shop/settings"],
    "v1/PersistentVolumeClaim": ["shop/data"],
}
VOLUMES = [
    {
        "pvcName": "data",
        "pvcNamespace": "shop",
        "backupMethod": "PodVolumeBackup",
        "result": "succeeded",
        "pvbInfo": {"podName": "web-0", "podNamespace": "shop", "volumeName": "data", "Phase": "Completed"},
    }
]


@dataclass
class Scene:
    """A namespace that was restored under another name, and the run that did it."""

    stage: Stage
    shop: Namespace
    ran: Ran

    def settings(self) -> None:
        self.shop.core.create_namespaced_config_map(self.shop.name, {"metadata": labelled("settings")})

    def ready(self) -> None:
        condition = {"type": "Ready", "status": "True"}
        body = {"status": {"phase": "Running", "conditions": [condition]}}
        self.shop.core.patch_namespaced_pod_status("web-0", self.shop.name, body)

    def bound(self) -> None:
        body = {"status": {"phase": "Bound"}}
        self.shop.core.patch_namespaced_persistent_volume_claim_status("data", self.shop.name, body)

    def volume(self, **changed: Any) -> PodVolumeRestore:
        fields = {
            "name": "pvr-1",
            "namespace": self.stage.namespace.name,
            "restore": RESTORE,
            "pod_namespace": self.shop.name,
            "pod": "web-0",
            "volume": "data",
            "phase": "Completed",
            "bytes_done": 500,
            "bytes_total": 500,
        }
        return PodVolumeRestore(**{**fields, **changed})

    def told(self, *configmaps: str) -> None:
        """What Velero says that it did."""
        there = self.shop.name
        self.stage.files["RestoreResourceList"] = packed(
            {
                "v1/Namespace": [f"{there}(created)"],
                "v1/Pod": [f"{there}/web-0(created)"],
                "v1/ConfigMap": [f"{there}/{name}" for name in configmaps],
                "v1/PersistentVolumeClaim": [f"{there}/data(created)"],
            }
        )

    async def look(self, checker: Checker, **changed: Any) -> Checked:
        return await checker.look(replace(self.ran, **{"volumes": (self.volume(),), **changed}))


def labelled(name: str) -> dict[str, Any]:
    return {"name": name, "labels": {"velero.io/restore-name": RESTORE}}


@pytest.fixture
def scene(control_plane: ControlPlane, velero: Installation, velero_api: client.ApiClient) -> Iterator[Scene]:
    shop = Namespace.create(velero_api, f"verify-{uuid.uuid4().hex[:8]}")
    shop.core.create_namespaced_persistent_volume_claim(
        shop.name,
        {
            "metadata": labelled("data"),
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        },
    )
    shop.create_pod("web-0")
    shop.annotate("web-0", "made", "anew")
    shop.core.patch_namespaced_pod("web-0", shop.name, {"metadata": labelled("web-0")})
    stage = Stage(velero.namespace, control_plane.kubeconfig)
    stage.files = {
        "BackupResourceList": packed(HELD),
        "BackupVolumeInfos": packed(VOLUMES),
        "RestoreResults": packed({"warnings": {"namespaces": {shop.name: ["mind the gap"]}}, "errors": {}}),
    }
    stage.backup("nightly")
    scene = Scene(stage, shop, ran(velero.namespace.name, shop.name))
    scene.told("settings(created)")
    yield scene
    shop.core.delete_namespaced_pod("web-0", shop.name, grace_period_seconds=0)


def ran(velero: str, shop: str) -> Ran:
    plan = Plan(Clearing(), ("nightly",), (), (), (), f"sha256:{'0' * 64}", targets={"shop": shop})
    status = CleanRestoreStatus(
        started="2026-11-24T02:00:00Z",
        plan=PlanSummary(hash=plan.hash, backups=[SourceBackup(name="nightly", namespace=velero)]),
        steps=[RunStep(phase=RestorePhase.VERIFYING, started="2026-11-24T02:01:00Z")],
    )
    restore = Restore(name=RESTORE, namespace=velero, uid="r", backup="nightly", phase="Completed")
    return Ran(
        RunIdentity(velero, "back", str(uuid.uuid4())),
        CleanRestoreSpec(source=Source(backup="nightly")),
        status,
        plan,
        (restore,),
        (),
        "2026-11-24T02:02:00Z",
    )


async def test_all_has_come_back_and_the_report_says_so(scene: Scene) -> None:
    scene.settings()
    scene.ready()
    scene.bound()
    async with scene.stage.played() as connected:
        checked = await scene.look(Checker(connected))
        assert checked.summary.differences == []
        assert not checked.waiting
        found = checked.summary
        assert (found.objects, found.missing, found.left_out) == (4, 0, 1)
        assert (found.claims_bound, found.volumes_done, found.bytes, found.pods_ready) == (1, 1, 500, 1)
        report = await kept(connected, scene, checked)
        assert report.whole
        assert [each.reason for each in report.left_out] == [
            "Velero leaves out pods and Jobs that had ended when they were backed up"
        ]
        assert report.left_out[0].objects == (f"Pod {scene.shop.name}/done",)
        assert [each.text for each in report.warnings] == ["mind the gap"]
        assert report.versions["Kubernetes"].startswith("v1.")
        assert report.versions["Velero"] == "1.18.3"
        # A second report of the same is the same one.
        again = await scene.look(Checker(connected))
        assert again.summary.report == checked.summary.report


async def kept(connected: Client, scene: Scene, checked: Checked) -> Any:
    return await read_report(connected, scene.stage.namespace.name, checked.summary.report)


async def test_it_waits_until_claims_are_bound_and_pods_are_ready(scene: Scene) -> None:
    scene.settings()
    async with scene.stage.played() as connected:
        checker = Checker(connected)
        checked = await scene.look(checker)
        assert checked.waiting
        assert checked.summary.report == ""
        asked = len(scene.stage.asked)
        scene.bound()
        assert (await scene.look(checker)).waiting
        scene.ready()
        checked = await scene.look(checker)
        assert (checked.waiting, checked.summary.differences) == (False, [])
        assert len(scene.stage.asked) == asked, "what nothing changes was fetched again"


async def test_when_the_time_is_over_the_report_names_what_is_not_ready(scene: Scene) -> None:
    scene.settings()
    async with scene.stage.played() as connected:
        checked = await scene.look(Checker(connected), now="2026-11-24T02:11:00Z")
        assert checked.waiting
        report = await kept(connected, scene, checked)
    shop = scene.shop.name
    assert [each.split(" (")[0].split(";")[0] for each in report.differences] == [
        f"PersistentVolumeClaim {shop}/data is not bound but Pending",
        f"Pod {shop}/web-0 is not ready",
    ]


async def test_what_is_missing_is_named_with_what_velero_did_to_it(scene: Scene) -> None:
    scene.ready()
    scene.bound()
    scene.told("settings(failed)")
    scene.stage.files["RestoreResults"] = packed(
        {
            "errors": {
                "namespaces": {
                    scene.shop.name: [f"error restoring configmaps/{scene.shop.name}/settings: no"]
                }
            }
        }
    )
    async with scene.stage.played() as connected:
        checked = await scene.look(
            Checker(connected), volumes=(scene.volume(phase="Failed", message="full"),)
        )
    config, volume = checked.summary.differences
    assert config.startswith(
        f"ConfigMap {scene.shop.name}/settings was not restored, for Velero could not: error"
    )
    assert volume.startswith(f"Volume data of Pod {scene.shop.name}/web-0 was not written in full")


async def test_what_can_t_be_read_of_a_restore_is_said(scene: Scene) -> None:
    scene.ready()
    scene.bound()
    del scene.stage.files["RestoreResourceList"]
    async with scene.stage.played() as connected:
        checked = await scene.look(Checker(connected))
        report = await kept(connected, scene, checked)
    assert any(each.startswith("1 pod or Job of the backup") for each in report.differences), (
        report.differences
    )
    assert any("RestoreResourceList" in each for each in report.notes), report.notes


async def test_a_backup_that_can_t_be_read_is_looked_at_again(scene: Scene) -> None:
    del scene.stage.files["BackupResourceList"]
    async with scene.stage.played() as connected:
        checker = Checker(connected)
        checked = await scene.look(checker)
        assert checked.waiting
        (told,) = checked.summary.differences
        assert told.startswith("Whether all has come back can't be seen: BackupResourceList")
        scene.stage.files["BackupResourceList"] = packed(HELD)
        assert (await scene.look(checker)).summary.objects == 4


async def test_a_report_that_is_gone_is_said_to_be(scene: Scene) -> None:
    async with scene.stage.played() as connected:
        with pytest.raises(UnreadableReport, match="is gone"):
            await read_report(connected, scene.stage.namespace.name, "nothing")
