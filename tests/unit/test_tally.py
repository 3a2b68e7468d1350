"""Pods by decision: which way each counts, and that the counts stay exact."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.podmaker import make_pod
from velero_volume_controller.annotate.plan import plan
from velero_volume_controller.annotate.tally import Decided, Tally, decided
from velero_volume_controller.api.configuration import Action, Configuration, Rule
from velero_volume_controller.kube.watches import Key
from velero_volume_controller.policy import decide
from velero_volume_controller.velero.model.annotations import BACKUP_VOLUMES
from velero_volume_controller.velero.model.claims import Claim
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.surroundings import Surroundings

EVERYTHING = Configuration(rules=(Rule("all", Action.BACKUP),))
SEEN = Surroundings({}, {("shop", "claim"): Claim(name="claim", namespace="shop")}, {})

WAYS = {
    "a claim that was seen": (make_pod(), SEEN, Decided.BACKUP),
    "a claim that was not seen": (make_pod(), Surroundings(), Decided.UNCHECKED),
    "one of two claims was not seen": (
        make_pod(volumes={"cache": "emptyDir", "data": "pvc"}),
        Surroundings(),
        Decided.UNCHECKED,
    ),
    "nothing to back up": (make_pod(volumes={}), SEEN, Decided.SKIP),
    "a pod that does not run": (make_pod(phase="Pending"), SEEN, Decided.SKIP),
    "somebody else's annotation": (
        make_pod(annotations={BACKUP_VOLUMES: "other"}),
        Surroundings(),
        Decided.FOREIGN,
    ),
}


@pytest.mark.parametrize(("pod", "surroundings", "way"), WAYS.values(), ids=WAYS.keys())
def test_a_pod_counts_as(pod: Pod, surroundings: Surroundings, way: Decided) -> None:
    decision = decide(pod, EVERYTHING, surroundings)
    assert decided(decision, plan(pod, decision, EVERYTHING)) is way


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([None, *Decided]))))
def test_the_counts_are_those_of_the_last_decision_on_each_pod(
    history: list[tuple[str, Decided | None]],
) -> None:
    tally = Tally()
    expected: dict[str, Decided] = {}
    for name, way in history:
        if way is None:
            tally.forget(Key("shop", name))
            expected.pop(name, None)
        else:
            tally.note(Key("shop", name), way)
            expected[name] = way
    counts = Counter(expected.values())
    assert {way: tally.count(way) for way in Decided} == {way: counts[way] for way in Decided}
    assert tally.total == len(expected)
    tally.clear()
    assert tally.total == sum(tally.count(way) for way in Decided) == 0
