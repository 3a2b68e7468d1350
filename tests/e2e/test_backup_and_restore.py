"""The main job once through on real data: annotate, back up, a disaster, restore, compare, undo."""

from __future__ import annotations

import re

import pytest

from hack.demo import report
from hack.demo.applications import ANNOTATIONS, NAMESPACES, VOLUMES
from hack.demo.disaster import HIT, PLANNED
from hack.demo.movement import Movement, of_demo
from hack.demo.story import Story
from hack.lab import kubectl
from tests.e2e.conftest import Told

PROTECTED = sorted(volume.key for volume in VOLUMES if volume.backed_up)
SKIPPED = sorted(volume.key for volume in VOLUMES if not (volume.backed_up or volume.left_alone))
LEFT_ALONE = sorted(volume.key for volume in VOLUMES if volume.left_alone)


def moved(story: Story, movement: Movement | None) -> list[str]:
    """The volumes of a Backup or Restore as NAMESPACE/POD:VOLUME, sorted."""
    assert movement is not None
    assert (movement.phase, movement.errors) == ("Completed", 0)
    return sorted(f"{story.pods[volume.pod]}:{volume.volume}" for volume in movement.volumes)


def test_pods_carry_exactly_the_annotation_that_the_configmap_calls_for(story: Story) -> None:
    assert story.annotations == ANNOTATIONS


def test_pods_in_the_namespaces_that_the_configmap_excludes_carry_none(story: Story) -> None:
    assert story.elsewhere == {}


def test_a_backupset_takes_exactly_the_volumes_that_are_annotated(story: Story) -> None:
    assert moved(story, story.backup) == PROTECTED


def test_the_disaster_is_one(story: Story) -> None:
    before, struck = story.before, story.struck
    assert {key for key in HIT if before.volumes[key].difference(struck.volumes[key])} == HIT
    assert before.objects.keys() - struck.objects.keys() == {
        "demo-shop/Service/database",
        "demo-scratch/Deployment/wiki",
    }
    assert before.objects["demo-shop/ConfigMap/database"] != struck.objects["demo-shop/ConfigMap/database"]


@pytest.mark.parametrize("key", sorted(PLANNED))
def test_the_plan_says_of_each_object_what_is_to_become_of_it(story: Story, key: str) -> None:
    assert story.planned[key] == PLANNED[key]


def test_a_cleanrestore_brings_back_exactly_the_volumes_of_the_backupset(story: Story) -> None:
    assert moved(story, story.restore) == PROTECTED


@pytest.mark.parametrize("key", PROTECTED)
def test_every_file_of_a_volume_that_was_backed_up_is_what_it_was(story: Story, key: str) -> None:
    before = story.before.volumes[key]
    assert before.files, "the volume held files before the disaster"
    assert before.difference(story.after.volumes[key]) == ""


@pytest.mark.parametrize("key", SKIPPED)
def test_a_volume_that_was_not_backed_up_comes_back_empty(story: Story, key: str) -> None:
    assert story.before.volumes[key].files, "the volume held files before the disaster"
    assert story.after.volumes[key].files == {}


@pytest.mark.parametrize("key", LEFT_ALONE)
def test_a_volume_that_the_restore_is_to_leave_alone_is_never_touched(story: Story, key: str) -> None:
    before = story.before.volumes[key]
    assert before.files
    assert before.difference(story.after.volumes[key]) == ""
    assert before.difference(story.undone.volumes[key]) == ""


def test_after_the_restore_every_object_is_there_that_was_and_says_what_it_said(story: Story) -> None:
    assert story.after.objects == story.before.objects


def test_the_undo_backup_holds_every_volume_that_the_restore_cleared_away(story: Story) -> None:
    taken = set(moved(story, story.undo_backup))
    assert taken >= {key for key in PROTECTED if key in story.struck.volumes}


def test_the_undo_brings_back_what_the_disaster_had_left(story: Story) -> None:
    struck, undone = story.struck.volumes, story.undone.volumes
    assert undone.keys() == struck.keys()
    lasting = struck.keys() - {volume.key for volume in VOLUMES if volume.starts_over}
    assert {key: text for key in lasting if (text := struck[key].difference(undone[key]))} == {}
    assert story.undone.objects == story.struck.objects


def test_nothing_was_deleted_that_no_plan_names(told: Told) -> None:
    if told.not_planned is None:
        pytest.skip("needs the lab's audit log")
    assert told.not_planned == []


def test_the_report_loads_nothing_from_elsewhere(story: Story) -> None:
    page = report.render(story)
    assert "<svg" in page
    assert re.findall(r"<(?:link|script|img|iframe)\b|@import|url\(|\b(?:src|href)=", page) == []


def test_what_the_story_made_is_gone_afterwards(story: Story) -> None:
    assert kubectl.items("namespaces", "-l=vvc-demo=true") == []
    assert of_demo(story.velero) == {}
    volumes = kubectl.items("persistentvolumes")
    assert [item for item in volumes if item["spec"]["claimRef"]["namespace"] in NAMESPACES] == []


@pytest.mark.parametrize("told", ["1.16.2"], indirect=True)
def test_restic_itself_lists_the_snapshot_of_every_volume_with_its_files(story: Story) -> None:
    assert story.backup is not None
    listed = {
        snapshot: set(files) for found in story.repositories for snapshot, files in found.snapshots.items()
    }
    for volume in story.backup.volumes:
        written = story.before.volumes[f"{story.pods[volume.pod]}:{volume.volume}"].files
        assert listed[volume.snapshot] == {path.removeprefix(".") for path in written}
