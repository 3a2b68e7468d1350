"""What a volume and a Backup will take: predicted from what they have taken. Pure.

Where each number comes from is said beside it. "Measured" is on Velero 1.18.3 with
kopia and S3, three nodes of 24 Mbit/s each; what is not measured is called a guess.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import cached_property
from math import fsum
from typing import Final

from velero_volume_controller.backup.work import History, PlannedVolume, Sample, Volume, VolumeKey
from velero_volume_controller.velero.model.installations import ITEM_WORKERS_SINCE, MOVER_SINCE
from velero_volume_controller.velero.model.lanes import Lane

#: The weight of a sample halves with each newer one of the same volume: the first Backup of a volume
#: moves all of it, the later ones what has changed, and after three of them it weighs a fifteenth.
HALF_LIFE_SAMPLES: Final = 1.0
#: A Backup's fixed time moves slowly, and a set makes many Backups at once.
HALF_LIFE_BACKUPS: Final = 8.0

#: What a Backup takes beyond its pods. Measured: 0.5 s for an empty namespace, 0.6 s beside a volume; the
#: rest of the 5 to 10 s that a Backup of one small volume takes is its mover and the 5 s look after it.
FIXED_SECONDS: Final = 1.0
#: The least that is believed of what was learnt: timestamps are whole seconds.
LEAST_FIXED_SECONDS: Final = 0.5
#: The first Backup of a namespace makes its repository. Measured: 3 to 6 s.
REPOSITORY_SECONDS: Final = 4.0
#: Each namespace more of a Backup: Velero lists every kind in it (item_collector.go), some 45 namespaced
#: kinds on a small cluster, at 100 requests a second (--client-qps).
LISTING_SECONDS: Final = 0.45
#: Listing the cluster-scoped kinds and writing some hundreds of objects. A guess.
CLUSTER_SECONDS: Final = 3.0

#: Seconds between two looks of an item worker.
POLL: Final = 5.0

#: Since 1.17 a data-mover pod is started for each volume: measured 3-4 s for a tiny one. Where volumes wait
#: for their node it is hidden, and the 5 s after which the node-agent looks again cost as much on average.
MOVER_SECONDS: Final = 3.0
#: Before, the node-agent reads by itself; what is left is the upload's own beginning and end. A guess.
READER_SECONDS: Final = 1.0
#: The shortest movement of data. Timestamps are whole seconds.
LEAST_SECONDS: Final = 0.5

#: Bytes a second where no volume has a history. A guess: object storage over 1 Gbit/s, shared.
DEFAULT_RATE: Final = 30 * 2**20
#: Smaller samples say more about beginning and ending than about the rate.
RATE_BYTES: Final = 2**20
#: A volume of which not even a size is known, as an emptyDir. A guess.
UNKNOWN_BYTES: Final = 64 * 2**20


def poll_seconds(lane: Lane) -> float:
    """Between two looks of an item worker at its pod (pkg/backup, waitUntilPVBsProcessed); 0 before 1.16."""
    return POLL if lane.version >= ITEM_WORKERS_SINCE else 0.0


class _Mean:
    """An exponentially weighted mean; each value halves the weight of those before it, per half-life."""

    __slots__ = ("sum", "weight")

    def __init__(self) -> None:
        self.sum = 0.0
        self.weight = 0.0

    def add(self, value: float, half_life: float) -> None:
        kept = 0.5 ** (1.0 / half_life)
        self.sum = self.sum * kept + value
        self.weight = self.weight * kept + 1.0

    @property
    def value(self) -> float:
        return self.sum / self.weight


class Costs:
    """Predictions. ``volumes`` are those of the plan: how full they are, of what was asked for, is learnt."""

    def __init__(self, history: History, volumes: Iterable[Volume] = ()) -> None:
        self._known: dict[VolumeKey, tuple[_Mean, _Mean]] = {}
        self._fixed: dict[str, _Mean] = {}
        samples = sorted(history.samples, key=lambda each: (each.ended, each.seconds, each.bytes))
        self._rates = _rates(samples)
        for sample in samples:
            means = self._known.get(sample.key)
            if means is None:
                means = self._known[sample.key] = (_Mean(), _Mean())
            means[0].add(sample.seconds, HALF_LIFE_SAMPLES)
            means[1].add(sample.bytes, HALF_LIFE_SAMPLES)
        for overhead in sorted(
            history.overheads, key=lambda each: (each.ended, each.seconds, each.namespaces or 0)
        ):
            # One that held all namespaces lists each kind once; one without volumes has less to end.
            if overhead.namespaces is not None and overhead.volumes:
                own = overhead.seconds - LISTING_SECONDS * (overhead.namespaces - 1)
                self._fixed.setdefault(overhead.lane, _Mean()).add(own, HALF_LIFE_BACKUPS)
        self._volumes = tuple(volumes)

    def fixed(self, lane: Lane) -> float:
        """Seconds that a Backup of one namespace takes in this lane beyond its pods.

        What was learnt holds the item worker's last look, which comes half an interval late on average.
        """
        mean = self._fixed.get(lane.namespace)
        if mean is None:
            return FIXED_SECONDS
        return max(mean.value - poll_seconds(lane) / 2, LEAST_FIXED_SECONDS)

    def rate(self, lane: str, node: str) -> float:
        """Bytes a second: of the node where that is known, else of the lane, of all lanes, or a guess."""
        for key in ((lane, node), lane, None):
            if key in self._rates:
                return self._rates[key]
        return float(DEFAULT_RATE)

    def volume(self, volume: Volume, lane: Lane) -> PlannedVolume:
        """What this volume will take in this lane."""
        start = MOVER_SECONDS if lane.version >= MOVER_SINCE else READER_SECONDS
        known = self._known.get(volume.key)
        if known is not None:
            seconds, moved = known[0].value, known[1].value
            return PlannedVolume(volume, max(seconds, LEAST_SECONDS) + start, round(moved), known=True)
        size = UNKNOWN_BYTES if volume.bytes is None else volume.bytes * self.fill
        seconds = size / self.rate(lane.namespace, volume.node)
        return PlannedVolume(volume, max(seconds, LEAST_SECONDS) + start, round(size))

    @cached_property
    def fill(self) -> float:
        """How much of what volumes asked for they hold, over those with a history; 1 if none has one."""
        asked, held = 0, []
        for volume in self._volumes:
            known = self._known.get(volume.key)
            if volume.bytes and known is not None:
                asked += volume.bytes
                held.append(known[1].value)
        return min(1.0, max(fsum(held) / asked, 0.001)) if asked else 1.0


def _rates(samples: Iterable[Sample]) -> dict[Hashable, float]:
    """Bytes a second by (lane, node), by lane, and (None) over all."""
    moved: dict[Hashable, list[float]] = {}
    for sample in samples:
        if sample.bytes < RATE_BYTES or sample.seconds <= 0:
            continue
        for key in ((sample.lane, sample.node), sample.lane, None):
            total = moved.setdefault(key, [0.0, 0.0])
            total[0] += sample.bytes
            total[1] += sample.seconds
    return {key: size / seconds for key, (size, seconds) in moved.items()}
