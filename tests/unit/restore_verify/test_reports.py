"""A report as text, JSON and page, and as it is kept."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.restore_verify.reports import WORLD, faulty, report
from velero_volume_controller.restore.report import (
    Because,
    Report,
    WarningLine,
    decode_report,
    encode_report,
    report_document,
)
from velero_volume_controller.restore.report_html import page
from velero_volume_controller.restore.report_text import lines
from velero_volume_controller.restore.stored_report import UnreadableReport, pack, unpack

GOOD = report()
BAD = report(faulty(), ended="PartiallyFailed")
VOID = {"meta", "br"}


class Page(HTMLParser):
    """What a browser makes of it: every tag that is opened is closed, and the texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "onload", "onerror"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_what_differs_comes_first() -> None:
    told = lines(BAD, 100)
    assert (
        told[0] == "CleanRestore velero/back: 3 differences to the backup; Restore back-1 is PartiallyFailed."
    )
    assert told[3] == "Differences"
    shown = "".join(Page(page(BAD)).texts)
    assert shown.index("ConfigMap shop/settings is gone") < shown.index("objects are there")


def test_what_does_not_differ_is_said_in_one_sentence() -> None:
    assert lines(GOOD)[0] == "CleanRestore velero/back: All of it is as it was backed up."
    assert "Differences" not in lines(GOOD)
    assert GOOD.whole
    assert not BAD.whole


def test_a_restore_that_failed_in_part_is_not_whole_though_nothing_else_differs() -> None:
    assert not report(ended="PartiallyFailed").whole


@pytest.mark.parametrize("made", [GOOD, BAD], ids=["good", "bad"])
@pytest.mark.parametrize("show", ["text", "page"])
def test_everything_is_told(made: Report, show: str) -> None:
    told = (
        " ".join(" ".join(lines(made, 200)).split()) if show == "text" else " ".join(Page(page(made)).texts)
    )
    for part in (
        "Deployment shop/web",
        "it stays Released, with its data",
        "ended when they were backed up",
        "vvc restore undo back --namespace velero",
        "2026-12-24T02:00:05Z",
        "does not have the data of shop/scratch",
        made.plan_hash,
        "v1.18.3",
        "v1.34.4",
        "UndoBackup",
        "3m 55s",
        "5m 00s",
        "2m 20s",
        "predicted for that",
        "2m 00s",
        "9.8 KiB",
        "nightly-1",
        "no node-agent runs on gpu",
        *made.differences,
    ):
        assert part in told, part


def test_an_undo_backup_that_undo_refuses_is_not_offered() -> None:
    assert GOOD.undo is not None
    for phase, told in (
        ("PartiallyFailed", "vvc restore apply NEW-NAME --from-backup back-undo-1 --allow-partial"),
        ("Failed", "is Failed: it can't be brought back by this"),
    ):
        undo = msgspec.structs.replace(GOOD.undo, phase=phase)
        text = " ".join(" ".join(lines(msgspec.structs.replace(GOOD, undo=undo), 200)).split())
        assert told in text
        assert "vvc restore undo" not in text


def test_without_an_undo_backup_that_is_said() -> None:
    assert any("There is no undo backup" in line for line in lines(report(undo=False)))


@settings(max_examples=60, deadline=None)
@given(st.integers(40, 200))
def test_the_text_fits_its_columns(columns: int) -> None:
    for line in lines(BAD, columns):
        longest = max(map(len, line.split()), default=0)
        assert len(line) <= max(columns, longest + 6), line


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_whatever_velero_says_is_text_in_both(text: str) -> None:
    made = msgspec.structs.replace(
        GOOD,
        differences=(text,),
        warnings=(WarningLine(restore="r", where=text, text=text),),
        versions={text: text},
    )
    shown = Page(page(made))
    assert shown.tags.isdisjoint({"script", "img", "iframe"})
    assert shown.links == []
    assert all(line.isprintable() for line in lines(made))


