"""Kubernetes as a small pure model: deletion, garbage collection, and the controllers of workloads.

After Kubernetes 1.34: an object in foreground deletion stays until its dependents are gone
(garbagecollector.go); a claim stays while a pod mounts it (pvc_protection_controller.go); workloads adopt
what bears their name and nobody controls, and make again what they lack. It is a model of what is seen:
nothing here takes the place of a real API server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.unit.restore.makers import GROUPS
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.live import Live, Owner
from velero_volume_controller.restore.quiet import Note
from velero_volume_controller.restore.steps import Delete, PutBack, Still
from velero_volume_controller.velero.model.backup_contents import Key

GRACE = 2.0
FOREGROUND = "foregroundDeletion"
GENERATED = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "CronJob", "Job", "Pod"})


@dataclass
class Kubernetes:
    """``writes``: what is in a claim, by its uid; each running pod that mounts it writes every second.

    ``retained`` are claims whose volumes stay. ``mounted`` are the claims that pods of a workload mount, by
    its name. ``guard`` is asked before each deletion that a client asks for.
    """

    now: float = 0.0
    objects: dict[Key, Live] = field(default_factory=dict)
    writes: dict[str, str] = field(default_factory=dict)
    retained: frozenset[str] = frozenset()
    mounted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    attached: dict[str, float] = field(default_factory=dict)
    guard: Callable[[Live], None] = lambda live: None
    log: list[str] = field(default_factory=list)
    operator: str = ""
    """A workload that somebody scales back as soon as it is stilled."""
    period: float = 25.0
    _fired: dict[str, float] = field(default_factory=dict)
    _died: dict[str, float] = field(default_factory=dict)
    _count: int = 0

    # What clients do.

    def make(
        self, kind: str, name: str, namespace: str = "shop", *, of: Live | None = None, **more: Any
    ) -> Live:
        """A new object, unless its name is taken."""
        key = Key(GROUPS.get(kind, ""), kind, namespace, name)
        assert key not in self.objects, f"{key} is taken"
        self._count += 1
        owners = (Owner(of.key.kind, of.key.name, of.uid, controller=True),) if of else ()
        fields: dict[str, Any] = {
            "key": key,
            "uid": f"u{self._count}",
            "mark": "generation:1" if kind in GENERATED else f"sha256:{self._count}",
            "version": f"v{self._count}",
            "owners": owners,
            **more,
        }
        live = Live(**fields)
        self.objects[key] = live
        if kinds.of(key) == kinds.CLAIM:
            self._bind(live)
            live = self.objects[key]
        return live

    def _bind(self, claim: Live) -> None:
        name = f"pv-{claim.uid}"
        where = (claim.key.namespace, claim.key.name)
        self.change(claim.key, volume=name)
        self.make("PersistentVolume", name, "", claim=where, stays=claim.key.name in self.retained)
        self.writes[claim.uid] = "empty"

    def change(self, key: Key, *, spec: bool = False, **fields: Any) -> Live:
        """Write an object. ``spec``: its generation, or what it is told by, becomes another."""
        self._count += 1
        live = self.objects[key]
        if spec:
            generation = live.mark.removeprefix("generation:")
            more = f"generation:{int(generation) + 1}" if generation.isdecimal() else f"sha256:{self._count}"
            fields["mark"] = more
        self.objects[key] = msgspec.structs.replace(live, version=f"v{self._count}", **fields)
        return self.objects[key]

    def still(self, action: Still) -> None:
        """One write, of that version only."""
        if self._is(action):
            self.change(action.key, spec=True, quiesced=action.note, **_wanted(action.spec))

    def put_back(self, action: PutBack) -> None:
        """The same."""
        if self._is(action):
            self.change(action.key, spec=True, quiesced="", **_wanted(action.spec))

    def delete(self, action: Delete) -> None:
        """As it says, that version only."""
        if self._is(action) and not self.objects[action.key].terminating:
            live = self.objects[action.key]
            self.guard(live)
            self.log.append(f"{self.now:.0f} deleted {live.key} {live.uid}")
            self.begin(live, foreground=action.foreground)

    def _is(self, action: Still | PutBack | Delete) -> bool:
        live = self.objects.get(action.key)
        return live is not None and (live.uid, live.version) == (action.uid, action.version)

    def begin(self, live: Live, *, foreground: bool = False) -> None:
        """It is told to go."""
        finalizers = (*live.finalizers, FOREGROUND) if foreground else live.finalizers
        self.change(live.key, terminating=True, finalizers=finalizers)
        self._died[live.uid] = self.now

    # What goes on by itself.

    def tick(self) -> None:
        """One second."""
        self.now += 1.0
        self._collect()
        for live in sorted(self.objects.values(), key=lambda each: each.key):
            if live.key in self.objects and not live.terminating:
                self._control(self.objects[live.key])
        for pod in list(self.pods()):
            self._run(pod)
        self._collect()

    def pods(self) -> Iterator[Live]:
        """All pods."""
        return (each for each in self.objects.values() if kinds.of(each.key) == kinds.POD)

    def running(self, claim: Key) -> list[Live]:
        """Pods that have a node and mount the claim."""
        return [
            pod
            for pod in self.pods()
            if pod.scheduled and pod.key.namespace == claim.namespace and claim.name in dict(pod.mounts)
        ]

    def _run(self, pod: Live) -> None:
        claims = [self.objects.get(Key(*kinds.CLAIM, pod.key.namespace, name)) for name, _ in pod.mounts]
        if (
            not pod.scheduled
            and not pod.terminating
            and all(each and not each.terminating for each in claims)
        ):
            pod = self.change(pod.key, scheduled=True)
        if pod.scheduled and not pod.ended:
            for claim in claims:
                if claim is not None:
                    self.writes[claim.uid] = f"written at {self.now:.0f}"
                    self.attached[claim.volume] = self.now
        job = self._owner(pod)
        if job is not None and kinds.of(job.key) == kinds.JOB and not pod.ended and self._age(pod) > 8.0:
            self.change(pod.key, ended=True)
            if not job.suspended:
                self.change(job.key, ended=True)

    def _age(self, live: Live) -> float:
        return self.now - self._fired.setdefault(live.uid, self.now)

    def _owner(self, live: Live) -> Live | None:
        return next(
            (each for each in self.objects.values() if live.controller and each.uid == live.controller.uid),
            None,
        )

    def _made_by(self, live: Live, kind: tuple[str, str]) -> list[Live]:
        found = []
        for each in list(self.objects.values()):
            if kinds.of(each.key) != kind or each.key.namespace != live.key.namespace:
                continue
            if (
                each.controller is None
                and each.key.name.startswith(f"{live.key.name}-")
                and not each.terminating
            ):
                owner = Owner(live.key.kind, live.key.name, live.uid, controller=True)
                each = self.change(each.key, owners=(*each.owners, owner))  # noqa: PLW2901
            if each.controller is not None and each.controller.uid == live.uid:
                found.append(each)
        return sorted(found, key=lambda each: each.key)

    def _control(self, live: Live) -> None:
        if live.key.name == self.operator and live.quiesced and live.replicas == 0:
            live = self.change(live.key, spec=True, replicas=2)
        match live.key.kind:
            case "Deployment":
                self._deployment(live)
            case "ReplicaSet":
                self._replicas(live)
            case "StatefulSet":
                self._stateful_set(live)
            case "CronJob":
                self._cron_job(live)
            case "Job":
                self._job(live)

    def _deployment(self, live: Live) -> None:
        made = self._made_by(live, ("apps", "ReplicaSet"))
        name = f"{live.key.name}-5d8f96"
        if not made and Key("apps", "ReplicaSet", live.key.namespace, name) not in self.objects:
            made = [self.make("ReplicaSet", name, live.key.namespace, of=live, replicas=live.replicas)]
        for each in made:
            if live.quiesced not in {"", each.quiesced}:
                # Its annotations are copied, and what it has no more stays (SetNewReplicaSetAnnotations).
                self.change(each.key, quiesced=live.quiesced)
            if each.replicas != live.replicas and not each.terminating:
                self.change(each.key, spec=True, replicas=live.replicas)

    def _pod(self, live: Live, name: str, claims: tuple[str, ...]) -> None:
        mounts = tuple((each, each) for each in claims)
        self.make("Pod", name, live.key.namespace, of=live, mounts=mounts)

    def _replicas(self, live: Live) -> None:
        made = [each for each in self._made_by(live, kinds.POD) if not each.terminating and not each.ended]
        claims = self.mounted.get(live.key.name.rpartition("-")[0], ())
        for _ in range((live.replicas or 0) - len(made)):
            self._count += 1
            self._pod(live, f"{live.key.name}-x{self._count:04}", claims)
        for each in made[live.replicas or 0 :]:
            self.begin(each)

    def _stateful_set(self, live: Live) -> None:
        wanted = {f"{live.key.name}-{number}" for number in range(live.replicas or 0)}
        made = {each.key.name: each for each in self._made_by(live, kinds.POD)}
        for name in sorted(wanted - made.keys()):
            claim = Key(*kinds.CLAIM, live.key.namespace, f"data-{name}")
            if claim not in self.objects:
                self.make("PersistentVolumeClaim", claim.name, claim.namespace)
            if Key(*kinds.POD, live.key.namespace, name) not in self.objects:
                self._pod(live, name, (claim.name,))
        for name in sorted(made.keys() - wanted):
            if not made[name].terminating:
                self.begin(made[name])

    def _cron_job(self, live: Live) -> None:
        last = self._fired.setdefault(live.uid, self.now)
        if not live.suspended and self.now - last >= self.period:
            self._fired[live.uid] = self.now
            self._count += 1
            self.make("Job", f"{live.key.name}-{self._count}", live.key.namespace, of=live, suspended=False)

    def _job(self, live: Live) -> None:
        made = [each for each in self._made_by(live, kinds.POD) if not each.terminating]
        if live.suspended:
            for each in made:
                if not each.ended:
                    self.begin(each)
        elif not live.ended and not made:
            self._count += 1
            self._pod(live, f"{live.key.name}-x{self._count}", ())

    def _collect(self) -> None:
        """Until nothing changes any more."""
        while self._round():
            pass

    def _round(self) -> bool:
        uids = {each.uid: each for each in self.objects.values()}
        for live in list(self.objects.values()):
            owners = [uids[each.uid] for each in live.owners if each.uid in uids]
            if not live.terminating and live.owners and not owners:
                self.begin(live)
                return True
            solid = [each for each in owners if not each.terminating]
            if (
                not live.terminating
                and owners
                and not solid
                and any(FOREGROUND in each.finalizers for each in owners)
            ):
                self.begin(live, foreground=True)
                return True
            if live.terminating and self._goes(live):
                return True
        return False

    def _goes(self, live: Live) -> bool:
        dependents = [
            each for each in self.objects.values() if any(owner.uid == live.uid for owner in each.owners)
        ]
        if FOREGROUND in live.finalizers:
            if dependents:
                return False
            left = tuple(each for each in live.finalizers if each != FOREGROUND)
            self.change(live.key, finalizers=left)
            return True
        if live.finalizers:
            return False
        kind = kinds.of(live.key)
        if kind == kinds.POD and self.now - self._died[live.uid] < GRACE:
            return False
        if kind == kinds.CLAIM and self.running(live.key):
            return False
        if kind == kinds.VOLUME and self.now - self.attached.get(live.key.name, -9.0) < GRACE:
            return False
        del self.objects[live.key]
        if kind == kinds.CLAIM:
            volume = self.objects[Key(*kinds.VOLUME, "", live.volume)]
            if volume.stays:
                self.change(volume.key, claim=None)
            else:
                self.begin(volume)
        return True

    def attachments(self) -> dict[str, str]:
        """The nodes to which volumes are attached: for some time after their last pod."""
        return {name: "node-1" for name, at in self.attached.items() if self.now - at < GRACE}


def _wanted(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Of a workload's spec."""
    names = {"replicas": "replicas", "suspend": "suspended"}
    return {names[key]: value for key, value in spec.items()}


def noted(live: Live) -> Note | None:
    """What was noted on it when it was stilled."""
    return msgspec.json.decode(live.quiesced, type=Note) if live.quiesced else None
