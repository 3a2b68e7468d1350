"""How far a set is, when it is likely to end, and what went wrong."""

from __future__ import annotations

import pytest

from tests.unit.backup.sets import (
    BEGIN,
    MIB,
    at,
    attempt,
    backup,
    completed,
    running,
    seen,
    shard,
    volume,
)
from velero_volume_controller.api.backupset import (
    Attempt,
    BackupSetStatus,
    Condition,
    Missing,
    PointBackup,
    Progress,
    RestorePoint,
    SetPhase,
)
from velero_volume_controller.api.times import seconds_between
from velero_volume_controller.api.words import amount, part, span
from velero_volume_controller.backup.changes import changes
from velero_volume_controller.backup.progress import view
from velero_volume_controller.backup.remaining import LEAST, Work, finish, pace, places
from velero_volume_controller.backup.views import Seen, document


def left(seen: Seen, now: float) -> float:
    ends = view(seen, at(now)).ends
    assert ends is not None
    return seconds_between(at(now), ends)


def test_before_anything_has_ended_the_plans_own_end_is_predicted() -> None:
    """Four shards of 60 s in two slots, which the plan sees in each other's way: 180 s instead of 120."""
    shards = [
        shard("a", 60, running("a", 0)),
        shard("b", 60, running("b", 0)),
        shard("c", 60),
        shard("d", 60),
    ]
    assert left(seen(*shards, makespan=180), 0) == 180
    assert left(seen(*shards, makespan=120), 0) == 120
    assert left(seen(*shards, makespan=120), 30) == 90


def test_what_has_ended_sets_the_pace_of_what_is_left() -> None:
    slow = [shard("a", 60, completed("a", 0, 120)), shard("b", 60, running("b", 120)), shard("c", 60)]
    fast = [shard("a", 60, completed("a", 0, 30)), shard("b", 60, running("b", 30)), shard("c", 60)]
    # One of three has ended, twice as slow: (120 + 60 + 60) / 180 of the predicted seconds.
    assert left(seen(*slow, makespan=180), 120) == pytest.approx(160, abs=1)
    assert left(seen(*fast, makespan=180), 30) == pytest.approx(100, abs=1)


def test_a_backup_that_is_late_is_predicted_by_its_data() -> None:
    late = shard("a", 10, running("a", 0))
    moving = volume("a", bytes_done=30 * MIB, bytes_total=40 * MIB)
    assert left(seen(late, makespan=10), 60) == LEAST
    assert left(seen(late, makespan=10, volumes=[moving]), 60) == 20


def test_a_backup_that_is_late_and_whose_volumes_tell_little_takes_as_long_again() -> None:
    """As a slow node with large files: kopia tells of a file's bytes when all of it is stored."""
    late = shard("a", 10, running("a", 0))
    silent = volume("a", "silent", bytes_done=0, bytes_total=40 * MIB)
    barely = volume("a", "barely", bytes_done=4096, bytes_total=0)
    assert left(seen(late, makespan=10, volumes=[silent]), 60) == 60
    assert left(seen(late, makespan=10, volumes=[silent, barely]), 60) == 60
    first = volume("a", "first", bytes_done=MIB, bytes_total=MIB, phase="Completed")
    assert left(seen(late, makespan=10, volumes=[silent, first]), 60) == 60
    half = volume("a", "half", bytes_done=30 * MIB, bytes_total=30 * MIB, phase="Completed")
    rest = volume("a", "rest", bytes_done=0, bytes_total=15 * MIB)
    assert left(seen(late, makespan=10, volumes=[half, rest]), 60) == 30


def test_a_set_that_is_paused_or_not_planned_has_no_predicted_end() -> None:
    assert view(seen(shard("a", 10), phase=SetPhase.PAUSED), at(5)).ends is None
    assert view(seen(phase=SetPhase.PLANNING), at(5)).ends is None
    assert view(seen(phase=None), at(5)).phase == "New"


