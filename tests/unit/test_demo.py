"""The demo's pure parts: digests, checks, words, the timeline, the picture."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from rich.console import Console

from hack.demo import picture, summary, timeline, verdict
from hack.demo.applications import ANNOTATIONS, CONFIG, LEFT_ALONE, MANIFEST, NAMESPACES, VOLUMES
from hack.demo.data import Digest, parse
from hack.demo.disaster import HIT, PLANNED, planned
from hack.demo.movement import Movement, VolumeMovement
from hack.demo.repository import Repository
from hack.demo.timeline import Phase
from hack.demo.verdict import Check
from velero_volume_controller import config

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EMPTY = Digest({}, 0)
FULL = Digest({"./a": "1", "./b": "2"}, 10)
OTHER = Digest({"./a": "0"}, 5)


def moved(kind: str = "Backup", phase: str = "Completed") -> Movement:
    """A Backup or Restore of all that should be moved; a pod's name is its key."""
    volumes = tuple(
        VolumeMovement(
            pod=volume.pod,
            volume=volume.name,
            phase="Completed",
            created=NOON + timedelta(seconds=number),
            started=NOON + timedelta(seconds=number + 1),
            completed=NOON + timedelta(seconds=number + 3),
            bytes=10,
            snapshot=f"snapshot-{number}",
        )
        for number, volume in enumerate(volume for volume in VOLUMES if volume.backed_up)
    )
    return Movement(kind, "demo", phase, 0, 0, NOON, NOON + timedelta(seconds=30), volumes)


def failed(checks: list[Check]) -> list[str]:
    return [str(check) for check in checks if not check.held]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(FULL, "", id="equal digests differ in nothing"),
        pytest.param(
            Digest({"./a": "1"}, 5), "1 files missing, 0 new, 0 changed; the first: ./b", id="a lost file"
        ),
        pytest.param(
            Digest({"./a": "1", "./b": "3"}, 10),
            "0 files missing, 0 new, 1 changed; the first: ./b",
            id="other bytes",
        ),
        pytest.param(
            Digest({**FULL.files, "./c": "3"}, 11),
            "0 files missing, 1 new, 0 changed; the first: ./c",
            id="a new file",
        ),
    ],
)
def test_a_digest_says_how_another_differs(other: Digest, expected: str) -> None:
    assert FULL.difference(other) == expected
    assert (FULL.sha256 == other.sha256) == (not expected)


def test_a_listing_is_read_with_names_that_hold_spaces() -> None:
    assert parse(["7", "abc  ./a b,  größe.bin"]) == Digest({"./a b,  größe.bin": "abc"}, 7)
    assert parse(["0"]) == EMPTY


def test_annotations_as_they_should_be_pass() -> None:
    assert failed(verdict.on_annotations(ANNOTATIONS, {})) == []


def test_a_missing_a_strange_and_a_foreign_annotation_are_each_named() -> None:
    found = {**ANNOTATIONS, "demo-web/web": None, "demo-scratch/builds": "workspace"}
    assert failed(verdict.on_annotations(found, {"velero/velero-0": "plugins"})) == [
        "annotation of demo-web/web: expected uploads,cache, found none",
        "annotation of demo-scratch/builds: expected none, found workspace",
        "annotations in excluded namespaces: expected nothing, found velero/velero-0=plugins",
    ]


def test_a_backup_of_exactly_the_right_volumes_passes() -> None:
    assert failed(verdict.on_movement(moved(), {})) == []


@pytest.mark.parametrize(
    ("movement", "word"),
    [
        pytest.param(
            moved(phase="PartiallyFailed"), "found PartiallyFailed", id="a Backup that failed in part"
        ),
        pytest.param(replace(moved(), errors=2), "expected 0, found 2", id="errors"),
        pytest.param(
            replace(moved(), volumes=moved().volumes[1:]), "demo-shop/database-0:data", id="a volume too few"
        ),
        pytest.param(
            replace(moved(), volumes=(*moved().volumes[1:], replace(moved().volumes[0], phase="Failed"))),
            "demo-shop/database-0:data is Failed",
            id="a volume that failed",
        ),
        pytest.param(
            replace(moved(), volumes=(*moved().volumes, replace(moved().volumes[0], volume="tmp"))),
            "demo-shop/database-0:tmp",
            id="a volume too many",
        ),
    ],
)
def test_a_backup_that_is_not_right_fails_one_check(movement: Movement, word: str) -> None:
    (line,) = failed(verdict.on_movement(movement, {}))
    assert word in line


def as_it_should_be() -> dict[str, Digest]:
    """After the restore of volumes that were all FULL."""
    return {volume.key: FULL if volume.backed_up or volume.left_alone else EMPTY for volume in VOLUMES}


def test_restored_data_that_is_equal_and_skipped_volumes_that_are_empty_pass() -> None:
    before = {volume.key: FULL for volume in VOLUMES}
    assert failed(verdict.on_digests(before, as_it_should_be())) == []


