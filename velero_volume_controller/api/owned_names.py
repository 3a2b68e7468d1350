"""Names of what we make: a function of their owner, so that making it twice is making it once. Pure."""

from __future__ import annotations

import hashlib
from typing import Final

#: Velero puts a Backup's name into labels; a longer one would be shortened there (label.GetValidName).
LONGEST: Final = 63


def owned_name(owner: str, uid: str, part: str, attempt: int) -> str:
    """``<owner>-<8 hex of its uid>-<part>-<attempt>``, at most 63 characters.

    The uid is in it so that an owner that is made again under its old name does not find what the earlier
    one made.
    """
    digits = hashlib.sha256(uid.encode()).hexdigest()[:8] if not _hex(uid) else _hex(uid)
    whole = f"{owner}-{digits}-{part}-{attempt}"
    if len(whole) <= LONGEST:
        return whole
    digest = hashlib.sha256(f"{owner}\0{uid}\0{part}\0{attempt}".encode()).hexdigest()[:10]
    end = f"-{digest}-{attempt}"
    start = f"{owner[:20]}-{digits}-{part}"[: LONGEST - len(end)]
    return start.rstrip("-.") + end


def label_value(text: str) -> str:
    """The text itself where it can be a label's value, else its beginning and a hash."""
    if len(text) <= LONGEST:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return f"{text[: LONGEST - 11].rstrip('-._')}-{digest}"


def _hex(uid: str) -> str:
    """The first eight digits of a uid as the API server makes them; empty for any other."""
    digits = uid.replace("-", "")[:8]
    return digits if len(digits) == 8 and all(digit in "0123456789abcdef" for digit in digits) else ""
