"""What CleanRestores need of the cluster: what is missing is told, and nothing is touched without it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from kubernetes import client

from hack.manifests import render_restore
from tests.integration.backup_sets import stays
from tests.integration.cluster import Namespace, eventually
from tests.integration.installed import ACCOUNT, Installed
from tests.integration.process import Vvc
from tests.integration.restore_stage import Stage

NOT_CARRIED_OUT = "not carried out; it is looked for again"


class Piece:
    """The piece that may delete, in this test's namespace."""

    def __init__(self, installed: Installed) -> None:
        self.rbac = installed.rbac
        self.namespace = installed.namespace
        text = render_restore(namespace=installed.namespace)
        self.documents: list[dict[str, Any]] = list(yaml.safe_load_all(text))

    def create(self) -> None:
        for each in self.documents:
            match each["kind"]:
                case "ClusterRole":
                    self.rbac.create_cluster_role(each)
                case "ClusterRoleBinding":
                    self.rbac.create_cluster_role_binding(each)
                case "RoleBinding":
                    self.rbac.create_namespaced_role_binding(self.namespace, each)

    def delete(self) -> None:
        for each in self.documents:
            name = each["metadata"]["name"]
            try:
                if each["kind"] == "ClusterRole":
                    self.rbac.delete_cluster_role(name)
                elif each["kind"] == "ClusterRoleBinding":
                    self.rbac.delete_cluster_role_binding(name)
            except client.ApiException as error:
                if error.status != 404:
                    raise

    def change(self, role: str, rules: list[dict[str, Any]]) -> None:
        name = f"{ACCOUNT}-{role}"
        (found,) = [
            each
            for each in self.documents
            if each["kind"] == "ClusterRole" and each["metadata"]["name"] == name
        ]
        self.rbac.replace_cluster_role(name, {**copy.deepcopy(found), "rules": rules})

    def rules(self, role: str) -> list[dict[str, Any]]:
        name = f"{ACCOUNT}-{role}"
        (found,) = [
            each
            for each in self.documents
            if each["kind"] == "ClusterRole" and each["metadata"]["name"] == name
        ]
        return copy.deepcopy(found["rules"])

    def but_for_deleting(self, *resources: tuple[str, str]) -> list[dict[str, Any]]:
        """RBAC takes nothing back: so it is said which may be deleted."""
        first, *rest = self.rules("restore")
        first["verbs"] = ["get", "list"]
        return [
            first,
            *rest,
            *(
                {"apiGroups": [group], "resources": [resource], "verbs": ["delete"]}
                for group, resource in resources
            ),
        ]


@pytest.fixture
def piece(installed: Installed) -> Any:
    piece = Piece(installed)
    yield piece
    piece.delete()


OTHERS = (("", "configmaps"), ("", "persistentvolumeclaims"), ("", "pods"), ("velero.io", "downloadrequests"))


def test_without_the_piece_it_is_said_and_nothing_is_touched_until_it_is_there(
    stage: Stage, namespace: Namespace, piece: Piece, confined: Vvc
) -> None:
    replica, before = stage.begun(confined)
    stage.create("monday", approval="automatic")
    eventually(lambda: stage.condition("monday")[1], "RightsMissing", within=30)
    told = stage.condition("monday")[2]
    assert f"create restores.velero.io in namespace {namespace.name}" in told
    assert "manifests/restore.yaml" in told
    eventually(lambda: len(namespace.events("RightsMissing")), 1)
    stays(lambda: (stage.phase("monday"), stage.objects()), ("", before), 2)
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data", within=30)
    piece.create()
    assert stage.ended("monday", within=90) == "Completed", stage.condition("monday")
    assert replica.metric("vvc_loop_errors_total") == 0
    assert "forbidden" not in replica.log.read_text()


def test_where_its_status_may_not_be_written_the_log_says_so(
    stage: Stage, namespace: Namespace, installed: Installed, confined: Vvc
) -> None:
    installed.take_away("cleanrestores/status", "update")
    replica, before = stage.begun(confined)
    stage.create("monday", approval="automatic")
    line = replica.line(NOT_CARRIED_OUT, what="CleanRestores")
    assert "update cleanrestores.vvc.velero.io/status" in line["missing"]
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data", within=30)
    assert stage.status("monday") == {}
    assert stage.objects() == before


