"""Two runs over one namespace: who goes first."""

from __future__ import annotations

import pytest

from velero_volume_controller.api.cleanrestore import CleanRestoreStatus, PlanSummary, RestorePhase
from velero_volume_controller.restore.objects import CleanRestore
from velero_volume_controller.restore.precedence import held_by_others

P = RestorePhase


def run(
    name: str, phase: RestorePhase | None, *namespaces: str, created: str = "02", at: str = "velero"
) -> CleanRestore:
    plan = PlanSummary(hash="", namespaces=list(namespaces))
    status = CleanRestoreStatus(phase=phase, plan=plan)
    return CleanRestore(
        name=name, namespace=at, uid=f"uid-{name}", created=f"2026-11-24T{created}:00:00Z", status=status
    )


MINE = run("mine", P.VALIDATING, "shop", "shop-db")

OTHERS: dict[str, tuple[CleanRestore, dict[str, str]]] = {
    "one that is at work goes first": (run("a", P.CLEARING, "shop"), {"shop": "a"}),
    "one that is at work goes first, though it is younger": (
        run("a", P.UNDO_BACKUP, "shop", created="09"), {"shop": "a"},
    ),
    "in each of its namespaces": (run("a", P.RESTORING, "shop", "shop-db"), {"shop": "a", "shop-db": "a"}),
    "of two that begin, the older": (run("a", P.VALIDATING, "shop", created="01"), {"shop": "a"}),
    "and not the younger": (run("a", P.VALIDATING, "shop", created="03"), {}),
    "one in other namespaces does not count": (run("a", P.CLEARING, "bank"), {}),
    "one that has ended does not": (run("a", P.COMPLETED, "shop"), {}),
    "nor one that failed": (run("a", P.FAILED, "shop"), {}),
    "nor one that waits for its approval": (run("a", P.AWAITING_APPROVAL, "shop", created="01"), {}),
    "nor one that is new": (run("a", None, "shop", created="01"), {}),
    "nor one that is left alone": (run("a", P.CLEARING, "shop", at="elsewhere"), {}),
    "nor the run itself": (MINE, {}),
}  # fmt: skip


@pytest.mark.parametrize(("other", "held"), OTHERS.values(), ids=OTHERS.keys())
def test_who_goes_first(other: CleanRestore, held: dict[str, str]) -> None:
    assert held_by_others(MINE, [MINE, other]) == held


def test_of_two_that_begin_in_the_same_second_exactly_one_goes_first() -> None:
    one, other = run("a", P.VALIDATING, "shop"), run("b", P.VALIDATING, "shop")
    waits = [bool(held_by_others(each, [one, other])) for each in (one, other)]
    assert sorted(waits) == [False, True]


def test_one_without_a_plan_holds_nothing() -> None:
    bare = CleanRestore(name="a", namespace="velero", uid="1", status=CleanRestoreStatus(phase=P.CLEARING))
    assert held_by_others(MINE, [bare]) == {}
    assert held_by_others(bare, [MINE]) == {}
