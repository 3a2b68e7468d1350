"""Short names of shards: DNS-safe, telling, and the same for the same shards. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

#: The shard of the cluster-scoped resources; no other is called so.
CLUSTER: Final = "cluster"
#: Backups are named after their shards, among other things, in 63 characters.
LONGEST: Final = 24


def shard_names(shards: Iterable[Sequence[str]]) -> list[str]:
    """A name for each shard, given by its namespaces: ``shop``, or ``shop-and-3`` for four of them."""
    used = {CLUSTER}
    found = []
    for namespaces in shards:
        first = min(namespaces)
        more = f"-and-{len(namespaces) - 1}" if len(namespaces) > 1 else ""
        name = _short(first, LONGEST - len(more)) + more
        number = 2
        while name in used:
            tail = f"{more}-{number}"
            name = _short(first, LONGEST - len(tail)) + tail
            number += 1
        used.add(name)
        found.append(name)
    return found


def _short(name: str, length: int) -> str:
    """Namespaces' names are DNS labels; one that is cut ends in four digits of its hash."""
    if len(name) <= length:
        return name
    digits = hashlib.sha256(name.encode()).hexdigest()[:4]
    return f"{name[: length - 5].rstrip('-')}-{digits}"