def test_the_page_loads_nothing() -> None:
    text = page(BAD)
    assert not re.search(r"https?://|@import|url\(", text)
    assert "<script" not in text
    hostile = msgspec.structs.replace(BAD, name="<script>alert(1)</script>", differences=("<img src=x>",))
    assert Page(page(hostile)).tags.isdisjoint({"script", "img"})


def test_the_same_report_gives_the_same_bytes_and_comes_back() -> None:
    assert encode_report(BAD) == encode_report(report(faulty(), ended="PartiallyFailed"))
    assert decode_report(encode_report(BAD)) == BAD
    assert pack(BAD) == pack(BAD)
    assert unpack(pack(BAD)) == BAD
    document = report_document(BAD)
    assert list(document["differences"]) == list(BAD.differences)
    assert document["summary"]["missing"] == 1


def test_a_report_of_a_later_version_can_be_read() -> None:
    more = msgspec.json.decode(encode_report(GOOD)) | {"format": 2, "something": {"new": 1}}
    assert unpack(_zip(msgspec.json.encode(more))).name == "back"


def _zip(data: bytes) -> bytes:
    import gzip  # noqa: PLC0415

    return gzip.compress(data)


def large(objects: int, differences: int) -> Report:
    """Names that do not compress well."""
    names = tuple(f"ConfigMap shop/{number * 2654435761 % 2**32:08x}" for number in range(objects))
    told = tuple(
        f"{name} is gone since Velero restored it; see who deletes it" for name in names[:differences]
    )
    return msgspec.structs.replace(
        BAD,
        restored=Because(reason="as they were backed up", objects=names),
        deleted=tuple(Because(reason=f"it goes with {name}", objects=(name,)) for name in names[:2000]),
        differences=told,
    )


def test_a_long_report_is_cut_until_it_fits_and_says_so() -> None:
    made = large(20_000, 500)
    packed = pack(made, 40 * 1024)
    assert len(packed) <= 40 * 1024
    kept = unpack(packed)
    assert kept.restored.count == 20_000
    assert kept.restored.more > 0
    assert kept.cut["deleted"] + sum(each.count for each in kept.deleted) == 2000
    assert len(kept.differences) + kept.cut.get("differences", 0) == 500
    assert any("of deleted left off" in line for line in lines(kept))
    assert "500 differences" in lines(kept)[0]


def test_differences_are_cut_last() -> None:
    made = large(20_000, 10_500)
    restored = msgspec.structs.replace(made.restored, objects=made.restored.objects[:10_000], more=10_000)
    enough = len(pack(msgspec.structs.replace(made, restored=restored), 10**9))
    kept = unpack(pack(made, enough))
    assert len(kept.differences) == 10_500
    assert kept.restored.more == 10_000


def test_fifty_thousand_objects_fit() -> None:
    assert len(pack(large(50_000, 0))) <= 900 * 1024


@pytest.mark.parametrize(
    "data",
    [b"", b"not gzip", pack(GOOD)[:-20], _zip(b"{}"), _zip(b"[1]"), _zip(b"\xff")],
    ids=["nothing", "no gzip", "half", "no report", "a list", "no text"],
)
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableReport, match="can't be read"):
        unpack(data)


def test_volumes_that_did_not_come_back_are_kept_longest() -> None:
    many = tuple(
        msgspec.structs.replace(
            GOOD.volumes[0], volume=f"{number * 2654435761 % 2**32:08x}", done=number != 4000
        )
        for number in range(5000)
    )
    kept = unpack(pack(msgspec.structs.replace(GOOD, volumes=many), 20 * 1024))
    assert not kept.volumes[0].done
    assert kept.cut["volumes"] == 5000 - len(kept.volumes)


def test_the_report_counts_what_the_run_found() -> None:
    found = WORLD.findings()
    assert GOOD.summary.objects == found.summary.objects
    assert sum(each.count for each in GOOD.left_out) == GOOD.summary.left_out
