"""What other settings of Velero would bring, in words: for ``vvc backup plan`` and ``tune``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from velero_volume_controller.api.words import span
from velero_volume_controller.backup.tuning import Knobs, Trial, Tuning, tune
from velero_volume_controller.backup.work import Input, Plan

#: The server's flag of each setting that has one; the third stands in the node-agent's ConfigMap.
FLAGS: Final = {"backups": "--concurrent-backups", "workers": "--item-block-worker-count"}
LOAD: Final = "loadConcurrency.globalConfig"

#: Volumes up to which a plan is made with other settings too, some 30 times; a larger one takes a second.
_FEW: Final = 2000


def in_words(knobs: Knobs, names: tuple[str, ...]) -> str:
    """These settings as Velero's flags and its ConfigMap have them."""
    return ", ".join(f"{FLAGS.get(name, LOAD)}={getattr(knobs, name)}" for name in names)


def saving(tuning: Tuning, trial: Trial) -> str:
    """How long it takes so, and how much less that is."""
    share = round(100 * tuning.gain(trial))
    less = f"{share} % less" if share > 0 else "no gain alone" if share == 0 else f"{-share} % more"
    return f"about {span(trial.seconds)}, {less}"


def faster(plan: Plan, given: Input) -> Iterator[str]:
    """A sentence for each Velero of the plan whose settings could be better."""
    if sum(len(each.volumes) for each in given.namespaces) > _FEW:
        yield "Whether other settings of Velero would be faster is told by vvc backup tune for the same set."
        return
    used = {shard.lane for shard in plan.shards}
    for lane in given.lanes:
        if lane.namespace not in used:
            continue
        tuning = tune(given, lane.namespace)
        if tuning.alone:
            settings = in_words(tuning.best.knobs, tuple(tuning.alone))
            yield (
                f"With {settings} for Velero in {lane.namespace} it would take {saving(tuning, tuning.best)};"
                " vvc backup tune for the same set says where to set what, and sets it."
            )
