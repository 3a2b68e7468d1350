"""Rehearsals on a real API server: what they make is theirs, closed, and gone in the end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from hack.manifests import render_rehearsal, render_restore
from tests.integration import scratch
from tests.integration.cluster import eventually
from tests.integration.installed import Installed
from tests.integration.process import Vvc
from tests.integration.restore_stage import Stage
from velero_volume_controller.restore.fail_point import VARIABLE
from velero_volume_controller.restore.rehearsing import scratch_name

TIMES = ("--lease-duration", "3s", "--renew-deadline", "2s", "--retry-period", "500ms")
HASH = f"sha256:{'a' * 64}"


@pytest.fixture(scope="module", autouse=True)
def guarded(api: client.ApiClient) -> Iterator[None]:
    """What refuses volumes that are somebody's, in the whole cluster."""
    admission = client.AdmissionregistrationV1Api(api)
    found = {each["kind"]: each for each in yaml.safe_load_all(render_rehearsal())}
    policy = found["ValidatingAdmissionPolicy"]
    name = policy["metadata"]["name"]
    admission.create_validating_admission_policy(policy)
    admission.create_validating_admission_policy_binding(found["ValidatingAdmissionPolicyBinding"])
    yield
    admission.delete_validating_admission_policy_binding(name)
    admission.delete_validating_admission_policy(name)


def begun(stage: Stage, vvc: Vvc, *options: str) -> dict[str, str]:
    """What is there, and its versions: after it was backed up, and lives on."""
    stage.application()
    stage.back_up("b1")
    stage.started(vvc, *options)
    return untouched(stage)


def untouched(stage: Stage) -> dict[str, str]:
    """The objects of the application, with the versions that change when anybody writes to them."""
    core, apps, name = stage.shop.core, client.AppsV1Api(stage.shop.api), stage.shop.name
    lists = (
        core.list_namespaced_config_map(name),
        core.list_namespaced_secret(name),
        core.list_namespaced_persistent_volume_claim(name),
        apps.list_namespaced_stateful_set(name),
    )
    return {
        f"{type(each).__name__}/{each.metadata.name}": each.metadata.resource_version
        for found in lists
        for each in found.items
    }


def namespaces(stage: Stage) -> list[str]:
    return [each.metadata.name for each in scratch.of(stage.shop.core, stage.shop.name)]


def nothing_left(stage: Stage) -> None:
    eventually(lambda: namespaces(stage), [], within=30)
    maps = stage.shop.core.list_namespaced_config_map
    held = "vvc.velero.io/holds=rehearsal"
    eventually(lambda: len(maps(stage.here, label_selector=held).items), 0, within=10)


def test_it_restores_into_a_namespace_of_its_own_which_is_closed_and_goes(stage: Stage, vvc: Vvc) -> None:
    security = "pod-security.kubernetes.io"
    labels = {f"{security}/enforce": "privileged", f"{security}/warn": "restricted"}
    stage.shop.core.patch_namespace(stage.shop.name, {"metadata": {"labels": labels}})
    before = begun(stage, vvc)
    stage.absent.add("restores")
    stage.create("monday", rehearsal={})
    eventually(lambda: stage.phase("monday"), "Restoring", within=60)
    eventually(lambda: len(stage.restores()), 1, within=30)
    [made] = scratch.of(stage.shop.core, stage.shop.name)
    assert made.metadata.labels[f"{security}/enforce"] == "baseline"
    assert made.metadata.labels[f"{security}/warn"] == "restricted"
    assert made.metadata.labels["velero.io/exclude-from-backup"] == "true"
    [closed] = client.NetworkingV1Api(stage.shop.api).list_namespaced_network_policy(made.metadata.name).items
    assert sorted(closed.spec.policy_types) == ["Egress", "Ingress"]
    assert (closed.spec.ingress, closed.spec.egress) == (None, None)
    spec = stage.restores()[0]["spec"]
    assert spec["namespaceMapping"] == {stage.shop.name: made.metadata.name}
    assert spec["resourceModifier"]["name"] == stage.status("monday")["rehearsal"]["configMap"]
    for volume, told in SOMEBODYS.items():
        with pytest.raises(client.ApiException) as refused:
            stage.shop.core.create_namespaced_pod(made.metadata.name, _pod(volume, told))
        assert refused.value.status in {403, 422}, volume
    stage.absent.discard("restores")
    assert stage.ended("monday") == "Completed", stage.condition("monday")
    assert untouched(stage) == before
    nothing_left(stage)
    found = stage.status("monday")["rehearsal"]
    assert (found["volumes"], found["bytes"]) == (1, 10)
    assert 0 <= found["dataSeconds"] <= found["readySeconds"]
    assert [each["uid"] for each in found["namespaces"]] == [made.metadata.uid]
    assert stage.undo_backups() == []
    assert stage.replicas() == 1


