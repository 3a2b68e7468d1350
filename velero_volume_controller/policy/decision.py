"""The engine: what becomes of each volume of a pod.

In this order, the order of the Go program: a Pending pod is out; then the rules
(owning Job, namespace, type of volume), of which the first that matches a volume
decides it; then the pod must be Running; and last, unless in legacy mode, Velero
must be able to take the volume at all.
"""

from dataclasses import dataclass

from velero_volume_controller.api.configuration import Action, Configuration, Ownership
from velero_volume_controller.policy.matching import pod_mismatch, volume_mismatch
from velero_volume_controller.velero.model.pods import Pod, Volume
from velero_volume_controller.velero.model.volumes import ineligible_pod, ineligible_volume


@dataclass(frozen=True, slots=True)
class VolumeDecision:
    """Whether a volume is backed up, which rule said so (None: no rule spoke of it), and why."""

    name: str
    backup: bool
    rule: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class PodDecision:
    """The decisions in the order of ``spec.volumes``.

    ``value`` is what the annotation should hold: the chosen names joined by a
    comma and no space, or None when there should be no annotation.
    """

    volumes: tuple[VolumeDecision, ...]
    value: str | None


def decide(pod: Pod, configuration: Configuration) -> PodDecision:
    """Decide every volume of a pod. A pure function of its arguments."""
    out = _out_of_hand(pod, configuration)
    if out is not None:
        volumes = tuple(VolumeDecision(volume.name, False, None, out) for volume in pod.spec.volumes)
        return PodDecision(volumes, None)
    mismatches = tuple(pod_mismatch(rule, pod) for rule in configuration.rules)
    decisions = tuple(_decide_volume(pod, volume, configuration, mismatches) for volume in pod.spec.volumes)
    return PodDecision(decisions, ",".join(d.name for d in decisions if d.backup) or None)


def _out_of_hand(pod: Pod, configuration: Configuration) -> str | None:
    """Why nothing of this pod is backed up whatever the rules say.

    The Go program asks for the phase after the rules; since a pod that does not
    run loses every volume either way, asking first changes no decision.
    """
    if pod.status.phase == "Pending":
        return "the pod is Pending: it is decided when it runs"
    if configuration.ownership is Ownership.LEGACY:
        return None if pod.status.phase == "Running" else f"the pod is {pod.status.phase}, not Running"
    return ineligible_pod(pod)


def _decide_volume(
    pod: Pod, volume: Volume, configuration: Configuration, pod_mismatches: tuple[str | None, ...]
) -> VolumeDecision:
    why_not = []
    for rule, mismatch in zip(configuration.rules, pod_mismatches, strict=True):
        reason = mismatch or volume_mismatch(rule, volume)
        if reason is not None:
            why_not.append(f"{rule.name}: {reason}")
            continue
        return _apply(rule.action, rule.name, f"rule {rule.name} matches", pod, volume, configuration)
    reason = "; ".join(why_not) or "there are no rules"
    return _apply(configuration.default, None, reason, pod, volume, configuration)


def _apply(
    action: Action, rule: str | None, reason: str, pod: Pod, volume: Volume, configuration: Configuration
) -> VolumeDecision:
    if action is Action.SKIP:
        return VolumeDecision(volume.name, False, rule, reason)
    if configuration.ownership is not Ownership.LEGACY:
        impossible = ineligible_volume(pod, volume)
        if impossible is not None:
            return VolumeDecision(volume.name, False, rule, impossible)
    return VolumeDecision(volume.name, True, rule, reason)
