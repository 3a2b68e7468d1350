"""`vvc restore plan` from dumps: each form, and how mistakes end."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.test_cli import outcome
from velero_volume_controller.restore.cluster import OBJECTS_COMMAND
from velero_volume_controller.restore.contents import CONTENTS_COMMAND

SPEC = "apiVersion: vvc.velero.io/v1alpha1\nkind: CleanRestore\nspec:\n  source: {backup: b1}\n"


def thing(version: str, kind: str, name: str, namespace: str = "shop", **more: Any) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name, "uid": f"{kind}-{namespace}-{name}", **more.pop("meta", {})}
    if namespace:
        meta["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": meta, **more}


def owned(version: str, kind: str, name: str, owner: dict[str, Any], **more: Any) -> dict[str, Any]:
    reference = {
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    return thing(version, kind, name, meta={"ownerReferences": [reference]}, **more)


def shop(*, pods: int = 2) -> list[dict[str, Any]]:
    """A Deployment with pods, a StatefulSet with a claim, an extra, and what is cluster-scoped."""
    web = thing("apps/v1", "Deployment", "web", meta={"generation": 3})
    replicas = owned("apps/v1", "ReplicaSet", "web-5d8f96", web)
    running = [owned("v1", "Pod", f"web-5d8f96-x{number:04}", replicas) for number in range(pods)]
    db = thing("apps/v1", "StatefulSet", "db")
    mounts = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}], "nodeName": "n1"}
    bound = {
        "claimRef": {"namespace": "shop", "name": "data"},
        "persistentVolumeReclaimPolicy": "Delete",
    }
    return [
        thing("v1", "Namespace", "shop", ""),
        thing("v1", "Namespace", "velero", ""),
        web,
        replicas,
        *running,
        db,
        owned("v1", "Pod", "db-0", db, spec=mounts),
        thing("v1", "PersistentVolumeClaim", "data", spec={"volumeName": "pv-1"}),
        thing("v1", "PersistentVolume", "pv-1", "", spec=bound),
        thing("v1", "ConfigMap", "extra", data={"a": "b"}),
        thing("v1", "ConfigMap", "elsewhere", "other"),
        thing("rbac.authorization.k8s.io/v1", "ClusterRole", "reader", ""),
    ]


def described(
    more: Mapping[str, list[str]] | None = None, *, data: bool = True, phase: str = "Completed"
) -> dict[str, Any]:
    completed = [{"shop/db-0": "data (size: 5)"}] if data else []
    volumes = {"podVolumeBackups": {"podVolumeBackupsDetails": {"Completed": completed}}}
    listed = {
        "apps/v1/Deployment": ["shop/web"],
        "apps/v1/ReplicaSet": ["shop/web-5d8f96"],
        "apps/v1/StatefulSet": ["shop/db"],
        "v1/Pod": ["shop/db-0", "shop/web-5d8f96-old01"],
        "v1/PersistentVolumeClaim": ["shop/data"],
        "v1/PersistentVolume": ["pv-1"],
        "v1/Secret": ["shop/password"],
        "rbac.authorization.k8s.io/v1/ClusterRole": ["reader"],
        **(more or {}),
    }
    return {
        "metadata": {"name": "b1"},
        "phase": phase,
        "status": {"resourceList": listed, "backupVolumes": volumes},
    }


class Files:
    """Dumps in a folder, and the command over them."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capfd = folder, capfd
        self.contents = self.write("backup.json", described())
        self.objects = self.write("objects.json", {"kind": "List", "items": shop()})

    def write(self, name: str, value: Any) -> str:
        path = self.folder / name
        data = (
            value
            if isinstance(value, bytes)
            else (value if isinstance(value, str) else json.dumps(value)).encode()
        )
        path.write_bytes(data)
        return str(path)

    def plan(self, *more: str, contents: str = "", objects: str = "") -> tuple[int, str]:
        given = ("--contents", contents or self.contents, "--objects", objects or self.objects)
        return outcome(self.capfd, "restore", "plan", *given, *more)

    def document(self, *more: str, **files: str) -> dict[str, Any]:
        _, printed = self.plan("-o", "json", *more, **files)
        told: dict[str, Any] = json.loads(printed)
        return told


