"""Clusters to plan for: small ones said in a few words, and any that hypothesis can think of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from hypothesis import strategies as st

from velero_volume_controller.api.backupset import BackupSetSpec, Concurrency, LaneChoice, Selection
from velero_volume_controller.backup.work import History, Input, Namespace, Overhead, Sample, Volume
from velero_volume_controller.velero.model.lanes import Lane
from velero_volume_controller.velero.model.versions import Version

NODES = ("n1", "n2", "n3", "n4")
NAMES = tuple("abcdefghijkl")
MIB = 2**20
_LIMITS: tuple[int | Literal["auto"], ...] = ("auto", 1, 2, 3)


def volume(namespace: str, pod: str = "p", name: str = "v", node: str = "n1", **more: Any) -> Volume:
    """With a claim of its own unless said otherwise."""
    more.setdefault("claim", f"{pod}-{name}")
    return Volume(namespace, pod, name, node, **more)


def sample(of: Volume, seconds: float, lane: str = "velero", **more: Any) -> Sample:
    """That the volume has taken so long once."""
    more.setdefault("ended", "2026-01-01T00:00:00Z")
    more.setdefault("bytes", round(seconds * MIB))
    return Sample(of.key, lane, seconds, node=of.node, **more)


def one_volume_each(seconds: dict[str, tuple[str, float]], lane: Lane, **spec: Any) -> Input:
    """Namespaces with one volume: {name: (node, seconds of data)}."""
    namespaces, samples = [], []
    for name, (node, took) in seconds.items():
        made = volume(name, node=node)
        namespaces.append(Namespace(name, 1, (made,)))
        samples.append(sample(made, took, lane.namespace))
    return Input(BackupSetSpec(**spec), tuple(namespaces), (lane,), History(tuple(samples)))


@st.composite
def lanes(draw: st.DrawFn, name: str = "velero") -> Lane:
    """A Velero of any version, with some nodes set apart."""
    version = draw(st.sampled_from([Version(1, 18, 3), Version(1, 16, 2), Version(1, 14, 1)]))
    return Lane(
        namespace=name,
        version=version,
        slots=draw(st.integers(1, 4)) if version >= (1, 18) else 1,
        item_workers=draw(st.integers(1, 3)),
        default_load=draw(st.integers(1, 3)),
        load=draw(st.dictionaries(st.sampled_from(NODES), st.integers(1, 4), max_size=2)),
    )


@st.composite
def volumes(draw: st.DrawFn, namespace: str) -> tuple[Volume, ...]:
    """Up to four pods of up to three volumes; now and then storage that other namespaces mount."""
    found = []
    for pod in range(draw(st.integers(0, 4))):
        node = draw(st.sampled_from(NODES))
        for number in range(draw(st.integers(1, 3))):
            size = draw(st.none() | st.integers(0, 2000).map(lambda mib: mib * MIB))
            shared = draw(st.sampled_from([None] * 12 + ["nfs:/one", "nfs:/two"]))
            found.append(volume(namespace, f"p{pod}", f"v{number}", node, bytes=size, shared=shared))
    return tuple(found)


@st.composite
def inputs(draw: st.DrawFn) -> Input:
    """Any cluster, with any spec that does not contradict itself."""
    found = [draw(lanes())]
    if draw(st.booleans()):
        found.append(draw(lanes("velero-b")))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=10, unique=True))
    namespaces = tuple(
        Namespace(
            name,
            draw(st.integers(0, 5)),
            draw(volumes(name)),
            draw(st.sampled_from([0, 0, 0, 1, 3])),
            draw(st.sampled_from([None, "velero", "velero-b", "gone"])),
        )
        for name in names
    )
    return Input(draw(specs(names)), namespaces, tuple(found), draw(histories(namespaces)))


@st.composite
def specs(draw: st.DrawFn, names: list[str]) -> BackupSetSpec:
    """``together``, ``isolate`` and ``first`` name what is selected, and the odd stranger."""
    mixed = draw(st.permutations([*names, "stranger"]))
    pair = draw(st.integers(0, min(3, len(mixed))))
    together = [list(mixed[:pair])] if pair > 1 else []
    rest = mixed[pair:] if together else mixed
    isolated = list(rest[: draw(st.integers(0, 2))])
    # One for each Velero, of which there are at most two, is always enough.
    fewest = len(isolated) + 2
    return BackupSetSpec(
        max_shards=draw(st.sampled_from([None, fewest, fewest + 1, fewest + 5])),
        selection=Selection(cluster_resources=draw(st.booleans())),
        together=together,
        isolate=isolated,
        first=draw(st.lists(st.sampled_from(mixed), max_size=2, unique=True)),
        concurrency=Concurrency(
            max=draw(st.sampled_from(_LIMITS)), per_node=draw(st.sampled_from(_LIMITS[:3]))
        ),
    )


@st.composite
def histories(draw: st.DrawFn, namespaces: Iterable[Namespace]) -> History:
    """Some volumes have been taken before, once or twice."""
    samples = []
    for namespace in namespaces:
        for each in namespace.volumes:
            for day in range(draw(st.integers(0, 2))):
                seconds = draw(st.floats(0, 300))
                samples.append(sample(each, seconds, ended=f"2026-01-0{day + 1}T00:00:00Z"))
    overheads = draw(
        st.lists(
            st.builds(
                Overhead,
                lane=st.just("velero"),
                seconds=st.floats(0, 30),
                ended=st.just("2026-01-01T00:00:00Z"),
                namespaces=st.none() | st.integers(1, 5),
            ),
            max_size=3,
        )
    )
    return History(tuple(samples), tuple(overheads))


def choices(*names: str) -> list[LaneChoice]:
    """``spec.lanes`` that names these."""
    return [LaneChoice(namespace=name) for name in names]
