"""From nine keys to native rules, and native rules as text."""

import pytest

from velero_volume_controller.api.configuration import (
    Action,
    Configuration,
    Operator,
    Ownership,
    PodFilter,
    Requirement,
    Rule,
    Selector,
)
from velero_volume_controller.config import load_text
from velero_volume_controller.config.convert import as_native
from velero_volume_controller.config.write_native import write

SELECTORS: dict[str, Selector] = {
    "one value is a matched label": (Requirement("a", Operator.IN, ("b",)),),
    "the same label twice": (Requirement("a", Operator.IN, ("b",)), Requirement("a", Operator.IN, ("b",))),
    "a matched label behind an expression": (
        Requirement("a", Operator.EXISTS),
        Requirement("b", Operator.IN, ("c",)),
    ),
    "several values": (Requirement("a", Operator.IN, ("b", "c")),),
}


@pytest.mark.parametrize("selector", SELECTORS.values(), ids=SELECTORS.keys())
def test_a_selector_is_read_back_in_the_order_it_was_written(selector: Selector) -> None:
    rules = (Rule("r", Action.BACKUP, pods=PodFilter(selector)),)
    assert load_text(write(Configuration(rules=rules)), "f").configuration.rules == rules


def test_comments_stand_above_the_document() -> None:
    text = write(Configuration(), ["one", "two"])
    assert text.startswith("# one\n# two\napiVersion: ")


def test_legacy_nine_keys_become_legacy_native_rules_that_ask_what_velero_takes() -> None:
    native, _ = as_native(load_text("", "f", Ownership.LEGACY).configuration)
    assert (native.ownership, native.as_go_program) == (Ownership.LEGACY, False)


def test_what_the_nine_keys_said_of_annotations_that_are_right_already_stays() -> None:
    native, _ = as_native(load_text("", "f").configuration)
    assert native.adopt
    assert "adopt: true" in write(native)