@pytest.fixture
def files(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Files:
    return Files(tmp_path, capfd)


def actions(told: dict[str, Any]) -> dict[str, str]:
    return {f"{each['kind']} {each['namespace']}/{each['name']}": each["action"] for each in told["objects"]}


def test_json_tells_of_every_object(files: Files) -> None:
    told = files.document()
    assert actions(told) == {
        "ConfigMap shop/extra": "keep",
        "Deployment shop/web": "delete",
        "Namespace /shop": "keep",
        "PersistentVolume /pv-1": "delete",
        "PersistentVolumeClaim shop/data": "delete",
        "Pod shop/db-0": "delete",
        "Pod shop/web-5d8f96-old01": "create",
        "Pod shop/web-5d8f96-x0000": "delete",
        "Pod shop/web-5d8f96-x0001": "delete",
        "ReplicaSet shop/web-5d8f96": "delete",
        "Secret shop/password": "create",
        "StatefulSet shop/db": "delete",
        "ClusterRole /reader": "keep",
    }
    assert told["summary"] == {"delete": 8, "keep": 3, "create": 2, "blocked": 0}
    pod = next(each for each in told["objects"] if each["name"] == "web-5d8f96-x0000")
    assert pod["with"] == {"group": "apps", "kind": "ReplicaSet", "namespace": "shop", "name": "web-5d8f96"}
    assert [each["name"] for each in told["clear"]] == ["web", "db", "data"]
    assert [(each["name"], each["how"]) for each in told["quiesce"]] == [("web", "scale"), ("db", "scale")]
    assert told["hash"].startswith("sha256:")
    assert all(each["reason"] for each in told["objects"])
    assert not told["refused"]


def test_the_help_says_how_to_make_the_dump(capfd: pytest.CaptureFixture[str]) -> None:
    _, printed = outcome(capfd, "restore", "plan", "--help")
    command = " ".join(printed.replace("\\\n", " ").split())
    assert OBJECTS_COMMAND in command
    assert CONTENTS_COMMAND in command


def test_the_same_dumps_are_the_same_plan_in_whatever_order(files: Files) -> None:
    _, first = files.plan("-o", "json")
    backwards = files.write("backwards.json", {"kind": "List", "items": shop()[::-1]})
    _, again = files.plan("-o", "json", objects=backwards)
    assert first == again


def test_status_and_resource_version_are_no_other_plan(files: Files) -> None:
    changed = shop()
    for each in changed:
        each["status"] = {"observed": "something else"}
        each["metadata"]["resourceVersion"] = "999"
        each["metadata"]["managedFields"] = [{"manager": "someone"}]
    later = files.write("later.json", {"kind": "List", "items": changed})
    assert files.document(objects=later)["hash"] == files.document()["hash"]


def test_a_changed_object_is_another_plan(files: Files) -> None:
    changed = shop()
    changed[2]["metadata"]["generation"] = 4
    later = files.write("later.json", {"kind": "List", "items": changed})
    assert files.document(objects=later)["hash"] != files.document()["hash"]


def test_a_leaders_annotation_is_no_change(files: Files) -> None:
    def led(at: str) -> str:
        lock = thing("v1", "ConfigMap", "lock")
        lock["metadata"]["annotations"] = {"control-plane.alpha.kubernetes.io/leader": at}
        return files.write(f"{at}.json", {"kind": "List", "items": [*shop(), lock]})

    backup = files.write("b.json", described({"v1/ConfigMap": ["shop/lock"]}))
    one, other = (files.document(contents=backup, objects=led(at)) for at in ("one", "other"))
    assert actions(one)["ConfigMap shop/lock"] == "delete"
    assert one["hash"] == other["hash"]


def test_text_says_what_goes_by_namespace(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    status, printed = files.plan()
    assert status == 0
    assert (
        "To restore from b1, 8 objects would be deleted, 2 created that are not there, and 3 kept." in printed
    )
    assert "shop: delete 7, create 2, keep 1" in printed
    assert "  delete   Pod (3) db-0, web-5d8f96-x0000, web-5d8f96-x0001: with what controls them" in printed
    assert "  keep     ConfigMap extra: the backup does not hold it" in printed
    assert (
        "First 1 Deployment, 1 StatefulSet would stand still. Then 3 objects would be deleted by name"
        in printed
    )


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_text_fits_its_columns(files: Files, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    blocked = files.write("b.json", described(data=False))
    for arguments in ((), ("--all",)):
        for contents in (files.contents, blocked):
            _, printed = files.plan(*arguments, contents=contents)
            assert max(map(len, printed.splitlines())) <= columns


def test_long_groups_are_folded_unless_all_is_asked_for(files: Files) -> None:
    many = files.write("many.json", {"kind": "List", "items": shop(pods=30)})
    _, folded = files.plan(objects=many)
    _, everything = files.plan("--all", objects=many)
    assert "and 26 more" in folded
    assert "web-5d8f96-x0029" not in folded
    assert "web-5d8f96-x0029" in everything


def test_many_namespaces_are_folded(files: Files) -> None:
    items = [thing("v1", "ConfigMap", "a", f"n{number:02}") for number in range(30)]
    objects = files.write("many.json", {"kind": "List", "items": items})
    listed = {"v1/ConfigMap": [f"n{number:02}/a" for number in range(30)]}
    contents = files.write("list.json", listed)
    _, folded = files.plan(contents=contents, objects=objects)
    _, everything = files.plan("--all", contents=contents, objects=objects)
    assert "the last 10 namespaces is folded" in folded
    assert (folded.count("ConfigMap a"), everything.count("ConfigMap a")) == (20, 30)


def test_what_is_blocked_comes_first_with_the_way_out(files: Files) -> None:
    lost = files.write("b.json", described(data=False))
    status, printed = files.plan(contents=lost)
    assert status == 2
    refused = printed.index("REFUSED: ")
    assert refused < printed.index("\nshop: ")
    assert (
        "its data is not in the backup and would be lost; protect it to keep it as it is" in printed[refused:]
    )


def test_html_is_one_page_that_names_everything(files: Files) -> None:
    strange = thing("v1", "ConfigMap", "<script>alert(1)</script>")
    objects = files.write("o.json", {"kind": "List", "items": [*shop(), strange]})
    status, printed = files.plan("-o", "html", "--extras", "delete", objects=objects)
    assert status == 0
    assert printed.startswith("<!DOCTYPE html>")
    assert printed.rstrip().endswith("</html>")
    assert "<script" not in printed
    assert "&lt;script&gt;" in printed
    assert "web-5d8f96-x0001" in printed
    assert "src=" not in printed


def test_a_spec_says_the_same_as_options(files: Files) -> None:
    spec = files.write(
        "r.yaml",
        SPEC + "  scope: namespace\n  namespaces: {include: [shop]}\n  namespaceMapping: {shop: other}\n"
        "  allowKinds: [Widget.example.com]\n  protect: {namespaces: [x], selector: {matchLabels: {a: b}}}\n",
    )
    options = (
        *("--scope", "namespace", "--include-namespaces", "shop", "--namespace-mapping", "shop:other"),
        *("--allow-kind", "Widget.example.com", "--protect-namespace", "x", "--protect-selector", "a=b"),
    )
    by_options = files.document(*options)
    assert by_options["hash"] == files.document("--file", spec)["hash"]
    assert actions(by_options)["ConfigMap other/elsewhere"] == "delete"


def test_the_approval_of_a_plan_does_not_change_it(files: Files) -> None:
    before = files.document("--file", files.write("r.yaml", SPEC))["hash"]
    approved = files.write("approved.yaml", f"{SPEC}  planHash: {before}\n  undo: none\n")
    assert files.document("--file", approved)["hash"] == before


def test_objects_are_read_from_standard_input(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Path(files.objects).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert files.document(objects="-") == files.document()


def test_contents_in_all_their_forms(files: Files) -> None:
    listed = described()["status"]["resourceList"]
    info = [
        {
            "pvcName": "data",
            "pvcNamespace": "shop",
            "backupMethod": "PodVolumeBackup",
            "result": "succeeded",
            "pvbInfo": {"podName": "db-0", "podNamespace": "shop", "volumeName": "data"},
        }
    ]
    resources = files.write("resources.json.gz", gzip.compress(json.dumps(listed).encode()))
    volumes = files.write("volumes.json.gz", gzip.compress(json.dumps(info).encode()))
    told = files.document("--contents", volumes, contents=resources)
    assert actions(told) == actions(files.document())
    alone = files.document(contents=resources)
    assert actions(alone)["PersistentVolumeClaim shop/data"] == "blocked", "it can't be told what is in it"


def test_objects_as_yaml_are_the_same(files: Files) -> None:
    as_yaml = files.write("objects.yaml", yaml.safe_dump_all(shop()))
    assert files.document(objects=as_yaml)["summary"] == files.document()["summary"]


def archive() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("metadata/version"), io.BytesIO(b""))
    return stream.getvalue()


BAD: dict[str, tuple[str, Any, str]] = {
    "broken JSON": ("contents", '{"v1/Pod": ["a/b"],\n "x": }', "backup:2: is not JSON."),
    "JSON that ends too early": ("contents", '{"v1/Pod": [\n"a/b"', ":2: is not JSON."),
    "an empty file": ("contents", b"", ":1: is empty. Give what velero backup describe"),
    "a Backup as kubectl prints it": (
        "contents",
        {"kind": "Backup", "metadata": {}},
        ":1: is a Kubernetes object of kind Backup",
    ),
    "a gzip file that is cut off": (
        "contents",
        gzip.compress(b'{"v1/Pod": []}')[:-9],
        ":1: begins as a gzip file and can't be unpacked",
    ),
    "the whole archive": ("contents", archive(), ":1: is the Backup's whole archive"),
    "volume information alone": ("contents", [], ":1: tells of volumes alone"),
    "a description without details": (
        "contents",
        {"metadata": {"name": "b"}, "phase": "Completed", "status": {}},
        "it was described without --details",
    ),
    "a Backup that failed": ("contents", described(phase="Failed"), "Backup b1 is in phase Failed"),
    "a resource that is none": (
        "contents",
        {"Pod": ["a/b"]},
        "the key 'Pod' where a version and a kind such as",
    ),
    "YAML where the backup belongs": ("contents", "a: b\n", ":1: is not JSON"),
    "objects that are empty": ("objects", b"", ":1: is empty, expected Kubernetes objects"),
    "objects in broken JSON": ("objects", '{"items": [\n{"kind": }', ":2: is not JSON"),
    "objects in broken YAML": ("objects", "a: b\n c: [", "is not YAML or JSON"),
    "a table": ("objects", "NAME  READY\nweb   1/1\n", ":1:"),
    "objects without a kind": ("objects", {"a": 1}, "found one without a kind"),
    "an empty list": ("objects", {"kind": "List", "items": []}, "holds no objects"),
    "nothing but Events": (
        "objects",
        {"kind": "List", "items": [thing("v1", "Event", "e")]},
        "holds no objects",
    ),
    "an object without a uid": (
        "objects",
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}},
        ":1: Secret a can't be read: found none of metadata.uid",
    ),
    "objects that are no text": ("objects", b"\n\xff\xfe", ":2: is not UTF-8 text (byte 0xff)"),
    "a spec of another kind": (
        "spec",
        "kind: BackupSet\n",
        ":1: key kind: expected CleanRestore, found 'BackupSet'",
    ),
    "an empty spec": ("spec", "", ":1: is empty, expected a CleanRestore"),
    "two documents": ("spec", SPEC + "---\n" + SPEC, "holds more than one YAML document"),
    "an unknown scope": (
        "spec",
        SPEC + "  scope: all\n",
        ":5: key spec.scope: expected namespace, resources or volumes, found 'all'",
    ),
    "an unknown key": ("spec", SPEC + "  scop: all\n", ":5: key spec.scop: is unknown. Did you mean scope?"),
    "two sources": (
        "spec",
        SPEC.replace("backup: b1", "backup: b1, backupSet: s"),
        ":4: key spec.source: expected exactly one of",
    ),
    "a field of Velero's": (
        "spec",
        SPEC + "  restoreTemplate: {existingResourcePolicy: update}\n",
        ":5: key spec.restoreTemplate.existingResourcePolicy: is not passed on",
    ),
    "a namespace that the backup does not hold": (
        "spec",
        SPEC + "  namespaces: {include: [shopp]}\n",
        "spec.namespaces.include names shopp, of which the",
    ),
}


@pytest.mark.parametrize("sentence", BAD)
def test_bad_input_is_named_with_file_and_line(files: Files, sentence: str) -> None:
    what, value, said = BAD[sentence]
    path = files.write("backup" if what == "contents" else what, value)
    status, printed = files.plan("--file", path) if what == "spec" else files.plan(**{what: path})
    assert status == 2
    assert said in printed
    assert "Traceback" not in printed
    assert printed.count("Error: ") == 1


def test_a_dump_of_secrets_alone_is_planned_and_what_it_lacks_is_said(files: Files) -> None:
    objects = files.write("o.json", {"kind": "SecretList", "items": [thing("v1", "Secret", "password")]})
    told = files.document(objects=objects)
    assert actions(told)["Secret shop/password"] == "delete"
    assert any("none of these kinds" in note and "Deployment" in note for note in told["notes"])


OPTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "a file that is not there": (
        ("--file", "/nowhere"),
        "/nowhere: there is no such file. Correct the path of --file.",
    ),
    "a spec and options": (("--file", "x", "--scope", "volumes"), "--file says what is wanted"),
    "an unknown scope": (("--scope", "all"), "'all' is not one of 'volumes', 'resources', 'namespace'"),
    "a mapping without a colon": (
        ("--namespace-mapping", "a"),
        "expected FROM:TO such as shop:shop-test, found 'a'",
    ),
    "a kind without a group": (("--allow-kind", "Widget"), "--allow-kind: expected a kind and its group"),
    "a selector that is none": (("--protect-selector", "a in"), "--protect-selector: "),
    "a namespace that no cluster can have": (
        ("--include-namespaces", "A_B"),
        "--include-namespaces: expected",
    ),
    "a namespace that the backup does not hold": (
        ("--include-namespaces", "shopp"),
        "--include-namespaces names shopp, of which the backup holds nothing; correct the name.",
    ),
    "a protected namespace": (
        ("--namespace-mapping", "shop:kube-system"),
        "namespace kube-system is protected: namespaces called kube-* are Kubernetes's own",
    ),
    "standard input twice": (("--file", "-", "--objects", "-"), "standard input can be read once only"),
}


@pytest.mark.parametrize("sentence", OPTIONS)
def test_bad_options_are_named(files: Files, sentence: str) -> None:
    arguments, said = OPTIONS[sentence]
    status, printed = files.plan(*arguments)
    assert status == 2
    assert said in printed
    assert "Traceback" not in printed
