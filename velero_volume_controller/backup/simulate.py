"""What a plan will take: a discrete-event simulation of Velero under the policy of ``dispatch``. Pure.

What is modelled of a Backup: its own fixed time (half before the first pod, half after the
last), then its pods in Velero's order (namespace, name), ``item_workers`` at a time; a pod
hands all its volumes to the node-agent of its node, which takes so many at a time, of
whichever Backup, first come first served (pkg/datapath, Manager); from 1.16 on a worker
looks every 5 s whether its pod is done (pkg/backup, waitUntilPVBsProcessed).
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from math import fsum
from typing import NamedTuple

from velero_volume_controller.backup.costs import POLL, poll_seconds
from velero_volume_controller.backup.dispatch import Load, choose
from velero_volume_controller.velero.model.lanes import Lane


class Pod(NamedTuple):
    """A pod's volumes, in seconds each, and the node they are read on.

    ``least`` is how long the pod takes a worker with its node to itself.
    """

    node: str
    volumes: tuple[float, ...]
    least: float


@dataclass(frozen=True)
class Job:
    """One Backup. ``before`` and ``after`` are what it takes beyond its pods, in seconds.

    ``alone`` is how long it takes at least with all to itself: by its workers' time, its nodes', its longest
    pod's.
    """

    shard: str
    lane: str
    pods: tuple[Pod, ...]
    before: float
    after: float
    velero: Velero
    first: bool = False

    @cached_property
    def nodes(self) -> dict[str, float]:
        """Seconds of volume data by node."""
        return by_node(self.pods)

    @cached_property
    def alone(self) -> float:
        """Seconds."""
        return self.before + least(self.pods, self.nodes, self.velero) + self.after


class Span(NamedTuple):
    """From when to when, in seconds after the begin."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Velero:
    """A lane as simulated. ``capacity`` is in volumes of a node at a time; ``poll`` 0 where there is none."""

    slots: int
    workers: int
    capacity: Callable[[str], int]
    poll: float = POLL


@dataclass(frozen=True, slots=True)
class Simulation:
    """When each shard ran, and each of its volumes in the order of its pods."""

    shards: Mapping[str, Span]
    volumes: Mapping[str, tuple[Span, ...]]

    @property
    def makespan(self) -> float:
        """When the last shard ended."""
        return max((span.end for span in self.shards.values()), default=0.0)


def velero_of(lane: Lane, slots: int, per_node: int | None) -> Velero:
    """The lane, with the slots it may use and with no more volumes on a node than ``per_node``."""

    def capacity(node: str) -> int:
        return lane.capacity(node) if per_node is None else min(lane.capacity(node), per_node)

    return Velero(slots, lane.item_workers, capacity, poll_seconds(lane))


def make_pod(node: str, volumes: tuple[float, ...], velero: Velero) -> Pod:
    """With what it takes a worker at least: its longest volume, and all of them at the node's capacity."""
    work = volumes[0] if len(volumes) == 1 else max(*volumes, sum(volumes) / velero.capacity(node))
    return Pod(node, volumes, polled(work, velero.poll))


def by_node(pods: Iterable[Pod]) -> dict[str, float]:
    """Seconds of volume data."""
    found: dict[str, float] = {}
    for pod in pods:
        found[pod.node] = found.get(pod.node, 0.0) + sum(pod.volumes)
    return found


def least(pods: Sequence[Pod], nodes: Mapping[str, float], velero: Velero) -> float:
    """Seconds that one Backup's pods can't fall below: by its workers in their order, and by its nodes.

    A pod that takes longer, or one more, lets no worker be free earlier; so it holds for whatever else runs.
    """
    busiest = max((work / velero.capacity(node) for node, work in nodes.items()), default=0.0)
    if velero.workers == 1:
        return max(fsum(pod.least for pod in pods), busiest)
    if len(pods) <= velero.workers:
        return max(max((pod.least for pod in pods), default=0.0), busiest)
    free = [0.0] * velero.workers
    for pod in pods:
        heapq.heapreplace(free, free[0] + pod.least)
    return max(*free, busiest)


def polled(seconds: float, poll: float) -> float:
    """When the worker sees what is done after so many seconds."""
    return seconds if poll <= 0 else poll * math.ceil(seconds / poll - 1e-9)


class _Event(IntEnum):
    VOLUME_DONE = 0
    POD_SEEN = 1
    DATA_BEGINS = 2
    SHARD_DONE = 3


@dataclass(slots=True)
class _Running:
    """A job while it runs; ``left`` are volumes by pod, ``begun`` when each pod was handed over."""

    job: Job
    velero: Velero
    start: float = 0.0
    next: int = 0
    seen: int = 0
    left: list[int] = field(default_factory=list)
    begun: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    remaining: dict[str, float] = field(default_factory=dict)

    def load(self) -> Load:
        """What remains of it."""
        total = sum(self.job.nodes.values())
        share = sum(self.remaining.values()) / total if total else 1.0
        return Load(self.job.shard, self.job.lane, self.remaining, self.job.alone * share, self.job.first)


class _Agent:
    """A node's agent: volumes under way and, in the order in which they came, those that wait."""

    __slots__ = ("capacity", "taken", "waiting")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.taken = 0
        self.waiting: deque[tuple[int, int, int]] = deque()


