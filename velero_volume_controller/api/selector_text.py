"""Label selectors as people type them on a command line: ``app=shop,tier in (db,cache),!tmp``."""

import re
from typing import Any, Final

_SET: Final = re.compile(r"(?P<key>\S+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUAL: Final = re.compile(r"(?P<key>[^\s=!]+)\s*(?P<operator>==|=|!=)\s*(?P<value>\S*)")
_PRESENT: Final = re.compile(r"(?P<absent>!?)\s*(?P<key>[^\s=!()]+)")

#: Commas outside of parentheses.
_COMMA: Final = re.compile(r",(?![^()]*\))")


def parse_selector(text: str) -> dict[str, Any]:
    """As the keys ``matchLabels`` and ``matchExpressions`` hold it; kubectl's forms. Raises ValueError."""
    labels: dict[str, str] = {}
    expressions: list[dict[str, Any]] = []
    for term in filter(None, (term.strip() for term in _COMMA.split(text))):
        if found := _SET.fullmatch(term):
            values = [value.strip() for value in found["values"].split(",")]
            operator = "In" if found["operator"] == "in" else "NotIn"
            expressions.append({"key": found["key"], "operator": operator, "values": values})
        elif found := _EQUAL.fullmatch(term):
            if found["operator"] == "!=":
                expressions.append({"key": found["key"], "operator": "NotIn", "values": [found["value"]]})
            elif labels.setdefault(found["key"], found["value"]) != found["value"]:
                raise ValueError(f"{found['key']} can't have two values; write {found['key']} in (a,b)")
        elif found := _PRESENT.fullmatch(term):
            operator = "DoesNotExist" if found["absent"] else "Exists"
            expressions.append({"key": found["key"], "operator": operator})
        else:
            raise ValueError(f"expected terms such as app=shop, 'tier in (db,cache)' or !tmp, found {term!r}")
    selector: dict[str, Any] = {}
    if labels:
        selector["matchLabels"] = labels
    if expressions:
        selector["matchExpressions"] = expressions
    return selector
