"""A plan drawn as text and as a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.backup.clusters import inputs, one_volume_each
from velero_volume_controller.backup.gantt import NARROWEST, node_rows, shares, slot_rows, text
from velero_volume_controller.backup.gantt_html import page
from velero_volume_controller.backup.glyphs import ASCII
from velero_volume_controller.backup.plan import plan
from velero_volume_controller.backup.work import Input, Plan, PlannedShard, PlannedVolume, Volume
from velero_volume_controller.velero.model.lanes import Lane

VOLUME = Volume("shop", "p", "v", "node-1")
PLAN = Plan(
    (
        PlannedShard("shop", ("shop",), "velero", (PlannedVolume(VOLUME, 50, 0, start=0, end=50),), end=60),
        PlannedShard("blog", ("blog",), "velero", (PlannedVolume(VOLUME, 50, 0, start=50, end=100),), end=40),
        PlannedShard("cluster", (), "velero", cluster=True, start=60, end=100),
    ),
    predicted=100.0,
    lower_bound=90.0,
    hash="0123456789abcdef",
    notes=("a <note>",),
)


def test_slots_hold_one_backup_at_a_time() -> None:
    rows = [[bar.name for bar in row.bars] for row in slot_rows(PLAN)]
    assert rows == [["shop", "cluster"], ["blog"]]


def test_nodes_show_how_many_volumes_are_under_way() -> None:
    (row,) = node_rows(PLAN)
    assert (row.node, row.steps, row.busiest) == ("node-1", ((0, 1), (50, 1), (100, 0)), 1)
    assert shares(row, 4, 200.0) == pytest.approx([1.0, 1.0, 0.0, 0.0])


def test_the_picture_of_a_small_plan() -> None:
    assert text(PLAN, 60).splitlines() == [
        "        0s           25s          50s          1m 15s 1m 40s",
        "slot 1  ┣ shop ━━━━━━━━━━━━━━━━━━━━━━━┫┣ cluster ━━━━━━━━━━┫",
        "slot 2  ┣ blog ━━━━━━━━━━━━━┫",
        "node-1  ████████████████████████████████████████████████████",
    ]


def test_a_terminal_without_such_characters_gets_others_in_the_same_places() -> None:
    drawn = text(PLAN, 60, ASCII)
    assert drawn.isascii()
    assert drawn.splitlines()[1] == "slot 1  [ shop =======================][ cluster ==========]"
    assert [len(line) for line in drawn.splitlines()] == [len(line) for line in text(PLAN, 60).splitlines()]


@given(inputs(), st.integers(20, 220))
@settings(max_examples=60, deadline=None)
def test_no_line_is_longer_than_asked_and_every_row_is_there(told: Input, width: int) -> None:
    made = plan(told)
    lines = text(made, width).splitlines()
    assert len(lines) == 1 + len(slot_rows(made)) + len(node_rows(made))
    assert all(len(line) <= max(width, NARROWEST) for line in lines)
    assert "\x1b" not in text(made, width)


def test_long_names_are_cut() -> None:
    name = "a-very-long-namespace-with-a-very-long-name-indeed"
    made = plan(one_volume_each({name: ("node." * 12, 30.0)}, Lane(namespace="velero")))
    assert all(len(line) <= 60 for line in text(made, 60).splitlines())
    assert "…" in text(made, 60)


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_names_are_text_in_it() -> None:
    evil = '"><script>alert(1)</script>&'
    shard = PlannedShard(evil, (evil,), evil, (PlannedVolume(Volume(evil, "p", "v", evil), 5, 0),), end=5.0)
    written = page(Plan((shard,), 5.0, 5.0, "h", (evil,)), evil)
    read = _Elements()
    read.feed(written)
    assert read.open == []
    assert not {"script", "link", "img", "iframe"}.intersection(read.found)
    assert read.text.count(evil) >= 5
    assert re.search(r"https?://|@import|url\(", written) is None


def test_the_page_is_dark_where_that_is_asked_for_and_says_the_notes() -> None:
    written = page(PLAN, "nightly")
    assert "prefers-color-scheme: dark" in written
    assert "a &lt;note&gt;" in written
    assert "3 Backups, predicted 1m 40s; no plan can take less than 1m 30s" in written
    assert "cluster-scoped resources" in written
