"""A set run to its end against a model of Velero's queue, cut off after every step in every way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.backup.setmaker import creates, make_lane, make_plan, make_situation, make_spec, nudges
from tests.unit.backup.veleromodel import Model, fresh
from velero_volume_controller.api.backupset import BackupSetSpec, BackupSetStatus, SetPhase
from velero_volume_controller.backup.machine import step
from velero_volume_controller.backup.selection import EXCLUDE_LABEL
from velero_volume_controller.backup.steps import Cluster
from velero_volume_controller.backup.work import Plan, PlannedVolume, Volume
from velero_volume_controller.velero.model.backups import Backup
from velero_volume_controller.velero.model.claims import Claim
from velero_volume_controller.velero.model.namespaces import Namespace
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup

Seen = tuple[tuple[Backup, ...], tuple[PodVolumeBackup, ...]]
#: Of what was seen up to now, which is shown to the machine.
Show = Callable[[list[Seen]], Seen]

#: A set takes minutes; what is not over after an hour never is.
LONGEST = 3600.0


@dataclass
class Scenario:
    """A plan, a Velero, and how it is to end."""

    model: Model
    phase: SetPhase
    plan: Plan = field(default_factory=lambda: make_plan(cluster=True))
    spec: BackupSetSpec = field(default_factory=make_spec)
    cluster: Cluster | None = None


def planned_claim() -> Plan:
    """As make_plan, and in ``b`` a claim beside, which the model's Velero never takes."""
    plan = make_plan()
    claim = PlannedVolume(Volume("b", "job", "data", "node-b", claim="work"), 60.0, 100)
    shards = [
        replace(each, volumes=(*each.volumes, claim)) if each.name == "b" else each for each in plan.shards
    ]
    return replace(plan, shards=tuple(shards))


def cluster(**namespaces: Namespace | None) -> Cluster:
    """The namespaces a to d but for these, and the claim."""
    there: dict[str, Namespace | None] = {name: Namespace(name=name) for name in "abcd"} | namespaces
    claims = {("b", "work"): Claim(name="work", namespace="b")}
    return Cluster((), {name: each for name, each in there.items() if each is not None}, claims)


RETRY = {"retry": {"limit": 2, "backoff": "10s"}}
SCENARIOS = {
    "all is well": Scenario(Model(), SetPhase.COMPLETED),
    "one slot": Scenario(Model(slots=1), SetPhase.COMPLETED),
    "one fails twice": Scenario(
        Model(ends={("a", 1): "Failed", ("a", 2): "PartiallyFailed"}),
        SetPhase.COMPLETED,
        spec=make_spec(**RETRY),
    ),
    "one never completes": Scenario(
        Model(ends={("b", each): "PartiallyFailed" for each in (1, 2, 3)}),
        SetPhase.PARTIALLY_FAILED,
        spec=make_spec(**RETRY),
    ),
    "nothing works": Scenario(
        Model(ends={("a", each): "Failed" for each in (1, 2, 3)}),
        SetPhase.FAILED,
        make_plan({"a": ["a"]}),
        make_spec(**RETRY),
    ),
    "the template is not valid": Scenario(
        Model(ends={(each, 1): "FailedValidation" for each in "ab"}),
        SetPhase.FAILED,
        make_plan({"a": ["a"], "b": ["b"]}),
    ),
    "Velero forgets some": Scenario(Model(forgets=frozenset({("a", 1), ("cluster", 1)})), SetPhase.COMPLETED),
    "one is deleted": Scenario(
        Model(vanishes=frozenset({("a", 1)})), SetPhase.COMPLETED, spec=make_spec(**RETRY)
    ),
    "a claim's pod runs no more": Scenario(
        Model(), SetPhase.PARTIALLY_FAILED, planned_claim(), cluster=cluster()
    ),
    "a claim was deleted": Scenario(
        Model(), SetPhase.COMPLETED, planned_claim(), cluster=replace(cluster(), claims={})
    ),
    "a namespace was labelled, another deleted": Scenario(
        Model(),
        SetPhase.COMPLETED,
        make_plan({"a": ["a"], "b": ["b", "d"], "c": ["c"]}),
        cluster=cluster(a=Namespace(name="a", labels={EXCLUDE_LABEL: "true"}), d=None),
    ),
    "another's Backup is in the way": Scenario(Model(foreign=(3.0, 55.0, ("b", "c"))), SetPhase.COMPLETED),
}


