"""Amounts and spans of time in few characters. Pure."""

from typing import Final

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def amount(size: float) -> str:
    """Bytes in the largest unit of which there is at least one: ``0 B``, ``1.5 GiB``."""
    unit = 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{size:.0f} {_UNITS[unit]}" if not unit or size >= 100 else f"{size:.1f} {_UNITS[unit]}"


def counted(number: int, noun: str) -> str:
    """``1 volume``, ``2 volumes``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def part(done: float, total: float) -> str:
    """``1.2 of 3.0 GiB``: both in the unit of the second."""
    whole = amount(total)
    number, _, unit = whole.partition(" ")
    scaled = done / 1024 ** _UNITS.index(unit)
    return f"{scaled:.{len(number.partition('.')[2])}f} of {whole}"


def span(seconds: float) -> str:
    """``42s``, ``3m 05s``, ``2h 10m``, ``3d 04h``."""
    whole = max(round(seconds), 0)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if days:
        return f"{days}d {hours % 24:02}h"
    if hours:
        return f"{hours}h {minutes % 60:02}m"
    return f"{minutes}m {whole % 60:02}s" if minutes else f"{whole}s"
