"""Label selectors as kubectl takes them on a command line."""

from typing import Any

import pytest

from velero_volume_controller.api.selector_text import parse_selector

SELECTORS: dict[str, dict[str, Any]] = {
    "": {},
    "app=shop": {"matchLabels": {"app": "shop"}},
    "app==shop, tier = db": {"matchLabels": {"app": "shop", "tier": "db"}},
    "app=": {"matchLabels": {"app": ""}},
    "app!=shop": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["shop"]}]},
    "tier in (db, cache),a=b": {
        "matchLabels": {"a": "b"},
        "matchExpressions": [{"key": "tier", "operator": "In", "values": ["db", "cache"]}],
    },
    "tier notin (db)": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["db"]}]},
    "!tmp,example.com/app": {
        "matchExpressions": [
            {"key": "tmp", "operator": "DoesNotExist"},
            {"key": "example.com/app", "operator": "Exists"},
        ]
    },
}


@pytest.mark.parametrize(("text", "selector"), SELECTORS.items())
def test_each_form_is_read(text: str, selector: dict[str, Any]) -> None:
    assert parse_selector(text) == selector


@pytest.mark.parametrize("text", ["tier in db", "tier in (a", "a b", "=x"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected terms such as app=shop"):
        parse_selector(text)


def test_one_label_can_not_have_two_values() -> None:
    with pytest.raises(ValueError, match="app can't have two values"):
        parse_selector("app=a,app=b")