@dataclass
class Run:
    """A set on its way; the cluster keeps ``status`` and the model's Backups, the machine nothing."""

    scenario: Scenario
    model: Model
    show: Show = lambda history: history[-1]
    status: BackupSetStatus = field(default_factory=BackupSetStatus)
    history: list[Seen] = field(default_factory=list)
    steps: int = 0

    def to_the_end(self, cut: tuple[int, str] | None = None) -> BackupSetStatus:
        while not (self.status.phase and self.status.phase.ended):
            assert self.model.now < LONGEST, f"never ends: {self.status.conditions}"
            how = cut[1] if cut and cut[0] == self.steps else "both"
            wait = self.once(how)
            self.model.advance(min(wait, 4.0))
        self._settle()
        return self.status

    def once(self, how: str) -> float:
        self.history.append(self.model.seen())
        backups, volumes = self.show(self.history)
        situation = make_situation(
            self.status,
            now=self.model.now,
            spec=self.scenario.spec,
            backups=backups,
            volumes=volumes,
            lanes=(make_lane(slots=self.model.slots),),
            planned=None if self.status.shards else self.scenario.plan,
            cluster=self.scenario.cluster,
        )
        before = msgspec.json.encode(situation.status)
        found = step(situation)
        assert msgspec.json.encode(situation.status) == before, "the situation was changed"
        self.steps += 1
        if how != "actions":
            # As it is read back from the API server.
            self.status = msgspec.json.decode(msgspec.json.encode(found.status), type=BackupSetStatus)
        if how != "status":
            for creation in creates(found):
                self.model.create(creation)
            for nudge in nudges(found):
                self.model.nudge(nudge)
        return found.again or 10.0

    def _settle(self) -> None:
        """What was seen late is put right once the set has ended."""
        self.show = lambda history: history[-1]
        for _ in range(2):
            self.model.advance(70.0)
            self.once("both")


def result(status: BackupSetStatus) -> tuple[object, ...]:
    return status.phase, msgspec.to_builtins(status.restore_point)


def check(run: Run, scenario: Scenario) -> None:
    twice = [attempt for attempt, count in Counter(run.model.made).items() if count > 1]
    assert not twice or scenario.model.vanishes, f"made twice: {twice}"
    assert run.status.phase is scenario.phase
    point = run.status.restore_point
    assert point is not None
    held = {shard for each in point.backups for shard in [each.shard]}
    lost = {each.namespace for each in point.missing}
    for shard in run.status.shards:
        assert shard.name in held or lost & set(shard.namespaces), f"nothing is said of {shard.name}"


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_a_set_ends_as_it_must(scenario: Scenario) -> None:
    run = Run(scenario, fresh(scenario.model))
    run.to_the_end()
    check(run, scenario)


def cuts(scenario: Scenario) -> Iterator[tuple[int, str]]:
    whole = Run(scenario, fresh(scenario.model))
    whole.to_the_end()
    for index in range(whole.steps):
        yield index, "status"
        yield index, "actions"


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_a_set_that_is_cut_off_after_any_step_ends_in_the_same_restore_point(scenario: Scenario) -> None:
    whole = Run(scenario, fresh(scenario.model))
    whole.to_the_end()

    for cut in cuts(scenario):
        run = Run(scenario, fresh(scenario.model))
        run.to_the_end(cut)
        check(run, scenario)
        assert result(run.status) == result(whole.status), f"cut at {cut}"


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(SCENARIOS)), st.data())
def test_old_repeated_and_reordered_observations_change_nothing_about_the_end(
    name: str, data: st.DataObject
) -> None:
    scenario = SCENARIOS[name]
    whole = Run(scenario, fresh(scenario.model))
    whole.to_the_end()
    late = st.integers(0, 8)

    def old(history: list[Seen]) -> Seen:
        return history[max(0, len(history) - 1 - data.draw(late))]

    # A lost status is for fresh eyes alone, above: what was neither written nor seen can't be counted.
    cut = (data.draw(st.integers(0, whole.steps)), data.draw(st.sampled_from(["both", "status"])))
    run = Run(scenario, fresh(scenario.model), old)
    run.to_the_end(cut)

    check(run, scenario)
    assert result(run.status) == result(whole.status)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_a_step_that_is_taken_again_at_once_changes_nothing(scenario: Scenario) -> None:
    """Else a set would be written without end, for each write of its status asks for a step."""
    run = Run(scenario, fresh(scenario.model))
    while not (run.status.phase and run.status.phase.ended):
        backups, volumes = run.model.seen()
        lanes = (make_lane(slots=run.model.slots),)
        wait = run.once("both")
        again = make_situation(
            run.status,
            now=run.model.now,
            spec=scenario.spec,
            backups=backups,
            volumes=volumes,
            lanes=lanes,
            cluster=scenario.cluster,
        )
        found = step(again)
        assert not found.actions
        assert found.status == run.status
        run.model.advance(min(wait, 4.0))
