"""What about a pod is worth an Event: pure.

Compared first, put into words only when it is new: most decisions have nothing to
tell, and the same pod is decided many times.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from velero_volume_controller.annotate.plan import Plan, PlanAction
from velero_volume_controller.kube.events import Event, Regarding
from velero_volume_controller.policy import PodDecision
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.volumes import ineligible_pod

#: Types that lose nothing by being left out: Velero backs up the object, or the kubelet makes them anew.
_NOTHING_LOST: Final = frozenset({"configMap", "downwardAPI", "image", "projected", "secret"})


class Reason(StrEnum):
    """Why an Event was made."""

    FOREIGN_ANNOTATION = "ForeignAnnotation"
    VOLUME_NOT_BACKED_UP = "VolumeNotBackedUp"
    ANNOTATION_NOT_UNDERSTOOD = "AnnotationNotUnderstood"


class Remark(NamedTuple):
    """Something to tell about a pod. Two that are equal say the same.

    ``details``: the annotation's value and the one that the rules give; or each
    volume and why Velero would not take it; or each annotation and what is wrong with
    it. ``eventful``: not merely to be counted.
    """

    uid: str
    reason: Reason
    details: tuple[tuple[str, str | None], ...]
    eventful: bool = True

    @property
    def found(self) -> tuple[str, Reason, tuple[str, str | None]]:
        """What was found, whatever the rules have against it."""
        return self.uid, self.reason, self.details[0]


def remark(pod: Pod, decision: PodDecision, planned: Plan) -> Remark | None:
    """What there is to tell about this pod, mostly nothing.

    Of a pod whose annotation is somebody else's only that is told: what becomes of
    its volumes is theirs to decide. It is no Event where the rules speak of none of
    its volumes, as in a namespace that they leave out: there others may do as they
    like; nor where it says what the rules say, and nobody need do anything; nor of a
    pod that has ended. Of a Pending pod there is nothing to tell: the rules give it no
    annotation yet, so one from its template would look wrong until the pod runs.
    """
    if pod.status.phase == "Pending":
        return None
    if planned.action is PlanAction.FOREIGN:
        details = ((planned.key, planned.current), ("", planned.desired))
        spoken_of = planned.desired is not None or any(volume.rule for volume in decision.volumes)
        differs = planned.current != planned.desired
        eventful = spoken_of and differs and pod.status.phase not in {"Succeeded", "Failed"}
        return Remark(pod.metadata.uid, Reason.FOREIGN_ANNOTATION, details, eventful)
    if decision.misread:
        slips = tuple((each.where, each.said) for each in decision.misread)
        return Remark(pod.metadata.uid, Reason.ANNOTATION_NOT_UNDERSTOOD, slips)
    left_out = [volume for volume in decision.volumes if volume.wanted and volume.impossible is not None]
    if not left_out or ineligible_pod(pod) is not None:
        return None
    types = {volume.name: volume.type for volume in pod.spec.volumes}
    lost = tuple(
        (volume.name, volume.impossible) for volume in left_out if types[volume.name] not in _NOTHING_LOST
    )
    return Remark(pod.metadata.uid, Reason.VOLUME_NOT_BACKED_UP, lost) if lost else None


def event(pod: Pod, told: Remark, stands: Callable[[], bool]) -> Event:
    """The remark in words; ``stands`` says whether it still holds."""
    regarding = Regarding("Pod", pod.metadata.namespace, pod.metadata.name, told.uid)
    if told.reason is Reason.FOREIGN_ANNOTATION:
        (key, current), (_, desired) = told.details
        wanted = "there should be none" if desired is None else f"it should be {desired!r}"
        note = (
            f"Annotation {key} is {current!r} and was not written by velero-volume-controller,"
            f" which leaves it alone. By the rules {wanted}. Remove it to have the rules decide."
        )
        return Event(regarding, told.reason, "LeaveAnnotation", note, stands=stands)
    details = "; ".join(f"{what}: {said}" for what, said in told.details)
    if told.reason is Reason.ANNOTATION_NOT_UNDERSTOOD:
        note = f"What can't be understood decides nothing: {details}. Correct it, or remove it."
        return Event(regarding, told.reason, "IgnoreAnnotation", note, stands=stands)
    note = f"Velero's file-system backup cannot take these volumes, which the rules want: {details}."
    return Event(regarding, told.reason, "SkipVolume", note, stands=stands)