def test_a_retry_is_waited_for() -> None:
    failed = attempt("a", phase="Failed", started=BEGIN, ended=at(10), reason="no")
    again = shard("a", 30, failed)
    # A minute's backoff from its end, 30 s for the Backup.
    assert left(seen(again, makespan=30), 10) == 90
    (shown,) = view(seen(again, makespan=30), at(10)).shards
    assert (shown.attempt, shown.phase, shown.due) == (1, "Failed", at(70))


def test_what_the_backup_says_is_newer_than_the_status() -> None:
    waiting = shard("a", 30, attempt("a", created=BEGIN, phase="New"))
    (by_status,) = view(seen(waiting), at(20)).shards
    (by_backup,) = view(
        seen(waiting, backups=[backup("a", "InProgress", start_timestamp=at(5))]), at(20)
    ).shards
    assert (by_status.phase, by_status.seconds) == ("New", 20)
    assert (by_backup.phase, by_backup.seconds) == ("InProgress", 15)


def test_bytes_volumes_and_rate() -> None:
    shards = [
        shard("a", 60, completed("a", 0, 30, 10 * MIB)),
        shard("b", 60, running("b", 0)),
        shard("c", 60),
    ]
    volumes = [
        volume("a", phase="Completed", bytes_done=10 * MIB, bytes_total=10 * MIB, completed=at(20)),
        volume("b", "one", bytes_done=20 * MIB, bytes_total=80 * MIB),
        volume("b", "two", phase="Prepared", started=None),
    ]
    shown = view(seen(*shards, volumes=volumes), at(40))
    assert (shown.done, shown.total) == (30 * MIB, 90 * MIB)
    assert (shown.volumes_done, shown.volumes_total) == (1, 3)
    assert shown.rate == 20 * MIB / 40
    one, two = shown.shards[1].volumes
    assert (one.fraction, two.fraction, two.phase) == (0.25, 0.0, "Prepared")
    assert 0.33 < shown.fraction < 0.67


def test_without_the_volumes_the_status_tells() -> None:
    known = Progress(bytes_done=3 * MIB, bytes_total=9 * MIB, volumes_done=1, volumes_total=3)
    shown = view(seen(shard("a", 60, running("a", 0)), progress=known), at(30))
    assert (shown.done, shown.total, shown.volumes_done, shown.volumes_total) == (3 * MIB, 9 * MIB, 1, 3)
    assert shown.rate == 3 * MIB / 30


def test_what_is_complete_stays_counted_when_velero_has_removed_its_volumes() -> None:
    shards = [shard("a", 60, completed("a", 0, 30, 10 * MIB)), shard("b", 60, running("b", 0))]
    moving = volume("b", bytes_done=MIB, bytes_total=2 * MIB)
    shown = view(seen(*shards, volumes=[moving]), at(40))
    assert (shown.done, shown.total, shown.volumes_done, shown.volumes_total) == (11 * MIB, 12 * MIB, 1, 2)


def test_a_volume_is_whole_only_when_it_is_complete() -> None:
    whole = {"bytes_done": 10, "bytes_total": 10}
    moving = seen(shard("a", 9, running("a", 0)), volumes=[volume("a", phase="InProgress", **whole)])
    ended = seen(shard("a", 9, running("a", 0)), volumes=[volume("a", phase="Completed", **whole)])
    assert view(moving, at(1)).shards[0].volumes[0].fraction == 0.99
    assert view(ended, at(1)).shards[0].volumes[0].fraction == 1.0


FAILED = attempt("a", phase="PartiallyFailed", started=BEGIN, ended=at(10), reason="1 error")
BROKEN = volume("a", phase="Failed", message="open /host_pods/x: permission denied")


def test_what_failed_for_good_has_come_as_far_as_its_volumes_were_taken() -> None:
    taken = volume("a", "kept", phase="Completed", bytes_done=9, bytes_total=9, completed=at(9))
    ended = seen(
        shard("a", 10, FAILED), shard("b", 30), phase=SetPhase.PARTIALLY_FAILED, volumes=[taken, BROKEN]
    )
    again = seen(shard("a", 10, FAILED), shard("b", 30), volumes=[taken, BROKEN])
    assert view(ended, at(99)).shards[0].fraction == 0.5
    assert view(ended, at(99)).fraction == 0.125
    assert view(again, at(11)).fraction == 0.0, "it is to be taken again"


