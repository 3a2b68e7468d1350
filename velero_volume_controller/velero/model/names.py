"""Names as Velero puts them into labels."""

import hashlib
from typing import Final

#: A label's value has at most so many characters.
_LONGEST: Final = 63


def backup_label(name: str) -> str:
    """The value of velero.io/backup-name and velero.io/restore-name (pkg/label, GetValidName)."""
    if len(name) <= _LONGEST:
        return name
    return name[: _LONGEST - 6] + hashlib.sha256(name.encode()).hexdigest()[:6]
