"""Kubernetes quantities: amounts of storage as people write them."""

import re
from decimal import Decimal
from typing import Final

#: The factor of each suffix; a number without one counts bytes.
_SUFFIXES: Final = {
    **{
        suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)
    },
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    "m": Decimal("1e-3"),
    "u": Decimal("1e-6"),
    "n": Decimal("1e-9"),
    "": Decimal(1),
}

#: A regular expression for the whole text, in the dialect that Python and JSON Schema share.
#: The E of 1E is a suffix, that of 1E9 an exponent. A digit can be taken one way only, so it is linear.
QUANTITY_PATTERN: Final = r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]{1,4})?$"
_QUANTITY: Final = re.compile(QUANTITY_PATTERN)
_NUMBER: Final = re.compile(r"[0-9.]+([eE][-+]?[0-9]+)?")

#: The API server caps larger amounts (apimachinery, resource.Quantity: an int64).
_LARGEST: Final = 2**63 - 1


def quantity(text: str) -> int:
    """Bytes from a Kubernetes quantity such as ``10Gi``, ``1.5T`` or ``1e9``, rounded up.

    Raises ValueError with one sentence about what is expected.
    """
    if _QUANTITY.fullmatch(text) is None:
        raise ValueError(f"expected a quantity such as 10Gi, 500M or 1e9, found {text!r}")
    unsigned = text.removeprefix("+")
    number = _NUMBER.match(unsigned)
    assert number is not None, "the pattern above asks for digits"
    value = Decimal(number[0]) * _SUFFIXES[unsigned[number.end() :]]
    if value >= _LARGEST:
        return _LARGEST
    whole = int(value)
    return whole if whole == value else whole + 1
