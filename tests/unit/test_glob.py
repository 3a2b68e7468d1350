"""``*`` in the names of Jobs."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velero_volume_controller.api.glob import matches

CASES = {
    "without a star names are compared exactly": ("backup", "backup", True),
    "without a star a longer name does not match": ("backup", "backup-daily", False),
    "a star alone matches anything": ("*", "anything", True),
    "a trailing star matches what begins so": ("backup*", "backup", True),
    "a leading star matches what ends so": ("*-cron", "nightly-cron", True),
    "stars on both sides match what holds it": ("*night*", "my-nightly-job", True),
    "a star in the middle matches between": ("a*z", "abcz", True),
    "head and tail must not overlap": ("ab*ba", "aba", False),
    "several stars match in order": ("a*b*c", "a-b-c", True),
    "parts out of order do not match": ("a*c*b", "a-b-c", False),
    "a question mark is itself": ("job?", "job1", False),
    "brackets are themselves": ("job[1]", "job1", False),
    "brackets match themselves": ("job[1]", "job[1]", True),
    "a dot is itself": ("a.b", "axb", False),
    "a newline is any character to a star": ("a*b", "a\nb", True),
}


@pytest.mark.parametrize(("pattern", "name", "expected"), CASES.values(), ids=CASES.keys())
def test_matching(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


@given(pattern=st.text("ab*?.", max_size=8), name=st.text("ab?.", max_size=12))
def test_it_agrees_with_the_regular_expression_that_says_the_same(pattern: str, name: str) -> None:
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    assert matches(pattern, name) is bool(re.fullmatch(expression, name, re.DOTALL))
