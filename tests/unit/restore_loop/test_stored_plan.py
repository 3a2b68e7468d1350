"""A plan that is kept comes back as it was, or not at all."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.unit.restore import makers
from tests.unit.restore.worlds import worlds
from velero_volume_controller.restore import stored_plan
from velero_volume_controller.restore.plan import make_plan
from velero_volume_controller.restore.planned import Input, Plan, PlanRefused
from velero_volume_controller.restore.stored_plan import Damaged, load, store

some = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def planned(world: Input) -> Plan:
    try:
        return make_plan(world)
    except PlanRefused:
        assume(False)
        raise


@some
@given(worlds())
def test_what_is_stored_comes_back(world: Input) -> None:
    plan = planned(world)
    kept = store(plan)
    assert load(kept.parts, kept.digest, plan.hash) == plan


@some
@given(worlds())
def test_the_same_plan_is_the_same_bytes(world: Input) -> None:
    plan = planned(world)
    kept = store(plan)
    assert store(load(kept.parts, kept.digest, plan.hash)) == kept


@some
@given(worlds(), st.data())
def test_one_bit_that_is_another_is_found_out(world: Input, data: st.DataObject) -> None:
    plan = planned(world)
    kept = store(plan)
    whole = bytearray(b"".join(kept.parts))
    at = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[at // 8] ^= 1 << (at % 8)
    with pytest.raises(Damaged, match="its digest is another"):
        load([bytes(whole)], kept.digest, plan.hash)


@pytest.fixture
def plan() -> Plan:
    return makers.plan([makers.live("ConfigMap settings")], ["ConfigMap settings"])


def test_a_large_plan_is_cut_into_parts(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_plan, "PART", 100)
    kept = store(plan)
    assert len(kept.parts) > 1
    assert all(len(part) <= 100 for part in kept.parts)
    assert load(kept.parts, kept.digest, plan.hash) == plan


def test_a_part_that_is_missing_or_in_the_wrong_place_is_found_out(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_plan, "PART", 100)
    kept = store(plan)
    for parts in (kept.parts[:-1], kept.parts[1:], kept.parts[::-1], ()):
        with pytest.raises(Damaged, match="its digest is another"):
            load(parts, kept.digest, plan.hash)


def test_another_plan_than_the_approved_one_is_found_out(plan: Plan) -> None:
    kept = store(plan)
    with pytest.raises(Damaged, match="not the one that was approved"):
        load(kept.parts, kept.digest, f"sha256:{'0' * 64}")


UNREADABLE = {
    "no gzip": b"plan",
    "no JSON": gzip.compress(b"plan"),
    "no plan": gzip.compress(b'{"objects": 3}'),
    "no UTF-8": gzip.compress(b'{"hash": "\xff"}'),
    "cut off": gzip.compress(b"{}" * 1000)[:20],
}


@pytest.mark.parametrize("kept", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_plan_is_told(kept: bytes) -> None:
    digest = stored_plan._digest([kept])
    with pytest.raises(Damaged, match="can't be read"):
        load([kept], digest, "")
