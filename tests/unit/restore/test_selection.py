"""Which of a backup's namespaces come back, under which names, and what is refused at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.restore.makers import live, plan, verdicts
from velero_volume_controller.api.cleanrestore import Protect
from velero_volume_controller.restore.planned import PlanRefused

HELD = ["ConfigMap shop/a", "ConfigMap shop-db/a", "ConfigMap kube-system/a", "ConfigMap velero/a"]
THERE = [live(each) for each in HELD]
NAMED = live("Namespace shop", protected=True)


def selected(**asked: Any) -> set[str]:
    made = plan(THERE, HELD, **asked)
    return {each.key.namespace for each in made.objects if each.key.namespace}


SELECTED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "all but the protected ones": ({}, {"shop", "shop-db"}),
    "what a pattern matches": ({"include": ["*-db"]}, {"shop-db"}),
    "without what is excluded": ({"exclude": ["shop-*"]}, {"shop"}),
    "under another name": ({"include": ["shop"], "mapping": {"shop": "test"}}, {"test"}),
    "without those that the spec protects": ({"protect": Protect(namespaces=["*-db"])}, {"shop"}),
    "without those on which the cluster depends": ({"hosts": {"shop": "x runs in it"}}, {"shop-db"}),
    "a protected one under another name": (
        {"include": ["kube-system"], "mapping": {"kube-system": "test"}},
        {"test"},
    ),
}


@pytest.mark.parametrize("sentence", SELECTED)
def test_selected(sentence: str) -> None:
    asked, expected = SELECTED[sentence]
    assert selected(**asked) == expected


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a name that the backup does not hold": (
        {"include": ["shopp"]},
        "spec.namespaces.include names shopp, of which the backup holds nothing",
    ),
    "a mapping of a name that the backup does not hold": (
        {"mapping": {"shopp": "test"}},
        "spec.namespaceMapping names shopp, of which the backup holds nothing",
    ),
    "a mapping of a namespace that is left out": (
        {"exclude": ["shop"], "mapping": {"shop": "test"}},
        "spec.namespaceMapping names shop, which spec.namespaces leaves out",
    ),
    "two that would come back as one": (
        {"mapping": {"shop": "shop-db"}},
        "namespaces shop and shop-db of the backup would all come back as shop-db",
    ),
    "a protected one that is named": (
        {"include": ["kube-system"]},
        "namespace kube-system is protected: namespaces called kube-* are Kubernetes's own",
    ),
    "Velero's own": ({"include": ["velero"]}, "namespace velero is protected: it is the namespace of Velero"),
    "a mapping into a protected one": (
        {"mapping": {"shop": "kube-public"}},
        "namespace kube-public is protected",
    ),
    "a host that is named": (
        {"include": ["shop"], "hosts": {"shop": "x runs in it"}},
        "namespace shop is protected: x runs in it; leave it out",
    ),
    "nothing that is selected": (
        {"include": ["x*"]},
        "no namespace of the backup is selected and not protected; it holds kube-system, shop, shop-db",
    ),
    "none that is not protected": (
        {"include": ["kube-*"]},
        "none of the backup's namespaces that are selected may be cleared; namespace kube-system is left out:"
        " namespaces called kube-* are Kubernetes's own",
    ),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_refused(sentence: str) -> None:
    asked, said = REFUSED[sentence]
    with pytest.raises(PlanRefused) as refused:
        plan(THERE, HELD, **asked)
    assert said in "; ".join(refused.value.problems)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(PlanRefused) as refused:
        plan(THERE, HELD, include=["x", "y", "velero"])
    assert len(refused.value.problems) == 3


def test_a_namespace_that_bears_the_label_is_left_out_and_that_is_said() -> None:
    made = plan([*THERE, NAMED], HELD)
    assert "ConfigMap shop/a" not in verdicts(made)
    assert "Namespace shop is left out: it bears vvc.velero.io/protect." in made.notes


def test_scope_volumes_without_knowledge_of_volumes_is_refused() -> None:
    with pytest.raises(PlanRefused, match="do not say of which volumes the backup has data"):
        plan(THERE, HELD, known=False, scope="volumes")


def test_what_is_never_restored_is_not_planned() -> None:
    made = plan(THERE, [*HELD, "Backup shop/b", "Node n", "Event shop/e", "CleanRestore shop/c"])
    assert {each.key.kind for each in made.objects} == {"ConfigMap"}
