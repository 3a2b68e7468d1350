"""How far a CleanRestore is, from its status and from what Velero says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.unit.restore.runs import (
    HASH,
    MIB,
    P,
    at,
    made,
    plan,
    restore,
    restoring,
    run,
    said,
    seen,
    steps,
    undo,
    volume,
)
from velero_volume_controller.api.cleanrestore import CleanRestoreSpec, RunProgress, Source, Verified
from velero_volume_controller.restore.changes import changes
from velero_volume_controller.restore.progress import called, view
from velero_volume_controller.restore.views import Seen, document

ENDED = {"steps": steps(P.VERIFYING, 90), "ended": at(90)}


def test_each_step_says_how_long_it_took() -> None:
    shown = view(restoring(), at(75))
    assert [(each.phase, each.seconds) for each in shown.steps[-2:]] == [
        ("WaitingGone", 10),
        ("Restoring", 25),
    ]
    assert shown.steps[-1].ended is None


def test_each_backup_has_a_line_and_each_volume_one_below() -> None:
    first, second = view(restoring(), at(80)).restores
    assert (first.phase, first.fraction, first.seconds) == ("Completed", 1.0, 10)
    assert [each.pod for each in second.volumes] == ["db-0", "db-1", "web-0"]
    assert [each.fraction for each in second.volumes] == [1.0, 0.25, 0.0]
    assert (second.items, second.items_total) == (30, 30)
    assert second.fraction == pytest.approx((1 + 30 / 95) / 2)


def test_a_backup_that_waits_for_its_turn_is_told_too() -> None:
    waiting = view(seen(P.RESTORING, restores=[made("night-1")]), at(60)).restores
    assert [(each.backup, each.phase) for each in waiting] == [("night-1", "New"), ("night-2", "Waiting")]


def test_data_that_is_left_is_told_only_when_all_of_it_is_known() -> None:
    shown = view(restoring(), at(80))
    assert shown.rate == 1 * MIB
    assert shown.left == 60
    early = [restore("night-2", "InProgress", 29, 30)]
    assert view(restoring_with(live=early), at(80)).left is None, "another object may have a volume"
    only = [made("night-1", "InProgress")]
    volumes = [volume("night-1", "db-0", bytes_done=MIB, bytes_total=2 * MIB)]
    live = [restore("night-1", "InProgress", 9, 9)]
    one_of_two = seen(P.RESTORING, restores=only, live=live, volumes=volumes)
    assert view(one_of_two, at(80)).left is None, "the volumes of the second Backup are not known"


def restoring_with(**more: Any) -> Seen:
    whole = restoring()
    live = {each.name: each for each in more["live"]}
    return Seen(whole.run, live, whole.volumes)


def test_without_the_right_to_look_the_status_tells() -> None:
    known = RunProgress(gone=40, to_go=40, volumes_done=2, volumes_total=7, bytes_done=5, bytes_total=9)
    shown = view(seen(P.RESTORING, live=None, volumes=None, progress=known, notes=("may not",)), at(60))
    assert (shown.done, shown.total, shown.volumes_done, shown.volumes_total) == (5, 9, 2, 7)
    assert shown.notes == ("may not",)


def test_what_a_failed_restore_had_written_does_not_count() -> None:
    restores = [made("night-1", "Failed", cleared=True), made("night-2", "InProgress")]
    volumes = [
        volume("night-1", "db-0", "Completed", bytes_done=MIB, bytes_total=MIB),
        volume("night-2", "db-1", bytes_done=MIB, bytes_total=4 * MIB),
    ]
    shown = view(seen(P.RESTORING, restores=restores, volumes=volumes), at(70))
    assert (shown.done, shown.total, shown.volumes_done, shown.volumes_total) == (MIB, 4 * MIB, 0, 1)


def test_what_was_remarked_before_it_began_is_shown() -> None:
    assert view(seen(P.RESTORING, remarks=["Backup b1 lacks a volume"]), at(60)).notes == (
        "Backup b1 lacks a volume",
    )


def test_what_ended_it_is_told_once() -> None:
    message = "not gone after 15m: Widget shop/w; go on with vvc restore apply back"
    failed = seen(
        P.FAILED,
        conditions=[said("Complete", "False", "NotGone", message)],
        problems=["Widget shop/w"],
        resume_from=P.WAITING_GONE,
        undo=undo(),
        **ENDED,
    )
    shown = view(failed, at(100))
    assert (shown.reason, shown.failure, shown.problems) == ("NotGone", message, ())
    assert [each.command for each in shown.next] == [
        "vvc restore apply back -n velero",
        "vvc restore undo back -n velero",
    ]
    assert "goes on with WaitingGone" in shown.next[0].what


NEXT: dict[str, tuple[Seen, list[str]]] = {
    "before anybody looked at it it can be cancelled": (seen(None), ["cancel"]),
    "a plan that waits is looked at, approved or cancelled": (
        seen(P.AWAITING_APPROVAL),
        ["plan", "apply", "cancel"],
    ),
    "until something is deleted it can be cancelled": (seen(P.QUIESCING), ["cancel"]),
    "while it clears there is nothing to do but to wait": (seen(P.CLEARING), []),
    "nor while it restores": (restoring(), []),
    "one that was cancelled before has nothing to undo": (seen(P.CANCELLED, steps=steps(P.VALIDATING)), []),
    "at the end there are a report, and the way back": (
        seen(P.COMPLETED, undo=undo(), verify=Verified(report="r"), **ENDED),
        ["report", "undo"],
    ),
    "one that asks for its end already is not told how to": (
        seen(P.VALIDATING, spec=CleanRestoreSpec(source=Source(backup="b"), cancel=True)),
        [],
    ),
}


@pytest.mark.parametrize(("found", "commands"), NEXT.values(), ids=NEXT.keys())
def test_the_commands_that_come_next(found: Seen, commands: list[str]) -> None:
    assert [each.command.split()[2] for each in view(found, at(95)).next] == commands


def test_one_that_nobody_takes_up_is_wondered_about() -> None:
    assert view(seen(None), at(-10)).notes == ()
    (note,) = view(seen(None), at(40)).notes
    assert "nothing has taken it up for 1m 00s" in note


def test_what_the_plan_could_not_know_is_told_and_that_it_was_cancelled_too_late() -> None:
    told = seen(
        P.CLEARING,
        conditions=[
            said("Planned", "True", "Planned", "4 objects are deleted, 1 stay, 0 are made. Beware of this."),
            said("Cancelled", "False", "TooLate", "clearing has begun"),
        ],
    )
    shown = view(told, at(30))
    assert shown.notes == ("Beware of this.",)
    assert shown.problems == ("clearing has begun",)


def test_what_is_restored_has_a_name() -> None:
    assert called(Source(backup_set="night")) == "BackupSet night"
    assert called(Source(backup="b1")) == "Backup b1"
    assert called(Source(backups=["b1", "b2"])) == "Backups b1, b2"


def test_the_document_is_plain_json_and_says_the_phase_and_what_comes_next() -> None:
    told = msgspec.json.decode(msgspec.json.encode(document(view(restoring(), at(80)))))
    assert told["phase"] == "Restoring"
    assert told["plan"]["hash"] == HASH
    assert told["approved"] is True
    assert told["progress"]["secondsLeft"] == 60
    assert told["restores"][1]["volumes"][1]["bytesDone"] == 20 * MIB
    assert told["undo"]["phase"] == "Completed"


def test_another_plan_than_the_approved_one_is_not_approved() -> None:
    other = Seen(run(P.AWAITING_APPROVAL, plan=plan(hash=f"sha256:{'b' * 64}")))
    assert view(other, at(0)).approved is False


def test_a_log_has_a_line_for_each_change_and_the_end_last() -> None:
    before = view(seen(P.CLEARING, progress=RunProgress(gone=3, to_go=40)), at(35))
    during = view(seen(P.CLEARING, progress=RunProgress(gone=21, to_go=40)), at(37))
    assert list(changes(None, before)) == [
        "CleanRestore velero/back: Clearing, 40 objects",
        "3 of 40 objects are gone",
    ]
    assert list(changes(before, during)) == ["21 of 40 objects are gone"]
    assert list(changes(during, during)) == []
    after = view(restoring(), at(75))
    told = list(changes(during, after))
    assert told[0] == "CleanRestore velero/back: Restoring: Restore velero/back-night-2 is InProgress"
    assert "Clearing took 10s" in told
    assert "undo Backup back-0a1b2c3d-undo-1: Completed" in told
    assert "Restore back-night-1 of Backup night-1: Completed" in told
    assert "volume data of shop/db-0: Completed, 10.0 MiB in 5s" in told
    ended = view(
        seen(
            P.COMPLETED_WITH_WARNINGS,
            verify=Verified(differences=["Secret shop/x is missing"]),
            progress=RunProgress(gone=40, to_go=40, volumes_done=2, volumes_total=2, bytes_done=MIB),
            live=None,
            volumes=None,
            **ENDED,
        ),
        at(91),
    )
    assert list(changes(after, ended))[-2:] == [
        "differs: Secret shop/x is missing",
        "CleanRestore velero/back: CompletedWithWarnings, 2 of 2 volumes, 1.0 MiB",
    ]
