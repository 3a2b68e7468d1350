"""What an API server serves: groups, their versions, their resources, and which of them do not answer.

Kubernetes 1.27 and later tell all of it in two answers (aggregated discovery, stable in 1.30), older ones
for each version of each group. A version behind an APIService that is down is then told as it was last seen,
and marked stale; one never seen has no resources. Neither may be taken for what is there.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.resources import Resource

_AGGREGATED: Final = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)
_STALE: Final = "Stale"
_NAMESPACED: Final = "Namespaced"
_LIST: Final = "APIGroupDiscoveryList"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Served:
    """A resource in one version of its group, and what can be done with it."""

    resource: Resource
    namespaced: bool
    verbs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Discovery:
    """``served`` in the server's order of preference: of each group, the preferred version comes first.

    ``unanswered`` are versions of groups (``example.com/v1``) of which it is not known what they serve now.
    """

    served: tuple[Served, ...]
    unanswered: tuple[str, ...] = ()

    def preferred(self) -> Iterator[Served]:
        """Each resource once, in the first version that has it, but for versions that did not answer."""
        seen = set()
        for each in self.served:
            which = (each.resource.group, each.resource.plural)
            if which not in seen and each.resource.api_version not in self.unanswered:
                seen.add(which)
                yield each

    def find(self, group: str, kind: str, version: str | None = None) -> Served | None:
        """The resource of this kind, in this version or the preferred one."""
        for each in self.served:
            found = each.resource
            if (found.group, found.kind) == (group, kind) and version in {None, found.version}:
                return each
        return None

    def versions(self, group: str, kind: str) -> tuple[str, ...]:
        """In which versions a kind is served."""
        return tuple(
            each.resource.version
            for each in self.served
            if (each.resource.group, each.resource.kind) == (group, kind)
        )


class _WireKind(msgspec.Struct):
    kind: str = ""


class _WireResource(msgspec.Struct, rename="camel"):
    resource: str
    response_kind: _WireKind | None = None
    scope: str = ""
    verbs: tuple[str, ...] | None = None


class _WireVersion(msgspec.Struct):
    version: str
    resources: list[_WireResource] | None = None
    freshness: str = ""


class _WireName(msgspec.Struct, frozen=True):
    name: str = ""


class _WireGroup(msgspec.Struct):
    metadata: _WireName = _WireName()
    versions: list[_WireVersion] | None = None


class _WireGroups(msgspec.Struct):
    kind: str = ""
    items: list[_WireGroup] | None = None


class _WireOldVersion(msgspec.Struct):
    version: str


class _WireOldGroup(msgspec.Struct, rename="camel"):
    name: str
    versions: list[_WireOldVersion]
    preferred_version: _WireOldVersion | None = None


class _WireOldGroups(msgspec.Struct):
    groups: list[_WireOldGroup] | None = None
    versions: list[str] | None = None


class _WireOldResource(msgspec.Struct):
    name: str
    kind: str
    namespaced: bool = False
    verbs: tuple[str, ...] | None = None


class _WireOldResources(msgspec.Struct):
    resources: list[_WireOldResource] | None = None


async def discover(client: Client) -> Discovery:
    """Everything that is served. Raises as Client.request, but not for a group that does not answer."""
    found = _Found()
    for root in ("/api", "/apis"):
        answer = await client.read(root, accept=_AGGREGATED)
        if _decoded(root, answer, _WireGroups).kind == _LIST:
            found.take(_decoded(root, answer, _WireGroups).items or [])
        else:
            await _one_by_one(client, root, _decoded(root, answer, _WireOldGroups), found)
    return Discovery(tuple(found.served), tuple(found.unanswered))


@dataclass
class _Found:
    served: list[Served] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)

    def take(self, groups: Iterable[_WireGroup]) -> None:
        for group in groups:
            name = group.metadata.name
            for version in group.versions or ():
                if version.freshness == _STALE:
                    self.unanswered.append(_version(name, version.version))
                for each in version.resources or ():
                    if each.response_kind is None or not each.response_kind.kind:
                        continue  # it has subresources alone, such as a metric
                    resource = Resource(
                        sys.intern(name), version.version, each.resource, sys.intern(each.response_kind.kind)
                    )
                    namespaced = each.scope == _NAMESPACED
                    self.served.append(Served(resource, namespaced, frozenset(each.verbs or ())))

    def take_old(self, group: str, version: str, listed: _WireOldResources) -> None:
        for each in listed.resources or ():
            if "/" not in each.name:  # no subresource
                resource = Resource(sys.intern(group), version, each.name, sys.intern(each.kind))
                self.served.append(Served(resource, each.namespaced, frozenset(each.verbs or ())))


async def _one_by_one(client: Client, root: str, listed: _WireOldGroups, found: _Found) -> None:
    """As before aggregated discovery: every version of every group is asked for by itself."""
    wanted = [("", version) for version in listed.versions or ()]
    for group in listed.groups or ():
        names = [each.version for each in group.versions]
        first = group.preferred_version.version if group.preferred_version else ""
        names.sort(key=lambda name, first=first: name != first)  # type: ignore[misc]
        wanted += [(group.name, name) for name in names]
    answers = await asyncio.gather(*(_resources(client, root, *each) for each in wanted))
    for (group_name, version), answer in zip(wanted, answers, strict=True):
        if answer is None:
            found.unanswered.append(_version(group_name, version))
        else:
            found.take_old(group_name, version, answer)


async def _resources(client: Client, root: str, group: str, version: str) -> _WireOldResources | None:
    path = "/".join(filter(None, (root, group, version)))
    try:
        return _decoded(path, await client.request("GET", path), _WireOldResources)
    except ApiError as error:
        # 503: what is behind its APIService does not answer. 404: it went meanwhile, or never came.
        if error.status not in {404, 500, 502, 503, 504}:
            raise
        return None


def _version(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


def _decoded(path: str, answer: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=shape)
    except msgspec.MsgspecError as error:
        message = f"the answer is no discovery ({error}); is a proxy in between?"
        raise ApiError("GET", path, 200, "", message) from error
