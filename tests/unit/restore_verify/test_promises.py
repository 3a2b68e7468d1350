"""For random backups: a whole restore differs in nothing, and whatever is missing of one is told."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.restore.makers import fs_data, live, pod
from tests.unit.restore_verify.makers import World, restored
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.live import Live
from velero_volume_controller.velero.model.backup_contents import VolumeData

thorough = settings(max_examples=100, deadline=None)

PLAIN = ("ConfigMap", "Secret", "Service", "Role", "Widget", "CronJob")
NAMESPACES = ("shop", "blog")


@dataclass(frozen=True)
class Backup:
    """``firm`` are objects of which nobody makes another."""

    world: World
    firm: tuple[str, ...]


@st.composite
def backups(draw: st.DrawFn) -> Backup:
    held: list[Live] = []
    data: list[VolumeData] = []
    firm: list[str] = []
    targets = draw(st.sampled_from([{"shop": "shop", "blog": "blog"}, {"shop": "shop-2", "blog": "blog"}]))
    everything = draw(st.booleans())

    def put(text: str, **more: object) -> Live:
        made = live(text, **more)
        held.append(made)
        return made

    for namespace in NAMESPACES:
        put(f"Namespace {namespace}")
        for number in range(draw(st.integers(0, 4))):
            text = f"{draw(st.sampled_from(PLAIN))} {namespace}/o{number}"
            put(text)
            firm.append(text.replace(namespace, targets[namespace], 1))
        for number in range(draw(st.integers(0, 2))):
            top = put(f"StatefulSet {namespace}/s{number}")
            firm.append(f"StatefulSet {targets[namespace]}/s{number}")
            for ordinal in range(draw(st.integers(0, 2))):
                put(f"PersistentVolumeClaim {namespace}/data-s{number}-{ordinal}", volume="pv")
                firm.append(f"PersistentVolumeClaim {targets[namespace]}/data-s{number}-{ordinal}")
                name = f"s{number}-{ordinal}"
                held.append(pod(f"{namespace}/{name}", f"data-{name}", controller=top))
                if draw(st.booleans()):
                    data.append(fs_data(name, "data", f"data-{name}", namespace))
        if draw(st.booleans()):
            held.append(pod(f"{namespace}/alone"))
            firm.append(f"Pod {targets[namespace]}/alone")
        if draw(st.booleans()):
            put(f"Job {namespace}/done", ended=True)
            held.append(pod(f"{namespace}/done-x7k2p", ended=True))
    if everything:
        put("ClusterRole r")
        firm.append("ClusterRole r")
    return Backup(restored(held, data, targets=targets, everything=everything), tuple(firm))


@thorough
@given(backups())
def test_a_whole_restore_differs_in_nothing(backup: Backup) -> None:
    found = backup.world.findings()
    assert found.differences == ()
    assert found.summary.missing == 0
    assert not found.waiting
    there = len(found.restored) + sum(map(len, found.left_out.values()))
    selected = [key for key in backup.world.contents.items if key.namespace or key.kind == "Namespace"]
    assert there == len(selected) + backup.world.plan.everything


@thorough
@given(backups(), st.data())
def test_one_object_that_is_missing_is_exactly_one_difference(backup: Backup, data: st.DataObject) -> None:
    if not backup.firm:
        return
    gone = data.draw(st.sampled_from(backup.firm))
    kind, _, name = gone.partition(" ")
    (told,) = backup.world.objects(gone).differences()
    assert told.startswith(f"{kind} {name} is gone since Velero restored it"), told


@thorough
@given(backups(), st.data())
def test_one_volume_that_failed_is_exactly_one_difference(backup: Backup, data: st.DataObject) -> None:
    volumes = backup.world.found.volumes
    if not volumes:
        return
    bad = data.draw(st.sampled_from(volumes))
    how = data.draw(st.sampled_from([{"phase": "Failed"}, {"phase": "Canceled"}, {"bytes_done": 0}]))
    found = backup.world.volume(bad.name, **how)
    (told,) = {
        each
        for each in found.differences()
        if f"Volume {bad.volume} of Pod {bad.pod_namespace}/{bad.pod}" in each
    }
    same = [each for each in volumes if each.name == bad.name]
    assert len(found.differences()) == len(same), told
    assert found.findings().summary.volumes_done == len(volumes) - len(same)


@thorough
@given(backups(), st.randoms(use_true_random=False))
def test_the_order_in_which_it_is_found_does_not_matter(backup: Backup, chance: object) -> None:
    world = backup.world
    objects = list(world.found.cluster.objects.values())
    getattr(chance, "shuffle")(objects)  # noqa: B009  (hypothesis gives no type for it)
    shuffled = world.objects(*map(_named, objects)).objects(add=objects)
    again = shuffled.findings()
    assert (again.restored, again.left_out) == (world.findings().restored, world.findings().left_out)


def _named(each: Live) -> str:
    namespace = (
        f"{each.key.namespace}/" if kinds.of(each.key) != kinds.NAMESPACE and each.key.namespace else ""
    )
    return f"{each.key.kind} {namespace}{each.key.name}"
