"""What a configuration would do to pods: pure.

Objects and a configuration in; out comes, for every pod, what is decided and what
would be written, and the same as a document for other programs.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from velero_volume_controller.annotate.plan import Plan, PlanAction, keys, plan
from velero_volume_controller.api.configuration import Configuration, Mode
from velero_volume_controller.dumps.objects import Objects
from velero_volume_controller.policy import PodDecision, Step, VolumeDecision, decide
from velero_volume_controller.policy.needs import needs
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.surroundings import Surroundings

#: The actions of the document. An adoption leaves the annotation as it is, so it is ``none`` there.
ACTIONS: Final = tuple(action for action in PlanAction if action is not PlanAction.ADOPT)

#: So many annotations that can't be understood are named.
MOST_SLIPS: Final = 10

#: The annotation of the other mode.
_OTHER: Final = dict(map(keys, Mode))

_KINDS: Final = {"namespaces": "Namespaces", "persistentvolumeclaims": "PersistentVolumeClaims"}


@dataclass(frozen=True, slots=True)
class PodPreview:
    """One pod: what is decided and what would be written."""

    pod: Pod
    decision: PodDecision
    plan: Plan

    @property
    def action(self) -> PlanAction:
        """What happens to the annotation; an adoption is none."""
        return PlanAction.NONE if self.plan.action is PlanAction.ADOPT else self.plan.action

    @property
    def writes(self) -> bool:
        """Whether the pod would be written to, be it only a marker."""
        return bool(self.plan.annotations)


@dataclass(frozen=True, slots=True)
class Preview:
    """The pods in the order of the objects, and sentences about what may surprise."""

    configuration: Configuration
    surroundings: Surroundings
    pods: tuple[PodPreview, ...]
    warnings: tuple[str, ...]

    @property
    def key(self) -> str:
        """The annotation that this configuration's mode writes."""
        return keys(self.configuration.mode)[0]


def preview(objects: Objects, configuration: Configuration) -> Preview:
    """Decide and plan every pod."""
    pods = tuple(_one(pod, configuration, objects.surroundings) for pod in objects.pods)
    # The Go program looks at pods alone, so to it nothing else is missing.
    idle = objects.unseen if configuration.as_go_program else frozenset()
    warnings = [warning for warning in objects.warnings if warning not in idle]
    warnings += _warnings(objects, configuration)
    warnings += _gaps(pods, objects, configuration)
    warnings += _slips(pods)
    return Preview(configuration, objects.surroundings, pods, tuple(warnings))


def _one(pod: Pod, configuration: Configuration, surroundings: Surroundings) -> PodPreview:
    decision = decide(pod, configuration, surroundings)
    return PodPreview(pod, decision, plan(pod, decision, configuration))


def _warnings(objects: Objects, configuration: Configuration) -> Iterator[str]:
    if objects.pods:
        for rule, resource in _lacks(objects, configuration):
            yield (
                f"{configuration.source}: rule {rule} can't be decided without {_KINDS[resource]},"
                " and there are none to look at: it matches nothing here."
            )
    if objects.storage_classes is None:
        return
    for each in configuration.rules:
        classes = each.volumes.storage_classes
        for name in sorted(classes.exact - objects.storage_classes) if classes is not None else ():
            there = ", ".join(sorted(objects.storage_classes)) or "none"
            yield (
                f"{configuration.source}: rule {each.name} names storage class {name!r}, which the cluster"
                f" does not have; there: {there}."
            )


def _lacks(objects: Objects, configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Rules and the kind that they ask about and of which nothing is there."""
    surroundings = objects.surroundings
    known = {"namespaces": surroundings.namespaces, "persistentvolumeclaims": surroundings.claims}
    return ((rule, resource) for rule, resource in needs(configuration) if known[resource] is None)


def _gaps(pods: Iterable[PodPreview], objects: Objects, configuration: Configuration) -> Iterator[str]:
    """Single objects that are missing, and without which a rule could not be decided: one sentence a rule."""
    said = {f"rule {rule}" for rule, _ in _lacks(objects, configuration)}
    gaps: dict[str, list[tuple[PodPreview, VolumeDecision, Step]]] = {}
    for each in pods:
        for volume in each.decision.volumes:
            for step in volume.steps if volume.unchecked is not None else ():
                if step.unknown and step.asked not in said:
                    gaps.setdefault(step.asked, []).append((each, volume, step))
    for rule, ((one, volume, step), *others) in gaps.items():
        name = f"{one.pod.metadata.namespace}/{one.pod.metadata.name}"
        more = f" and {len(others)} other volume{'s' if len(others) > 1 else ''}" if others else ""
        yield (
            f"{configuration.source}: {rule} could not be decided for volume {volume.name} of pod"
            f" {name}{more}: {step.said}, so it did not match."
        )


def _slips(pods: Iterable[PodPreview]) -> Iterator[str]:
    """One sentence for each annotation that can't be understood, however many pods are asked about it."""
    slips = dict.fromkeys((each.key, each.object, each.said) for one in pods for each in one.decision.misread)
    for key, what, said in itertools.islice(slips, MOST_SLIPS):
        yield f"{what}: annotation {key} can't be understood: {said}. Correct it."
    if len(slips) > MOST_SLIPS:
        yield f"{len(slips) - MOST_SLIPS} more annotations can't be understood."


def document(preview: Preview, pods: Iterable[PodPreview] | None = None) -> dict[str, Any]:
    """The preview as JSON values. ``pods``: only these are listed; the summary counts all."""
    chosen = preview.pods if pods is None else pods
    return {"pods": [pod_document(each) for each in chosen], "summary": summary(preview)}


def pod_document(previewed: PodPreview) -> dict[str, Any]:
    """One pod as JSON values; None is no annotation."""
    pod, planned = previewed.pod, previewed.plan
    told: dict[str, Any] = {
        "namespace": pod.metadata.namespace,
        "name": pod.metadata.name,
        "key": planned.key,
        "current": planned.current,
        "desired": planned.desired,
        "after": planned.after,
        "action": previewed.action.value,
        "volumes": [volume_document(each) for each in previewed.decision.volumes],
    }
    if planned.withdrawn is not None:
        told["withdrawn"] = {"key": _OTHER[planned.key], "current": planned.withdrawn}
    return told


def volume_document(volume: VolumeDecision) -> dict[str, Any]:
    """One volume's decision as JSON values."""
    told = {
        "name": volume.name,
        "decision": "backup" if volume.backup else "skip",
        "rule": volume.rule,
        "reason": volume.reason,
    }
    return told if volume.unchecked is None else told | {"unchecked": volume.unchecked}


def summary(preview: Preview) -> dict[str, Any]:
    """Counts. Those of the actions add up to the pods; ``adopt`` are among ``none``."""
    actions = Counter(each.action for each in preview.pods)
    volumes = [volume for each in preview.pods for volume in each.decision.volumes]
    backed_up = sum(volume.backup for volume in volumes)
    return {
        "pods": len(preview.pods),
        **{action.value: actions[action] for action in ACTIONS},
        "adopt": sum(each.plan.action is PlanAction.ADOPT for each in preview.pods),
        "withdrawn": sum(each.plan.withdrawn is not None for each in preview.pods),
        "volumes": {"backup": backed_up, "skip": len(volumes) - backed_up},
        "unchecked": sum(volume.unchecked is not None for volume in volumes),
        "warnings": list(preview.warnings),
    }