SOMEBODYS: dict[str, Any] = {
    "hostPath": {"path": "/var/lib/live"},
    "nfs": {"server": "nfs.example.com", "path": "/live"},
    "iscsi": {"targetPortal": "10.0.0.1:3260", "iqn": "iqn.2001-04.com.example:live", "lun": 0},
    "csi": {"driver": "nfs.csi.k8s.io"},
}


def _pod(volume: str, told: Any) -> Any:
    container = {"name": "main", "image": "none", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    spec = {"containers": [container], "volumes": [{"name": "v", volume: told}]}
    return {"metadata": {"name": f"mounts-{volume.lower()}"}, "spec": spec}


@pytest.mark.parametrize(
    "point",
    [
        "Preparing:mid-actions",
        "Verifying:before",
        "CleaningUp:mid-actions",
    ],
)
def test_a_process_that_is_killed_there_is_followed_by_one_that_removes_what_it_made(
    point: str, stage: Stage, vvc: Vvc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, f"clean-restore:{point}")
    stage.application()
    stage.back_up("b1")
    replica = stage.started(vvc, *TIMES)
    before = untouched(stage)
    stage.create("monday", rehearsal={})
    assert replica.process.wait(timeout=120) == 137
    monkeypatch.delenv(VARIABLE)
    stage.validated()
    vvc.start(*TIMES)
    assert stage.ended("monday") == "Completed", stage.condition("monday")
    assert len(stage.restores()) == 1
    assert untouched(stage) == before
    nothing_left(stage)


def test_when_its_clean_restore_is_deleted_what_it_made_goes_once_velero_has_ended(
    stage: Stage, vvc: Vvc
) -> None:
    before = begun(stage, vvc)
    stage.absent.add("restores")
    stage.create("monday", rehearsal={})
    eventually(lambda: len(stage.restores()), 1, within=120)
    [name] = namespaces(stage)
    stage.custom.delete_namespaced_custom_object(*stage._here(), "monday")
    # Velero is at it still, and would make the namespace again.
    eventually(lambda: stage.shop.core.read_namespace(name).metadata.deletion_timestamp, None)
    stage.absent.discard("restores")
    nothing_left(stage)
    assert untouched(stage) == before


def test_what_a_process_left_that_is_no_more_is_removed_by_the_next(stage: Stage, vvc: Vvc) -> None:
    stage.application()
    stage.back_up("b1")
    replica = stage.started(vvc, *TIMES)
    stage.absent.add("restores")
    stage.create("monday", rehearsal={})
    eventually(lambda: len(stage.restores()), 1, within=120)
    replica.process.kill()
    stage.custom.delete_namespaced_custom_object(*stage._here(), "monday")
    stage.absent.discard("restores")
    vvc.start(*TIMES)
    nothing_left(stage)


def test_a_namespace_of_its_name_that_is_somebodys_stops_it_and_stays(stage: Stage, vvc: Vvc) -> None:
    stage.application()
    stage.back_up("b1")
    stage.create("monday", rehearsal={})
    uid = stage.run("monday")["metadata"]["uid"]
    name = scratch_name(stage.shop.name, uid)
    body: Any = {"metadata": {"name": name, "labels": {"of": "somebody"}}}
    made = stage.shop.core.create_namespace(body)
    stage.started(vvc)
    assert stage.ended("monday") == "Failed"
    assert stage.condition("monday")[1] == "NamespaceTaken"
    assert name in stage.condition("monday")[2]
    found = stage.shop.core.read_namespace(name)
    assert (found.metadata.uid, found.metadata.deletion_timestamp) == (made.metadata.uid, None)
    assert stage.restores() == []
    nothing_left(stage)


def test_a_volume_that_a_claim_could_be_bound_to_stops_it_before_anything_is_made(
    stage: Stage, vvc: Vvc
) -> None:
    name = f"spare-{stage.shop.name}"
    volume: Any = {
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/nowhere"},
        },
    }
    stage.shop.core.create_persistent_volume(volume)
    try:
        stage.shop.core.patch_persistent_volume_status(name, {"status": {"phase": "Available"}})
        begun(stage, vvc)
        stage.create("monday", rehearsal={})
        assert stage.ended("monday") == "Failed"
        assert stage.condition("monday")[1] == "VolumesAtHand"
        assert name in stage.condition("monday")[2]
        assert namespaces(stage) == []
    finally:
        stage.shop.core.delete_persistent_volume(name)
        stage.shop.core.patch_persistent_volume(name, {"metadata": {"finalizers": None}})


