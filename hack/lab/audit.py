"""Who deleted what in the lab, from the API server's audit log.

The policy is machine_root/audit-policy.yaml. Reads, events, leases and what kubelets write of their pods
and nodes are not in it. Of a Secret, only metadata and the preconditions of its deletion are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from hack.lab.machine import Machine
from hack.lab.shell import LabError

#: Below a machine's disk; the API server rotates it there.
FOLDER = "var/log/audit"
FILE = "audit.log"

GARBAGE_COLLECTOR = "system:serviceaccount:kube-system:generic-garbage-collector"
NAMESPACE_CONTROLLER = "system:serviceaccount:kube-system:namespace-controller"
KUBELETS = "system:node:"

#: The answers to these have the whole object, or all of them.
_WHOLE = frozenset({"create", "delete", "deletecollection"})


class _User(msgspec.Struct):
    username: str = ""


class _Object(msgspec.Struct, rename="camel"):
    resource: str = ""
    namespace: str = ""
    name: str = ""
    api_group: str = msgspec.field(default="", name="apiGroup")
    subresource: str = ""


class _Details(msgspec.Struct):
    uid: str = ""


class _Status(msgspec.Struct):
    code: int = 0
    details: _Details = msgspec.field(default_factory=_Details)


class Entry(msgspec.Struct, rename="camel", kw_only=True):
    """One request and its answer, as audit.k8s.io/v1 writes them down."""

    request_received_timestamp: datetime
    verb: str
    request_uri: str = msgspec.field(default="", name="requestURI")
    user: _User = msgspec.field(default_factory=_User)
    user_agent: str = ""
    object_ref: _Object = msgspec.field(default_factory=_Object)
    response_status: _Status = msgspec.field(default_factory=_Status)
    request_object: dict[str, Any] | list[Any] = {}
    response_object: dict[str, Any] = {}

    @property
    def done(self) -> bool:
        """The API server did what it was asked for, and was not only asked what it would do."""
        return 200 <= self.response_status.code < 300 and not self._dry

    @property
    def _dry(self) -> bool:
        asked = self.request_object
        return "dryRun=" in self.request_uri or (isinstance(asked, dict) and bool(asked.get("dryRun")))


@dataclass(frozen=True)
class Deletion:
    """An object that was told to go. ``name`` is empty where all of a namespace were, and Secrets are meant.

    ``uid`` is empty where the log has none: a Secret that was deleted without a precondition.
    """

    at: datetime
    user: str
    agent: str
    group: str
    resource: str
    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{kind} {where}{self.name or '(all)'} ({self.uid or 'uid not known'}) by {self.user}"


def folder(control_plane: Machine) -> Path:
    """Where its API server writes the log, on the host."""
    return control_plane.disk / FOLDER


def entries(directory: Path, since: datetime | None = None) -> Iterator[Entry]:
    """What is written down there, in order; of rotated files, too. Raises LabError if there is nothing, or a
    line is cut.

    ``since`` is by the clock of this machine, which is the API server's.
    """
    decoder = msgspec.json.Decoder(Entry)
    files = _files(directory)
    if not files:
        raise LabError(f"{directory}: no audit log is there; is the lab up, and is the cluster the lab's?")
    for path in files:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    entry = decoder.decode(line)
                except msgspec.MsgspecError as error:
                    raise LabError(f"{path}:{number}: not an audit event ({error})") from error
                if since is None or entry.request_received_timestamp >= since:
                    yield entry


def _files(directory: Path) -> list[Path]:
    """Rotated files are named after the time of their rotation: audit-2026-01-31T12-00-00.000.log."""
    stem = FILE.removesuffix(".log")
    return [*sorted(directory.glob(f"{stem}-*.log")), *directory.glob(FILE)]


def deletions(found: Iterable[Entry]) -> Iterator[Deletion]:
    """What was told to go; each object of a collection, and pods that were evicted."""
    for entry in found:
        deleted = entry.verb in {"delete", "deletecollection"} and not entry.object_ref.subresource
        evicted = entry.verb == "create" and entry.object_ref.subresource == "eviction"
        if not entry.done or not (deleted or evicted):
            continue
        if "items" in entry.response_object:
            for item in entry.response_object["items"]:
                yield _deletion(entry, item["metadata"]["name"], item["metadata"]["uid"])
        else:
            yield _deletion(entry, entry.object_ref.name, _uid(entry))


def _deletion(entry: Entry, name: str, uid: str) -> Deletion:
    ref = entry.object_ref
    return Deletion(
        entry.request_received_timestamp,
        entry.user.username,
        entry.user_agent,
        ref.api_group,
        ref.resource,
        ref.namespace,
        name,
        uid,
    )


def _uid(entry: Entry) -> str:
    """Of what was deleted: the answer is a Status that says it, or the object; else from the precondition."""
    answered = entry.response_status.details.uid or (entry.response_object.get("metadata") or {}).get("uid")
    asked = entry.request_object if isinstance(entry.request_object, dict) else {}
    options = asked.get("deleteOptions") or asked
    return str(answered or (options.get("preconditions") or {}).get("uid", ""))


def owners(found: Iterable[Entry]) -> Mapping[str, frozenset[str]]:
    """The uids of the owners of each object that was created or deleted, by its own uid, as far as the log
    has the object: it never has a Secret."""
    told: dict[str, frozenset[str]] = {}
    for entry in found:
        if not entry.done or entry.object_ref.subresource or entry.verb not in _WHOLE:
            continue
        for item in (entry.response_object, *entry.response_object.get("items", ())):
            metadata = item.get("metadata") or {}
            if "uid" in metadata:
                named = frozenset(each["uid"] for each in metadata.get("ownerReferences") or ())
                told[metadata["uid"]] = told.get(metadata["uid"], frozenset()) | named
    return told


def written(found: Iterable[Entry], user: str) -> Iterator[tuple[str, Any]]:
    """What this user wrote over what was there: the object, and the body of the request."""
    for entry in found:
        if entry.user.username == user and entry.verb in {"patch", "update"} and entry.done:
            ref = entry.object_ref
            yield f"{ref.resource} {ref.namespace}/{ref.name}", entry.request_object


def now() -> datetime:
    """For ``since``."""
    return datetime.now(UTC)
