"""Which namespaces a set is about."""

from __future__ import annotations

import pytest

from velero_volume_controller.api.backupset import LabelSelector, Namespaces, Requirement
from velero_volume_controller.backup.selection import select
from velero_volume_controller.backup.work import PlanningError
from velero_volume_controller.velero.model.namespaces import Namespace

THERE = [
    Namespace(name="shop", labels={"tier": "gold", "team": "a"}),
    Namespace(name="shop-db", labels={"tier": "gold"}),
    Namespace(name="blog", labels={"team": "a"}),
    Namespace(name="kube-system"),
]


def terms(*found: tuple[str, str, list[str]]) -> LabelSelector:
    return LabelSelector(
        match_expressions=[
            Requirement(key=key, operator=operator, values=values)  # type: ignore[arg-type]
            for key, operator, values in found
        ]
    )


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Namespaces(), ("blog", "kube-system", "shop", "shop-db")),
        (Namespaces(include=["shop*"]), ("shop", "shop-db")),
        (Namespaces(exclude=["kube-*", "blog"]), ("shop", "shop-db")),
        (Namespaces(include=["shop"], exclude=["shop-*"]), ("shop",)),
        (Namespaces(selector=LabelSelector(match_labels={"tier": "gold"})), ("shop", "shop-db")),
        (Namespaces(selector=terms(("tier", "In", ["gold", "x"]), ("team", "Exists", []))), ("shop",)),
        (Namespaces(selector=terms(("tier", "NotIn", ["gold"]))), ("blog", "kube-system")),
        (Namespaces(selector=terms(("team", "DoesNotExist", []))), ("kube-system", "shop-db")),
        (Namespaces(include=["shop*"], selector=terms(("team", "Exists", []))), ("shop",)),
        (Namespaces(selector=LabelSelector()), ("blog", "kube-system", "shop", "shop-db")),
    ],
)
def test_names_patterns_and_labels_all_must_hold(wanted: Namespaces, names: tuple[str, ...]) -> None:
    assert select(wanted, THERE).names == names
    assert select(wanted, THERE[::-1]).names == names


def test_what_velero_leaves_out_is_not_selected_but_named() -> None:
    hidden = Namespace(name="shop-tmp", labels={"velero.io/exclude-from-backup": "true"})
    found = select(Namespaces(include=["shop*"]), [*THERE, hidden])
    assert (found.names, found.left_out) == (("shop", "shop-db"), ("shop-tmp",))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Namespaces(include=["nothing*"]), "(include nothing*)"),
        (Namespaces(exclude=["*"]), "(include *; exclude *)"),
        (Namespaces(selector=terms(("x", "Exists", []))), "with a selector"),
    ],
)
def test_nothing_selected_is_an_error_with_the_patterns(wanted: Namespaces, said: str) -> None:
    with pytest.raises(PlanningError) as caught:
        select(wanted, THERE)
    assert caught.value.reason == "NothingSelected"
    assert said in str(caught.value)


def test_nothing_selected_says_that_velero_would_leave_it_out() -> None:
    hidden = Namespace(name="tmp", labels={"velero.io/exclude-from-backup": "true"})
    with pytest.raises(PlanningError, match="have the label velero"):
        select(Namespaces(), [hidden])
