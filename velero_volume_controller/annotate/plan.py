"""Whose annotation is it, and what has to change: pure.

In goes a pod, what the rules decided, and the configuration; out comes the
smallest merge patch of the pod's annotations that makes it so, or none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from velero_volume_controller.api.configuration import Configuration, Mode, Ownership
from velero_volume_controller.policy import PodDecision
from velero_volume_controller.velero.model.annotations import BACKUP_VOLUMES, BACKUP_VOLUMES_EXCLUDES, MARKERS
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


#: The actions that leave the annotation as it is.
_KEEPING = frozenset({PlanAction.NONE, PlanAction.ADOPT, PlanAction.FOREIGN})


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do to one pod.

    ``annotations`` is the merge patch (None removes a key), empty when no request
    is to be made. ``key`` is the annotation of the mode, ``current`` and
    ``desired`` its values; None is its absence. ``withdrawn`` is what we once
    wrote into the other mode's annotation and take back, or None.
    """

    action: PlanAction
    key: str
    current: str | None
    desired: str | None
    annotations: Mapping[str, str | None] = field(default_factory=dict)
    withdrawn: str | None = None

    @property
    def after(self) -> str | None:
        """What the annotation will be once the plan is carried out."""
        return self.current if self.action in _KEEPING else self.desired


def keys(mode: Mode) -> tuple[str, str]:
    """The annotation that this mode writes, and the other one."""
    if mode is Mode.OPT_IN:
        return BACKUP_VOLUMES, BACKUP_VOLUMES_EXCLUDES
    return BACKUP_VOLUMES_EXCLUDES, BACKUP_VOLUMES


def plan(pod: Pod, decision: PodDecision, configuration: Configuration) -> Plan:
    """Compare what is with what the rules want.

    Applying the patch and planning again gives no request, whatever the ownership.
    """
    key, other = keys(configuration.mode)
    current, desired = pod.metadata.annotations.get(key), decision.value
    # A write to a pod that is going would only disturb its end. The Go program wrote.
    if pod.terminating and not configuration.as_go_program:
        return Plan(PlanAction.NONE, key, current, desired)
    if configuration.ownership is Ownership.LEGACY:
        return _plan_legacy(key, current, desired)
    action, patch = _plan_protect(pod, key, desired, adopt=configuration.adopt)
    withdrawn = _ours(pod, other)
    if withdrawn is not None:
        patch |= {other: None, MARKERS[other]: None}
    return Plan(action, key, current, desired, patch, withdrawn)


def _plan_legacy(key: str, current: str | None, desired: str | None) -> Plan:
    """As the Go program: the annotation becomes what the rules say, whoever wrote it.

    Markers are neither read nor written.
    """
    if current == desired:
        return Plan(PlanAction.NONE, key, current, desired)
    return Plan(_change(current, desired), key, current, desired, {key: desired})


def _plan_protect(
    pod: Pod, key: str, desired: str | None, *, adopt: bool
) -> tuple[PlanAction, dict[str, str | None]]:
    """Change only what is ours: an annotation equal to the marker beside it, or none at all."""
    current = pod.metadata.annotations.get(key)
    marker = pod.metadata.annotations.get(MARKERS[key])
    if current == desired and (current is None or current == marker):
        # A marker left behind claims nothing: the annotation it spoke of is gone.
        return PlanAction.NONE, {}
    if current is None or current == marker:
        return _change(current, desired), {key: desired} | _mark(key, marker, desired)
    if adopt and current == desired and marker is None:
        # The Go program's work, or a person's that says the same: from here on it is kept up to date.
        return PlanAction.ADOPT, _mark(key, marker, desired)
    return PlanAction.FOREIGN, {}


def _mark(key: str, marker: str | None, desired: str | None) -> dict[str, str | None]:
    """The marker that goes with the annotation, in the same patch; nothing if it is right already."""
    return {} if marker == desired else {MARKERS[key]: desired}


def _ours(pod: Pod, key: str) -> str | None:
    """The annotation's value if we wrote it, else None."""
    value = pod.metadata.annotations.get(key)
    return value if value is not None and value == pod.metadata.annotations.get(MARKERS[key]) else None


def _change(current: str | None, desired: str | None) -> PlanAction:
    if current is None:
        return PlanAction.ADD
    return PlanAction.REMOVE if desired is None else PlanAction.UPDATE
