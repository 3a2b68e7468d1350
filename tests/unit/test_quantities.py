"""Kubernetes quantities."""

import time

import pytest

from velero_volume_controller.api.quantities import quantity

READ = {
    "a number counts bytes": ("1024", 1024),
    "binary suffixes": ("10Gi", 10 << 30),
    "decimal suffixes": ("500M", 500_000_000),
    "a fraction": ("1.5T", 1_500_000_000_000),
    "a fraction without digits before it": (".5Ki", 512),
    "thousandths are rounded up": ("1500m", 2),
    "E after a number is a suffix": ("1E", 10**18),
    "E before a number is an exponent": ("1E9", 10**9),
    "an exponent": ("12e6", 12_000_000),
    "what is too large is as large as can be": ("1e9999", 2**63 - 1),
    "what is too small is rounded up": ("1e-9999", 1),
    "a dot without digits after it": ("5.Ki", 5120),
    "zero": ("0", 0),
    "a plus": ("+1k", 1000),
}


@pytest.mark.parametrize(("text", "size"), READ.values(), ids=READ.keys())
def test_a_quantity_is_read_in_bytes(text: str, size: int) -> None:
    assert quantity(text) == size


@pytest.mark.parametrize(
    "text", ["", "Gi", "10GB", "1 Gi", "-1Gi", "1gi", "1_000", "NaN", "Infinity", "٣", "1e99999", "1Gi\n"]
)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a quantity such as 10Gi, 500M or 1e9, found"):
        quantity(text)


def test_digits_without_end_are_refused_at_once() -> None:
    begin = time.process_time()
    with pytest.raises(ValueError, match="expected a quantity"):
        quantity(f"{'1' * 500_000}x")
    assert time.process_time() - begin < 3
