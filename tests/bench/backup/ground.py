"""What is measured on: three nodes, shaped networks, data of known sizes, Velero as each contender has it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from hack.demo import ground as demo_ground
from hack.lab import cluster, controller, faults, kubectl, storage, velero
from hack.lab.cluster import Lab
from hack.lab.progress import step
from hack.lab.velero import SECOND_LANE, VERSIONS, Knobs, Velero
from tests.bench.backup.contenders import Result, backup_set, plain
from tests.e2e import sets_restoring, sets_samples
from tests.e2e.sets_samples import MB, App
from velero_volume_controller.backup import naming

NODES = 3


def number(name: str, default: float) -> float:
    """An environment variable that shortens the benchmark."""
    text = os.environ.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = 0
    if value <= 0:
        raise SystemExit(f"{name}: expected a number above 0, found {text!r}")
    return value


#: How much larger or smaller the data is.
SCALE = number("BENCH_SCALE", 1)
#: What a node with a shaped network sends.
MEGABITS = number("BENCH_MEGABITS", 24)
ROUNDS = int(number("BENCH_ROUNDS", 3))
#: Labels of the Backups that were measured: the plain ones, and those of sets.
MEASURED = ("vvc-bench=true", naming.SET_UID)


@dataclass(frozen=True)
class Contender:
    """Who runs, and on which Velero."""

    name: str
    lanes: tuple[Velero, ...]
    run: Callable[[tuple[Velero, ...], tuple[str, ...]], Result]


def contenders(slots: int, node_load: int) -> tuple[Contender, ...]:
    """A plain Backup on Velero as it comes, one on the best-configured Velero, a BackupSet on the same."""
    as_it_comes = VERSIONS["1.18.3"]
    tuned = replace(as_it_comes, knobs=Knobs(slots, slots, node_load))
    return (
        Contender("plain, default", (as_it_comes,), _plain),
        Contender("plain, best", (tuned,), _plain),
        Contender("BackupSet", (tuned,), backup_set),
    )


def lanes_of_1_16() -> tuple[Contender, ...]:
    """1.16.2 with restic: a plain Backup, a BackupSet in one lane, and in two."""
    first = VERSIONS["1.16.2"]
    return (
        Contender("plain, 1.16.2", (first,), _plain),
        Contender("BackupSet, one lane", (first,), backup_set),
        Contender("BackupSet, two lanes", (first, SECOND_LANE), backup_set),
    )


def equal(lab: Lab) -> tuple[App, ...]:
    """Eight namespaces with two volumes of 10 MB each."""
    nodes = [node.name for node in lab.nodes]
    sizes = (_scaled(10), _scaled(10))
    return tuple(App(f"equal-{'abcdefgh'[i]}", nodes[i % len(nodes)], sizes) for i in range(8))


def unequal(lab: Lab) -> tuple[App, ...]:
    """Nine namespaces with one volume of 8 to 40 MB, their names grouped by node."""
    nodes = [node.name for node in lab.nodes]
    megabytes = (40, 8, 16, 24, 32, 8, 16, 40, 8)
    return tuple(
        App(f"unequal-{'abcdefghi'[i]}", nodes[i * len(nodes) // 9], (_scaled(megabytes[i]),))
        for i in range(9)
    )


@contextmanager
def on_the_lab() -> Iterator[Lab]:
    """The lab with our controller; down again afterwards if it was down before."""
    was_up = demo_ground.is_up()
    with ExitStack() as after:
        if not was_up:
            after.callback(cluster.down)
        lab = cluster.up(NODES)
        if len(lab.nodes) < NODES:
            raise SystemExit(f"the benchmark needs {NODES} nodes of the lab's own")
        storage.install()
        velero.install(lab, "1.18.3")
        controller.deploy(lab, restores=True)
        after.callback(controller.remove)
        yield lab


@contextmanager
def with_data(lab: Lab, apps: tuple[App, ...], megabits: float | None) -> Iterator[None]:
    """The applications run and each node sends so much at most, or as it can; all gone afterwards."""
    with ExitStack() as after:
        after.callback(sets_samples.remove, apps)
        after.callback(_remove_backups)
        with step(f"deploying {len(apps)} namespaces"):
            sets_samples.deploy(apps)
        for node in lab.nodes if megabits else ():
            after.callback(faults.shape(node, megabits or 0))
        yield


def one_run(lab: Lab, contender: Contender, apps: tuple[App, ...]) -> Result:
    """New data in every volume, Velero as the contender has it, and then only what is measured."""
    for lane in contender.lanes:
        if _installed.get(lane.namespace) != lane:
            velero.install_as(lab, lane)
            controller.let_into(lane.namespace)
            _installed[lane.namespace] = lane
    sets_samples.fill(apps)
    with step(contender.name) as say:
        result = contender.run(contender.lanes, sets_samples.namespaces(apps))
        say(result.phase)
    if result.phase != "Completed":
        raise SystemExit(f"{contender.name}: ended {result.phase}; {result.points}")
    return result


def restored_in(apps: tuple[App, ...], result: Result, clock: Callable[[], float]) -> float:
    """The seconds that restoring takes once everything has been cleared; `clock` tells the time."""
    sets_restoring.clear(sets_samples.namespaces(apps))
    started = clock()
    sets_restoring.restore(result.points)
    seconds = clock() - started
    sets_samples.wait_until_running(apps)
    return seconds


def _remove_backups() -> None:
    """Forget every BackupSet, and have each Velero delete what was measured."""
    kubectl.kubectl("delete", "backupsets.vvc.velero.io", "--all", "--all-namespaces")
    for lane in _installed.values():
        for selector in MEASURED:
            lane.command("backup", "delete", f"--selector={selector}", "--confirm")


_installed: dict[str, Velero] = {}


def _plain(lanes: tuple[Velero, ...], namespaces: tuple[str, ...]) -> Result:
    return plain(lanes[0], namespaces)


def _scaled(megabytes: float) -> int:
    return int(megabytes * MB * SCALE)
