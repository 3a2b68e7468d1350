"""What is installed: rendered, restricted, and in step with the code."""

from typing import Any

import yaml

from hack.manifests import INSTALL, REHEARSAL, RESTORE, render, render_rehearsal, render_restore
from velero_volume_controller import __version__
from velero_volume_controller.config import DEFAULT_PATH, load_text

INSTALLED: list[dict[str, Any]] = list(yaml.safe_load_all(INSTALL.read_text()))


BINDINGS = ("ClusterRoleBinding", "RoleBinding")


def of_kind(kind: str, documents: list[dict[str, Any]] = INSTALLED) -> list[dict[str, Any]]:
    return [document for document in documents if document["kind"] == kind]


def only(kind: str, documents: list[dict[str, Any]] = INSTALLED) -> dict[str, Any]:
    (found,) = of_kind(kind, documents)
    return found


def role(piece: str) -> dict[str, Any]:
    """The Role of this piece of the permissions."""
    (found,) = [role for role in of_kind("Role") if role["metadata"]["name"].endswith(f"-{piece}")]
    return found


def test_the_rendered_file_is_up_to_date() -> None:
    assert INSTALL.read_text() == render(), "run: python -m hack.manifests"
    assert RESTORE.read_text() == render_restore(), "run: python -m hack.manifests"
    assert REHEARSAL.read_text() == render_rehearsal(), "run: python -m hack.manifests"


def test_the_configuration_that_is_installed_has_nothing_to_warn_of() -> None:
    loaded = load_text(only("ConfigMap")["data"]["config.yml"], "config.yml")
    assert loaded.warnings == ()
    cluster = loaded.configuration.cluster
    assert cluster.lease_namespace == role("lease")["metadata"]["namespace"]
    assert cluster.lease_name in role("lease")["rules"][1]["resourceNames"]


def test_the_configuration_is_mounted_where_the_program_looks_for_it() -> None:
    spec = only("Deployment")["spec"]["template"]["spec"]
    (mount,) = spec["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == str(DEFAULT_PATH.parent)
    assert DEFAULT_PATH.name in only("ConfigMap")["data"]


def test_the_pod_satisfies_pod_security_restricted() -> None:
    spec = only("Deployment")["spec"]["template"]["spec"]
    pod, container = spec["securityContext"], spec["containers"][0]["securityContext"]
    assert pod["runAsNonRoot"] is True
    assert pod["runAsUser"] > 0
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["allowPrivilegeEscalation"] is False
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert [next(iter(set(volume) - {"name"})) for volume in spec["volumes"]] == ["configMap"]


def test_the_image_is_of_this_version() -> None:
    container = only("Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == f"velero-volume-controller:{__version__}"


def test_another_namespace_and_image_reach_every_object() -> None:
    text = render(namespace="backup", image="registry.example/vvc:9")
    documents = list(yaml.safe_load_all(text))
    namespaces = {document["metadata"].get("namespace") for document in documents}
    assert namespaces == {None, "backup"}
    bindings = of_kind("ClusterRoleBinding", documents) + of_kind("RoleBinding", documents)
    assert {binding["subjects"][0]["namespace"] for binding in bindings} == {"backup"}
    loaded = load_text(only("ConfigMap", documents)["data"]["config.yml"], "f")
    assert loaded.configuration.cluster.lease_namespace == "backup"
    container = only("Deployment", documents)["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.example/vvc:9"


def test_nothing_may_be_deleted_but_sets_by_their_schedules() -> None:
    bound = {each["roleRef"]["name"] for kind in BINDINGS for each in of_kind(kind)}
    rules = [
        (role["metadata"]["name"], rule["resources"], verb)
        for kind in ("ClusterRole", "Role")
        for role in of_kind(kind)
        if role["metadata"]["name"] in bound
        for rule in role["rules"]
        for verb in rule["verbs"]
        if verb not in {"get", "list", "watch", "patch", "create", "update"}
    ]
    assert rules == [("velero-volume-controller-schedule", ["backupsets"], "delete")]


def test_what_lets_clean_restores_delete_is_a_file_of_its_own() -> None:
    documents = list(yaml.safe_load_all(render_restore(namespace="backup")))
    assert {each["kind"] for each in documents} == {"ClusterRole", "ClusterRoleBinding", "RoleBinding"}
    names = {each["metadata"]["name"] for each in documents}
    assert names.isdisjoint({each["metadata"]["name"] for each in INSTALLED})
    assert only("RoleBinding", documents)["metadata"]["namespace"] == "backup"
    for binding in (only("RoleBinding", documents), only("ClusterRoleBinding", documents)):
        assert binding["subjects"][0]["namespace"] == "backup"
        assert binding["roleRef"]["name"] in names


def test_what_people_may_do_is_added_to_kubernetes_own_roles_and_bound_to_nobody() -> None:
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    added = {
        role["metadata"]["name"].rpartition("-")[2]: {
            label.removeprefix(prefix) for label in role["metadata"]["labels"] if label.startswith(prefix)
        }
        for role in of_kind("ClusterRole")
    }
    assert {piece: roles for piece, roles in added.items() if roles} == {
        "view": {"view", "edit", "admin"},
        "edit": {"edit", "admin"},
    }
    bound = {each["roleRef"]["name"].rpartition("-")[2] for kind in BINDINGS for each in of_kind(kind)}
    assert bound.isdisjoint({"view", "edit", "plan"})