def test_a_failure_names_what_failed_why_and_what_happens_next() -> None:
    first, second = view(seen(shard("a", 9, FAILED), volumes=[BROKEN]), at(11)).failures
    assert str(first) == f"shard a, attempt 1: PartiallyFailed: 1 error; it is tried again at {at(70)}"
    assert str(second) == (
        "volume data of a/a-0 on node1: Failed: open /host_pods/x: permission denied;"
        " let the node-agent read these files, or leave the volume out"
    )


def test_a_volume_that_velero_gives_up_without_a_reason_says_where_the_reason_is() -> None:
    silent = volume("a", phase="Canceled")
    _, told = view(seen(shard("a", 9, FAILED), volumes=[silent]), at(11)).failures
    assert told.reason == "no reason is given"
    assert told.advice == (
        "often a file can't be read; the node-agent's log names it:"
        " kubectl -n velero logs -l name=node-agent --tail=-1 | grep a-data-1"
    )


def test_a_failure_that_was_made_good_is_told_as_that() -> None:
    again = attempt("a", 2, phase="Completed", started=at(70), ended=at(80))
    (only,) = view(seen(shard("a", 9, FAILED, again), volumes=[BROKEN]), at(81)).failures
    assert only.mended
    assert only.advice == "a later Backup of it is complete"


ENDED = {
    "a restart of Velero": (
        'found a backup with status "InProgress" during the server starting, mark it as "Failed"',
        "Velero or its node-agent was restarted: kubectl -n velero describe pods",
    ),
    "a storage location that is away": (
        "the BSL default is in Unavailable status",
        "see to the storage: velero -n velero backup-location get",
    ),
    "anything else": (
        "boom",
        "see: velero -n velero backup logs nightly-0a1b2c3d-a-1; mend the cause, then vvc backup retry",
    ),
    "a reason that says where to look": (
        "2 errors; see: velero --namespace velero backup logs x",
        "mend the cause, then vvc backup retry",
    ),
}


@pytest.mark.parametrize(("reason", "advice"), ENDED.values(), ids=ENDED.keys())
def test_at_the_end_a_failure_says_what_to_do(reason: str, advice: str) -> None:
    failed = attempt("a", phase="Failed", started=BEGIN, ended=at(10), reason=reason)
    (only,) = view(seen(shard("a", 9, failed), phase=SetPhase.FAILED), at(99)).failures
    assert only.advice == advice


def test_a_shard_of_which_nothing_is_left_is_no_failure_and_holds_nothing_up() -> None:
    skipped = Attempt(backup="", lane="velero", phase="Skipped", since=at(5), ended=at(5))
    shown = view(seen(shard("a", 60, completed("a", 0, 60)), shard("b", 60, skipped)), at(60))

    assert shown.fraction == 1
    assert not shown.failures
    assert [each.phase for each in shown.shards] == ["Completed", "Skipped"]


def test_conditions_that_hold_it_up_and_what_is_missing_are_told() -> None:
    def condition(kind: str, status: str, reason: str) -> Condition:
        return Condition(
            type=kind, status=status, reason=reason, message="see to it", last_transition_time=BEGIN
        )

    conditions = [
        condition("Planned", "True", "Planned"),
        condition("Progressing", "False", "LaneUnavailable"),
        condition("Degraded", "True", "ShardFailed"),
    ]
    point = RestorePoint(
        missing=[
            Missing("a", reason="gone"),
            Missing("b", "b-0", "data", "no"),
            Missing("c", reason="not taken", claim="d"),
            Missing("", reason="9 more"),
        ]
    )
    shown = view(seen(shard("a", 9), conditions=conditions, restore_point=point), at(1))
    assert shown.notes == ("LaneUnavailable: see to it",), "the failures tell of each shard already"
    assert shown.missing == (
        "namespace a: gone",
        "volume data of b/b-0: no",
        "PersistentVolumeClaim c/d: not taken",
        "9 more",
    )


