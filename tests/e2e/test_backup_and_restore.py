"""The main job once through on real data: annotate, back up, destroy, restore, compare."""

from __future__ import annotations

import re

import pytest

from hack.demo import report
from hack.demo.applications import ANNOTATIONS, NAMESPACES, VOLUMES
from hack.demo.movement import Movement, of_demo
from hack.demo.story import Story
from hack.lab import kubectl

PROTECTED = sorted(volume.key for volume in VOLUMES if volume.backed_up)
SKIPPED = sorted(volume.key for volume in VOLUMES if not volume.backed_up)


def moved(story: Story, movement: Movement | None) -> list[str]:
    """The volumes of a Backup or Restore as NAMESPACE/POD:VOLUME, sorted."""
    assert movement is not None
    assert (movement.phase, movement.errors) == ("Completed", 0)
    return sorted(f"{story.pods[volume.pod]}:{volume.volume}" for volume in movement.volumes)


def test_pods_carry_exactly_the_annotation_that_the_configmap_calls_for(story: Story) -> None:
    assert story.annotations == ANNOTATIONS


def test_pods_in_the_namespaces_that_the_configmap_excludes_carry_none(story: Story) -> None:
    assert story.elsewhere == {}


def test_a_backup_takes_exactly_the_volumes_that_are_annotated(story: Story) -> None:
    assert moved(story, story.backup) == PROTECTED


def test_a_restore_brings_back_exactly_the_volumes_of_the_backup(story: Story) -> None:
    assert moved(story, story.restore) == PROTECTED


@pytest.mark.parametrize("key", PROTECTED)
def test_every_file_of_a_volume_that_was_backed_up_is_what_it_was(story: Story, key: str) -> None:
    assert story.before[key].files, "the volume held files before it was destroyed"
    assert story.before[key].difference(story.after[key]) == ""


@pytest.mark.parametrize("key", SKIPPED)
def test_a_volume_that_was_not_backed_up_comes_back_empty(story: Story, key: str) -> None:
    assert story.before[key].files, "the volume held files before it was destroyed"
    assert story.after[key].files == {}


def test_the_report_loads_nothing_from_elsewhere(story: Story) -> None:
    page = report.render(story)
    assert "<svg" in page
    assert re.findall(r"<(?:link|script|img|iframe)\b|@import|url\(|\b(?:src|href)=", page) == []


def test_what_the_story_made_is_gone_afterwards(story: Story) -> None:
    assert kubectl.items("namespaces", "-l=vvc-demo=true") == []
    assert of_demo(story.velero) == {}
    volumes = kubectl.items("persistentvolumes")
    assert [item for item in volumes if item["spec"]["claimRef"]["namespace"] in NAMESPACES] == []


@pytest.mark.parametrize("story", ["1.16.2"], indirect=True)
def test_restic_itself_lists_the_snapshot_of_every_volume_with_its_files(story: Story) -> None:
    assert story.backup is not None
    listed = {
        snapshot: set(files) for found in story.repositories for snapshot, files in found.snapshots.items()
    }
    for volume in story.backup.volumes:
        written = story.before[f"{story.pods[volume.pod]}:{volume.volume}"].files
        assert listed[volume.snapshot] == {path.removeprefix(".") for path in written}
