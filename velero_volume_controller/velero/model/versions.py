"""Velero's versions, as far as they decide what it takes."""

import re
from typing import Final, NamedTuple

_VERSION: Final = re.compile(r"v?(?P<major>\d+)\.(?P<minor>\d+)(\.(?P<patch>\d+))?([-+].*)?")


class Version(NamedTuple):
    """A version of Velero."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


#: The first version whose file-system backup takes volumes of Windows pods (changelog of 1.17).
WINDOWS_SINCE: Final = Version(1, 17)

#: What is assumed of a Velero whose version is not known.
NEWEST: Final = Version(1, 18, 3)


def parse_version(text: str) -> Version:
    """``1.18``, ``v1.18.3`` or an image's tag such as ``v1.16.2-debian``.

    Raises ValueError with one sentence about what is expected.
    """
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a version of Velero such as 1.18.3, found {text!r}")
    return Version(int(match["major"]), int(match["minor"]), int(match["patch"] or 0))
