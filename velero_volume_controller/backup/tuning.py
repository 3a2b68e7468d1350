"""Which of Velero's settings would shorten a set: its plan, simulated with others. Pure.

Three settings decide how much Velero does at a time: Backups at once (1.18), pods at
once within one (1.16), volumes at once on a node (1.13). They count together: more
Backups alone wait for the same node-agents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import msgspec

from velero_volume_controller.backup.plan import plan
from velero_volume_controller.backup.work import Input, Plan
from velero_volume_controller.velero.model.installations import CONCURRENT_SINCE, ITEM_WORKERS_SINCE, RESTIC
from velero_volume_controller.velero.model.lanes import Lane
from velero_volume_controller.velero.model.versions import Version

#: Since when node-agents take several volumes at a time (changelog of 1.13).
LOAD_SINCE: Final = Version(1, 13)

#: A step must save this share of the time to be taken, and a setting is kept low that costs less than that.
_WORTH: Final = 0.03
_SLIGHT: Final = 0.01


@dataclass(frozen=True, slots=True)
class Knobs:
    """Backups at once, pods at once within one, volumes at once on a node that is not named otherwise."""

    backups: int
    workers: int
    load: int


#: No more is advised: a server that works on more needs more memory than its default limit (512 MiB), and
#: several volumes share one node's disks and network, which the simulation does not know.
MOST: Final = Knobs(backups=8, workers=8, load=4)


@dataclass(frozen=True, slots=True)
class Trial:
    """The settings, and how long the set then takes, in seconds."""

    knobs: Knobs
    seconds: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is, what is best, and what each change of those that lead there brings alone.

    ``alone`` is by the name of the changed setting. ``notes`` are sentences on what the prediction rests on.
    """

    lane: Lane
    now: Trial
    best: Trial
    alone: dict[str, Trial]
    notes: tuple[str, ...] = ()

    def gain(self, trial: Trial) -> float:
        """The share of the time that is saved, from 0 to 1; negative if it takes longer."""
        return 1 - trial.seconds / self.now.seconds if self.now.seconds else 0.0


def tune(given: Input, namespace: str) -> Tuning:
    """For the Velero in this namespace, which must be among the lanes. Raises PlanningError as ``plan``.

    It is asked what it would do, so that it can do nothing just now is of no account.
    """
    lane = next(each for each in given.lanes if each.namespace == namespace)
    known: dict[Knobs, Plan] = {}

    def predict(knobs: Knobs) -> float:
        if knobs not in known:
            turned = msgspec.structs.replace(
                lane, slots=knobs.backups, item_workers=knobs.workers, default_load=knobs.load, problem=None
            )
            lanes = tuple(turned if each.namespace == namespace else each for each in given.lanes)
            known[knobs] = plan(replace(given, lanes=lanes))
        return known[knobs].predicted

    start = Knobs(lane.slots, lane.item_workers, lane.default_load)
    predict(start)
    best = search(predict, start, available(lane))
    changed = [name for name in _NAMES if getattr(best, name) != getattr(start, name)]
    alone = {name: replace(start, **{name: getattr(best, name)}) for name in changed}
    return Tuning(
        lane=lane,
        now=Trial(start, predict(start)),
        best=Trial(best, predict(best)),
        alone={name: Trial(knobs, predict(knobs)) for name, knobs in alone.items()},
        notes=known[start].notes,
    )


_NAMES: Final = ("backups", "workers", "load")


def available(lane: Lane) -> tuple[str, ...]:
    """The settings that this Velero heeds, and that do no harm there (``RESTIC_LOSES``)."""
    since = {"backups": CONCURRENT_SINCE, "workers": ITEM_WORKERS_SINCE, "load": LOAD_SINCE}
    if lane.uploader == RESTIC:
        del since["load"]
    return tuple(name for name in _NAMES if name in since and lane.version >= since[name])


def search(predict: Callable[[Knobs], float], start: Knobs, names: tuple[str, ...]) -> Knobs:
    """Doubles whichever settings together save most, as long as it is worth it; takes back what is not.

    All combinations of one step are tried: one setting alone often brings nothing.
    """
    best = start
    while True:
        steps = [doubled for doubled in _doubled(best, names) if doubled != best]
        chosen = min(steps, key=lambda knobs: (predict(knobs), _size(knobs)), default=best)
        if predict(chosen) > predict(best) * (1 - _WORTH):
            break
        best = chosen
    reached = predict(best)
    for name in names:
        lower = getattr(start, name)
        while lower < getattr(best, name):
            kept = replace(best, **{name: lower})
            if predict(kept) <= reached * (1 + _SLIGHT):
                best = kept
                break
            lower *= 2
    return best


def _doubled(knobs: Knobs, names: tuple[str, ...]) -> list[Knobs]:
    factors = [(1, 2) if name in names else (1,) for name in _NAMES]
    return [
        Knobs(*(_raised(knobs, name, factor) for name, factor in zip(_NAMES, chosen, strict=True)))
        for chosen in product(*factors)
    ]


def _raised(knobs: Knobs, name: str, factor: int) -> int:
    """Never lower than it is, nor raised beyond what is advised."""
    is_now: int = getattr(knobs, name)
    most: int = getattr(MOST, name)
    return max(is_now, min(is_now * factor, most))


def _size(knobs: Knobs) -> int:
    return knobs.backups + knobs.workers + knobs.load