def test_lost_data_and_data_that_rules_skip_and_volumes_that_were_not_left_alone_are_named() -> None:
    before = {volume.key: FULL for volume in VOLUMES}
    after = as_it_should_be()
    after["demo-web/web:cache"] = EMPTY
    after["demo-scratch/builds:workspace"] = EMPTY
    after["demo-web/nightly-report:pages"] = FULL
    del after["demo-scratch/wiki:articles"]
    lost, restored, touched, gone = failed(verdict.on_digests(before, after))
    assert lost.startswith("demo-web/web:cache: expected 2 files")
    assert restored.startswith(
        "demo-web/nightly-report:pages, which is not backed up: expected empty, found 2 files"
    )
    assert touched.startswith("demo-scratch/builds:workspace: expected 2 files")
    assert gone.endswith("found no such volume")


def test_an_undo_brings_back_what_the_disaster_left_and_nothing_that_it_took() -> None:
    struck = {volume.key: OTHER if volume.key in HIT else FULL for volume in VOLUMES}
    del struck["demo-scratch/wiki:articles"]
    assert failed(verdict.on_undo(struck, dict(struck))) == []
    undone = {**struck, "demo-web/web:uploads": FULL, "demo-scratch/wiki:articles": FULL}
    uploads, wiki = failed(verdict.on_undo(struck, undone))
    assert uploads.startswith("demo-web/web:uploads, undone: expected 1 files")
    assert wiki.startswith("demo-scratch/wiki:articles, undone: expected no such volume, found 2 files")


def test_objects_that_are_missing_new_or_changed_are_named() -> None:
    expected = {"a/ConfigMap/kept": "1", "a/ConfigMap/changed": "1", "a/Service/lost": "1"}
    found = {"a/ConfigMap/kept": "1", "a/ConfigMap/changed": "2", "a/Deployment/miner": "1"}
    assert failed(verdict.on_objects("it", expected, dict(expected))) == []
    assert failed(verdict.on_objects("it", expected, found)) == [
        "objects missing after it: expected nothing, found a/Service/lost",
        "objects too many after it: expected nothing, found a/Deployment/miner",
        "objects changed after it: expected nothing, found a/ConfigMap/changed",
    ]


def test_a_plan_that_does_something_else_with_an_object_is_named() -> None:
    assert failed(verdict.on_plan(PLANNED)) == []
    other = {**PLANNED, "demo-scratch/Deployment/builds": "delete"}
    assert failed(verdict.on_plan(other)) == [
        "planned for demo-scratch/Deployment/builds: expected keep, found delete"
    ]
    document = {"objects": [{"group": "", "kind": "Pod", "namespace": "a", "name": "b", "action": "keep"}]}
    assert planned(document) == {"a/Pod/b": "keep"}


@pytest.mark.parametrize(
    ("key", "digests", "expected"),
    [
        pytest.param(
            "demo-web/web:uploads",
            (FULL, OTHER, FULL, OTHER),
            ("overwritten", "digests equal", "overwritten"),
            id="what the disaster overwrote comes back, and is overwritten again by the undo",
        ),
        pytest.param(
            "demo-scratch/wiki:articles",
            (FULL, None, FULL, None),
            ("lost", "digests equal", "lost"),
            id="what the disaster took comes back, and is gone again after the undo",
        ),
        pytest.param(
            "demo-scratch/builds:workspace",
            (FULL, FULL, FULL, FULL),
            ("untouched", "left alone", "as it was"),
            id="what is protected stays",
        ),
        pytest.param(
            "demo-web/nightly-report:pages",
            (FULL, FULL, EMPTY, EMPTY),
            ("untouched", "skipped: empty", "Job starts over"),
            id="what was not backed up is empty, and a Job starts over",
        ),
    ],
)
def test_what_became_of_a_volume_is_said_in_words(
    key: str,
    digests: tuple[Digest | None, Digest | None, Digest | None, Digest | None],
    expected: tuple[str, str, str],
) -> None:
    (volume,) = (volume for volume in VOLUMES if volume.key == key)
    before, struck, after, undone = digests
    restored = summary.restored(volume, before, after)
    back = summary.undone(volume, before, struck, undone)
    assert (summary.struck(before, struck), restored[0], back[0]) == expected
    assert (restored[1], back[1]) == (True, True)


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        pytest.param("demo-web/web:uploads", FULL, OTHER, id="other data"),
        pytest.param("demo-web/web:uploads", FULL, None, id="no volume"),
        pytest.param("demo-scratch/builds:workspace", FULL, EMPTY, id="what should have been left alone"),
        pytest.param("demo-web/nightly-report:pages", FULL, FULL, id="data that no backup holds"),
    ],
)
def test_a_restore_that_is_not_right_is_said_not_to_be(
    key: str, before: Digest, after: Digest | None
) -> None:
    (volume,) = (volume for volume in VOLUMES if volume.key == key)
    assert not summary.restored(volume, before, after)[1]


