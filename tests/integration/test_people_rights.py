"""What a person may do with BackupSets who has only the roles that are installed for people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from tests.integration.backup_sets import Installation
from tests.integration.cluster import Namespace
from tests.integration.installed import ACCOUNT, Installed
from tests.integration.test_backup_commands import Commands

#: Kubernetes' own view as it comes. No controller manager runs here, which would add our pieces to it;
#: so here the person gets them beside it.
OWN = "system:aggregate-to-view"

LOOKING = (("list",), ("status", "night"), ("status", "night", "-o", "json"))
#: In this order: each finds the set as the one before it left it.
STEERING = (
    ("create", "other", "--namespaces", "a", "--paused"),
    ("pause", "night"),
    ("resume", "night"),
    ("retry", "night"),
    ("delete", "night", "--yes"),
)

Person = Callable[..., Commands]


@pytest.fixture
def person(control_plane: ControlPlane, namespace: Namespace, installed: Installed, tmp_path: Path) -> Person:
    """Somebody who has these pieces in Velero's namespace, and those in the whole cluster."""
    user = f"ann-{namespace.name}"
    subjects = [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}]

    def binding(role: str) -> dict[str, Any]:
        name = role if role == OWN else f"{ACCOUNT}-{role}"
        return {
            "metadata": {"name": f"{user}-{role.replace(':', '-')}"},
            "roleRef": {"kind": "ClusterRole", "name": name, "apiGroup": "rbac.authorization.k8s.io"},
            "subjects": subjects,
        }

    def bound(*pieces: str, everywhere: tuple[str, ...] = ()) -> Commands:
        for piece in pieces:
            installed.rbac.create_namespaced_role_binding(namespace.name, binding(piece))
        for piece in everywhere:
            installed.rbac.create_cluster_role_binding(binding(piece))
        return Commands(control_plane.kubeconfig_for(user), namespace.name)

    return bound


@pytest.fixture
def night(velero: Installation) -> None:
    """A set that has not begun."""
    velero.create_set("night", velero.applications("a"))


@pytest.mark.usefixtures("night")
def test_with_view_a_person_looks_at_sets_and_changes_none(person: Person) -> None:
    ann = person("view")
    for arguments in LOOKING:
        assert "night" in ann(*arguments)
    for arguments in STEERING:
        if arguments[0] == "resume":
            continue  # it is not paused, and that may be known
        done = ann.call(*arguments)
        assert (done.returncode, "forbidden" in done.stderr) == (1, True), (arguments, done)


@pytest.mark.usefixtures("night")
def test_with_edit_a_person_makes_steers_and_deletes_sets(person: Person) -> None:
    ann = person("view", "edit")
    for arguments in (*LOOKING, *STEERING):
        ann(*arguments)
    assert "other" in ann("list")


@pytest.mark.usefixtures("night")
def test_without_a_piece_a_person_is_told_what_is_missing(person: Person) -> None:
    ann = person()
    for arguments in (*LOOKING, *STEERING):
        done = ann.call(*arguments)
        assert (done.returncode, "forbidden" in done.stderr) == (1, True), (arguments, done)


def test_watch_follows_a_set_to_its_end_with_view_alone(
    velero: Installation, person: Person, vvc: Any
) -> None:
    ann = person("view")
    velero.create_set("night", velero.applications("a"))
    vvc.start_leading()
    velero.run_to_end("night")
    done = ann.call("watch", "night", "--wait")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Completed, 1 of 1 volume, 1 B\n")
    assert "may not" not in done.stdout


def test_edit_lets_velero_delete_the_backups_of_a_set(velero: Installation, person: Person, vvc: Any) -> None:
    ann = person("view", "edit")
    velero.create_set("night", velero.applications("a"))
    vvc.start_leading()
    velero.run_to_end("night")
    told = ann("delete", "night", "--with-backups", "--yes")
    assert told.count("Velero is asked to delete it.") == 2


def test_plan_needs_its_own_piece_in_the_whole_cluster(velero: Installation, person: Person) -> None:
    (namespace,) = velero.applications("a")["isolate"]
    without = person("view", OWN)
    done = without.call("plan", "--namespaces", namespace)
    assert (done.returncode, "may not list pods" in done.stderr) == (1, True), done


def test_with_its_piece_plan_lacks_nothing(velero: Installation, person: Person) -> None:
    (namespace,) = velero.applications("a")["isolate"]
    done = person("view", OWN, everywhere=("plan",)).call("plan", "--namespaces", namespace)
    assert done.returncode == 0, done.stderr
    assert "may not" not in done.stdout + done.stderr
    assert "2 Backups at a time" in done.stdout


@pytest.fixture(autouse=True)
def unbound(installed: Installed, api: client.ApiClient) -> Any:
    """Bindings in the whole cluster go; those in a namespace are of this test's own."""
    yield
    rbac = client.RbacAuthorizationV1Api(api)
    for each in rbac.list_cluster_role_binding().items:
        if each.metadata.name.startswith("ann-"):
            rbac.delete_cluster_role_binding(each.metadata.name)