def test_where_nothing_keeps_pods_from_volumes_of_others_no_rehearsal_begins(stage: Stage, vvc: Vvc) -> None:
    admission = client.AdmissionregistrationV1Api(stage.shop.api)
    [binding] = admission.list_validating_admission_policy_binding().items
    admission.delete_validating_admission_policy_binding(binding.metadata.name)
    try:
        begun(stage, vvc)
        stage.create("monday", rehearsal={})
        assert stage.ended("monday") == "Failed"
        assert stage.condition("monday")[1] == "NotGuarded"
        assert "manifests/rehearsal.yaml" in stage.condition("monday")[2]
        assert namespaces(stage) == []
    finally:
        binding.metadata.resource_version = None
        admission.create_validating_admission_policy_binding(binding)


def test_without_its_piece_it_says_what_is_missing_and_makes_nothing(
    stage: Stage, installed: Installed, confined: Vvc
) -> None:
    roles = list(yaml.safe_load_all(render_restore(namespace=installed.namespace)))
    more = list(yaml.safe_load_all(render_rehearsal(namespace=installed.namespace)))
    try:
        _apply(installed, roles)
        begun(stage, confined)
        stage.create("monday", rehearsal={})
        assert stage.ended("monday") == "Failed"
        assert stage.condition("monday")[1] == "RightsMissing"
        told = stage.condition("monday")[2]
        assert "create namespaces in every namespace" in told
        assert "create networkpolicies.networking.k8s.io in every namespace" in told
        assert "manifests/rehearsal.yaml" in told
        assert namespaces(stage) == []
        _apply(installed, more)
        stage.create("tuesday", rehearsal={})
        assert stage.ended("tuesday") == "Completed", stage.condition("tuesday")
        nothing_left(stage)
    finally:
        _remove(installed, [*roles, *more])


def _apply(installed: Installed, documents: list[dict[str, Any]]) -> None:
    for each in documents:
        match each["kind"]:
            case "ClusterRole":
                installed.rbac.create_cluster_role(each)
            case "ClusterRoleBinding":
                installed.rbac.create_cluster_role_binding(each)
            case "RoleBinding":
                installed.rbac.create_namespaced_role_binding(installed.namespace, each)


def _remove(installed: Installed, documents: list[dict[str, Any]]) -> None:
    for each in documents:
        try:
            if each["kind"] == "ClusterRole":
                installed.rbac.delete_cluster_role(each["metadata"]["name"])
            elif each["kind"] == "ClusterRoleBinding":
                installed.rbac.delete_cluster_role_binding(each["metadata"]["name"])
        except client.ApiException as error:
            if error.status != 404:
                raise


REFUSED: dict[str, dict[str, Any]] = {
    "namespaceMapping": {"namespaceMapping": {"shop": "shop-test"}},
    "scope": {"scope": "namespace"},
    "extras": {"extras": "delete"},
    "allowKinds": {"allowKinds": ["Widget.example.com"]},
    "undo": {"undo": "none"},
    "undoOf": {"undoOf": "sunday"},
    # A definition of an earlier version would drop the word rehearsal, and approve a restore.
    "approval": {"approval": "automatic"},
    "planHash": {"planHash": HASH},
    "restoreTemplate": {"restoreTemplate": {"preserveNodePorts": True}},
}


def test_what_a_rehearsal_has_no_use_for_is_refused(stage: Stage) -> None:
    for key, spec in REFUSED.items():
        with pytest.raises(client.ApiException) as refused:
            stage.create("monday", rehearsal={}, **spec)
        assert refused.value.status == 422, key
        assert f"spec.{key}: a rehearsal" in json.loads(refused.value.body or "")["message"]


def test_the_command_waits_and_says_what_was_measured(
    stage: Stage, vvc: Vvc, control_plane: ControlPlane
) -> None:
    begun(stage, vvc)
    stage.validated()

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        vvc_command = str(Path(sys.executable).parent / "vvc")
        where = ["-n", stage.here, "--kubeconfig", str(control_plane.kubeconfig)]
        command = [vvc_command, "restore", *arguments, *where]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    done = call("rehearse", "--backup", "b1", "-o", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["phase"] == "Completed"
    assert found["rehearsal"]["volumes"] == 1
    report = call("report", found["name"])
    assert report.stdout.startswith(
        f"Rehearsal {stage.here}/{found['name']}: All of it is as it was backed up."
    )
    assert "until all pods were ready (RTO)" in report.stdout
    stage.validated()
    told = call("rehearse", "--backup", "b1", "--keep", "1")
    assert told.returncode == 0, told.stderr
    assert "Nothing that exists is touched" in told.stdout
    left = stage.custom.list_namespaced_custom_object(*stage._here())["items"]
    assert len(left) == 1
    assert left[0]["metadata"]["name"] != found["name"]
    assert call("rehearse", "no-such-set").returncode == 2
    assert call("rehearse").returncode == 2
