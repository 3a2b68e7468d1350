"""What a step of a CleanRestore is given: looked up anew for each step, as far as the step asks for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from velero_volume_controller.api.cleanrestore import CleanRestoreSpec, RestorePhase
from velero_volume_controller.api.times import format_time
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.discovery import Discovery, discover
from velero_volume_controller.observe.metrics import Metrics
from velero_volume_controller.restore import plan_maps
from velero_volume_controller.restore.contents import Contents
from velero_volume_controller.restore.gather import NotRestorable, ReadForbidden
from velero_volume_controller.restore.gather_check import Checker, Ran
from velero_volume_controller.restore.gather_facts import Question, gather_facts
from velero_volume_controller.restore.gather_prediction import gather_prediction
from velero_volume_controller.restore.listing import Unreadable
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.look_live import look_live
from velero_volume_controller.restore.look_velero import Inside, look_at_restores, look_at_undo
from velero_volume_controller.restore.objects import CleanRestore, identity
from velero_volume_controller.restore.plan import make_plan
from velero_volume_controller.restore.planned import Plan, PlanRefused
from velero_volume_controller.restore.planning import gather_plan
from velero_volume_controller.restore.rehearsal_check import against
from velero_volume_controller.restore.rights import lacking
from velero_volume_controller.restore.scratch import look_at_scratch, scratch_names
from velero_volume_controller.restore.sources import NoSource
from velero_volume_controller.restore.steps import (
    Checked,
    Fresh,
    Look,
    Observed,
    Problem,
    Unplannable,
)
from velero_volume_controller.restore.stored_plan import Damaged, store
from velero_volume_controller.restore.validate import remarks, validate
from velero_volume_controller.velero.client.downloads import NotFetched, NotSigned
from velero_volume_controller.velero.client.storage_tls import Distrusted
from velero_volume_controller.velero.model.backup_contents import Key

#: How old what is known of the API's kinds may be. Seconds.
_KINDS_FRESH: Final = 60.0

#: Why there is no plan, in one word, by what came of looking.
_REASONS: Final[dict[type[Exception], str]] = {
    NoSource: "NoSource",
    NotRestorable: "NotRestorable",
    NotSigned: "NotFetched",
    NotFetched: "NotFetched",
    Distrusted: "NotFetched",
    ReadForbidden: "RightsMissing",
    Unreadable: "Unreadable",
    Damaged: "PlanNotKept",
}


@dataclass(slots=True)
class Seen:
    """As ``steps.Situation`` has it."""

    observed: Observed = field(default_factory=Observed)
    plan: Plan | None = None
    lost: str = ""
    fresh: Fresh | None = None
    unplannable: Unplannable | None = None
    problems: tuple[Problem, ...] | None = None
    remarks: tuple[str, ...] = ()
    checked: Checked | None = None


class Eyes:
    """Looks for the steps of all runs. What it keeps between two looks is never more than a saving."""

    def __init__(self, client: Client, metrics: Metrics) -> None:
        self._client = client
        self._metrics = metrics
        self._plans: dict[str, tuple[str, str, Plan]] = {}
        self._discovery: tuple[Discovery | None, float] = (None, 0.0)
        self._checker = Checker(client)
        self._live: dict[str, Mapping[Key, Live]] = {}
        self._inside: dict[str, Inside] = {}

    async def look(self, found: CleanRestore, spec: CleanRestoreSpec, wanted: frozenset[Look]) -> Seen:
        """Raises KubeError where nothing can be concluded."""
        seen, status = Seen(), found.status
        if status.unwinding is None and status.phase is not None and not status.phase.ended:
            await self._read_plan(found, seen)
        if seen.lost:
            return seen
        if Look.PLAN in wanted:
            await self._make_plan(found, spec, seen, checked=Look.VALIDATION in wanted)
        observed = seen.observed
        if Look.LIVE in wanted:
            known, kinds = self._live.get(found.uid), await self.discovery()
            live, attachments = await look_live(self._client, kinds, status, seen.plan, known)
            self._live[found.uid] = live
            observed = replace(observed, live=live, attachments=attachments)
        if Look.UNDO in wanted:
            undo = await look_at_undo(self._client, status.undo, self._inside)
            observed = replace(
                observed,
                undo=undo.backup,
                taken=undo.taken,
                snapshots=undo.inside.snapshots,
                backed_up=undo.inside.objects,
            )
        if Look.RESTORES in wanted:
            restores, restored = await look_at_restores(self._client, status.restores)
            observed = replace(observed, restores=restores, restored=restored)
        if Look.SCRATCH in wanted:
            names = scratch_names(status, seen.plan)
            scratch, ledgers = await look_at_scratch(self._client, identity(found), status.rehearsal, names)
            observed = replace(observed, scratch=scratch, ledgers=ledgers)
        seen.observed = observed
        if Look.CHECK in wanted and seen.plan is not None:
            seen.checked = await self._check(found, spec, seen.plan, observed)
        return seen

    def forget(self, uid: str) -> None:
        """The run has ended."""
        self._plans.pop(uid, None)
        self._live.pop(uid, None)
        self._checker.forget(uid)

    def keep(self, uids: Set[str]) -> None:
        """There are no other runs any more."""
        for uid in (self._plans.keys() | self._live.keys()) - uids:
            self.forget(uid)

    async def discovery(self, fresh: float = _KINDS_FRESH) -> Discovery:
        """What is served, as of so many seconds ago at most."""
        known, asked = self._discovery
        if known is None or time.monotonic() - asked > fresh:
            known = await discover(self._client)
            self._discovery = (known, time.monotonic())
        return known

    async def _read_plan(self, found: CleanRestore, seen: Seen) -> None:
        """From its ConfigMaps, anew in each phase; what was read in this phase was checked."""
        summary, phase = found.status.plan, found.status.phase
        if summary is None or phase in {None, RestorePhase.PLANNING, RestorePhase.AWAITING_APPROVAL}:
            return
        known = self._plans.get(found.uid)
        if known is not None and known[:2] == (phase, summary.digest):
            seen.plan = known[2]
            return
        try:
            seen.plan = await plan_maps.read(self._client, identity(found), summary)
        except Damaged as error:
            seen.lost = str(error)
            return
        self._plans[found.uid] = (phase, summary.digest, seen.plan)

    async def _make_plan(
        self, found: CleanRestore, spec: CleanRestoreSpec, seen: Seen, *, checked: bool
    ) -> None:
        """And look what stands against it, if it is to be ``checked``."""
        try:
            gathered = await gather_plan(self._client, found.namespace, spec, uid=found.uid)
            with self._metrics.clean_restore_plan_seconds.time():
                # In a thread: with 50,000 objects it takes a second, and the Lease is to be renewed.
                plan = await asyncio.to_thread(make_plan, gathered.given)
            fresh = Fresh(plan, gathered.sources, undoes=gathered.undoes, schedule=gathered.schedule)
            # When it is made again to be compared, it is not kept.
            if found.status.phase is RestorePhase.PLANNING:
                stored = await asyncio.to_thread(store, plan)
                names = await plan_maps.write(self._client, identity(found), stored)
                prediction = await gather_prediction(self._client, gathered, plan)
                fresh = replace(fresh, config_maps=names, digest=stored.digest, prediction=prediction)
            if checked:
                seen.problems, seen.remarks = await self._validate(found, spec, plan, gathered.held)
            seen.fresh = fresh
        except PlanRefused as error:
            seen.unplannable = Unplannable("Refused", "; ".join(error.problems))
        except tuple(_REASONS) as error:
            reason = next(word for kind, word in _REASONS.items() if isinstance(error, kind))
            seen.unplannable = Unplannable(reason, str(error))

    async def _validate(
        self, found: CleanRestore, spec: CleanRestoreSpec, plan: Plan, held: Mapping[str, Contents]
    ) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
        """What stands against the run, and what is remarked beside it, each told once, of every Velero that
        restores some of it."""
        # Asked for first: without rights, nothing else can be told.
        discovery = await self.discovery(0.0)
        problems = dict.fromkeys(await lacking(self._client, discovery, plan, held))
        if spec.rehearsal is not None:
            problems |= dict.fromkeys(await against(self._client, spec.rehearsal))
        said: dict[str, None] = {}
        for lane, contents in held.items():
            part = replace(plan, backups=contents.backups)
            asked = Question(spec, part, contents, found.uid, undo_in=found.namespace)
            facts = await gather_facts(self._client, lane, asked, datetime.now(UTC))
            problems |= dict.fromkeys(await asyncio.to_thread(validate, facts))
            said |= dict.fromkeys(await asyncio.to_thread(remarks, facts))
        return tuple(problems), tuple(said)

    async def _check(
        self, found: CleanRestore, spec: CleanRestoreSpec, plan: Plan, observed: Observed
    ) -> Checked:
        """What has come back of what the plan says."""
        restores = tuple((observed.restores or {}).values())
        now = format_time(datetime.now(UTC))
        ran = Ran(identity(found), spec, found.status, plan, restores, observed.restored, now)
        return await self._checker.look(ran)
