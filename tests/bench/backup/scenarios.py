"""The scenarios: who runs against whom, on what, and what of it is printed."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from hack.lab import faults, kubectl
from hack.lab.cluster import Lab
from hack.lab.velero import Velero
from tests.bench.backup import figures, ground
from tests.bench.backup.contenders import Disturbance, Rehearsed, Result, backup_set, plain, rehearsed
from tests.bench.backup.ground import MEGABITS, ROUNDS, Contender
from tests.e2e.sets_samples import MB, POD, App

Results = dict[str, list[Result]]

#: A hook that fails once, as a database that is busy does.
FAILS_ONCE = '["/bin/sh","-c","test -e /tmp/again || { touch /tmp/again; exit 1; }"]'


def equal(lab: Lab) -> None:
    """Equal volumes, and nothing shaped."""
    apps = ground.equal(lab)
    with ground.with_data(lab, apps, None):
        results = _rounds(lab, ground.contenders(slots=4, node_load=4), apps)
        figures.show("Equal volumes: 8 namespaces × 2 of 10 MB, 4 slots", results)
        figures.ratios(results, {"plain, best": 1.1, "plain, default": 0.65})
        figures.predictions(results["BackupSet"])


def unequal(lab: Lab) -> None:
    """Unequal volumes whose names are grouped by node, each node's network shaped; and restoring them."""
    apps = ground.unequal(lab)
    with ground.with_data(lab, apps, MEGABITS):
        results = _rounds(lab, ground.contenders(slots=3, node_load=1), apps)
        title = f"Unequal volumes: 9 of 8 to 40 MB, three nodes with {MEGABITS:g} Mbit/s, 3 slots"
        figures.show(title, results)
        figures.ratios(results, {"plain, best": 0.55, "plain, default": 0.35})
        figures.predictions(results["BackupSet"])
        figures.slowest_node(_seconds_of_the_slowest_node(apps), results["BackupSet"])
        restores: dict[str, list[float]] = defaultdict(list)
        for _ in range(ROUNDS):
            for name in ("plain, best", "BackupSet"):
                restores[name].append(ground.restored_in(apps, results[name][-1], time.monotonic))
        figures.show_seconds("Restoring them into cleared namespaces", restores)
        figures.ratio("BackupSet", "plain, best", restores, 1.3)


def broken(lab: Lab) -> None:
    """Something breaks half-way; the plain Backup starts again, the set makes anew what failed."""
    apps = ground.unequal(lab)
    with ground.with_data(lab, apps, MEGABITS):
        _, best, ours = ground.contenders(slots=3, node_load=1)
        whole = {who.name: ground.one_run(lab, who, apps).took.seconds for who in (best, ours)}
        for breakage in _breakages(lab, best.lanes[0], apps):
            results: Results = defaultdict(list)
            for number in range(ROUNDS):
                for who in _in_turn((best, ours), number):
                    hit = breakage.hitting(who, whole[who.name] / 2)
                    results[who.name].append(ground.one_run(lab, hit, apps))
            figures.show(f"Half-way, {breakage.what}", results)
            figures.ratios(results, {"plain, best": 0.6})
            figures.moved_twice(results)


def lanes(lab: Lab) -> None:
    """1.16.2 with restic runs one Backup at a time; two installations run two."""
    apps = ground.unequal(lab)
    with ground.with_data(lab, apps, MEGABITS):
        results = _rounds(lab, ground.lanes_of_1_16(), apps)
        figures.show("1.16.2 with restic: one lane or two", results)
        figures.ratios(
            results, {"BackupSet, one lane": 0.6, "plain, 1.16.2": 0.6}, ours="BackupSet, two lanes"
        )


def rehearsals(lab: Lab) -> None:
    """How near the predicted time of a restore comes: at first nothing was ever restored."""
    found: dict[str, list[Rehearsed]] = defaultdict(list)
    tuned = ground.contenders(slots=3, node_load=1)
    for megabits, what in ((MEGABITS, f"{MEGABITS:g} Mbit/s a node"), (None, "nothing shaped")):
        apps = ground.unequal(lab)
        with ground.with_data(lab, apps, megabits):
            for who in (tuned[2], tuned[1]):
                result = ground.one_run(lab, who, apps)
                for _ in range(ROUNDS):
                    found[f"{who.name}, {what}"].append(rehearsed(who.lanes[0].namespace, result.points))
    figures.rehearsals("Rehearsals of nine namespaces: predicted beside measured", found)


ALL: Mapping[str, Callable[[Lab], None]] = {
    "equal": equal,
    "unequal": unequal,
    "broken": broken,
    "lanes": lanes,
    "rehearsals": rehearsals,
}


def _rounds(lab: Lab, who: tuple[Contender, ...], apps: tuple[App, ...]) -> Results:
    """Each Velero once to warm up (repositories are made then, and a set's history), then all in turns."""
    results: Results = defaultdict(list)
    last_with = {tuple(lane.namespace for lane in contender.lanes): contender for contender in who}
    for contender in last_with.values():
        ground.one_run(lab, contender, apps)
    for number in range(ROUNDS):
        for contender in _in_turn(who, number):
            results[contender.name].append(ground.one_run(lab, contender, apps))
    return results


def _in_turn(who: tuple[Contender, ...], number: int) -> Iterable[Contender]:
    """Each round another one begins."""
    first = number % len(who)
    return who[first:] + who[:first]


@dataclass(frozen=True)
class Breakage:
    """What breaks; `beforehand` where it is prepared before the run and breaks by itself in it."""

    what: str
    play: Callable[[], object]
    beforehand: bool = False

    def hitting(self, who: Contender, after: float) -> Contender:
        """The contender, with this happening so many seconds after its run began."""
        if self.beforehand:

            def run(lanes: tuple[Velero, ...], namespaces: tuple[str, ...]) -> Result:
                self.play()
                return who.run(lanes, namespaces)

            return replace(who, run=run)
        disturbance = Disturbance(after, self.play)
        if who.name == "BackupSet":
            return replace(who, run=lambda lanes, names: backup_set(lanes, names, disturbance))
        return replace(who, run=lambda lanes, names: plain(lanes[0], names, disturbance))


def _breakages(lab: Lab, velero: Velero, apps: tuple[App, ...]) -> tuple[Breakage, ...]:
    """The hook is the last, for it stays on its pod."""
    hurt = apps[len(apps) // 2].namespace
    crash = partial(faults.crash, lab, velero.namespace)
    return (
        Breakage("Velero's pod is killed", partial(crash, "deploy=velero")),
        Breakage("the node-agents are killed", partial(crash, "name=node-agent")),
        Breakage("one namespace's hook fails once", partial(_let_the_hook_fail_once, hurt), beforehand=True),
    )


def _let_the_hook_fail_once(namespace: str) -> None:
    kubectl.kubectl("-n", namespace, "exec", POD, "--", "rm", "-f", "/tmp/again")
    command = f"pre.hook.backup.velero.io/command={FAILS_ONCE}"
    annotate = ["-n", namespace, "annotate", "--overwrite", "pod", POD]
    kubectl.kubectl(*annotate, command, "pre.hook.backup.velero.io/on-error=Fail")


def _seconds_of_the_slowest_node(apps: tuple[App, ...]) -> float:
    """What the node with the most data needs to send it: no order of anything is faster."""
    load: dict[str, int] = defaultdict(int)
    for app in apps:
        load[app.node] += sum(app.sizes)
    return max(load.values()) / (MEGABITS * MB / 8)
