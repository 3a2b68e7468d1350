"""Live objects, listed kind by kind: read as far as a plan asks, and kept no longer than they are looked at.

Most lists are of metadata alone. Whole objects are read only where a plan asks for more than metadata: in
the namespaces that it is about, of kinds whose spec counts, and of those whose objects have no generation,
where a digest tells one state from the next. Secrets are never read whole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from velero_volume_controller.kube.client import JSON, Client
from velero_volume_controller.kube.discovery import Served
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.lists import METADATA, pages
from velero_volume_controller.kube.permissions import Permission
from velero_volume_controller.kube.resources import Resource
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.cluster import TAKEN, Found
from velero_volume_controller.restore.hosts import LOCKS, READ_WHOLE
from velero_volume_controller.restore.live import Live, decode_live
from velero_volume_controller.velero.model.backup_contents import Key

#: Kinds of which ``decode_live`` reads more than metadata, in the namespaces that matter.
_SPEC_COUNTS: Final = kinds.SCALED | {kinds.POD, kinds.JOB, kinds.CRON_JOB, kinds.CLAIM}
#: And those that are read whole wherever they are; what they are few of.
_WHOLE: Final = READ_WHOLE | {kinds.NAMESPACE, kinds.VOLUME, TAKEN}
#: Objects that may be large come in smaller pages: one may have 1.5 MiB.
_LARGE: Final = frozenset({("", "ConfigMap"), ("apiextensions.k8s.io", "CustomResourceDefinition")})
_SMALL_PAGE: Final = {"limit": "50"}
#: With more namespaces than these, one list of all is shorter than one of each.
_MANY: Final = 64
#: How long objects are decoded before others get their turn. Seconds.
_SLICE: Final = 0.01
#: How often a list is begun anew when the server has forgotten it between two pages.
_ATTEMPTS: Final = 3
#: What is behind an APIService, or what a definition defined, is not there now.
_UNANSWERED: Final = frozenset({404, 405, 500, 502, 503, 504})
#: Before an object's mark, where it has no generation.
_DIGEST: Final = "sha256:"


class Unreadable(KubeError):  # noqa: N818  (the name says what is the case)
    """An object is not what its kind promises."""


class _WireUid(msgspec.Struct, frozen=True):
    uid: str = ""
    namespace: str = ""
    name: str = ""


class _WireObject(msgspec.Struct):
    metadata: _WireUid = _WireUid()


_OBJECT: Final = msgspec.json.Decoder(_WireObject)


@dataclass(frozen=True, slots=True)
class Selection:
    """Objects of a kind: in this namespace, or in all, those that one of these label selectors selects."""

    namespace: str
    selectors: tuple[str, ...]


@dataclass
class Listing:
    """What has been listed so far. ``namespaces`` are those that matter, None for all.

    ``known`` is what an earlier listing found of the same, for a run that looks again and again: an object
    that has the same version is not read whole again, and of one that is about to go its state does not
    count. ``forbidden`` are rights that were missing, ``unanswered`` versions of groups that did not answer,
    ``unstored`` kinds whose objects have no uid, for they are computed when they are asked for.
    """

    client: Client
    namespaces: frozenset[str] | None
    known: Mapping[Key, Live] | None = None
    found: Found = field(default_factory=Found)
    kinds: set[tuple[str, str]] = field(default_factory=set)
    forbidden: list[Permission] = field(default_factory=list)
    unanswered: set[str] = field(default_factory=set)
    unstored: set[tuple[str, str]] = field(default_factory=set)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self, served: Served, where: Selection | None = None) -> None:
        """List one kind. Raises Unreadable, and as Client.request but for 403 and what does not answer."""
        resource = served.resource
        kind = (resource.group, resource.kind)
        if kinds.left_out(Key(*kind, "", "")) and kind not in LOCKS:
            return
        try:
            if where is not None:
                for selector in where.selectors:
                    await self._whole(served, where.namespace, {"labelSelector": selector})
            elif kind in _WHOLE or (kind in _SPEC_COUNTS and self.namespaces is None):
                await self._whole(served)
            else:
                await self._metadata(served)
            self.kinds.add(kind)
        except ApiError as error:
            if error.status == 403:
                self.forbidden.append(Permission("list", resource.plural, resource.group))
            elif error.status in _UNANSWERED:
                self.unanswered.add(resource.api_version)
            else:
                raise

    async def _metadata(self, served: Served) -> None:
        """All of them as metadata; whole where that is not enough."""
        again: set[str] = set()

        def use(raw: msgspec.Raw, live: Live) -> None:
            namespace = live.key.namespace
            if not namespace or not self._matters(namespace) or not self._wholly(live):
                self._put(live, raw, whole=False)
            elif (known := self._as_before(live)) is not None:
                self.found.put(known)
            else:
                again.add(namespace)

        await self._each(served, "", {}, METADATA, use)
        if (self.namespaces is None and again) or len(again) > _MANY:
            await self._whole(served, only=again)
        else:
            for namespace in sorted(again):
                await self._whole(served, namespace)

    async def _whole(
        self,
        served: Served,
        namespace: str = "",
        query: Mapping[str, str] | None = None,
        only: set[str] | None = None,
    ) -> None:
        def use(raw: msgspec.Raw, live: Live) -> None:
            if only is None or live.key.namespace in only:
                self._put(live, raw, whole=True)

        secret = (served.resource.group, served.resource.kind) == kinds.SECRET
        await self._each(served, namespace, query or {}, METADATA if secret else JSON, use)

    def _put(self, live: Live, raw: msgspec.Raw, *, whole: bool) -> None:
        """Keep of an object what a plan may ask of it: elsewhere, whose it is."""
        self.found.look(live.key, raw)
        if live.key.namespace and not self._matters(live.key.namespace):
            self.found.namespaces.add(live.key.namespace)
            if live.owners:
                self.found.put(msgspec.structs.replace(live, labels={}, mark=""))
        elif not whole and live.mark.startswith(_DIGEST):
            # Of its metadata alone, that would be no digest. A cluster-scoped object is never deleted.
            self.found.put(msgspec.structs.replace(live, mark=""))
        else:
            self.found.put(live)

    def _wholly(self, live: Live) -> bool:
        """Whether its metadata alone is not enough."""
        if kinds.of(live.key) in _SPEC_COUNTS:
            return True
        return live.mark.startswith(_DIGEST) and not (self.known is not None and live.terminating)

    def _as_before(self, live: Live) -> Live | None:
        """It as it was found before, if it is still that version: of one version of an object there is but
        one state."""
        known = (self.known or {}).get(live.key)
        same = known is not None and (known.uid, known.version) == (live.uid, live.version)
        return known if same and live.version else None

    def _matters(self, namespace: str) -> bool:
        return self.namespaces is None or namespace in self.namespaces

    async def _each(
        self,
        served: Served,
        namespace: str,
        query: Mapping[str, str],
        accept: str,
        use: Callable[[msgspec.Raw, Live], None],
    ) -> None:
        resource = served.resource
        if accept == JSON and (resource.group, resource.kind) in _LARGE:
            query = {**query, **_SMALL_PAGE}
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async for page in pages(self.client, resource.path(namespace), query, accept):
                    # One list at a time is decoded: several would keep others waiting one after the other.
                    async with self._turn:
                        await self._decode(page.items, resource, use)
                return
            except ApiError as error:
                if error.status != 410 or attempt == _ATTEMPTS:
                    raise

    async def _decode(
        self, items: Iterable[msgspec.Raw], resource: Resource, use: Callable[[msgspec.Raw, Live], None]
    ) -> None:
        kind = (resource.group, resource.kind)
        left_out = kinds.left_out(Key(*kind, "", ""))
        began = time.monotonic()
        for raw in items:
            try:
                if left_out:
                    self.found.look_at_name(*kind, raw)
                else:
                    use(raw, decode_live(raw, *kind))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                self._refuse(raw, resource, error)
            if time.monotonic() - began > _SLICE:
                await asyncio.sleep(0)
                began = time.monotonic()

    def _refuse(self, raw: msgspec.Raw, resource: Resource, error: Exception) -> None:
        """Raises Unreadable, unless it is only that nobody stores it."""
        try:
            named = _OBJECT.decode(raw).metadata
        except (msgspec.MsgspecError, UnicodeDecodeError):
            named = _WireUid()
        if named.name and not named.uid:
            self.unstored.add((resource.group, resource.kind))
            return
        name = "/".join(filter(None, (named.namespace, named.name))) or "without a name"
        raise Unreadable(
            f"{resource.kind} {name} can't be read as {resource.api_version} has it ({error}). See what"
            f" kubectl get {resource.plural} -o json prints of it."
        ) from None


def pruned(found: Found, namespaces: frozenset[str] | None) -> dict[Key, Live]:
    """The objects, of other namespaces those alone that something in these namespaces owns.

    The garbage collector would take such a one for one whose owner is absent: no owner is in another
    namespace. It is kept to be seen.
    """
    if namespaces is None:
        return found.objects
    uids = {live.uid for live in found.objects.values() if live.key.namespace in namespaces}
    return {
        key: live
        for key, live in found.objects.items()
        if not key.namespace or key.namespace in namespaces or any(owner.uid in uids for owner in live.owners)
    }
