"""A plan's hash: what was approved is what is done. Pure.

It covers the spec, the backup's contents, and the live roots: objects that nobody else makes anew. What those
make comes and goes, pods above all, and would change the hash without changing what the plan does. Of roots
that are kept it counts that they are there, but not what is in them: the plan does nothing to them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import msgspec

from velero_volume_controller.api.cleanrestore import Clearing
from velero_volume_controller.restore.planned import Action, Input, Planned


def plan_hash(given: Input, objects: Iterable[Planned]) -> str:
    """``sha256:`` and 64 digits."""
    roots = sorted(
        (*each.key, each.action.value, each.uid, "" if each.action is Action.KEEP else each.mark)
        for each in objects
        if each.root
    )
    return sha256(
        {
            # Whoever approves a plan adds its hash to the spec: the rest of that is not the plan's.
            "spec": msgspec.to_builtins(
                {key: getattr(given.wanted, key) for key in Clearing.__struct_fields__}
            ),
            "backups": list(given.contents.backups),
            "contents": sorted(given.contents.items),
            "data": sorted(map(msgspec.structs.astuple, given.contents.data)),
            "roots": roots,
        }
    )


def sha256(value: Any) -> str:
    """Of the value's canonical JSON: keys sorted, no space, ASCII."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"
