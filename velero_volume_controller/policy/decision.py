"""The engine: what becomes of each volume of a pod.

What an object says for itself decides; else the first rule that matches; else the
default. Last, Velero must be able to take the volume, and in opt-in mode the pod
must be one whose volumes it takes now.
"""

from dataclasses import dataclass, field

from velero_volume_controller.api.configuration import Action, Configuration, Mode
from velero_volume_controller.policy.matching import Unknown, pod_mismatch, volume_mismatch
from velero_volume_controller.policy.overrides import Statement, statements
from velero_volume_controller.velero.model.pods import Pod, Volume
from velero_volume_controller.velero.model.surroundings import Surroundings
from velero_volume_controller.velero.model.volumes import (
    ineligible_pod,
    ineligible_volume,
    left_out_anyway,
    unchecked,
)

#: Nothing but the pod is known.
ALONE = Surroundings()


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at: an annotation, a rule, the default, or Velero's own limits.

    ``decided``: it settled the matter, or overruled what had been settled before.
    ``unknown``: a rule that could not be decided for want of an object.
    """

    asked: str
    decided: bool
    said: str
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class VolumeDecision:
    """Whether a volume is backed up, and why.

    ``rule`` is the rule, or the annotation and the object it is on, that decided
    (None: the default). ``wanted``: it is to be backed up as far as we are asked.
    ``impossible``: why Velero would not take it even so. ``unchecked`` says what
    could not be seen. ``steps`` is everything that was looked at, in order.
    """

    name: str
    backup: bool
    rule: str | None
    reason: str
    wanted: bool
    impossible: str | None = None
    unchecked: str | None = None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class PodDecision:
    """The decisions in the order of ``spec.volumes``.

    ``value`` is what the mode's annotation should hold: names joined by a comma and
    no space, or None when there should be no annotation. ``misread`` are annotations
    that were asked and can't be understood.
    """

    volumes: tuple[VolumeDecision, ...]
    value: str | None
    misread: tuple[Statement, ...] = ()


def decide(pod: Pod, configuration: Configuration, surroundings: Surroundings = ALONE) -> PodDecision:
    """Decide every volume of a pod. A pure function of its arguments."""
    mismatches = tuple(pod_mismatch(rule, pod, surroundings) for rule in configuration.rules)
    question = _Question(pod, configuration, surroundings, mismatches, _out(pod, configuration))
    decisions = tuple(question.decide(volume) for volume in pod.spec.volumes)
    if configuration.mode is Mode.OPT_IN:
        names = [decision.name for decision in decisions if decision.backup]
    elif pod.mirror:
        names = []
    else:
        pairs = zip(pod.spec.volumes, decisions, strict=True)
        names = [volume.name for volume, it in pairs if not it.backup and not left_out_anyway(volume)]
    return PodDecision(decisions, ",".join(names) or None, tuple(dict.fromkeys(question.misread)))


def _out(pod: Pod, configuration: Configuration) -> str | None:
    """Why no volume of this pod is taken as it is now.

    In opt-out mode that counts only for a pod that will never run again: Velero must
    see what to leave out from the moment that a pod runs, and a PVC that a completed
    pod does not leave out gets neither files nor a snapshot.
    """
    if configuration.mode is Mode.OPT_OUT:
        if pod.status.phase in {"Succeeded", "Failed"}:
            return f"the pod has ended ({pod.status.phase}): Velero can't read its files any more"
        return None
    if pod.status.phase == "Pending":
        return "the pod is Pending: it is decided when it runs"
    if configuration.as_go_program:
        phase = pod.status.phase
        return None if phase == "Running" else f"the pod is {phase or 'in no phase'}, not Running"
    return ineligible_pod(pod)


@dataclass(frozen=True, slots=True)
class _Question:
    """What is known when a volume is decided; ``mismatches`` of the pod are one for each rule.

    ``misread`` is added to by each volume.
    """

    pod: Pod
    configuration: Configuration
    surroundings: Surroundings
    mismatches: tuple[str | None, ...]
    out: str | None
    misread: list[Statement] = field(default_factory=list)

    def decide(self, volume: Volume) -> VolumeDecision:
        steps: list[Step] = []
        action, rule, reason = self._verdict(volume, steps)
        wanted = action is Action.BACKUP
        checks = not self.configuration.as_go_program
        impossible = ineligible_volume(self.pod, volume, self.surroundings) if checks else None
        against = (impossible or self.out) if wanted else None
        backup = wanted and against is None
        if against is not None:
            steps.append(Step("Velero", True, against))
        return VolumeDecision(
            name=volume.name,
            backup=backup,
            rule=rule,
            reason=against or reason,
            wanted=wanted,
            impossible=impossible,
            unchecked=self._unchecked(volume, steps, backup) if impossible is None and checks else None,
            steps=tuple(steps),
        )

    def _unchecked(self, volume: Volume, steps: list[Step], backup: bool) -> str | None:
        """What could not be seen of a volume that Velero would take."""
        for step in steps:
            if step.unknown and self.out is None:
                return f"{step.asked} could not be decided: {step.said}"
        return unchecked(volume, self.pod, self.surroundings) if backup else None

    def _verdict(self, volume: Volume, steps: list[Step]) -> tuple[Action, str | None, str]:
        """What is wanted, by whom, and why."""
        if not self.configuration.as_go_program:
            for statement in statements(self.pod, volume, self.surroundings):
                steps.append(Step(statement.where, statement.action is not None, statement.said))
                if statement.action is not None:
                    return statement.action, statement.where, f"{statement.where} says {statement.said}"
                self.misread.append(statement)
        why_not = []
        for rule, of_pod in zip(self.configuration.rules, self.mismatches, strict=True):
            mismatch = of_pod or volume_mismatch(rule, self.pod, volume, self.surroundings)
            if mismatch is None:
                steps.append(Step(f"rule {rule.name}", True, f"matches: {rule.action.value}"))
                return rule.action, rule.name, f"rule {rule.name} matches"
            steps.append(Step(f"rule {rule.name}", False, mismatch, isinstance(mismatch, Unknown)))
            why_not.append(f"{rule.name}: {mismatch}")
        default = self.configuration.default
        steps.append(Step("default", True, default.value))
        return default, None, "; ".join(why_not) or "there are no rules"
