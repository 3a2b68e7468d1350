"""Files that Velero keeps of a Restore: what it did to each object, and what it warned of.

As in Velero 1.16 to 1.18: pkg/restore/request.go (RestoredResourceList), pkg/util/results/result.go. What is
not understood is passed over: these files tell how a Restore went, and nothing is done because of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from velero_volume_controller.velero.model.backup_contents import Key

CREATED: Final = "created"
UPDATED: Final = "updated"
FAILED: Final = "failed"
#: Velero, or a plugin of it, discards the object, or it was there already and just as it was backed up.
SKIPPED: Final = "skipped"

#: What counts where two Restores, or two versions of one kind, tell of one object.
_RANK: Final = {CREATED: 3, UPDATED: 2, FAILED: 1, SKIPPED: 0}


class Messages(msgspec.Struct, frozen=True):
    """In Velero's words; ``general`` is about no namespace."""

    general: tuple[str, ...] = ()
    namespaces: Mapping[str, tuple[str, ...]] = {}


class RestoreResults(msgspec.Struct, frozen=True):
    """What Velero warned of, and what it could not do."""

    warnings: Messages = Messages()
    errors: Messages = Messages()


_MAP: Final = msgspec.json.Decoder(dict[str, Any])


def decode_restore_results(raw: bytes) -> RestoreResults:
    """Decode a RestoreResults file. Raises msgspec.MsgspecError if it is no JSON object."""
    whole = _MAP.decode(raw)
    return RestoreResults(_messages(whole.get("warnings")), _messages(whole.get("errors")))


def decode_restored_list(raw: bytes) -> Mapping[Key, str]:
    """Decode a RestoreResourceList, ``{"apps/v1/Deployment": ["shop/web(created)"]}``: what became of each.

    A pod or Job that had ended when it was backed up is not in it: Velero passes it by before it notes
    anything (restore.go, isCompleted). Objects bear the names that they got. Raises msgspec.MsgspecError.
    """
    found: dict[Key, str] = {}
    for resource, entries in _MAP.decode(raw).items():
        version, _, kind = resource.rpartition("/")
        group = sys.intern(version.rpartition("/")[0])
        for entry in entries if isinstance(entries, list) else ():
            # A name may have brackets of its own: that of a ClusterRole is any text.
            named, bracket, action = entry.rpartition("(") if isinstance(entry, str) else ("", "", "")
            if bracket and kind:
                namespace, _, name = named.rpartition("/")
                put(found, Key(group, sys.intern(kind), sys.intern(namespace), name), action.rstrip(")"))
    return found


def put(known: dict[Key, str], key: Key, action: str) -> None:
    """Note what became of an object, unless more is known of it."""
    if _RANK.get(action, -1) >= _RANK.get(known.get(key, ""), -1):
        known[key] = action


def _messages(part: object) -> Messages:
    if not isinstance(part, dict):
        return Messages()
    general = (*_texts(part.get("velero")), *_texts(part.get("cluster")))
    spaces = part.get("namespaces")
    named = spaces.items() if isinstance(spaces, dict) else ()
    return Messages(general, {name: tuple(_texts(told)) for name, told in named})


def _texts(found: object) -> Iterator[str]:
    for each in found if isinstance(found, list) else ():
        if isinstance(each, str):
            yield " ".join(each.split())