class _World:
    def __init__(self, jobs: Sequence[Job], lanes: Mapping[str, Velero], limit: int | None) -> None:
        self.lanes = lanes
        self.limit = limit
        self.now = 0.0
        self.events: list[tuple[float, int, _Event, int, int, int]] = []
        self.count = 0
        self.agents: dict[tuple[str, str], _Agent] = {}
        self.jobs = [_Running(job, lanes[job.lane]) for job in jobs]
        self.index = {job.shard: number for number, job in enumerate(jobs)}
        self.waiting = {job.shard: Load(job.shard, job.lane, job.nodes, job.alone, job.first) for job in jobs}
        self.running: dict[str, _Running] = {}
        self.done: dict[str, Span] = {}

    def run(self) -> None:
        """To the end of the last job."""
        self.dispatch()
        while self.events:
            self.now, _, event, number, pod, volume = heapq.heappop(self.events)
            if event is _Event.VOLUME_DONE:
                self.volume_done(number, pod, volume)
            elif event is _Event.POD_SEEN:
                self.pod_seen(number)
            elif event is _Event.DATA_BEGINS:
                self.data_begins(number)
            else:
                self.shard_done(number)

    def push(self, at: float, event: _Event, number: int, pod: int = 0, volume: int = 0) -> None:
        self.count += 1
        heapq.heappush(self.events, (at, self.count, event, number, pod, volume))

    def dispatch(self) -> None:
        """Starts what the policy says."""
        if not self.waiting:
            return
        free = {name: velero.slots for name, velero in self.lanes.items()}
        for running in self.running.values():
            free[running.job.lane] -= 1
        loads = [running.load() for running in self.running.values()]
        chosen = choose(list(self.waiting.values()), loads, free, self.capacity)
        if self.limit is not None:
            chosen = chosen[: max(0, self.limit - len(self.running))]
        for shard in chosen:
            del self.waiting[shard]
            number = self.index[shard]
            running = self.running[shard] = self.jobs[number]
            running.start = self.now
            running.remaining = dict(running.job.nodes)
            self.push(self.now + running.job.before, _Event.DATA_BEGINS, number)

    def capacity(self, lane: str, node: str) -> int:
        return self.lanes[lane].capacity(node)

    def data_begins(self, number: int) -> None:
        running = self.jobs[number]
        offset = 0
        for pod in running.job.pods:
            running.offsets.append(offset)
            running.left.append(len(pod.volumes))
            offset += len(pod.volumes)
        running.begun = [0.0] * len(running.left)
        running.starts = [0.0] * offset
        if not running.job.pods:
            self.push(self.now + running.job.after, _Event.SHARD_DONE, number)
        for _ in range(min(running.velero.workers, len(running.job.pods))):
            self.hand_over(number)

    def hand_over(self, number: int) -> None:
        """A worker of this Backup takes its next pod."""
        running = self.jobs[number]
        place, running.next = running.next, running.next + 1
        pod = running.job.pods[place]
        running.begun[place] = self.now
        if not pod.volumes:
            self.push(self.now, _Event.POD_SEEN, number)
            return
        key = (running.job.lane, pod.node)
        agent = self.agents.get(key)
        if agent is None:
            agent = self.agents[key] = _Agent(running.velero.capacity(pod.node))
        for volume in range(len(pod.volumes)):
            if agent.taken < agent.capacity:
                self.take(agent, number, place, volume)
            else:
                agent.waiting.append((number, place, volume))

    def take(self, agent: _Agent, number: int, place: int, volume: int) -> None:
        agent.taken += 1
        running = self.jobs[number]
        running.starts[running.offsets[place] + volume] = self.now
        end = self.now + running.job.pods[place].volumes[volume]
        self.push(end, _Event.VOLUME_DONE, number, place, volume)

    def volume_done(self, number: int, place: int, volume: int) -> None:
        running = self.jobs[number]
        pod = running.job.pods[place]
        running.remaining[pod.node] -= pod.volumes[volume]
        agent = self.agents[running.job.lane, pod.node]
        agent.taken -= 1
        if agent.waiting:
            self.take(agent, *agent.waiting.popleft())
        running.left[place] -= 1
        if not running.left[place]:
            begun = running.begun[place]
            seen = max(self.now, begun + polled(self.now - begun, running.velero.poll))
            self.push(seen, _Event.POD_SEEN, number)

    def pod_seen(self, number: int) -> None:
        running = self.jobs[number]
        running.seen += 1
        if running.next < len(running.job.pods):
            self.hand_over(number)
        elif running.seen == len(running.job.pods):
            self.push(self.now + running.job.after, _Event.SHARD_DONE, number)

    def shard_done(self, number: int) -> None:
        running = self.jobs[number]
        del self.running[running.job.shard]
        self.done[running.job.shard] = Span(running.start, self.now)
        self.dispatch()


def simulate(jobs: Sequence[Job], lanes: Mapping[str, Velero], limit: int | None = None) -> Simulation:
    """Run these Backups, at most ``limit`` at a time over all lanes. The same jobs end the same way."""
    world = _World(jobs, lanes, limit)
    world.run()
    return Simulation(world.done, {running.job.shard: _spans(running) for running in world.jobs})


def _spans(running: _Running) -> tuple[Span, ...]:
    seconds = (each for pod in running.job.pods for each in pod.volumes)
    return tuple(Span(start, start + each) for start, each in zip(running.starts, seconds, strict=True))


def ends(jobs: Sequence[Job], lanes: Mapping[str, Velero], limit: int | None = None) -> dict[str, float]:
    """When each of these Backups ends, as ``simulate`` has it."""
    world = _World(jobs, lanes, limit)
    world.run()
    return {shard: span.end for shard, span in world.done.items()}
