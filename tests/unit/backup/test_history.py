from __future__ import annotations

import random

from velero_volume_controller.backup.history import failures, history, last_lanes
from velero_volume_controller.backup.work import Overhead, Sample, VolumeKey
from velero_volume_controller.velero.model.backups import Backup, BackupStatus
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup


def at(seconds: int) -> str:
    return f"2026-01-01T00:{seconds // 60:02}:{seconds % 60:02}Z"


def backup(name: str, phase: str, begun: int, ended: int, *namespaces: str, lane: str = "velero") -> Backup:
    status = BackupStatus(phase=phase, start_timestamp=at(begun), completion_timestamp=at(ended))
    return Backup(name=name, namespace=lane, included_namespaces=namespaces, status=status)


def volume(
    of: str,
    pod_namespace: str,
    begun: int,
    ended: int,
    *,
    claim: str = "data",
    phase: str = "Completed",
    lane: str = "velero",
    waited: int = 0,
) -> PodVolumeBackup:
    return PodVolumeBackup(
        name=f"{of}-{pod_namespace}-{claim}-{begun}",
        namespace=lane,
        backup=of,
        pod_namespace=pod_namespace,
        pod="web-0",
        volume="v",
        claim=claim,
        phase=phase,
        created=at(begun - waited),
        started=at(begun),
        completed=at(ended),
        bytes_done=100,
        bytes_total=100,
    )


def test_a_volume_costs_what_it_took_to_move_and_not_what_it_waited_for() -> None:
    found = history([], [volume("a", "shop", 20, 50, waited=15)]).samples
    assert found == (Sample(VolumeKey("shop", "data"), "velero", 30.0, 100, at(50)),)


def test_a_volume_without_a_claim_is_known_by_its_pod() -> None:
    (found,) = history([], [volume("a", "shop", 20, 50, claim="")]).samples
    assert found.key == VolumeKey("shop", "", "web-0", "v")


def test_what_did_not_complete_has_no_cost() -> None:
    assert history([], [volume("a", "shop", 20, 50, phase="Failed")]).samples == ()


def test_the_newest_samples_of_each_volume_are_kept() -> None:
    volumes = [volume("a", "shop", start, start + 5) for start in range(0, 100, 5)]
    random.Random(1).shuffle(volumes)
    assert [sample.ended for sample in history([], volumes).samples] == [at(end) for end in range(65, 101, 5)]


def test_a_backup_costs_beyond_its_volumes_what_comes_before_the_first_and_after_the_last() -> None:
    volumes = [
        volume("a", "shop", 10, 20),
        volume("a", "shop", 15, 30, claim="b"),
        volume("a", "shop", 40, 45),
    ]
    found = history([backup("a", "Completed", 5, 50, "shop")], volumes).overheads
    assert found == (Overhead("velero", 5 + 5, at(50)),)


def test_a_failed_backup_says_nothing_of_overheads() -> None:
    assert history([backup("a", "Failed", 5, 50, "shop")], []).overheads == ()


def test_a_namespace_belongs_to_the_lane_that_took_it_last() -> None:
    volumes = [volume("a", "shop", 1, 9, lane="old"), volume("b", "shop", 10, 19, lane="new")]
    failed = volume("c", "shop", 20, 29, lane="down", phase="Failed")
    assert last_lanes([*reversed(volumes), failed]) == {"shop": "new"}


def test_failures_are_counted_since_the_last_success() -> None:
    runs = [
        backup("a", "Failed", 0, 1, "shop", "blog"),
        backup("b", "Completed", 2, 3, "shop"),
        backup("c", "PartiallyFailed", 4, 5, "shop"),
        backup("d", "Failed", 6, 7, "shop"),
        backup("e", "InProgress", 8, 9, "shop"),
    ]
    assert failures(reversed(runs), []) == {"shop": 2, "blog": 1}


def test_only_the_namespace_whose_volume_failed_has_failed() -> None:
    runs = [backup("a", "PartiallyFailed", 0, 9, "shop", "blog")]
    assert failures(runs, [volume("a", "blog", 1, 2, phase="Failed")]) == {"blog": 1}


def test_a_backup_of_everything_is_no_failure_of_anyone() -> None:
    assert failures([backup("a", "Failed", 0, 9, "*")], []) == {}
