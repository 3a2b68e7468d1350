"""A BackupSet in bars and in lines: what fits, what is left out, and what is never a control character."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import click
import pytest

from tests.unit.backup.sets import MIB, at, attempt, completed, running, seen, shard, volume
from velero_volume_controller.api.backupset import Condition, PointBackup, RestorePoint, SetPhase
from velero_volume_controller.backup.changes import changes
from velero_volume_controller.backup.glyphs import ASCII, BLOCKS, Glyphs
from velero_volume_controller.backup.progress import view
from velero_volume_controller.backup.views import SetView
from velero_volume_controller.cli.backup_bars import bars
from velero_volume_controller.cli.backup_terminal import Pen
from velero_volume_controller.cli.watching import Lines

PLAIN = re.compile(r"\x1b\[[0-9;]*m")


def plain(text: str, _: str) -> str:
    return text


def coloured(text: str, colour: str) -> str:
    return click.style(text, fg=colour) if colour else text


def half_way(**more: Any) -> SetView:
    long = "a-namespace-with-a-name-as-long-as-they-may-be"
    shards = [
        shard("shop", 60, completed("shop", 0, 40, 10 * MIB)),
        shard("bank", 60, running("bank", 40)),
        shard(long, 60, running(long, 2)),
        shard("web", 60, attempt("web", phase="Failed", started=at(0), ended=at(9), reason="no\x1b[2Jgood")),
        shard("rest", 60),
    ]
    volumes = [
        volume("shop", phase="Completed", bytes_done=10 * MIB, bytes_total=10 * MIB, completed=at(20)),
        volume("bank", bytes_done=20 * MIB, bytes_total=80 * MIB, started=at(40)),
        volume("bank", "later", phase="Prepared", started=None),
        volume(long, bytes_done=5 * MIB, bytes_total=80 * MIB, started=at(2)),
    ]
    return view(seen(*shards, makespan=150, volumes=volumes, **more), at(60))


AT_80 = Pen(80, plain, BLOCKS)


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("glyphs", [BLOCKS, ASCII])
def test_no_line_is_wider_than_the_terminal(columns: int, everything: bool, glyphs: Glyphs) -> None:
    lines = bars(half_way(), Pen(columns, coloured, glyphs), everything=everything)
    widest = max((PLAIN.sub("", line) for line in lines), key=len)
    assert len(widest) <= columns, widest
    if glyphs is ASCII:
        assert "".join(lines).isascii()


def test_a_narrow_terminal_is_told_the_phase_and_the_volumes_name() -> None:
    lines = bars(half_way(), Pen(40, plain, BLOCKS))
    assert "InProgress" in next(line for line in lines if line.startswith("bank "))
    assert any(line.startswith("  a-name… data ") for line in lines)


def test_a_name_that_is_as_long_as_may_be_is_cut_and_the_phase_is_not() -> None:
    shown = replace(half_way(), name="n" * 63)
    assert bars(shown, Pen(40, plain, BLOCKS))[0] == f"BackupSet velero/{'n' * 13}…: Running"


def test_before_the_end_there_may_be_more_volumes_than_velero_has_found() -> None:
    assert "1 of 4 volumes so far" in bars(half_way(), Pen(200, plain, BLOCKS))[2]


def test_what_moves_has_a_bar_and_the_rest_if_it_is_asked_for() -> None:
    some = "\n".join(bars(half_way(), AT_80))
    assert "  bank-0 data " in some
    assert "later" not in some
    everything = "\n".join(bars(half_way(), AT_80, everything=True))
    assert "  bank-0 later " in everything
    assert "Prepared" in everything


def test_a_wide_terminal_is_told_more() -> None:
    (row,) = (line for line in bars(half_way(), Pen(200, plain, BLOCKS)) if line.startswith("bank "))
    assert "█" * 6 in row
    assert row.endswith("InProgress 20s, about 1m 00s left, 0 of 2 volumes, velero/nightly-0a1b2c3d-bank-1")


def test_a_failure_is_told_with_what_to_do_and_without_control_characters() -> None:
    lines = bars(half_way(), AT_80)
    start = next(index for index, line in enumerate(lines) if line.startswith("! shard web"))
    assert "no\\x1b[2Jgood" in lines[start]
    assert lines[start + 1].startswith("  → it is tried again at ")


def test_on_a_low_screen_what_runs_and_what_failed_stays() -> None:
    lines = bars(half_way(), AT_80, rows=9)
    assert len(lines) == 9
    text = "\n".join(lines)
    assert "bank " in text
    assert "! shard web" in text
    assert "rest " not in text
    assert re.fullmatch(r"… \d+ lines more than fit here", lines[-1])


def test_at_the_end_it_says_how_long_it_took_and_what_is_missing() -> None:
    shards = [shard("shop", 60, completed("shop", 0, 40, 10 * MIB))]
    point = RestorePoint(backups=[PointBackup("nightly-0a1b2c3d-shop-1", "velero", "shop")])
    ended = seen(*shards, phase=SetPhase.COMPLETED, makespan=60, ended=at(75), restore_point=point)
    lines = bars(view(ended, at(500)), AT_80)
    assert lines[0] == "BackupSet velero/nightly: Completed"
    assert "took 1m 15s (planned 1m 00s, at least 1s)" in lines[1]
    assert "100 %" in lines[2]
    assert "100 %" in lines[4]
    assert lines[-1] == "restore point: 1 Backup, named by vvc backup status nightly -n velero -o json"


def test_a_set_that_has_no_shards_yet_says_at_once_what_holds_it_up() -> None:
    conditions = [
        Condition(type=kind, status="False", reason="LaneMissing", message="none", last_transition_time=at(0))
        for kind in ("Planned", "Progressing")
    ]
    waiting = view(seen(phase=SetPhase.PLANNING, conditions=conditions), at(1))
    assert bars(waiting, AT_80)[2:] == ["", "* LaneMissing: none"]


def test_colour_says_how_it_is_and_is_all_that_differs() -> None:
    bare, painted = bars(half_way(), AT_80), bars(half_way(), Pen(80, coloured, BLOCKS))
    assert [PLAIN.sub("", line) for line in painted] == bare
    assert click.style("Running", fg="cyan") in painted[0]


def test_elsewhere_each_change_is_a_line_and_trouble_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(changes)
    lines.show(half_way())
    lines.trouble("no answer")
    lines.trouble("no answer")
    lines.show(half_way())
    printed = [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]
    assert printed[0] == "BackupSet velero/nightly: Running, 5 shards, 2m 30s predicted"
    assert printed[-2:] == ["no answer; trying again", "the cluster answers again"]
    assert printed.count("no answer; trying again") == 1
    assert not any("\x1b" in line for line in printed)