def test_each_change_is_one_line_and_told_once() -> None:
    fresh = Seen("velero", "nightly", seen().spec, BackupSetStatus())
    begun = seen(
        shard("a", 60, running("a", 1)),
        shard("b", 60),
        makespan=130,
        volumes=[volume("a", bytes_done=MIB, bytes_total=2 * MIB)],
    )
    taken = volume("a", phase="Completed", bytes_done=2 * MIB, bytes_total=2 * MIB, completed=at(30))
    ended = seen(
        shard("a", 60, completed("a", 1, 41, 2 * MIB)),
        shard("b", 60, attempt("b", phase="Failed", started=at(2), ended=at(9), reason="boom")),
        phase=SetPhase.PARTIALLY_FAILED,
        makespan=130,
        volumes=[taken],
        ended=at(60),
    )
    looks = [view(each, at(60)) for each in (fresh, begun, begun, ended)]
    told = [list(changes(before, after)) for before, after in zip([None, *looks], looks, strict=False)]
    assert told == [
        ["BackupSet velero/nightly: New"],
        [
            "BackupSet velero/nightly: Running, 2 shards, 2m 10s predicted",
            "shard a: InProgress (nightly-0a1b2c3d-a-1)",
        ],
        [],
        [
            "shard a: Completed (nightly-0a1b2c3d-a-1), 2.0 MiB in 40s",
            "volume data of a/a-0: Completed, 2.0 MiB in 30s",
            "shard b: Failed (nightly-0a1b2c3d-b-1)",
            "shard b, attempt 1: Failed: boom; see: velero -n velero backup logs nightly-0a1b2c3d-b-1;"
            " mend the cause, then vvc backup retry",
            "BackupSet velero/nightly: PartiallyFailed, 1 of 1 volume, 2.0 MiB",
        ],
    ]


def test_the_document_has_all_of_it() -> None:
    told = document(view(seen(shard("a", 60, running("a", 0)), makespan=60, volumes=[volume("a")]), at(30)))
    assert told["phase"] == "Running"
    assert told["predictedEnd"] == at(60)
    assert told["shards"][0]["volumes"][0]["pod"] == "a-0"
    assert told["shards"][0]["fraction"] == 0.5


def test_the_document_names_the_backups_to_restore_the_clusters_own_first() -> None:
    backups = [PointBackup("a-1", "velero", "a", ["x"]), PointBackup("cluster-1", "velero", "cluster")]
    shards = [shard("a", 60, completed("a", 0, 9)), shard("cluster", 4, completed("cluster", 9, 10))]
    shards[1].cluster = True
    point = RestorePoint(backups=backups)
    told = document(view(seen(*shards, phase=SetPhase.COMPLETED, restore_point=point), at(30)))
    assert told["restorePoint"] == [
        {"lane": "velero", "backup": "cluster-1", "shard": "cluster", "namespaces": []},
        {"lane": "velero", "backup": "a-1", "shard": "a", "namespaces": ["x"]},
    ]
    assert document(view(seen(*shards), at(30)))["restorePoint"] == []


def test_as_many_places_as_have_run_at_once_are_used() -> None:
    assert places([("v", 0, 10), ("v", 10, 20), ("w", 0, 9), ("w", 1, 2)]) == {"v": 1, "w": 2}
    works = [Work("v", 10, running=0.0), Work("v", 10), Work("v", 30)]
    assert finish(works, {"v": 1}, 1.0) == 50
    assert finish(works, {"v": 2}, 1.0) == 30
    assert pace([], 0, {}) == 1.0


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KiB"), (1536 * MIB, "1.5 GiB"), (200 * MIB, "200 MiB")],
)
def test_amounts(size: int, text: str) -> None:
    assert amount(size) == text


def test_parts_are_in_the_unit_of_the_whole() -> None:
    assert part(512 * MIB, 1536 * MIB) == "0.5 of 1.5 GiB"
    assert part(1, 200 * MIB) == "0 of 200 MiB"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (65, "1m 05s"), (7800, "2h 10m"), (273600, "3d 04h"), (-1, "0s")]
)
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text
