"""The audit log is read for who deleted what: lines as Kubernetes 1.34's API server writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hack.lab import audit
from hack.lab.shell import LabError

UID = "eeed955d-8504-4f19-ac8f-5c7f0e4795d0"
OWNER = "34c25a15-04c2-48ca-b8b2-3f18d996a694"
COLLECTOR = "system:serviceaccount:kube-system:generic-garbage-collector"
STATUS = {"metadata": {}, "status": "Success", "details": {"name": "a", "kind": "configmaps", "uid": UID}}


def line(verb: str, resource: str, **more: Any) -> dict[str, Any]:
    """An event of a request that was done, by the garbage collector unless `more` says otherwise."""
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "RequestResponse",
        "stage": "ResponseComplete",
        "requestURI": f"/api/v1/namespaces/shop/{resource}/a",
        "verb": verb,
        "user": {"username": COLLECTOR, "groups": ["system:authenticated"]},
        "userAgent": "kube-controller-manager/v1.34.4",
        "objectRef": {"resource": resource, "namespace": "shop", "name": "a", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": "2026-11-28T07:49:57.483813Z",
        "stageTimestamp": "2026-11-28T07:49:57.486623Z",
    } | more


def written(folder: Path, *lines: dict[str, Any], name: str = audit.FILE) -> Path:
    with (folder / name).open("a") as file:
        file.writelines(json.dumps(each) + "\n" for each in lines)
    return folder


def deleted(folder: Path, *lines: dict[str, Any]) -> list[audit.Deletion]:
    return list(audit.deletions(audit.entries(written(folder, *lines))))


#: What the log has of one deletion.
KNOWN_BY = {
    "a Status, when it went at once": {
        "responseStatus": {**STATUS, "code": 200},
        "responseObject": {"kind": "Status", "apiVersion": "v1", **STATUS},
    },
    "the object, when it takes time to go": {
        "responseObject": {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a", "uid": UID}},
    },
    "a Status alone, of a Secret": {"level": "Request", "responseStatus": {**STATUS, "code": 200}},
    "its precondition, of a Secret that takes time to go": {
        "level": "Request",
        "requestObject": {"kind": "DeleteOptions", "preconditions": {"uid": UID}},
    },
}


@pytest.mark.parametrize("answer", KNOWN_BY.values(), ids=KNOWN_BY)
def test_the_uid_of_what_was_deleted_is_known_by(answer: dict[str, Any], tmp_path: Path) -> None:
    [found] = deleted(tmp_path, line("delete", "pods", **answer))
    assert (found.user, found.resource, found.namespace, found.name) == (COLLECTOR, "pods", "shop", "a")
    assert found.uid == UID
    assert str(found) == f"pods shop/a ({UID}) by {COLLECTOR}"


def test_each_object_of_a_collection_was_deleted(tmp_path: Path) -> None:
    ref = {"resource": "configmaps", "namespace": "shop", "apiVersion": "v1"}
    items = [{"metadata": {"name": name, "uid": name * 3}} for name in "ab"]
    answer = {"kind": "ConfigMapList", "metadata": {}, "items": items}
    found = deleted(tmp_path, line("deletecollection", "configmaps", objectRef=ref, responseObject=answer))
    assert [(each.name, each.uid) for each in found] == [("a", "aaa"), ("b", "bbb")]


def test_of_a_collection_of_secrets_it_is_known_that_all_were(tmp_path: Path) -> None:
    ref = {"resource": "secrets", "namespace": "shop", "apiVersion": "v1"}
    [found] = deleted(tmp_path, line("deletecollection", "secrets", objectRef=ref, level="Request"))
    assert str(found) == f"secrets shop/(all) (uid not known) by {COLLECTOR}"


def test_a_pod_that_was_evicted_was_deleted(tmp_path: Path) -> None:
    ref = {"resource": "pods", "subresource": "eviction", "namespace": "shop", "name": "a"}
    options = {"deleteOptions": {"preconditions": {"uid": UID}}}
    created = {"metadata": {}, "code": 201}
    event = line("create", "pods", objectRef=ref, requestObject=options, responseStatus=created)
    [found] = deleted(tmp_path, event)
    assert found.uid == UID


#: What deletes nothing.
NOTHING = {
    "a conflict": {"responseStatus": {"metadata": {}, "status": "Failure", "code": 409}},
    "a dry run by its query": {"requestURI": "/api/v1/namespaces/shop/pods/a?dryRun=All"},
    "a dry run by its options": {"requestObject": {"kind": "DeleteOptions", "dryRun": ["All"]}},
    "a change": {"verb": "patch", "requestObject": [{"op": "remove", "path": "/spec"}]},
}


@pytest.mark.parametrize("how", NOTHING.values(), ids=NOTHING)
def test_nothing_was_deleted_by(how: dict[str, Any], tmp_path: Path) -> None:
    assert deleted(tmp_path, line("delete", "pods") | how) == []


def test_owners_are_known_from_what_was_created_and_from_what_was_deleted(tmp_path: Path) -> None:
    owned = {"metadata": {"uid": UID, "ownerReferences": [{"uid": OWNER}]}}
    other = {"metadata": {"uid": "other"}}
    written(
        tmp_path,
        line("create", "pods", responseObject=owned, responseStatus={"metadata": {}, "code": 201}),
        line("delete", "pods", responseObject=other),
    )
    assert audit.owners(audit.entries(tmp_path)) == {UID: {OWNER}, "other": frozenset()}


def test_what_a_user_wrote_is_told_with_its_body(tmp_path: Path) -> None:
    body = {"spec": {"replicas": 0}}
    written(tmp_path, line("patch", "deployments", requestObject=body), line("patch", "x", user={}))
    found = list(audit.written(audit.entries(tmp_path), COLLECTOR))
    assert found == [("deployments shop/a", body)]


def test_rotated_files_come_first_and_what_is_older_is_left_out(tmp_path: Path) -> None:
    old, new = "2026-11-28T07:00:00.000000Z", "2026-11-28T08:00:00.000000Z"
    written(tmp_path, line("delete", "new", requestReceivedTimestamp=new))
    rotated = "audit-2026-11-28T07-30-00.000.log"
    written(
        tmp_path,
        line("delete", "old", requestReceivedTimestamp=old),
        line("delete", "rotated", requestReceivedTimestamp=new),
        name=rotated,
    )
    since = datetime(2026, 11, 28, 7, 30, tzinfo=UTC)
    found = audit.deletions(audit.entries(tmp_path, since))
    assert [each.resource for each in found] == ["rotated", "new"]


def test_a_line_that_is_cut_is_named(tmp_path: Path) -> None:
    written(tmp_path, line("delete", "pods"))
    with (tmp_path / audit.FILE).open("a") as file:
        file.write('{"kind":"Event","verb":"del')
    with pytest.raises(LabError, match=r"audit\.log:2: not an audit event"):
        list(audit.entries(tmp_path))


def test_where_there_is_no_log_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no audit log is there"):
        list(audit.entries(tmp_path))