@pytest.mark.parametrize(
    ("struck", "undone"),
    [
        pytest.param(OTHER, FULL, id="not undone"),
        pytest.param(OTHER, None, id="nothing there"),
        pytest.param(None, FULL, id="what the disaster took is there"),
    ],
)
def test_an_undo_that_is_not_right_is_said_not_to_be(struck: Digest | None, undone: Digest | None) -> None:
    assert not summary.undone(VOLUMES[0], FULL, struck, undone)[1]


def test_what_is_to_be_left_alone_bears_the_label_by_which_that_is_said() -> None:
    key, value = LEFT_ALONE.split("=")
    bearing = {
        (item["kind"], item["metadata"]["name"])
        for item in yaml.safe_load_all(MANIFEST.read_text())
        if item["metadata"].get("labels", {}).get(key) == value
    }
    kept = {tuple(each.split("/")[1:]) for each, action in PLANNED.items() if action == "keep"}
    assert bearing == kept - {("ConfigMap", "kube-root-ca.crt")}


def test_files_that_restic_does_not_list_are_counted() -> None:
    before = {volume.key: FULL for volume in VOLUMES}
    snapshots = {volume.snapshot: ("/a", "/b") for volume in moved().volumes}
    whole = Repository("demo", "s3:", "", snapshots)
    assert failed(verdict.on_repositories(moved(), {}, [whole], before)) == []
    part = replace(whole, snapshots={**snapshots, "snapshot-0": ("/a", "/c")})
    assert failed(verdict.on_repositories(moved(), {}, [part], before)) == [
        "files in restic's snapshot of demo-shop/database-0:data: expected 2 files,"
        " found 2 files, 2 of them missing or strange"
    ]


def test_the_timeline_is_well_formed_and_has_a_bar_for_every_movement() -> None:
    phases = [Phase("Backup & <more>", NOON, NOON + timedelta(seconds=30))]
    drawn = ElementTree.fromstring(timeline.draw([moved(), moved("Restore")], phases, {}))
    bars = [shape for shape in drawn.iter("rect") if shape.get("class", "").startswith("bar ")]
    assert len(bars) == 2 * len(moved().volumes)
    width = float(drawn.attrib["viewBox"].split()[2])
    assert all(timeline.LEFT <= float(bar.attrib["x"]) <= width for bar in bars)
    assert all(float(bar.attrib["width"]) >= timeline.LEAST for bar in bars)


def test_a_timeline_of_nothing_says_so() -> None:
    assert timeline.draw([], [], {}) == "<p>No volume was moved.</p>"


def test_the_picture_shows_what_was_printed_without_announcements_and_web_fonts(tmp_path: Path) -> None:
    recorded = Console(file=io.StringIO(), record=True, highlight=False)
    recorded.print("… counting")
    recorded.print("[green]✔[/] counted")
    picture.save(recorded, tmp_path / "docs" / "demo.svg")
    drawn = (tmp_path / "docs" / "demo.svg").read_text()
    assert "counted" in drawn
    assert "counting" not in drawn
    assert "url(http" not in drawn.replace('"', "")
    assert "@font-face" not in drawn


def test_the_picture_shows_the_beginning_of_what_is_long(tmp_path: Path) -> None:
    recorded = Console(file=io.StringIO(), record=True, highlight=False)
    recorded.print("✔ planned")
    for number in range(40):
        recorded.print(f"  delete-{number:02}")
    recorded.print("✔ done")
    picture.save(recorded, tmp_path / "demo.svg")
    drawn = (tmp_path / "demo.svg").read_text()
    assert drawn.count("delete-") == picture.MOST - 1
    assert "23&#160;lines&#160;more" in drawn
    assert "done" in drawn


def test_the_demos_configmap_is_one_that_the_controller_accepts_without_a_warning() -> None:
    assert config.load(CONFIG).warnings == ()


def test_the_manifest_has_the_namespaces_pods_and_volumes_that_the_table_speaks_of() -> None:
    documents = list(yaml.safe_load_all(MANIFEST.read_text()))
    assert tuple(item["metadata"]["name"] for item in documents if item["kind"] == "Namespace") == NAMESPACES
    written = set()
    for item in documents:
        if item["kind"] in {"StatefulSet", "Deployment", "Job"}:
            metadata, spec = item["metadata"], item["spec"]
            for mount in spec["template"]["spec"]["containers"][0]["volumeMounts"]:
                if mount["mountPath"] == f"/volumes/{mount['name']}":
                    written.add(f"{metadata['namespace']}/{metadata['name']}:{mount['name']}")
    assert written == {volume.key.replace("-0:", ":").replace("-1:", ":") for volume in VOLUMES}
