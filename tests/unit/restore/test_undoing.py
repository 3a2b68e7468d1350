"""When a run can be undone, and by what."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.unit.restore.runs import HASH, P, at, plan, run, steps, undo
from velero_volume_controller.api.cleanrestore import (
    CleanRestoreSpec,
    Protect,
    Source,
    Undo,
)
from velero_volume_controller.restore.objects import CleanRestore
from velero_volume_controller.restore.undoing import differs, undo_name, undo_of, why_not
from velero_volume_controller.restore.written import manifest

NO_UNDO = CleanRestoreSpec(source=Source(backup="b1"), undo=Undo.NONE)
AN_UNDO = CleanRestoreSpec(source=Source(backup="b1"), undo=Undo.NONE, undo_of="back")
ENDED = {"steps": steps(P.VERIFYING, 90), "ended": at(90)}

CASES: dict[str, tuple[CleanRestore, str | None]] = {
    "one that is complete": (run(P.COMPLETED, undo=undo(), **ENDED), None),
    "one that failed when something had been deleted": (run(P.FAILED, undo=undo(), **ENDED), None),
    "one that still runs": (run(P.CLEARING, undo=undo()), "has not ended (Clearing)"),
    "one that nobody has looked at": (run(None), "has not ended (New)"),
    "one that failed before anything was deleted": (
        run(P.FAILED, undo=undo(kept=False), steps=steps(P.UNDO_BACKUP)),
        "has deleted nothing",
    ),
    "one that never came as far": (run(P.CANCELLED, steps=steps(P.AWAITING_APPROVAL)), "has deleted nothing"),
    "one without an undo backup": (
        run(P.COMPLETED, spec=NO_UNDO, **ENDED),
        "was made with undo: none, so there is no Backup of what was there before",
    ),
    "one that had nothing to delete": (
        run(P.COMPLETED, **ENDED),
        "had nothing to delete, so there is no Backup",
    ),
    "one whose undo backup is not complete": (
        run(P.COMPLETED, undo=undo(phase="PartiallyFailed"), **ENDED),
        "Backup velero/back-0a1b2c3d-undo-1, from which it could be undone, is PartiallyFailed; restore what"
        " is in it with vvc restore apply NEW-NAME --from-backup back-0a1b2c3d-undo-1 --allow-partial",
    ),
    "one whose undo backup failed": (
        run(P.COMPLETED, undo=undo(phase="Failed"), **ENDED),
        "is Failed; restore from another Backup",
    ),
    "one whose undo backup has expired": (
        run(P.COMPLETED, undo=undo(expires=at(100)), **ENDED),
        "has expired at 2026-11-24T02:01:40Z",
    ),
    "one that is itself an undo": (
        run(P.COMPLETED, spec=AN_UNDO, undo=undo(), **ENDED),
        "has itself undone back",
    ),
}


@pytest.mark.parametrize(("found", "why"), CASES.values(), ids=CASES.keys())
def test_what_can_be_undone(found: CleanRestore, why: str | None) -> None:
    told = why_not(found, at(200))
    if why is None:
        assert told is None
    else:
        assert told is not None
        assert why in told


def test_what_undoes_acts_where_the_run_acted() -> None:
    spec = CleanRestoreSpec(
        source=Source(backup="b1"),
        namespace_mapping={"shop": "shop-test"},
        allow_kinds=["Certificate.cert-manager.io"],
        protect=Protect(namespaces=["ops-*"]),
        restore_template={"preserveNodePorts": True},
        allow_partial=True,
        plan_hash=HASH,
    )
    found = run(P.COMPLETED, spec=spec, undo=undo(), plan=plan(namespaces=["shop-test"]), **ENDED)
    made: dict[str, Any] = manifest(undo_of(found))
    assert made["metadata"] == {"name": "back-undo", "namespace": "velero"}
    assert made["spec"] == {
        "source": {"backup": "back-0a1b2c3d-undo-1"},
        "namespaces": {"include": ["shop-test"]},
        "undo": "none",
        "undoOf": "back",
        "allowKinds": ["Certificate.cert-manager.io"],
        "protect": {"namespaces": ["ops-*"]},
        "restoreTemplate": {"preserveNodePorts": True},
    }
    assert msgspec.convert(made["spec"], CleanRestoreSpec) == undo_of(found).spec


def test_another_of_its_name_is_told_from_it() -> None:
    written = undo_of(run(P.COMPLETED, undo=undo(), **ENDED))
    assert not differs(run(P.AWAITING_APPROVAL, spec=written.spec), written)
    assert differs(run(P.AWAITING_APPROVAL), written)


def test_a_name_is_never_longer_than_a_name_may_be() -> None:
    assert undo_name("back") == "back-undo"
    assert undo_name("n" * 63) == "n" * 58 + "-undo"
    assert undo_name("n" * 57 + ".abcde") == "n" * 57 + "-undo"
