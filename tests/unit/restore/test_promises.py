"""What a plan promises, for random clusters and backups: what would be lost if it broke its word is data."""

from __future__ import annotations

import random
from dataclasses import replace

import msgspec
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.unit.restore.makers import cluster, live, pod
from tests.unit.restore.worlds import UNSEEN, Collector, worlds
from velero_volume_controller.api.cleanrestore import Clearing
from velero_volume_controller.api.glob import matches
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.plan import make_plan
from velero_volume_controller.restore.planned import Action, Input, Plan, PlanRefused
from velero_volume_controller.velero.model.backup_contents import Key

thorough = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def planned(world: Input) -> Plan:
    """The plan; a world for which there is none says nothing here."""
    try:
        return make_plan(world)
    except PlanRefused:
        assume(False)
        raise


def deleted(plan: Plan) -> set[str]:
    return {each.uid for each in plan.objects if each.action is Action.DELETE}


def targets(asked: Clearing) -> set[str]:
    """The namespaces that may be touched, said once more and more simply than the plan does."""
    named = asked.namespaces
    chosen = {
        name
        for name in ("shop", "shop-db", "other", "kube-system")
        if any(matches(pattern, name) for pattern in named.include)
        and not any(matches(pattern, name) for pattern in named.exclude)
    }
    return {asked.namespace_mapping.get(name, name) for name in chosen} - {"kube-system"}


@thorough
@given(worlds())
def test_nothing_is_deleted_that_is_protected_or_somewhere_else(world: Input) -> None:
    plan, by_uid = planned(world), {each.uid: each for each in world.cluster.objects.values()}
    protect = world.wanted.protect
    gone = [by_uid[uid] for uid in sorted(deleted(plan))]
    for each in gone:
        assert not each.protected
        assert not each.key.group.endswith("velero.io"), "Velero's objects, and ours"
        assert protect.selector is None or not each.labels
        if each.key.kind == "PersistentVolume":
            assert not each.stays
            assert each.claim in {(other.key.namespace, other.key.name) for other in gone}
            continue
        assert each.key.namespace in targets(world.wanted) - set(protect.namespaces)
        assert not each.finalizers or each.key.kind != "Widget" or world.wanted.allow_kinds
    assert {each.uid for each in plan.clear} <= {each.uid for each in gone}


@thorough
@given(worlds(), st.booleans(), st.booleans(), st.booleans())
def test_clearing_takes_what_the_plan_says_and_nothing_else(
    world: Input, foreground: bool, at_once: bool, unseen_exists: bool
) -> None:
    plan = planned(world)
    collector = cleared(world, plan, foreground=foreground, at_once=at_once, unseen_exists=unseen_exists)
    gone = set(by_uid(world)) - set(collector.objects)
    assert gone <= deleted(plan), "deleted with another, and not in the plan"
    if not plan.refused:
        volumes = {each.uid for each in plan.objects if each.key.kind == "PersistentVolume"}
        assert deleted(plan) - volumes <= gone, "in the plan, and would stay"


def by_uid(world: Input) -> dict[str, Live]:
    return {each.uid: each for each in world.cluster.objects.values()}


def cleared(
    world: Input, plan: Plan, *, foreground: bool = True, at_once: bool = True, unseen_exists: bool = True
) -> Collector:
    """The cluster when all that is deleted by itself has been, and the garbage collector has come round."""
    collector = Collector(by_uid(world), unseen_exists)
    # What the garbage collector would take anyway is in no dump.
    assume(len(collector.objects) == len(world.cluster.objects))
    uids = [each.uid for each in plan.clear]
    for some in [uids] if at_once else [[uid] for uid in uids]:
        collector.delete(some, foreground=foreground)
    return collector


def mapped(world: Input, key: Key) -> Key:
    return key._replace(namespace=world.wanted.namespace_mapping.get(key.namespace, key.namespace))


@thorough
@given(worlds())
def test_what_the_backup_holds_comes_back_or_is_reported_as_kept(world: Input) -> None:
    plan = planned(world)
    assume(not plan.refused)
    left = {each.key for each in cleared(world, plan).objects.values()}
    said = {each.key: each.action for each in plan.objects}
    chosen = {each.key.namespace for each in plan.objects}
    for held in world.contents.items:
        named = world.wanted.namespaces
        if not any(matches(pattern, held.namespace) for pattern in named.include):
            continue
        if any(matches(pattern, held.namespace) for pattern in named.exclude):
            continue
        key = mapped(world, held)
        if key.namespace not in chosen or key.group.endswith("velero.io"):
            continue
        # Velero leaves alone what exists, and creates the rest.
        if key in left:
            assert said[key] is Action.KEEP, f"{key} is left, and not reported"
        else:
            assert said[key] in {Action.DELETE, Action.CREATE}, f"{key} comes back, and that is not said"


