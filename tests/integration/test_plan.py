"""`vvc plan` and `vvc explain` against a live cluster: the same answers as from its dump, and no write."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import BACKUP_VOLUMES, MARKER, Namespace, eventually
from tests.integration.process import Vvc

NATIVE = """
apiVersion: vvc.velero.io/v1alpha1
kind: ControllerConfig
annotator:
  rules:
  - {name: fast ones, action: backup, volumes: {storageClasses: [fast]}}
"""


def call(*arguments: str, kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).parent / "vvc"
    cluster = [] if kubeconfig is None else ["--kubeconfig", str(kubeconfig)]
    command = [str(script), *arguments, *cluster]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def answer(*arguments: str, kubeconfig: Path | None = None) -> Any:
    done = call(*arguments, "-o", "json", kubeconfig=kubeconfig)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def allow(namespace: Namespace, control_plane: ControlPlane, *resources: str) -> Path:
    """A kubeconfig for a user of this test's own who may list these and nothing else."""
    user = f"reader-{namespace.name}"
    rbac = client.RbacAuthorizationV1Api(namespace.api)
    rules = [{"apiGroups": [""], "resources": list(resources), "verbs": ["list"]}]
    rbac.create_cluster_role({"metadata": {"name": user}, "rules": rules if resources else []})
    rbac.create_cluster_role_binding(
        {
            "metadata": {"name": user},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }
    )
    return control_plane.kubeconfig_for(user)


@pytest.fixture
def config(tmp_path: Path, namespace: Namespace) -> str:
    path = tmp_path / "config.yml"
    path.write_text(f"veleroVolumeCfg: {{includeNamespaces: {namespace.name}}}\n")
    return str(path)


@pytest.fixture
def native(tmp_path: Path) -> str:
    path = tmp_path / "native.yml"
    path.write_text(NATIVE)
    return str(path)


@pytest.fixture
def shop(namespace: Namespace) -> Iterator[Namespace]:
    """A claim of a class bound to a volume, a pod that uses it, and one that someone annotated."""
    name = f"pv-{namespace.name}"
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "volumeName": name,
        "resources": {"requests": {"storage": "1Gi"}},
    }
    namespace.core.create_namespaced_persistent_volume_claim(
        namespace.name, {"metadata": {"name": "data"}, "spec": spec}
    )
    source = {"nfs": {"server": "nfs.example", "path": "/"}}
    volume = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "fast"}
    namespace.core.create_persistent_volume({"metadata": {"name": name}, "spec": volume | source})
    namespace.create_pod("web")
    namespace.create_pod("theirs", annotations={BACKUP_VOLUMES: "cache"})
    yield namespace
    namespace.core.delete_persistent_volume(name)


def of(told: Any, namespace: Namespace) -> list[Any]:
    return [each for each in told["pods"] if each["namespace"] == namespace.name]


def test_live_and_from_the_dump_the_answer_is_the_same_and_nothing_is_written(
    control_plane: ControlPlane, shop: Namespace, native: str, tmp_path: Path
) -> None:
    core, storage = shop.core, client.StorageV1Api(shop.api)
    lists = [
        core.list_pod_for_all_namespaces,
        core.list_persistent_volume_claim_for_all_namespaces,
        core.list_persistent_volume,
        core.list_namespace,
        storage.list_storage_class,
    ]
    dump = tmp_path / "dump.json"
    dump.write_text("\n".join(each(_preload_content=False).data.decode() for each in lists))
    before = shop.pod("web").metadata.resource_version
    live = answer("plan", "-c", native, kubeconfig=control_plane.kubeconfig)
    offline = answer("plan", "-c", native, "--objects", str(dump))
    assert of(live, shop) == of(offline, shop)
    actions = {each["name"]: each["action"] for each in of(live, shop)}
    assert actions == {"web": "add", "theirs": "foreign"}
    assert of(live, shop)[1]["volumes"][0]["rule"] == "fast ones"
    assert shop.pod("web").metadata.resource_version == before


def test_it_agrees_with_the_controller(
    control_plane: ControlPlane, shop: Namespace, config: str, vvc: Vvc
) -> None:
    """What `vvc run` has done leaves nothing to be done."""
    vvc.start_leading()
    eventually(lambda: shop.annotations("web").get(MARKER), "data")
    told = of(answer("plan", "-c", config, kubeconfig=control_plane.kubeconfig), shop)
    assert {each["name"]: each["action"] for each in told} == {"web": "none", "theirs": "foreign"}


def test_a_cluster_of_more_than_a_page(control_plane: ControlPlane, shop: Namespace, config: str) -> None:
    for number in range(510):
        shop.core.create_namespaced_pod(
            shop.name,
            {
                "metadata": {"name": f"many-{number}"},
                "spec": {"containers": [{"name": "main", "image": "none"}]},
            },
        )
    told = of(answer("plan", "-c", config, kubeconfig=control_plane.kubeconfig), shop)
    assert len(told) == 512


def test_without_claims_and_volumes_it_answers_and_says_what_is_unchecked(
    control_plane: ControlPlane, shop: Namespace, config: str
) -> None:
    kubeconfig = allow(shop, control_plane, "pods")
    told = answer("plan", "-c", config, kubeconfig=kubeconfig)
    (web,) = [each for each in of(told, shop) if each["name"] == "web"]
    assert "PersistentVolumeClaim data could not be read" in web["volumes"][0]["unchecked"]
    warnings = "\n".join(told["summary"]["warnings"])
    for resource in ("persistentvolumeclaims", "persistentvolumes", "namespaces"):
        assert f"may not list {resource} in every namespace, so what hangs on them" in warnings


