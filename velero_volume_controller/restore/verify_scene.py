"""What the checks of a restored cluster share: what was to come back, and who makes pods. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.contents import Contents
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.planned import Action, Plan
from velero_volume_controller.restore.verify_found import Found, Outcome
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData
from velero_volume_controller.velero.model.names import backup_label
from velero_volume_controller.velero.model.restore_runs import RESTORE_LABEL

#: How many signs of chance end the name of a pod, and how many of its maker's name are left in it
#: (Kubernetes 1.34, apiserver, pkg/storage/names/generate.go).
_RANDOM: Final = 5
_LONGEST_BASE: Final = 58
#: Signs by which a message of Velero's goes on after a name.
_ENDS: Final = frozenset(":\"', ()")


@dataclass(frozen=True, slots=True)
class Scene:
    """``expected`` are the backup's objects that this run restores, under the names that they get; ``data``
    those volumes of theirs that the backup has data of, by pod. ``told`` is what Velero did to each object,
    and ``whole`` whether that is known of all. ``kept``: what the plan left as it was. ``bases``: what the
    names of pods begin with, by namespace, and the workload that makes such."""

    plan: Plan
    contents: Contents
    found: Found
    expected: frozenset[Key]
    data: Mapping[tuple[str, str], tuple[VolumeData, ...]]
    told: Mapping[Key, str]
    whole: bool
    kept: frozenset[Key]
    bases: Mapping[tuple[str, str], Key]

    def live(self, key: Key) -> Live | None:
        """The object, unless it is going."""
        found = self.found.cluster.objects.get(key)
        return None if found is None or found.terminating else found

    def maker(self, pod: Key) -> Key | None:
        """The live workload that makes pods of such a name: web-5d8f96-x7k2p, db-0.

        A name is all there is to go by: Velero takes the ownerReferences off what it restores.
        """
        numbered = f"{pod.name.rpartition('-')[0]}-"
        above = f"{numbered[:-1].rpartition('-')[0]}-"
        for base in (pod.name[:-_RANDOM], numbered, above):
            if (found := self.bases.get((pod.namespace, base))) is not None:
                return found
        return None

    def made_by_run(self, live: Live) -> bool:
        """Whether one of this run's Restores made it: Velero puts its name on what it makes."""
        label = live.labels.get(RESTORE_LABEL)
        return label in {backup_label(each.restore.name) for each in self.found.outcomes}

    def describe(self, key: Key | None = None) -> str:
        """The command that shows what Velero says of an object."""
        names = [each.restore.name for each in self.found.outcomes if key is None or key in (each.told or {})]
        names = names or [each.restore.name for each in self.found.outcomes] or ["NAME"]
        return f"velero restore describe {names[0]} --details"

    def said(self, key: Key) -> str:
        """What Velero said of an object that it could not restore, empty if nothing is found."""
        for outcome in self.found.outcomes:
            for text in _about(outcome, key):
                if names(text, key):
                    return text
        return ""


def names(text: str, key: Key) -> bool:
    """Whether a message of Velero's is about this object: it says ``deployments.apps/shop/web``, or the bare
    name after the kind (restore.go, getResourceID)."""
    start = text.find(key.name)
    while start >= 0:
        end = start + len(key.name)
        before, after = text[start - 1 : start], text[end : end + 1]
        if (not before or before in "/:\"' ") and (not after or after in _ENDS):
            # The plural of NetworkPolicy is networkpolicies.
            return key.kind.lower()[:-1] in text.lower()
        start = text.find(key.name, end)
    return False


def _about(outcome: Outcome, key: Key) -> Iterator[str]:
    for messages in (outcome.results.errors, outcome.results.warnings):
        yield from messages.namespaces.get(key.namespace, ()) if key.namespace else messages.general


def scene(plan: Plan, contents: Contents, found: Found) -> Scene:
    """Look it over."""
    told, whole = found.told()
    kept = frozenset(each.key for each in plan.objects if each.action is Action.KEEP)
    expected = frozenset(_expected(plan, contents))
    data: dict[tuple[str, str], list[VolumeData]] = {}
    for each in contents.data:
        if each.pod and not each.snapshot and each.namespace in plan.targets:
            data.setdefault((plan.targets[each.namespace], each.pod), []).append(each)
    return Scene(
        plan,
        contents,
        found,
        expected,
        {pod: tuple(volumes) for pod, volumes in data.items()},
        told,
        whole,
        kept,
        _bases(found.cluster.objects.values()),
    )


def _expected(plan: Plan, contents: Contents) -> Iterator[Key]:
    for key in contents.items:
        if key.namespace in plan.targets:
            yield key._replace(namespace=plan.targets[key.namespace])
        elif kinds.of(key) == kinds.NAMESPACE:
            if key.name in plan.targets:
                yield key._replace(name=plan.targets[key.name])
        elif not key.namespace and plan.everything:
            yield key


def _bases(objects: Iterable[Live]) -> dict[tuple[str, str], Key]:
    found: dict[tuple[str, str], Key] = {}
    for live in sorted(objects, key=lambda each: each.key):
        kind = kinds.of(live.key)
        if live.terminating or (kind not in kinds.ADOPTING and kind != kinds.DEPLOYMENT):
            continue
        base = f"{live.key.name}-"
        if kind != kinds.STATEFUL_SET:
            base = base[:_LONGEST_BASE]
        found.setdefault((live.key.namespace, base), live.key)
    return found
