"""Whose annotation it is, and the smallest patch that makes it right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.podmaker import make_pod
from velero_volume_controller.annotate.plan import Plan, PlanAction, plan
from velero_volume_controller.api.configuration import Configuration, Ownership
from velero_volume_controller.policy import PodDecision

VALUE = "backup.velero.io/backup-volumes"
MARKER = "vvc.velero.io/backup-volumes"
PROTECT, LEGACY = Ownership.PROTECT, Ownership.LEGACY

Case = tuple[Ownership, dict[str, str], str | None, PlanAction, dict[str, str | None]]

CASES: dict[str, Case] = {
    "nothing is there and something is wanted: both are written": (
        PROTECT, {}, "a", PlanAction.ADD, {VALUE: "a", MARKER: "a"},
    ),
    "nothing is there and nothing is wanted: no request": (PROTECT, {}, None, PlanAction.NONE, {}),
    "ours and right: no request": (PROTECT, {VALUE: "a", MARKER: "a"}, "a", PlanAction.NONE, {}),
    "ours and out of date: both are changed": (
        PROTECT, {VALUE: "a", MARKER: "a"}, "a,b", PlanAction.UPDATE, {VALUE: "a,b", MARKER: "a,b"},
    ),
    "ours and no longer wanted: both are removed": (
        PROTECT, {VALUE: "a", MARKER: "a"}, None, PlanAction.REMOVE, {VALUE: None, MARKER: None},
    ),
    "unmarked and different: a person's, left alone": (PROTECT, {VALUE: "x"}, "a", PlanAction.FOREIGN, {}),
    "unmarked and not wanted: a person's, left alone": (PROTECT, {VALUE: "x"}, None, PlanAction.FOREIGN, {}),
    "unmarked and equal to the rules: adopted, the marker alone is written": (
        PROTECT, {VALUE: "a"}, "a", PlanAction.ADOPT, {MARKER: "a"},
    ),
    "changed by a person since we wrote it: left alone": (
        PROTECT, {VALUE: "x", MARKER: "a"}, "a", PlanAction.FOREIGN, {},
    ),
    "changed by a person to what the rules say: still theirs": (
        PROTECT, {VALUE: "b", MARKER: "a"}, "b", PlanAction.FOREIGN, {},
    ),
    "emptied by a person: theirs, left alone": (PROTECT, {VALUE: ""}, "a", PlanAction.FOREIGN, {}),
    "removed by a person and wanted: written again, the marker stands already": (
        PROTECT, {MARKER: "a"}, "a", PlanAction.ADD, {VALUE: "a"},
    ),
    "removed by a person, something else is wanted: both are written": (
        PROTECT, {MARKER: "x"}, "a", PlanAction.ADD, {VALUE: "a", MARKER: "a"},
    ),
    "a marker left behind and nothing wanted: no request": (
        PROTECT, {MARKER: "a"}, None, PlanAction.NONE, {},
    ),
    "legacy overwrites a person's value": (LEGACY, {VALUE: "x"}, "a", PlanAction.UPDATE, {VALUE: "a"}),
    "legacy strips a person's value": (LEGACY, {VALUE: "x"}, None, PlanAction.REMOVE, {VALUE: None}),
    "legacy adds without a marker": (LEGACY, {}, "a", PlanAction.ADD, {VALUE: "a"}),
    "legacy makes no request when the value is right": (LEGACY, {VALUE: "a"}, "a", PlanAction.NONE, {}),
    "legacy does not touch a marker": (
        LEGACY, {VALUE: "x", MARKER: "x"}, "a", PlanAction.UPDATE, {VALUE: "a"},
    ),
}  # fmt: skip


def wanted(value: str | None) -> PodDecision:
    return PodDecision((), value)


@pytest.mark.parametrize(
    ("ownership", "annotations", "value", "action", "patch"), CASES.values(), ids=CASES.keys()
)
def test_the_plan(
    ownership: Ownership,
    annotations: dict[str, str],
    value: str | None,
    action: PlanAction,
    patch: dict[str, str | None],
) -> None:
    made = plan(make_pod(annotations=annotations), wanted(value), Configuration(ownership=ownership))
    assert made == Plan(action, VALUE, annotations.get(VALUE), value, patch)


def test_a_terminating_pod_is_not_written_to() -> None:
    pod = make_pod(annotations={VALUE: "a", MARKER: "a"}, terminating=True)
    assert plan(pod, wanted(None), Configuration()).annotations == {}


values = st.sampled_from([None, "a", "b", "a,b", ""])
annotation_sets = st.fixed_dictionaries({}, optional={VALUE: values, MARKER: values}).map(
    lambda found: {key: value for key, value in found.items() if value is not None}
)


def apply(annotations: dict[str, str], patch: dict[str, str | None]) -> dict[str, str]:
    """What the API server does with a merge patch."""
    merged = {**annotations, **patch}
    return {key: value for key, value in merged.items() if value is not None}


@given(
    annotations=annotation_sets, value=values.filter(lambda v: v != ""), ownership=st.sampled_from(Ownership)
)
def test_applying_the_plan_and_planning_again_gives_no_request(
    annotations: dict[str, str], value: str | None, ownership: Ownership
) -> None:
    first = plan(make_pod(annotations=annotations), wanted(value), Configuration(ownership=ownership))
    after = apply(annotations, dict(first.annotations))
    again = plan(make_pod(annotations=after), wanted(value), Configuration(ownership=ownership))
    assert again.annotations == {}
    if first.action not in {PlanAction.FOREIGN, PlanAction.NONE}:
        assert after.get(VALUE) == value


@given(annotations=annotation_sets, value=values)
def test_protect_mode_never_changes_a_value_that_it_did_not_write(
    annotations: dict[str, str], value: str | None
) -> None:
    if VALUE in annotations and annotations[VALUE] != annotations.get(MARKER):
        patch = plan(make_pod(annotations=annotations), wanted(value), Configuration()).annotations
        assert VALUE not in patch


@given(annotations=annotation_sets, value=values, ownership=st.sampled_from(Ownership))
def test_every_key_of_a_patch_changes_something(
    annotations: dict[str, str], value: str | None, ownership: Ownership
) -> None:
    patch = plan(
        make_pod(annotations=annotations), wanted(value), Configuration(ownership=ownership)
    ).annotations
    assert all(annotations.get(key) != new for key, new in patch.items())
