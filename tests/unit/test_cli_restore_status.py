"""A CleanRestore in bars and in lines: what fits, what is left out, and what is never a control character."""

from __future__ import annotations

import re
from dataclasses import replace

import click
import pytest

from tests.unit.restore.runs import P, at, plan, restoring, said, seen, steps, undo
from velero_volume_controller.api.cleanrestore import RunProgress, Uncovered, Verified
from velero_volume_controller.backup.glyphs import ASCII, BLOCKS, Glyphs
from velero_volume_controller.cli.backup_terminal import Pen
from velero_volume_controller.cli.restore_bars import bars
from velero_volume_controller.cli.restore_watch import ended_as
from velero_volume_controller.restore.progress import view
from velero_volume_controller.restore.views import RunView, Seen

PLAIN = re.compile(r"\x1b\[[0-9;]*m")


def plain(text: str, _: str) -> str:
    return text


def coloured(text: str, colour: str) -> str:
    return click.style(text, fg=colour) if colour else text


def half_way() -> RunView:
    return view(restoring(), at(80))


def failed() -> RunView:
    message = "not gone after 15m: " + "Widget shop/kept (finalizer restore.example.com/slow), " * 4
    found = seen(
        P.FAILED,
        conditions=[said("Complete", "False", "NotGone", message)],
        progress=RunProgress(gone=31, to_go=40),
        resume_from=P.WAITING_GONE,
        steps=steps(P.WAITING_GONE, 900),
        ended=at(900),
        undo=undo(uncovered=[Uncovered(namespace="shop", claim="cache", reason="no pod")]),
        verify=Verified(
            objects=9, differences=["Secret shop/a-very-long-name is missing, and was backed up"]
        ),
    )
    return view(found, at(950))


AT_80 = Pen(80, plain, BLOCKS)


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
@pytest.mark.parametrize("shown", [half_way(), failed()], ids=["half way", "failed"])
@pytest.mark.parametrize("glyphs", [BLOCKS, ASCII])
def test_no_line_is_wider_than_the_terminal(columns: int, shown: RunView, glyphs: Glyphs) -> None:
    lines = bars(shown, Pen(columns, coloured, glyphs), everything=True)
    # A hash is one word, and a command is not broken: it is copied.
    told = [PLAIN.sub("", line) for line in lines if "sha256:" not in line and "vvc restore" not in line]
    widest = max(told, key=len)
    assert len(widest) <= columns, widest
    if glyphs is ASCII:
        assert "".join(lines).isascii()


def test_it_begins_with_the_phase_and_says_how_long_it_takes() -> None:
    lines = bars(half_way(), AT_80)
    assert lines[0] == "CleanRestore velero/back: Restoring"
    assert lines[1].startswith("began ")
    assert lines[1].endswith("1m 20s ago; all data is written in about 1m 00s")
    assert any(line.endswith("→ WaitingGone 10s → Restoring 30s so far") for line in lines)
    assert "restores  BackupSet night into bank, shop" in lines
    assert "plan      40 deleted, 12 kept, 3 created; approved" in lines


def test_what_was_cleared_and_each_volume_that_moves_or_failed_has_a_bar() -> None:
    text = "\n".join(bars(half_way(), AT_80))
    assert "clearing " in text
    assert "40/40 gone" in text
    assert "30.0 of 95.0 MiB" in text
    assert "shop/db-1 data" in text
    assert "shop/web-0 data" in text, "it failed"
    assert "shop/db-0 data" not in text, "it is written"
    assert "shop/db-0 data" in "\n".join(bars(half_way(), AT_80, everything=True))


def test_backups_of_a_set_are_told_apart_by_how_their_names_end() -> None:
    one, *_ = half_way().restores
    names = ("night-0a1b2c3d-bank-1", "night-0a1b2c3d-shop-and-2-1")
    many = replace(half_way(), restores=tuple(replace(one, backup=name, volumes=()) for name in names))
    begins = [line.partition(" ")[0] for line in bars(many, AT_80)]
    assert {"bank-1", "shop-and-2-1"} <= set(begins)


def test_control_characters_are_told_and_not_sent() -> None:
    text = "\n".join(bars(half_way(), Pen(200, plain, BLOCKS)))
    assert "no\\x1b[2Jgood" in text
    assert "\x1b" not in text


def test_a_failure_says_why_what_differs_and_the_way_out() -> None:
    lines = bars(failed(), AT_80)
    assert lines[0] == "CleanRestore velero/back: Failed"
    assert any(line.startswith("! NotGone: not gone after 15m:") for line in lines)
    assert any(line.startswith("- differs: Secret shop/a-very-long-name") for line in lines)
    assert "lacks the data of shop/cache" in " ".join(line.strip() for line in lines)
    assert lines[-2:] == [
        "vvc restore apply back -n velero  asks, and goes on with WaitingGone",
        "vvc restore undo back -n velero   brings back what was there before",
    ]


def test_a_command_is_never_broken() -> None:
    lines = bars(failed(), Pen(40, plain, BLOCKS))
    assert "  vvc restore apply back -n velero" in lines


def test_on_a_low_screen_what_runs_and_what_failed_stays() -> None:
    lines = bars(half_way(), AT_80, rows=8)
    assert len(lines) == 8
    text = "\n".join(lines)
    assert "CleanRestore velero/back: Restoring" in text
    assert "night-2" in text
    assert "plan      40" not in text
    assert re.fullmatch(r"… \d+ lines more than fit here", lines[-1])


def test_what_waits_for_approval_has_no_bars_and_says_what_it_waits_for() -> None:
    message = "spec.planHash is not set; look at the plan with vvc restore plan back"
    waiting = seen(
        P.AWAITING_APPROVAL,
        plan=plan(blocked=0),
        conditions=[said("Progressing", "False", "AwaitingApproval", message)],
    )
    lines = bars(view(waiting, at(0)), AT_80)
    assert "spec.planHash is not set; look at the plan with vvc restore plan back" in lines
    assert not any("█" in line or "░" in line for line in lines)


def test_colour_says_how_it_is_and_is_all_that_differs() -> None:
    bare, painted = bars(half_way(), AT_80), bars(half_way(), Pen(80, coloured, BLOCKS))
    assert [PLAIN.sub("", line) for line in painted] == bare
    assert click.style("Restoring", fg="cyan") in painted[0]
    assert click.style("Failed", fg="red") in bars(failed(), Pen(80, coloured, BLOCKS))[0]


ENDS: dict[str, tuple[Seen, int]] = {
    "all is back": (seen(P.COMPLETED, steps=steps(P.VERIFYING, 90)), 0),
    "something differs": (seen(P.COMPLETED_WITH_WARNINGS, steps=steps(P.VERIFYING, 90)), 3),
    "it failed with things deleted": (seen(P.FAILED, steps=steps(P.WAITING_GONE, 90)), 1),
    "the undo backup failed": (seen(P.FAILED, steps=steps(P.UNDO_BACKUP, 90)), 1),
    "validation refused it": (seen(P.FAILED, steps=steps(P.VALIDATING, 9)), 2),
    "it was cancelled": (seen(P.CANCELLED, steps=steps(P.VALIDATING, 9)), 1),
}


@pytest.mark.parametrize(("found", "status"), ENDS.values(), ids=ENDS.keys())
def test_the_exit_status_says_how_it_ended(found: Seen, status: int) -> None:
    assert ended_as(view(found, at(100))) == status
