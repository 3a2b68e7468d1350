"""How long the planner takes, how much it holds, and how near its plans come to the lower bound.

``python -m tests.bench.planner``: prints figures and asserts nothing.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import time
from dataclasses import dataclass

from velero_volume_controller.api.backupset import BackupSetSpec
from velero_volume_controller.backup.plan import plan
from velero_volume_controller.backup.work import History, Input, Namespace, Plan, Sample, Volume
from velero_volume_controller.velero.model.lanes import Lane

LANE = "velero"


@dataclass(frozen=True)
class Shape:
    """A kind of cluster: how many of each, and how volumes' seconds of data are spread (log-normal)."""

    namespaces: int
    pods: int
    volumes: int
    nodes: int
    slots: int
    workers: int
    load: int
    mean: float
    spread: float


def random_shape(random_: random.Random) -> Shape:
    """From one namespace to a hundred and fifty, on one to a dozen nodes."""
    return Shape(
        namespaces=round(10 ** random_.uniform(0, 2.2)),
        pods=random_.randint(1, 6),
        volumes=random_.randint(1, 3),
        nodes=random_.randint(1, 12),
        slots=random_.randint(1, 8),
        workers=random_.randint(1, 4),
        load=random_.randint(1, 4),
        mean=10 ** random_.uniform(0.3, 2.2),
        spread=random_.uniform(0.2, 1.6),
    )


def cluster(shape: Shape, random_: random.Random) -> Input:
    """Every other namespace lives on one node, the rest on any; every volume has a history."""
    nodes = [f"node-{number}" for number in range(shape.nodes)]
    namespaces, samples = [], []
    for number in range(shape.namespaces):
        name = f"namespace-{number:04}"
        home = random_.choice(nodes) if random_.random() < 0.5 else None
        volumes = []
        for pod in range(random_.randint(0, shape.pods)):
            node = home or random_.choice(nodes)
            for volume in range(random_.randint(1, shape.volumes)):
                made = Volume(name, f"pod-{pod}", f"v{volume}", node, f"claim-{pod}-{volume}", 2**30)
                seconds = round(min(random_.lognormvariate(0, shape.spread) * shape.mean, 7200.0), 1)
                volumes.append(made)
                samples.append(Sample(made.key, LANE, seconds, 2**30, "2026-01-01T00:00:00Z", node))
        namespaces.append(Namespace(name, shape.pods, tuple(volumes), 0, LANE))
    lane = Lane(
        namespace=LANE,
        slots=shape.slots,
        item_workers=shape.workers,
        default_load=shape.load,
        nodes=frozenset(nodes),
    )
    return Input(BackupSetSpec(), tuple(namespaces), (lane,), History(tuple(samples)))


def bound_of_cut(made: Plan, lane: Lane) -> float:
    """For these shards in any order: the longest, all over the slots, each node's data at its capacity."""
    nodes: dict[str, float] = {}
    for shard in made.shards:
        for node, seconds in shard.load().items():
            nodes[node] = nodes.get(node, 0.0) + seconds / lane.capacity(node)
    alone = [shard.alone for shard in made.shards]
    return max(*alone, sum(alone) / lane.slots, max(nodes.values(), default=0.0))


def spread(name: str, ratios: list[float]) -> str:
    """Mean, median, 95 % and the worst."""
    ordered = sorted(ratios)
    return (
        f"{name} mean {statistics.mean(ordered):.3f}, median {statistics.median(ordered):.3f},"
        f" 95 % {ordered[int(0.95 * len(ordered))]:.3f}, worst {ordered[-1]:.3f}"
    )


def quality(count: int, seed: int) -> None:
    """Simulated makespan ÷ lower bound over random clusters: that of the cut, and that of any cut."""
    random_ = random.Random(seed)
    found: list[tuple[float, float, Shape, Plan]] = []
    began = time.perf_counter()
    for _ in range(count):
        shape = random_shape(random_)
        given = cluster(shape, random_)
        made = plan(given)
        of_cut = bound_of_cut(made, given.lanes[0])
        found.append((made.predicted / of_cut, made.predicted / made.lower_bound, shape, made))
    took = time.perf_counter() - began
    shards = statistics.mean(len(made.shards) / shape.slots for _, _, shape, made in found)
    print(f"{count} random clusters (seed {seed}), simulated makespan ÷ lower bound:")
    print(f"  {spread('of these shards in any order:', [each[0] for each in found])}")
    print(f"  {spread('of any shards in any order:  ', [each[1] for each in found])}")
    print(f"  {shards:.1f} shards a slot; {1000 * took / count:.0f} ms a cluster and its plan")
    print("the farthest from the bound of any shards:")
    for of_cut, of_any, shape, made in sorted(found, key=lambda each: -each[1])[:5]:
        print(f"  {of_any:.3f} ({of_cut:.3f}) {len(made.shards):3} shards {made.lower_bound:6.0f} s {shape}")


def size(namespaces: int, volumes: int) -> None:
    """Time and memory for one large cluster."""
    random_ = random.Random(1)
    per_namespace = volumes / namespaces
    shape = Shape(namespaces, round(per_namespace * 2 / 1.5), 2, 100, 8, 2, 2, 20.0, 1.2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    given = cluster(shape, random_)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = sum(len(each.volumes) for each in given.namespaces)
    began = time.process_time(), time.perf_counter()
    made = plan(given)
    took = time.process_time() - began[0], time.perf_counter() - began[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{namespaces} namespaces, {count} volumes: {took[1]:.2f} s ({took[0]:.2f} s of CPU),"
        f" peak {peak / 1024:.0f} MiB (imports {before / 1024:.0f}, input {(held - before) / 1024:.0f},"
        f" planning {(peak - held) / 1024:.0f});"
        f" {len(made.shards)} shards, makespan ÷ lower bound {made.predicted / made.lower_bound:.3f}"
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    size(5000, 20000)
    quality(options.clusters, options.seed)


if __name__ == "__main__":
    main()
