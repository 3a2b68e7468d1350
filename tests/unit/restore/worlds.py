"""Random clusters with a backup, and what Kubernetes and Velero make of a plan for them.

The garbage collector is that of Kubernetes 1.34 (pkg/controller/garbagecollector, attemptToDeleteItem): an
owner counts if it is in the object's namespace or cluster-scoped; a cluster-scoped object with a namespaced
owner is left alone; of an object with an owner that stays only the references to the others are taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hypothesis import strategies as st

from tests.unit.restore.makers import GROUPS, clearing, cluster, contents, fs_data, live, snapshot
from velero_volume_controller.api.backupset import LabelSelector
from velero_volume_controller.api.cleanrestore import Protect
from velero_volume_controller.restore.live import Live, Owner
from velero_volume_controller.restore.planned import Input
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData

NAMESPACES = ("shop", "shop", "shop", "shop-db", "other", "kube-system")
KINDS = (
    *("ConfigMap", "Secret", "Deployment", "ReplicaSet", "StatefulSet", "Job", "CronJob"),
    *("Pod", "Pod", "PersistentVolumeClaim", "PersistentVolumeClaim", "Widget", "Backup", "CleanRestore"),
)
UNSEEN = "a uid that no object has"


def _rarely(draw: st.DrawFn) -> bool:
    """Numbers near none are drawn more often than others."""
    return draw(st.integers(0, 19)) == 13


def _some(draw: st.DrawFn, objects: list[Live]) -> list[Live]:
    if not objects:
        return []
    return draw(st.lists(st.sampled_from(objects), max_size=2, unique_by=lambda each: each.uid))


@st.composite
def objects(draw: st.DrawFn) -> list[Live]:
    """Up to a dozen, with owners among those that were drawn before, now and then in circles."""
    found: list[Live] = []
    for number in range(draw(st.integers(1, 12))):
        kind, namespace = draw(st.sampled_from(KINDS)), draw(st.sampled_from(NAMESPACES))
        name = draw(st.sampled_from([f"o{number}", f"w{number % 3}-0", f"w{number % 3}"]))
        if any(each.key == Key(GROUPS.get(kind, ""), kind, namespace, name) for each in found):
            continue
        near = [each for each in found if each.key.namespace == namespace]
        owners = _some(draw, found if _rarely(draw) else near)
        controlled = draw(st.booleans())
        references = [
            Owner(owner.key.kind, owner.key.name, owner.uid, controlled and index == 0)
            for index, owner in enumerate(owners)
        ]
        if _rarely(draw):
            references.append(Owner("Widget", "unseen", UNSEEN))
        claims = [
            each
            for each in found
            if each.key.kind == "PersistentVolumeClaim" and each.key.namespace == namespace
        ]
        mounts = _some(draw, claims)
        found.append(
            live(
                f"{kind} {namespace}/{name}",
                uid=f"uid-{number}",
                owners=tuple(references),
                protected=_rarely(draw),
                labels=draw(st.sampled_from([{}, {}, {"keep": "me"}])),
                finalizers=draw(st.sampled_from([(), (), ("example.com/x",)])),
                ended=kind in {"Pod", "Job"} and _rarely(draw),
                scheduled=kind == "Pod" and draw(st.booleans()),
                mounts=tuple((each.key.name, each.key.name) for each in mounts) if kind == "Pod" else (),
                volume=draw(st.sampled_from(["", f"pv-{number}"])) if kind == "PersistentVolumeClaim" else "",
            )
        )
    volumes = [
        live(
            f"PersistentVolume {each.volume}",
            uid=f"uid-{each.volume}",
            claim=(each.key.namespace, each.key.name),
            stays=draw(st.booleans()),
        )
        for each in found
        if each.volume and draw(st.integers(0, 4))
    ]
    if len(found) > 2 and _rarely(draw):
        first, last = found[0], found[-1]
        circle = (*first.owners, Owner(last.key.kind, last.key.name, last.uid))
        found[0] = live(str(first.key), uid=first.uid, owners=circle, mounts=first.mounts)
    return [*found, *volumes]


@st.composite
def worlds(draw: st.DrawFn) -> Input:
    """A cluster, a backup that holds some of it and more, and what is asked for."""
    there = draw(objects())
    namespaced = [each for each in there if each.key.namespace]
    held = [each.key for each in namespaced if draw(st.integers(0, 3))]
    for namespace in draw(st.lists(st.sampled_from(NAMESPACES), max_size=3)):
        kind, name = (
            draw(st.sampled_from(("ConfigMap", "Pod", "Widget"))),
            draw(st.sampled_from(("gone", "w0-1", "w1-9"))),
        )
        held.append(Key(GROUPS.get(kind, ""), kind, namespace, name))
    data = list(draw(st.permutations(list(_data(draw, there, held)))))
    mapping = draw(st.sampled_from([{}] * 6 + [{"shop": "shop-db"}, {"shop": "other"}]))
    asked = clearing(
        scope=draw(st.sampled_from(["volumes", "resources", "resources", "namespace"])),
        extras=draw(st.sampled_from(["keep", "delete"])),
        include=draw(st.sampled_from([["*"], ["*"], ["shop*"], ["*o*"]])),
        exclude=draw(st.sampled_from([[], [], ["shop-db"]])),
        mapping=mapping,
        allow=draw(st.sampled_from([[], ["Widget.example.com"]])),
        protect=Protect(
            namespaces=draw(st.sampled_from([[], [], ["other"]])),
            selector=draw(st.sampled_from([None, LabelSelector(match_labels={"keep": "me"})])),
        ),
    )
    known = bool(draw(st.integers(0, 5)))
    return Input(asked, contents(held, data, known=known), cluster(*there))


def _data(draw: st.DrawFn, there: list[Live], held: list[Key]) -> Iterator[VolumeData]:
    for each in there:
        if each.key not in held:
            continue
        if each.key.kind == "Pod":
            for volume, claim in each.mounts:
                if draw(st.integers(0, 2)):
                    told = draw(st.sampled_from([claim, ""]))
                    yield fs_data(each.key.name, volume, told, each.key.namespace)
            if draw(st.integers(0, 3)) == 0:
                yield fs_data(each.key.name, "scratch", "", each.key.namespace)
        if each.volume and draw(st.integers(0, 2)) == 0:
            native = draw(st.booleans())
            yield snapshot(each.key.name, each.key.namespace, native=native, of=each.volume if native else "")
    for key in held:
        if key.kind == "Pod" and key.name.startswith("w") and draw(st.integers(0, 2)) == 0:
            yield fs_data(key.name, "scratch", "", key.namespace)


@dataclass
class Collector:
    """The cluster's objects by uid, and the garbage collector. ``unseen_exists``: so does that owner."""

    objects: dict[str, Live]
    unseen_exists: bool
    owners: dict[str, set[str]] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for uid, each in self.objects.items():
            self.owners[uid] = {owner.uid for owner in each.owners}
        self.collect()

    def delete(self, uids: Iterable[str], *, foreground: bool) -> None:
        """As a client does it, without waiting for the collector in between."""
        for uid in uids:
            if uid not in self.objects:
                continue
            if foreground:
                self.waiting.add(uid)
            else:
                self._remove(uid)
        self.collect()

    def _remove(self, uid: str) -> None:
        del self.objects[uid]
        self.waiting.discard(uid)

    def _exists(self, uid: str, item: Live) -> bool:
        if uid == UNSEEN:
            return self.unseen_exists
        owner = self.objects.get(uid)
        return owner is not None and owner.key.namespace in {"", item.key.namespace}

    def collect(self) -> None:
        """Until nothing changes any more."""
        while self._round():
            pass

    def _round(self) -> bool:
        for uid, item in list(self.objects.items()):
            references = self.owners[uid]
            if uid in self.waiting or not references:
                continue
            if not item.key.namespace and any(self._namespaced(owner) for owner in references):
                continue
            existing = {owner for owner in references if self._exists(owner, item)}
            solid = existing - self.waiting
            if solid:
                if solid != references:
                    self.owners[uid] = solid
                    return True
                continue
            if existing:
                self.waiting.add(uid)
            else:
                self._remove(uid)
            return True
        for uid in sorted(self.waiting):
            if not any(
                uid in self.owners[other] and self._exists(uid, each) for other, each in self.objects.items()
            ):
                self._remove(uid)
                return True
        if self.waiting:
            # A circle: Kubernetes makes its references non-blocking.
            self._remove(min(self.waiting))
            return True
        return False

    def _namespaced(self, uid: str) -> bool:
        return uid in self.objects and bool(self.objects[uid].key.namespace)
