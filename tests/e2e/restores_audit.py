"""The API server's audit log beside the plan: nothing was deleted that the plan does not name.

The garbage collector, the controllers of workloads and the provisioner may take what belongs to something
that the plan names, or that a person has deleted. Whatever else is deleted in the plan's namespaces is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hack.lab import audit
from hack.lab.audit import Deletion, Entry
from tests.e2e.restores_running import KeptPlan

RESTORE_LABEL = "velero.io/restore-name"
#: What comes and goes by itself, and no plan is about.
BY_ITSELF = frozenset({"events", "endpoints", "endpointslices", "leases", "controllerrevisions"})
#: What the controller makes and removes again. A namespace only if it has made it: a rehearsal's.
OWN = frozenset({"configmaps", "downloadrequests", "namespaces"})


@dataclass(frozen=True)
class Allowed:
    """Who may delete what: `controller` is the user that carries out CleanRestores with these plans, in
    which `restores` were made; `velero` is Velero's user; `people` are users that do what they like, as the
    test itself does."""

    controller: str
    velero: str
    plans: tuple[KeptPlan, ...]
    restores: frozenset[str]
    people: frozenset[str] = frozenset({"admin"})

    @property
    def namespaces(self) -> frozenset[str]:
        """Those that the plans are about."""
        return frozenset(name for plan in self.plans for name in plan.targets.values())


@dataclass(frozen=True)
class _Seen:
    """What the log tells of objects by their uids: who owns which, of which namespace's claim a volume is."""

    allowed: Allowed
    owners: Mapping[str, frozenset[str]]
    volumes: Mapping[str, str]
    by_itself: frozenset[str]
    """What the controller may delete: planned to go by itself, made by Restores of the run, or its plans."""
    with_others: frozenset[str]
    """With these, what they own may go."""
    secrets: frozenset[tuple[str, str]]
    """Namespace and name of Secrets that Velero made: their uids are not in the log."""

    def may_go(self, deletion: Deletion) -> bool:
        if deletion.user in self.allowed.people:
            return True
        if deletion.user == self.allowed.controller:
            secret = deletion.resource == "secrets" and (deletion.namespace, deletion.name) in self.secrets
            return deletion.uid in self.by_itself or secret
        namespace = self.volumes.get(deletion.uid, deletion.namespace)
        if namespace not in self.allowed.namespaces:
            return True
        if deletion.resource in BY_ITSELF or deletion.user.startswith(audit.KUBELETS):
            return True  # a kubelet only finishes what somebody else has told to go
        return not self.with_others.isdisjoint(_above(deletion.uid, self.owners))


def not_planned(folder: Path, since: datetime, allowed: Allowed) -> list[str]:
    """What was deleted, and by whom, though the plan does not name it; what was written that may not be."""
    entries = list(audit.entries(folder))
    seen = _look(entries, allowed)
    mine = [each for each in entries if each.request_received_timestamp >= since]
    found = [str(each) for each in audit.deletions(mine) if not seen.may_go(each)]
    found += [
        f"{what}: finalizers were written by {allowed.controller}"
        for what, body in audit.written(mine, allowed.controller)
        if _names_finalizers(body)
    ]
    return found


def _names_finalizers(body: Any) -> bool:
    """Whether it has such a key, or a patch's path that leads to one. A message may speak of them."""
    if isinstance(body, Mapping):
        patched = "finalizers" in str(body.get("path", ""))
        return patched or "finalizers" in body or any(map(_names_finalizers, body.values()))
    return isinstance(body, list) and any(map(_names_finalizers, body))


def by_user(folder: Path, since: datetime, user: str) -> list[Deletion]:
    """What this user deleted."""
    return [each for each in audit.deletions(audit.entries(folder, since)) if each.user == user]


def _look(entries: list[Entry], allowed: Allowed) -> _Seen:
    owners, volumes = dict(audit.owners(entries)), {}
    for uid, namespace, claim in _bound(entries):
        owners[uid] = owners.get(uid, frozenset()) | {claim}
        volumes[uid] = namespace
    made = frozenset(_made(entries, allowed.restores))
    removed = frozenset(each.uid for each in audit.deletions(entries) if each.user in allowed.people)
    return _Seen(
        allowed,
        owners,
        volumes,
        by_itself=made
        | frozenset(uid for plan in allowed.plans for uid in plan.cleared)
        | frozenset(_own(entries, allowed.controller)),
        with_others=made | removed | frozenset(uid for plan in allowed.plans for uid in plan.deleted),
        secrets=frozenset(
            (each.object_ref.namespace, each.object_ref.name)
            for each in entries
            if (each.verb, each.object_ref.resource, each.user.username)
            == ("create", "secrets", allowed.velero)
        ),
    )


def _own(entries: Iterable[Entry], controller: str) -> Iterator[str]:
    """The uids of what the controller makes for itself: plans, reports, and requests for Velero's files."""
    for entry in entries:
        own = entry.user.username == controller and entry.object_ref.resource in OWN
        if own and entry.verb == "create" and entry.done:
            yield entry.response_object["metadata"]["uid"]


def _made(entries: Iterable[Entry], restores: frozenset[str]) -> Iterator[str]:
    """The uids of what Velero made by these Restores."""
    for entry in entries:
        metadata = entry.response_object.get("metadata") or {}
        labels = metadata.get("labels") or {}
        if entry.verb == "create" and entry.done and labels.get(RESTORE_LABEL) in restores:
            yield metadata["uid"]


def _bound(entries: Iterable[Entry]) -> Iterator[tuple[str, str, str]]:
    """The uid of each PersistentVolume, the namespace of its claim, and that one's uid."""
    for entry in entries:
        if entry.object_ref.resource != "persistentvolumes" or not entry.done:
            continue
        claim = (entry.response_object.get("spec") or {}).get("claimRef") or {}
        if "uid" in claim:
            yield entry.response_object["metadata"]["uid"], claim["namespace"], claim["uid"]


def _above(uid: str, owners: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """It and all that own it, as far as it is known."""
    seen: set[str] = set()
    waiting = [uid]
    while waiting:
        at = waiting.pop()
        if at not in seen:
            seen.add(at)
            yield at
            waiting += owners.get(at, ())
