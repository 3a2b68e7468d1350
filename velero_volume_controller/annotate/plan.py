"""Whose annotation is it, and what has to change: pure.

In goes a pod, what the rules decided, and the ownership mode; out comes the
smallest merge patch of the pod's annotations that makes it so, or none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from velero_volume_controller.api.configuration import Ownership
from velero_volume_controller.policy import PodDecision
from velero_volume_controller.velero.model.annotations import BACKUP_VOLUMES, BACKUP_VOLUMES_MARKER
from velero_volume_controller.velero.model.pods import Pod


class PlanAction(StrEnum):
    """What is done to the annotation; the label ``action`` of the metric ``vvc_annotations_total``."""

    ADD = "add"
    UPDATE = "update"
    REMOVE = "remove"
    #: An unmarked annotation that already says what the rules say: only our marker is added.
    ADOPT = "adopt"
    #: Somebody else's annotation: left alone, whatever the rules say.
    FOREIGN = "foreign"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do to one pod.

    ``annotations`` is the merge patch (None removes a key), empty when no request
    is to be made. ``current`` and ``desired`` are values of Velero's annotation;
    None is its absence.
    """

    action: PlanAction
    current: str | None
    desired: str | None
    annotations: Mapping[str, str | None] = field(default_factory=dict)


def plan(pod: Pod, decision: PodDecision, ownership: Ownership) -> Plan:
    """Compare what is with what the rules want.

    Applying the patch and planning again gives no request, in either mode.
    """
    if ownership is Ownership.LEGACY:
        return _plan_legacy(pod, decision.value)
    return _plan_protect(pod, decision.value)


def _plan_legacy(pod: Pod, desired: str | None) -> Plan:
    """As the Go program: the annotation becomes what the rules say, whoever wrote it.

    Markers are neither read nor written.
    """
    current = pod.metadata.annotations.get(BACKUP_VOLUMES)
    if current == desired:
        return Plan(PlanAction.NONE, current, desired)
    return Plan(_change(current, desired), current, desired, {BACKUP_VOLUMES: desired})


def _plan_protect(pod: Pod, desired: str | None) -> Plan:
    """Change only what is ours: an annotation equal to the marker beside it, or none at all."""
    current = pod.metadata.annotations.get(BACKUP_VOLUMES)
    marker = pod.metadata.annotations.get(BACKUP_VOLUMES_MARKER)
    if pod.terminating:
        return Plan(PlanAction.NONE, current, desired)
    if current is None:
        if desired is None:
            # A marker left behind claims nothing: the annotation it spoke of is gone.
            return Plan(PlanAction.NONE, current, desired)
        return Plan(PlanAction.ADD, current, desired, _with_marker(marker, desired, write_value=True))
    if current == marker:
        if current == desired:
            return Plan(PlanAction.NONE, current, desired)
        return Plan(
            _change(current, desired), current, desired, _with_marker(marker, desired, write_value=True)
        )
    if current == desired and marker is None:
        # The Go program's work, or a person's that says the same: from here on it is kept up to date.
        return Plan(PlanAction.ADOPT, current, desired, _with_marker(marker, desired, write_value=False))
    return Plan(PlanAction.FOREIGN, current, desired)


def _with_marker(marker: str | None, desired: str | None, *, write_value: bool) -> dict[str, str | None]:
    """Set or remove the marker along with the annotation, in one patch, leaving out what is right already."""
    patch: dict[str, str | None] = {BACKUP_VOLUMES: desired} if write_value else {}
    if marker != desired:
        patch[BACKUP_VOLUMES_MARKER] = desired
    return patch


def _change(current: str | None, desired: str | None) -> PlanAction:
    if current is None:
        return PlanAction.ADD
    return PlanAction.REMOVE if desired is None else PlanAction.UPDATE
