"""Which shards go now."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from velero_volume_controller.backup.dispatch import Load, choose


def load(shard: str, seconds: float, nodes: dict[str, float] | None = None, **more: bool) -> Load:
    return Load(shard, "velero", {"n1": seconds} if nodes is None else nodes, seconds, **more)


def chosen(waiting: list[Load], running: list[Load], free: int, capacity: int = 1) -> list[str]:
    return choose(waiting, running, {"velero": free}, lambda lane, node: capacity)


def test_the_longest_goes_first() -> None:
    waiting = [load("a", 10, {"n1": 10}), load("b", 30, {"n2": 30}), load("c", 20, {"n3": 20})]
    assert chosen(waiting, [], 2) == ["b", "c"]


def test_not_two_on_one_node_where_there_is_another_choice() -> None:
    waiting = [load("a", 50), load("b", 40), load("c", 5, {"n2": 5})]
    assert chosen(waiting, [], 2) == ["a", "c"]
    assert chosen([load("b", 40), load("c", 5, {"n2": 5})], [load("a", 50)], 1) == ["c"]


def test_two_on_one_node_that_takes_two() -> None:
    assert chosen([load("a", 50), load("b", 40), load("c", 5, {"n2": 5})], [], 2, capacity=2) == ["a", "b"]


def test_a_slot_is_not_left_idle_for_a_node_that_is_full() -> None:
    assert chosen([load("b", 40)], [load("a", 50)], 1) == ["b"]


def test_the_node_with_the_most_left_is_kept_busy_although_its_shards_are_short() -> None:
    short = [load(f"s{number}", 10) for number in range(10)]
    assert chosen([*short, load("long", 30, {"n2": 30})], [], 1) == ["s0"]


def test_what_is_first_goes_before_what_is_longer_and_before_what_has_a_free_node() -> None:
    waiting = [load("a", 50, {"n2": 50}), load("b", 5, first=True)]
    assert chosen(waiting, [load("r", 9)], 1) == ["b"]


def test_lanes_have_slots_and_nodes_of_their_own() -> None:
    waiting = [load("a", 9), Load("b", "other", {"n1": 8}, 8), Load("c", "full", {}, 99)]
    free = {"velero": 1, "other": 1, "full": 0}
    assert sorted(choose(waiting, [], free, lambda lane, node: 1)) == ["a", "b"]


def test_shards_without_data_or_time_are_started_too() -> None:
    assert chosen([Load("empty", "velero", {}, 0.0), load("a", 5)], [], 2) == ["a", "empty"]


@given(
    st.lists(
        st.tuples(
            st.floats(0, 100), st.dictionaries(st.sampled_from("xyz"), st.floats(0, 300)), st.booleans()
        ),
        max_size=8,
    ),
    st.integers(0, 4),
    st.integers(1, 3),
)
def test_every_slot_is_filled_and_the_order_of_the_shards_decides_nothing(
    shards: list[tuple[float, dict[str, float], bool]], free: int, capacity: int
) -> None:
    loads = [
        Load(f"s{number}", "velero", nodes, seconds, first)
        for number, (seconds, nodes, first) in enumerate(shards)
    ]
    found = chosen(loads, [], free, capacity)
    assert len(found) == len(set(found)) == min(free, len(loads))
    assert chosen(loads[::-1], [], free, capacity) == found
    first = [each.shard for each in loads if each.first]
    assert set(found[: len(first)]) >= set(first) if len(found) >= len(first) else set(found) <= set(first)