def test_a_rule_that_needs_what_may_not_be_read_is_refused_with_the_verb(
    control_plane: ControlPlane, shop: Namespace, native: str
) -> None:
    done = call("plan", "-c", native, kubeconfig=allow(shop, control_plane, "pods"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "rule fast ones can't be decided without persistentvolumeclaims" in done.stderr
    assert "may not list persistentvolumeclaims in every namespace" in done.stderr


def test_without_pods_there_is_no_answer(control_plane: ControlPlane, shop: Namespace, config: str) -> None:
    done = call("plan", "-c", config, kubeconfig=allow(shop, control_plane))
    assert done.returncode == 1
    assert "may not list pods in every namespace" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_storage_class_that_the_cluster_does_not_have(
    control_plane: ControlPlane, shop: Namespace, native: str
) -> None:
    told = answer("plan", "-c", native, kubeconfig=control_plane.kubeconfig)
    assert any("storage class 'fast'" in warning for warning in told["summary"]["warnings"])


def test_the_live_configuration_is_the_config_map(
    control_plane: ControlPlane, shop: Namespace, native: str
) -> None:
    data = {"config.yml": Path(native).read_text()}
    shop.core.create_namespaced_config_map(shop.name, {"metadata": {"name": "mine"}, "data": data})
    live = ("--configmap", f"{shop.name}/mine")
    told = answer("explain", "web", "-n", shop.name, *live, kubeconfig=control_plane.kubeconfig)
    assert told["configuration"]["source"] == f"ConfigMap {shop.name}/mine"
    assert told["pods"][0]["volumes"][0]["steps"][-1] == {
        "asked": "rule fast ones", "decided": True, "said": "matches: backup",
    }  # fmt: skip


BROKEN: dict[str, tuple[dict[str, str], int, str]] = {
    "without the key": ({"other.yml": ""}, 1, "expected the key config.yml, found other.yml"),
    "with a configuration that is broken": (
        {"config.yml": "veleroVolumeCfg: [a]\n"}, 2, "mine:1: key veleroVolumeCfg",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "status", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_config_map_that_can_not_be_used(
    control_plane: ControlPlane, namespace: Namespace, data: dict[str, str], status: int, words: str
) -> None:
    namespace.core.create_namespaced_config_map(namespace.name, {"metadata": {"name": "mine"}, "data": data})
    done = call("plan", "--configmap", f"{namespace.name}/mine", kubeconfig=control_plane.kubeconfig)
    assert done.returncode == status
    assert words in done.stderr


def test_a_config_map_that_is_not_there(control_plane: ControlPlane, namespace: Namespace) -> None:
    done = call("plan", "--configmap", f"{namespace.name}/none", kubeconfig=control_plane.kubeconfig)
    assert done.returncode == 1
    assert f"ConfigMap {namespace.name}/none is not there. Name another with --configmap" in done.stderr


def test_explaining_one_namespace_takes_no_rights_beyond_it(
    control_plane: ControlPlane, shop: Namespace, config: str
) -> None:
    user = f"local-{shop.name}"
    rbac = client.RbacAuthorizationV1Api(shop.api)
    rule = {"apiGroups": [""], "resources": ["pods", "persistentvolumeclaims"], "verbs": ["list"]}
    rbac.create_namespaced_role(shop.name, {"metadata": {"name": user}, "rules": [rule]})
    rbac.create_namespaced_role_binding(
        shop.name,
        {
            "metadata": {"name": user},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        },
    )
    kubeconfig = control_plane.kubeconfig_for(user)
    told = answer("explain", f"{shop.name}/theirs", "-c", config, kubeconfig=kubeconfig)
    (theirs,) = told["pods"]
    assert theirs["owner"]["whose"] == "foreign"
    claim = answer("explain", "pvc/data", "-n", shop.name, "-c", config, kubeconfig=kubeconfig)
    assert [each["name"] for each in claim["pods"]] == ["theirs", "web"]
    done = call("explain", "theirs", "-c", config, kubeconfig=kubeconfig)
    assert done.returncode == 1, "in every namespace it may not look"


def test_what_the_installed_velero_takes_decides(
    control_plane: ControlPlane, shop: Namespace, tmp_path: Path
) -> None:
    path = tmp_path / "config.yml"
    path.write_text(f"clusterServerCfg: {{leaseLockNamespace: {shop.name}}}\n")
    labels = {"app": "velero"}
    container = {"name": "velero", "image": "registry.example:5000/velero/velero:v1.16.2"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    body = {"metadata": {"name": "velero"}, "spec": spec}
    client.AppsV1Api(shop.api).create_namespaced_deployment(shop.name, body)
    asked = ("explain", "web", "-n", shop.name, "-c", str(path))
    told = answer(*asked, kubeconfig=control_plane.kubeconfig)
    assert told["configuration"]["velero"] == "1.16.2"
    told = answer(*asked, "--velero-version", "1.17", kubeconfig=control_plane.kubeconfig)
    assert told["configuration"]["velero"] == "1.17.0"