@thorough
@given(worlds())
def test_data_comes_back_where_it_was_and_overwrites_nothing_that_stays(world: Input) -> None:
    plan = planned(world)
    assume(not plan.refused)
    left = {each.key: each for each in cleared(world, plan).objects.values()}
    said = {each.key: each.action for each in plan.objects}
    for data in world.contents.data:
        if data.snapshot:
            continue
        where = mapped(world, Key("", "Pod", data.namespace, data.pod))
        if said.get(where) not in {Action.DELETE, Action.CREATE}:
            continue
        claim = mapped(world, Key("", "PersistentVolumeClaim", data.namespace, data.claim))
        if data.claim:
            assert claim not in left, "Velero would write into a claim that is kept"
        adopters = [
            each
            for each in left.values()
            if each.key.kind in {"ReplicaSet", "StatefulSet", "Job"}
            and each.key.namespace == where.namespace
            and where.name.startswith(f"{each.key.name}-")
            and where.name.rpartition("-")[0] == each.key.name
            and not each.ended
        ]
        assert not adopters, f"{where}, into which data comes back, would be adopted, and may be deleted"


@thorough
@given(worlds())
def test_no_data_is_lost_that_the_backup_lacks(world: Input) -> None:
    """But for claims that extras: delete or scope: namespace sweep away: these were asked for by name."""
    plan = planned(world)
    covered = {(data.namespace, data.claim) for data in world.contents.data if data.claim}
    by_pods = {(data.namespace, data.pod, data.volume) for data in world.contents.data if data.pod}
    resolved = {
        (each.key.namespace, claim)
        for each in world.cluster.objects.values()
        for volume, claim in each.mounts
        if (each.key.namespace, each.key.name, volume) in by_pods
    }
    held = {mapped(world, key) for key in world.contents.items}
    assume(not world.wanted.namespace_mapping)
    for each in world.cluster.objects.values():
        if each.uid not in deleted(plan) or each.key.kind != "PersistentVolumeClaim" or not each.volume:
            continue
        made_by_pod = any(owner.controller and owner.kind == "Pod" for owner in each.owners)
        if each.key in held and not made_by_pod:
            assert (each.key.namespace, each.key.name) in covered | resolved


@thorough
@given(worlds(), st.randoms(use_true_random=False))
def test_the_same_question_has_the_same_answer(world: Input, dice: random.Random) -> None:
    there, held, data = (
        list(world.cluster.objects.values()),
        list(world.contents.items),
        list(world.contents.data),
    )
    for shuffled in (there, held, data):
        dice.shuffle(shuffled)
    again = replace(
        world,
        cluster=replace(world.cluster, objects={each.key: each for each in there}),
        contents=replace(world.contents, items=frozenset(held)),
    )
    first, second = planned(world), planned(again)
    assert first == second


@thorough
@given(worlds())
def test_pods_that_come_and_go_are_no_other_plan(world: Input) -> None:
    plan = planned(world)
    makers = [
        each for each in world.cluster.objects.values() if each.key.kind in {"ReplicaSet", "StatefulSet"}
    ]
    assume(makers)
    maker = makers[0]
    more = pod(f"{maker.key.namespace}/another-one", controller=maker, uid="uid-another")
    grown = replace(world, cluster=cluster(*world.cluster.objects.values(), more))
    assert planned(grown).hash == plan.hash


@thorough
@given(worlds(), st.data())
def test_a_root_that_is_new_changed_or_gone_is_another_plan(world: Input, data: st.DataObject) -> None:
    plan = planned(world)
    roots = [each for each in plan.objects if each.root and each.action in {Action.DELETE, Action.BLOCKED}]
    assume(roots)
    chosen = world.cluster.objects[data.draw(st.sampled_from(roots)).key]
    rest = [each for each in world.cluster.objects.values() if each.key != chosen.key]
    changed = msgspec.structs.replace(chosen, mark="generation:2")
    assert planned(replace(world, cluster=cluster(*rest, changed))).hash != plan.hash
    again = msgspec.structs.replace(chosen, uid="made again")
    assert planned(replace(world, cluster=cluster(*rest, again))).hash != plan.hash
    new = live(f"ConfigMap {chosen.key.namespace or 'shop'}/brand-new", uid="new")
    if any(each.key.namespace == new.key.namespace for each in plan.objects):
        assert planned(replace(world, cluster=cluster(*rest, chosen, new))).hash != plan.hash


def test_worlds_are_worth_it() -> None:
    """Enough of them are planned, and not all refused: else the promises above would say nothing."""
    counted = {"refused": 0, "planned": 0, "taken along": 0, "unseen": 0}

    @settings(max_examples=300, deadline=None, database=None, derandomize=True)
    @given(worlds())
    def look(world: Input) -> None:
        try:
            plan = make_plan(world)
        except PlanRefused:
            return
        counted["refused" if plan.refused else "planned"] += 1
        counted["taken along"] += any(each.by is not None for each in plan.objects)
        counted["unseen"] += any(
            owner.uid == UNSEEN for each in world.cluster.objects.values() for owner in each.owners
        )

    look()
    assert all(number >= 15 for number in counted.values()), counted