def test_a_right_to_delete_that_is_missing_is_found_before_anything_is_touched(
    stage: Stage, piece: Piece, confined: Vvc
) -> None:
    piece.create()
    piece.change("restore", piece.but_for_deleting(*OTHERS))
    _, before = stage.begun(confined)
    stage.create("monday", approval="automatic")
    assert stage.ended("monday") == "Failed"
    assert stage.condition("monday")[1] == "RightsMissing"
    assert f"delete statefulsets.apps in namespace {stage.shop.name}" in stage.condition("monday")[2]
    assert stage.objects() == before
    assert stage.undo_backups() == []
    assert stage.replicas() == 1


def test_a_right_that_is_taken_away_later_ends_the_run_and_nothing_is_lost(
    stage: Stage, piece: Piece, confined: Vvc
) -> None:
    piece.create()
    _, before = stage.begun(confined)
    stage.absent.add("controllers")
    stage.create("monday", approval="automatic")
    eventually(stage.replicas, 0, within=60)
    piece.change("restore", piece.but_for_deleting(*OTHERS))
    stage.absent.discard("controllers")
    assert stage.ended("monday") == "Failed"
    assert stage.condition("monday")[1] == "Refused"
    told = stage.condition("monday")[2]
    assert f"delete StatefulSet {stage.shop.name}/db" in told
    assert "manifests/restore.yaml" in told
    kept = {key for key in before if not key.startswith("Pod/")}
    assert {key: uid for key, uid in stage.objects().items() if key in kept} == {
        key: before[key] for key in kept
    }
    assert stage.replicas() == 1, "nothing was deleted: what was stilled is put back"
    piece.change("restore", piece.rules("restore"))
    stage.resume("monday")
    eventually(lambda: stage.phase("monday"), "Completed", within=90)


def test_each_verb_of_the_piece_is_needed(piece: Piece) -> None:
    """What the tests above do not take away is known to be asked for here by name."""
    verbs = {
        (group, resource, verb)
        for role in ("restore", "restore-lane")
        for rule in piece.rules(role)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert verbs == {
        *(("*", "*", verb) for verb in ("get", "list", "delete")),
        *(("apps", each, "patch") for each in ("deployments", "statefulsets", "replicasets")),
        ("", "replicationcontrollers", "patch"),
        *(("batch", each, "patch") for each in ("cronjobs", "jobs")),
        *(("velero.io", each, "create") for each in ("backups", "restores", "downloadrequests")),
        ("", "configmaps", "create"),
    }


LANE = ("backups", "restores", "downloadrequests", "configmaps")


@pytest.mark.parametrize("resource", LANE)
def test_without_one_right_to_make_something_it_is_named(
    resource: str, stage: Stage, installed: Installed, piece: Piece, confined: Vvc
) -> None:
    # Backups are made for BackupSets, too.
    installed.take_away(resource, "create")
    piece.create()
    rules = piece.rules("restore-lane")
    for rule in rules:
        rule["resources"] = [each for each in rule["resources"] if each != resource]
    piece.change("restore-lane", [rule for rule in rules if rule["resources"]])
    _, before = stage.begun(confined)
    stage.create("monday", approval="automatic")
    eventually(lambda: stage.condition("monday")[1], "RightsMissing", within=30)
    assert f"create {resource}" in stage.condition("monday")[2]
    assert stage.objects() == before


def test_without_patch_nothing_is_stilled_and_nothing_deleted(
    stage: Stage, piece: Piece, confined: Vvc
) -> None:
    piece.create()
    piece.change("restore", piece.rules("restore")[:1])
    _, before = stage.begun(confined)
    stage.create("monday", approval="automatic")
    assert stage.ended("monday") == "Failed"
    assert f"patch statefulsets.apps in namespace {stage.shop.name}" in stage.condition("monday")[2]
    assert stage.objects() == before


@pytest.mark.parametrize("verb", ["get", "list"])
def test_without_a_right_to_look_it_says_so_and_touches_nothing(
    verb: str, stage: Stage, piece: Piece, confined: Vvc
) -> None:
    piece.create()
    rules = piece.rules("restore")
    rules[0]["verbs"].remove(verb)
    piece.change("restore", rules)
    _, before = stage.begun(confined)
    stage.create("monday", approval="automatic")

    def told() -> bool:
        said = [event.note for event in stage.velero.namespace.events()]
        return "RightsMissing" in stage.condition("monday")[1] or any(verb in each for each in said)

    eventually(told, True, within=40)
    assert stage.phase("monday") in {"", "Planning"}
    assert stage.objects() == before
