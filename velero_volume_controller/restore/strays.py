"""What a rehearsal left whose CleanRestore was deleted in the middle: removed, for nobody else would.

It is known by the ConfigMap in this program's own namespace that the rehearsal wrote before it made
anything: no finalizer is needed, and whoever deletes a CleanRestore never waits for this program. Looked for
when a leader begins, when a CleanRestore goes, and now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set
from typing import Final

import msgspec
import structlog

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.lists import listed, pages
from velero_volume_controller.kube.waiting import first_of
from velero_volume_controller.restore import naming, scratch
from velero_volume_controller.restore.plan_maps import CONFIG_MAPS, HOLDS
from velero_volume_controller.restore.rehearsing import scratch_name
from velero_volume_controller.restore.scratch_objects import LEDGER, REHEARSAL, Ledger
from velero_volume_controller.restore.steps import RemoveLedger, RemoveScratch, RunIdentity
from velero_volume_controller.velero.client.restores import RESTORES
from velero_volume_controller.velero.model.restore_runs import decode_restore

#: From one look to the next, in seconds: while something is left, and else.
_SOON: Final = 2.0
_NOW_AND_THEN: Final = 60.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class _WireMetadata(msgspec.Struct, frozen=True):
    name: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Wire(msgspec.Struct, frozen=True):
    metadata: _WireMetadata


_CONFIG_MAP: Final = msgspec.json.Decoder(_Wire)
_LEDGER: Final = msgspec.json.Decoder(Ledger)


class Strays:
    """``alive`` are the uids of the CleanRestores that there are."""

    def __init__(self, client: Client, namespace: str, alive: Callable[[], Set[str]]) -> None:
        self._client = client
        self._namespace = namespace
        self._alive = alive
        #: Set when a CleanRestore is gone.
        self.doubted = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``."""
        while not stop.is_set():
            self.doubted.clear()
            try:
                left = await self.remove()
            except KubeError as error:
                left = 0
                # Without the piece that grants it, no rehearsal has made anything.
                if not isinstance(error, ApiError) or error.status != 403:
                    log.warning("what a rehearsal may have left can't be looked for", error=str(error))
            await first_of(stop, self.doubted, timeout=_SOON if left else _NOW_AND_THEN)

    async def remove(self) -> int:
        """How many rehearsals have left something that is not gone yet. Raises KubeError."""
        query = {"labelSelector": f"{HOLDS}={REHEARSAL}"}
        left = 0
        async for page in pages(self._client, CONFIG_MAPS.path(self._namespace), query):
            for raw in page.items:
                try:
                    found = _CONFIG_MAP.decode(raw).metadata
                    ledger = _LEDGER.decode(found.annotations.get(LEDGER, ""))
                except msgspec.MsgspecError as error:
                    log.warning("a rehearsal's ConfigMap can't be read, and is left alone", error=str(error))
                    continue
                uid = found.labels.get(naming.RUN_UID, "")
                if uid and uid not in self._alive():
                    owner = RunIdentity(self._namespace, found.labels.get(naming.RUN, ""), uid)
                    left += not await self._gone(owner, found.name, ledger)
        return left

    async def _gone(self, owner: RunIdentity, config_map: str, ledger: Ledger) -> bool:
        """Whether nothing is left of this one any more."""
        if await self._velero_at_work(owner, ledger):
            return False
        # A ledger that names what no rehearsal of this uid would make is not believed.
        names = [
            name for name, source in ledger.namespaces.items() if name == scratch_name(source, owner.uid)
        ]
        seen, _ = await scratch.look_at_scratch(self._client, owner, None, names)
        mine = {name: each for name, each in seen.items() if each.ours}
        refusals = []
        for name, each in mine.items():
            if not each.terminating:
                refusals.append(await scratch.remove_scratch(self._client, RemoveScratch(name, each.uid)))
        if not mine:
            places = tuple(sorted({*ledger.lanes, self._namespace}))
            gone = RemoveLedger(places, config_map)
            refusals.append(await scratch.remove_ledger(self._client, owner, gone))
        for refusal in filter(None, refusals):
            log.warning(refusal, clean_restore=owner.name)
        return not mine

    async def _velero_at_work(self, owner: RunIdentity, ledger: Ledger) -> bool:
        """While Velero restores, it would make a namespace that is missing, and not closed."""
        query = {"labelSelector": f"{naming.RUN_UID}={owner.uid}"}
        for lane in ledger.lanes:
            try:
                restores = await listed(self._client, RESTORES, decode_restore, lane, query)
                if any(not each.ended for each in restores):
                    return True
            except ApiError as error:
                # This Velero is gone, and its definitions with it.
                if error.status != 404:
                    raise
        return False
