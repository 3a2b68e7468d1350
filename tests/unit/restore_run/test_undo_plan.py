"""What an undo deletes: what the earlier run restored, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.restore.makers import claim, clearing, cluster, contents, deployment, fs_data, live, pod, told
from tests.unit.restore.makers import verdicts as verdicts_of
from velero_volume_controller.restore.gather import namespaces_of
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.plan import make_plan
from velero_volume_controller.restore.planned import Action, Input, Plan, PlanRefused
from velero_volume_controller.restore.undoing import acted_in
from velero_volume_controller.velero.model.backup_contents import VolumeData
from velero_volume_controller.velero.model.restore_runs import RESTORE_LABEL

MADE = frozenset({"rescue-1-1", "rescue-1-2"})
OURS = {"labels": {RESTORE_LABEL: "rescue-1-1"}}


def undo(
    there: Iterable[Live],
    held: Iterable[str] = (),
    data: Iterable[VolumeData] = (),
    *,
    found: Iterable[str] = (),
    **asked: object,
) -> Plan:
    """The plan that takes the run back, with an undo backup that holds those."""
    return make_plan(
        Input(
            clearing(**asked),  # type: ignore[arg-type]
            contents([*held, "ConfigMap there"], data),
            cluster(*there),
            made_by=MADE,
            found=frozenset(found),
        )
    )


def pods_of(name: str, *, restored: bool) -> tuple[Live, ...]:
    """A Deployment that was restored, with what its controllers have made since."""
    return deployment(name, **(OURS if restored else {}))  # type: ignore[arg-type]


CASES: dict[str, tuple[Live, dict[str, object], str, str]] = {
    "what the run restored is deleted": (live("ConfigMap a", **OURS), {}, "delete", "restored it"),
    "what the run restored and the backup does not hold is deleted, though extras are kept": (
        live("ConfigMap a", **OURS),
        {"extras": "keep"},
        "delete",
        "restored it",
    ),
    "what a second attempt restored is deleted": (
        live("ConfigMap a", labels={RESTORE_LABEL: "rescue-1-2"}),
        {},
        "delete",
        "restored it",
    ),
    "what another run restored stays": (
        live("ConfigMap a", labels={RESTORE_LABEL: "other-1-1"}),
        {},
        "keep",
        "somebody else made it",
    ),
    "what somebody else made stays where the backup has nothing": (
        live("ConfigMap a"),
        {},
        "keep",
        "somebody else made it",
    ),
    "what somebody else made stays, though all of the namespace were to go": (
        live("ConfigMap a"),
        {"scope": "namespace"},
        "keep",
        "somebody else made it",
    ),
    "what somebody else made stays, though extras were to go": (
        live("ConfigMap a"),
        {"extras": "delete"},
        "keep",
        "somebody else made it",
    ),
    "what somebody else made is in the way where the backup has one": (
        live("ConfigMap a"),
        {"held": ["ConfigMap a"]},
        "blocked",
        "somebody else made it, not the run that is undone; delete it by hand, or protect it",
    ),
    "what the run left stays where the backup has one": (
        live("ConfigMap a"),
        {"held": ["ConfigMap a"], "found": ["ConfigMap shop/a"]},
        "keep",
        "the run that is undone left it",
    ),
    "what the run left stays, though it bears the label": (
        live("ConfigMap a", **OURS),
        {"held": ["ConfigMap a"], "found": ["ConfigMap shop/a"]},
        "keep",
        "the run that is undone left it",
    ),
    "what the run restored and somebody has protected since stays": (
        live("ConfigMap a", protected=True, **OURS),
        {},
        "keep",
        "protected",
    ),
    "what somebody else made and protects is not in the way": (
        live("ConfigMap a", protected=True),
        {"held": ["ConfigMap a"]},
        "keep",
        "protected",
    ),
    "a Job of somebody else's that has ended is not in the way, for it does not come back": (
        live("Job a", ended=True),
        {"held": ["Job a"]},
        "keep",
        "somebody else made it",
    ),
}


@pytest.mark.parametrize(("of", "asked", "action", "reason"), CASES.values(), ids=CASES.keys())
def test_what_becomes_of_an_object(of: Live, asked: dict[str, object], action: str, reason: str) -> None:
    made = undo([of], **asked)  # type: ignore[arg-type]
    found = told(made, str(of.key))
    assert found.action.value == action, found.reason
    assert reason in found.reason


def test_pods_of_a_restored_deployment_go_along_though_they_bear_no_label() -> None:
    made = undo(pods_of("web", restored=True))
    assert set(verdicts_of(made).values()) == {"delete", "create"}
    assert [str(each.key) for each in made.clear] == ["Deployment shop/web"]


def test_a_pod_that_a_restored_stateful_set_has_made_again_goes_along() -> None:
    of = live("StatefulSet db", **OURS)
    made = undo([of, pod("db-0", controller=of)], ["StatefulSet db", "Pod db-0"])
    assert told(made, "Pod db-0").action is Action.DELETE
    assert not made.refused


def test_a_deployment_that_was_kept_keeps_the_pods_that_it_has_made_since() -> None:
    top, middle, below = pods_of("web", restored=False)
    made = undo([top, middle, below], ["Deployment web", below.key], found=[top.uid])  # type: ignore[list-item]
    assert told(made, str(below.key)).action is Action.KEEP
    assert told(made, str(below.key)).reason == "ReplicaSet shop/web-5d8f96, which controls it, stays"


def test_what_was_there_before_does_not_go_along_with_what_was_restored() -> None:
    of = live("ReplicaSet web", **OURS)
    before = pod("web-x0001", controller=of)
    made = undo([of, before], found=[before.uid])
    assert told(made, "Pod web-x0001").action is Action.KEEP
    assert told(made, "ReplicaSet web").action is Action.BLOCKED


def test_a_restored_claim_goes_with_its_pod_and_comes_back_from_the_undo_backup() -> None:
    there = [claim("data", **OURS), pod("db", "data", **OURS)]
    made = undo(there, ["PersistentVolumeClaim data", "Pod db"], [fs_data("db", "data", "data")])
    assert [str(each.key) for each in made.clear] == ["Pod shop/db", "PersistentVolumeClaim shop/data"]


def test_a_claim_that_a_restored_stateful_set_made_for_more_replicas_stays() -> None:
    of = live("StatefulSet db", **OURS)
    made = undo([of, claim("data-db-7")])
    assert told(made, "PersistentVolumeClaim data-db-7").action is Action.KEEP


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_only_what_bears_the_label_or_hangs_on_it_is_ever_deleted(data: st.DataObject) -> None:
    there: list[Live] = []
    for number in range(data.draw(st.integers(1, 9))):
        kind = data.draw(st.sampled_from(["ConfigMap", "Pod", "ReplicaSet", "PersistentVolumeClaim"]))
        owners = [each for each in there if each.key.kind == "ReplicaSet"]
        owner = data.draw(st.sampled_from([None, *owners]))
        labels = data.draw(st.sampled_from([{}, {RESTORE_LABEL: "rescue-1-1"}, {RESTORE_LABEL: "x"}]))
        protected = data.draw(st.booleans())
        there.append(live(f"{kind} o{number}", controller=owner, labels=labels, protected=protected))
    found = data.draw(st.sets(st.sampled_from([each.uid for each in there])))
    held = data.draw(st.sets(st.sampled_from([str(each.key) for each in there])))
    scope = data.draw(st.sampled_from(["resources", "namespace", "volumes"]))
    extras = data.draw(st.sampled_from(["keep", "delete"]))
    made = undo(there, held, found=found, scope=scope, extras=extras)
    by_uid = {each.uid: each for each in there}
    for each in made.objects:
        if each.action is not Action.DELETE:
            continue
        at: Live | None = by_uid[each.uid]
        assert at is not None
        assert not at.protected
        assert at.uid not in found
        while at is not None and at.labels.get(RESTORE_LABEL) not in MADE:
            at = by_uid.get(at.controller.uid) if at.controller else None
        assert at is not None, f"{each.key} is nobody's"


def test_what_was_restored_goes_too_in_a_namespace_of_which_the_undo_backup_holds_nothing() -> None:
    """It holds those alone in which something was deleted; in the others, what was lost was made again."""
    restored = live("ConfigMap other/a", **OURS)  # type: ignore[arg-type]
    wanted, held = clearing(include=["other", "shop"]), contents(["ConfigMap there"])
    there = cluster(restored)
    with pytest.raises(PlanRefused, match="names other, of which the backup holds nothing"):
        make_plan(Input(wanted, held, there, made_by=MADE))
    acted = acted_in(held, wanted.namespaces.include)
    assert namespaces_of(acted, wanted) == {"other", "shop"}
    made = make_plan(Input(wanted, acted, there, made_by=MADE))
    assert told(made, "ConfigMap other/a").action is Action.DELETE
    assert made.targets == {"other": "other", "shop": "shop"}
