"""Data in volumes: written once from outside, and digested."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hack.demo.applications import Contents, Volume
from hack.lab import kubectl

# Names with spaces and letters beyond ASCII, as uploads have.
WRITE = """
set -e
cd "$1"
for size in $2; do head -c "$size" /dev/urandom > "$size bytes, größe.bin"; done
i=0
while [ "$i" -lt "$3" ]; do
    [ $((i % 500)) -ne 0 ] || mkdir -p "small/$((i / 500))"
    echo "$i $RANDOM $RANDOM $RANDOM $RANDOM" > "small/$((i / 500))/$i.txt"
    i=$((i + 1))
done
sync
"""
#: What a disaster does to a volume: small files are lost, large ones written over, one is new.
DAMAGE = """
set -e
cd "$1"
rm -rf small
for file in *bytes*; do echo "pay, or it is gone" > "$file"; done
echo "we have your data" > "read me.txt"
sync
"""
# Velero marks a restored volume in .velero, which is not the application's.
DIGEST = """
set -e
cd "$1"
files() { find . -path ./.velero -prune -o -type f -print0; }
files | xargs -0 -r stat -c %s | awk '{ n += $1 } END { print n + 0 }'
files | xargs -0 -r sha256sum
"""


@dataclass(frozen=True)
class Digest:
    """What a volume holds: the SHA-256 of every file by its path, and their bytes together."""

    files: Mapping[str, str]
    size: int

    @property
    def sha256(self) -> str:
        """One digest over every path and every file's digest."""
        lines = (f"{digest}  {path}\n" for path, digest in sorted(self.files.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def __str__(self) -> str:
        if not self.files:
            return "empty"
        return f"{len(self.files):,} files, {self.size / 1e6:.1f} MB, {self.sha256[:12]}"

    def difference(self, other: Digest) -> str:
        """How `other` differs, in counts and the first path; empty when it is the same."""
        paths = self.files.keys() | other.files.keys()
        changed = sorted(path for path in paths if self.files.get(path) != other.files.get(path))
        if not changed:
            return ""
        missing = len(self.files.keys() - other.files.keys())
        added = len(other.files.keys() - self.files.keys())
        return (
            f"{missing} files missing, {added} new, {len(changed) - missing - added} changed;"
            f" the first: {changed[0]}"
        )


def write(pod: Any, volume: Volume) -> None:
    """Fill a volume; Contents says with what."""
    contents: Contents = volume.contents
    sizes = " ".join(str(size) for size in contents.sizes)
    _in_pod(pod, WRITE, f"/volumes/{volume.name}", sizes, str(contents.small))


def damage(pod: Any, volume: Volume) -> None:
    """Lose, write over and add files of a volume."""
    _in_pod(pod, DAMAGE, f"/volumes/{volume.name}")


def digest(pod: Any, volume: Volume) -> Digest:
    """Read every file of a volume."""
    return parse(_in_pod(pod, DIGEST, f"/volumes/{volume.name}").splitlines())


def parse(lines: Iterable[str]) -> Digest:
    """Read what DIGEST prints: the bytes, then sha256sum's lines."""
    size, *sums = lines
    pairs = (line.split("  ", 1) for line in sums)
    return Digest({path: digest for digest, path in pairs}, int(size))


def _in_pod(pod: Any, script: str, *arguments: str) -> str:
    metadata = pod["metadata"]
    where = ["-n", metadata["namespace"], "exec", metadata["name"], "--"]
    return kubectl.kubectl(*where, "sh", "-c", script, "sh", *arguments)
